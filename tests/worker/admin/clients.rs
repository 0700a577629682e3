//! `/clients`: the registered clients.

use serde_json::{Value, json};

use super::{NO_PARAMETERS, admin, audited, column, get, read, send, server};
use crate::database;

const NO_CLIENT: &str = r#"{"description":"There is no such client","code":"404"}"#;

fn registered(name: &str, origins: &[&str]) -> Value {
    let answer = send("POST", "/clients", &json!({ "name": name, "origins": origins })).ask();
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

#[test]
fn a_client_is_registered_changed_and_disabled() {
    let client = registered("shop", &["https://shop.example", "http://localhost:3000"]);
    let id = client["id"].as_str().unwrap();
    let created_at = &client["created_at"];
    let expected = |name: &str, origins: &[&str], disabled_at: &Value| json!({ "id": id, "name": name, "origins": origins, "created_at": created_at, "disabled_at": disabled_at });
    let origins = ["https://shop.example", "http://localhost:3000"];
    assert_eq!(client, expected("shop", &origins, &Value::Null));
    assert_eq!(id.len(), 32);
    let stored = server().database().client(id);
    assert_eq!((&*stored.name, &*stored.origins), ("shop", "https://shop.example http://localhost:3000"));
    assert!(read("/clients")["clients"].as_array().unwrap().contains(&client));

    let change = |body: Value| send("PATCH", &format!("/clients/{id}"), &body).ask();
    assert_eq!(change(json!({ "name": "kiosk" })).json(), expected("kiosk", &origins, &Value::Null));
    assert_eq!(change(json!({ "origins": [] })).json(), expected("kiosk", &[], &Value::Null));
    let disabled = change(json!({ "disabled": true })).json();
    assert!(disabled["disabled_at"].is_string());
    assert_eq!(change(json!({ "disabled": true })).json(), disabled, "the time stays");
    assert!(server().database().client(id).is_disabled);
    assert_eq!(change(json!({ "disabled": false })).json(), expected("kiosk", &[], &Value::Null));
    let body = r#"{"description":"The body must be a JSON object with at least one of name, origins and disabled","code":"400"}"#;
    change(json!({})).is_refusal(400, "body_invalid", body);
    let changes = ["registered", "changed", "changed", "changed", "changed", "changed"];
    assert_eq!(audited(server(), id), changes.map(|change| format!("admin-token client_{change}")));
}

#[test]
fn clients_are_listed_in_the_order_of_their_registration() {
    let mut ids = [registered("first", &[]), registered("second", &[])].map(|client| client["id"].clone());
    // The later id is the older client's.
    ids.sort_by_key(|id| std::cmp::Reverse(id.to_string()));
    let sql =
        format!("UPDATE clients SET created_at = created_at - 10 WHERE id = '{}'", ids[0].as_str().unwrap());
    database::execute_in(&server().state, 0, &sql);
    let mut all = column(&read("/clients"), "clients", "id");
    all.retain(|id| ids.contains(id));
    assert_eq!(all, ids);
    get("/clients?limit=1").ask().is_refusal(400, "parameter_unknown", NO_PARAMETERS);
}

#[test]
fn a_wrong_client_is_refused() {
    let long = "x".repeat(255);
    let name = "name must have 1 to 254 characters, without control characters";
    for (body, word, description) in [
        (json!({ "name": "" }), "name_invalid", name),
        (json!({ "name": long }), "name_invalid", name),
        (json!({ "name": "a\tb" }), "name_invalid", name),
        (
            json!({}),
            "body_invalid",
            "The body must be a JSON object with name and the list origins, which may be missing",
        ),
    ] {
        let field = if word == "body_invalid" { "" } else { r#","field":"name""# };
        let expected = format!(r#"{{"description":"{description}","code":"400"{field}}}"#);
        send("POST", "/clients", &body).ask().is_refusal(400, word, &expected);
    }
    for origin in
        ["https://Shop.example", "https://shop.example/", "https://shop.example:443", "*", "shop.example"]
    {
        let answer = send("POST", "/clients", &json!({ "name": "a", "origins": [origin] })).ask();
        assert_eq!(
            (answer.status, answer.header("X-Error-Reason")),
            (400, Some("origins_invalid")),
            "{answer:?}"
        );
        assert!(
            answer.json()["description"]
                .as_str()
                .unwrap()
                .starts_with(&format!("origins has {origin:?}, which is not"))
        );
    }
    for id in ["nobody", "a%20b", "%C3%A9"] {
        send("PATCH", &format!("/clients/{id}"), &json!({ "name": "a" })).ask().is_refusal(
            404,
            "not_found",
            NO_CLIENT,
        );
        assert_eq!(audited(server(), id), [""; 0]);
    }
    admin("POST", "/clients?x").json(r#"{"name":"a"}"#).ask().is(400, NO_PARAMETERS);
}
