//! `/webhooks` and `/events`: the endpoints that are told of events. The tests of the deliveries are elsewhere.

use serde_json::{Value, json};

use super::{
    BCRYPT, NO_PARAMETERS, WEBHOOK_KEY, WRONG_LIMIT, admin, audited, column, get, import_at, line, send,
    server, signed_up_at, start,
};
use crate::database;
use crate::stand_in::{self, Reply};

const NO_ENDPOINT: &str = r#"{"description":"There is no such endpoint","code":"404"}"#;

#[test]
fn an_endpoint_is_added_changed_and_deleted() {
    let server = &start("admin-webhooks", &[WEBHOOK_KEY]);
    let url = stand_in::start(|_| Reply::Answer(204, String::new()));
    let added = send("POST", "/webhooks", &json!({ "url": url, "client_id": "told" })).ask_at(server);
    assert_eq!(added.status, 201, "{added:?}");
    let mut endpoint = added.json();
    let secret = endpoint.as_object_mut().unwrap().remove("secret").unwrap();
    assert!(secret.as_str().unwrap().starts_with("whsec_"));
    let (id, created_at) = (endpoint["id"].as_str().unwrap().to_owned(), endpoint["created_at"].clone());
    let shown = |types: &[&str], disabled_at: &Value, because: &Value| {
        json!({ "id": id, "url": format!("{url}/"), "events": types, "client_id": "told", "created_at": created_at,
            "disabled_at": disabled_at, "disabled_because": because, "failing_since": null, "paused_until": null })
    };
    let all = ["user.created", "user.password_changed", "user.erased", "account.created", "account.erased"];
    assert_eq!(endpoint, shown(&all, &Value::Null, &Value::Null));
    let path = format!("/webhooks/{id}");
    assert_eq!(get(&path).ask_at(server).json(), endpoint);
    assert_eq!(get("/webhooks").ask_at(server).json(), json!({ "webhooks": [endpoint] }));
    assert!(
        !server.database().everything().contains(secret.as_str().unwrap()),
        "the key is stored encrypted"
    );

    assert_eq!(admin("POST", &format!("{path}/test")).ask_at(server).body, r#"{"status":204}"#);
    // The admin looks for due events for some time after each of these changes.
    let pause = |disabled_at: &str| {
        let sql = format!("UPDATE webhooks SET disabled_at = {disabled_at}");
        database::execute_in(&server.state, 0, &sql);
    };
    pause("unixepoch()");
    let user = signed_up_at(server, "told", "told");
    signed_up_at(server, "untold", "another");
    import_at(server, &[line("imported", "told", BCRYPT)]);
    let events = get("/events").ask_at(server).json();
    assert_eq!(column(&events, "events", "subject"), [user]);
    assert_eq!(events["events"][0]["deliveries"][0]["state"], "waiting");
    assert_eq!(get(&format!("/events?webhook_id={id}")).ask_at(server).json(), events);
    assert_eq!(get("/events?webhook_id=wh_nobody").ask_at(server).json()["events"], json!([]));
    pause("NULL");
    let resend = |body: Value| send("POST", &format!("{path}/resend"), &body).ask_at(server);
    resend(json!({ "since": "2020-01-01T00:00:00Z" })).is(200, r#"{"count":1}"#);
    resend(json!({ "failed": true })).is(200, r#"{"count":0}"#);
    assert_eq!(resend(json!({})).header("X-Error-Reason"), Some("body_invalid"));

    let changed =
        send("PATCH", &path, &json!({ "events": ["user.erased"], "disabled": true })).ask_at(server).json();
    assert_eq!(changed, shown(&["user.erased"], &changed["disabled_at"], &json!("operator")));
    assert!(changed["disabled_at"].is_string());
    send("PATCH", &path, &json!({ "disabled": false })).ask_at(server);
    let body = r#"{"description":"The body must be a JSON object with at least one of url, events and disabled","code":"400"}"#;
    send("PATCH", &path, &json!({})).ask_at(server).is_refusal(400, "body_invalid", body);
    let rotated = admin("POST", &format!("{path}/secret")).ask_at(server).json();
    assert!(rotated["secret"].is_string() && rotated["secret"] != secret);
    admin("DELETE", &format!("{path}?x")).ask_at(server).is(400, NO_PARAMETERS);
    admin("DELETE", &path).ask_at(server).is(204, "");
    for request in [
        get(&path),
        admin("DELETE", &path),
        admin("POST", &format!("{path}/test")),
        admin("POST", &format!("{path}/secret")),
        send("PATCH", &path, &json!({ "disabled": false })),
        send("POST", &format!("{path}/resend"), &json!({ "failed": true })),
    ] {
        request.ask_at(server).is_refusal(404, "not_found", NO_ENDPOINT);
    }
    let actions = [
        "webhook_added",
        "events_resent",
        "events_resent",
        "webhook_changed",
        "webhook_changed",
        "webhook_rotated",
        "webhook_deleted",
    ];
    let actions = actions.map(|action| format!("admin-token {action}"));
    assert_eq!(audited(server, &id), actions);
}

#[test]
fn a_wrong_endpoint_is_refused() {
    for url in [
        "http://example.com/",
        "https://a:b@example.com/",
        "https://example.com/#x",
        "ftp://example.com/",
        "events",
        "",
    ] {
        let body = r#"{"description":"url must be an https:// URL without a user name; http:// is for 127.0.0.1 and localhost only","code":"400","field":"url"}"#;
        send("POST", "/webhooks", &json!({ "url": url })).ask().is_refusal(400, "url_invalid", body);
    }
    for (member, value, word) in [
        ("events", json!(["user.renamed"]), "events_invalid"),
        ("events", json!([]), "events_invalid"),
        ("signature", json!("v2"), "signature_invalid"),
        ("client_id", json!("a b"), "client_id_invalid"),
        ("secret", json!("x"), "body_invalid"),
    ] {
        let mut body = json!({ "url": "https://example.com/" });
        body[member] = value;
        let answer = send("POST", "/webhooks", &body).ask();
        assert_eq!((answer.status, answer.header("X-Error-Reason")), (400, Some(word)), "{answer:?}");
    }
    let body = r#"{"description":"Events need the secret WEBHOOK_KEY of the admin","code":"503"}"#;
    send("POST", "/webhooks", &json!({ "url": "https://example.com/" })).ask().is_refusal(
        503,
        "not_configured",
        body,
    );
    assert_eq!(get("/webhooks").ask().json(), json!({ "webhooks": [] }));
    get("/events?limit=0").ask_at(server()).is_refusal(400, "limit_invalid", WRONG_LIMIT);
}
