//! `/audit`: what operators and other Workers changed.

use serde_json::{Value, json};

use super::{BCRYPT, WRONG_AFTER, WRONG_LIMIT, admin, call_at, column, get, import_at, line, send, start};
use crate::request::account;

#[test]
fn each_change_has_an_entry_without_a_name() {
    let server = &start("admin-audit", &[]);
    let at = |path: &str| get(path).ask_at(server).json();
    assert_eq!(at("/audit"), json!({ "entries": [], "next": null }));

    let name = "A-name-that-is-secret";
    let ids: Vec<_> = import_at(server, &[line(name, "audited", BCRYPT), line("another", "audited", BCRYPT)])
        .iter()
        .map(|answer| answer["id"].clone())
        .collect();
    let [user, other] = [&ids[0], &ids[1]];
    account(name).send_to(server);
    let account = at(&format!("/accounts?name={name}"))["accounts"][0]["id"].clone();
    let password = json!({ "password": "a secret password" });
    send("PUT", &format!("/users/{user}/password"), &password).ask_at(server).is(204, "");
    admin("DELETE", &format!("/users/{user}")).ask_at(server).is(204, "");
    call_at(server, "setPassword", &json!({ "id": other, "password": "a secret password" }));
    call_at(server, "erase", &json!({ "id": other }));
    send("PATCH", &format!("/accounts/{account}"), &json!({ "privacy": "Private" })).ask_at(server);
    admin("DELETE", &format!("/accounts/{account}")).ask_at(server);
    send("PUT", "/blocks/203.0.113.77", &json!({ "reason": "a secret reason" })).ask_at(server);
    admin("DELETE", "/blocks/203.0.113.77").ask_at(server);
    let client = send("POST", "/clients", &json!({ "name": name })).ask_at(server).json()["id"].clone();
    send("PATCH", &format!("/clients/{}", client.as_str().unwrap()), &json!({ "disabled": true }))
        .ask_at(server);
    get("/exports/users?hashes=1").ask_at(server);
    // Neither of these changes anything.
    admin("DELETE", &format!("/users/{user}")).ask_at(server);
    send("PUT", &format!("/users/{other}/password"), &password).ask_at(server);
    import_at(server, &[line("\0", "audited", BCRYPT)]);
    get("/exports/users").ask_at(server);

    let audit = at("/audit");
    let text = |id: &Value| id.to_string().trim_matches('"').to_owned();
    let expected = [
        ("admin-token", "hashes_exported", "all users".to_owned()),
        ("admin-token", "client_changed", text(&client)),
        ("admin-token", "client_registered", text(&client)),
        ("admin-token", "address_unblocked", "203.0.113.77".to_owned()),
        ("admin-token", "address_blocked", "203.0.113.77".to_owned()),
        ("admin-token", "account_erased", text(&account)),
        ("admin-token", "account_changed", text(&account)),
        ("service", "user_erased", text(other)),
        ("service", "user_password_set", text(other)),
        ("admin-token", "user_erased", text(user)),
        ("admin-token", "user_password_set", text(user)),
        ("admin-token", "users_imported", "2 users".to_owned()),
    ];
    let found: Vec<_> = audit["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            let text = |member: &str| entry[member].as_str().unwrap().to_owned();
            (text("actor"), text("action"), text("subject"))
        })
        .collect();
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(actor, action, subject)| (actor.to_owned(), action.to_owned(), subject))
        .collect();
    assert_eq!(found, expected);
    let rows =
        server.database().texts("SELECT actor || action || subject FROM audit WHERE ? = ''", "").concat();
    assert!(!rows.contains("secret") && !rows.contains(name), "{rows}");

    // The pages stay right while entries are added.
    let first = at("/audit?limit=5");
    send("PUT", "/blocks/203.0.113.78", &json!({})).ask_at(server);
    let second = at(&format!("/audit?limit=100&after={}", first["next"].as_str().unwrap()));
    let actions = [column(&first, "entries", "action"), column(&second, "entries", "action")].concat();
    assert_eq!(actions, expected.iter().map(|(_, action, _)| json!(action)).collect::<Vec<_>>());
    assert_eq!(second["next"], Value::Null);
    get("/audit?limit=0").ask_at(server).is_refusal(400, "limit_invalid", WRONG_LIMIT);
    get("/audit?after=x").ask_at(server).is_refusal(400, "after_invalid", WRONG_AFTER);
    assert_eq!(get("/audit?actor=x").ask_at(server).header("X-Error-Reason"), Some("parameter_unknown"));
}
