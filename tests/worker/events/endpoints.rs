//! The endpoints, as operators add and change them.

use std::process::Command;

use serde_json::json;

use super::*;
use crate::admin::{READ_TOKEN, audited, faulty, variant};
use crate::request::request;

const URL_PROBLEM: &str =
    "url must be an https:// URL without a user name; http:// is for 127.0.0.1 and localhost only";

#[test]
fn an_endpoint_has_a_good_url_and_known_types() {
    let server = start("events-urls");
    let add_with = |body: &Value| send("POST", "/webhooks", body).ask_at(&server);
    for (url, is_good) in [
        ("https://shop.example/events", true),
        ("https://shop.example:8443/events?a=b", true),
        ("http://127.0.0.1:9000/", true),
        ("http://localhost/", true),
        ("http://[::1]:9000/", true),
        ("http://shop.example/", false),
        ("http://127.0.0.1.shop.example/", false),
        ("http://192.168.0.1/", false),
        ("https://user:secret@shop.example/", false),
        ("https://user@shop.example/", false),
        ("https://shop.example/#part", false),
        ("ftp://shop.example/", false),
        ("shop.example", false),
        ("", false),
        (&format!("https://shop.example/{}", "x".repeat(2000)), false),
    ] {
        let answer = add_with(&json!({ "url": url }));
        assert_eq!(answer.status, if is_good { 201 } else { 400 }, "{url}");
        if is_good {
            let id = answer.json()["id"].as_str().unwrap().to_owned();
            assert_eq!(admin("DELETE", &format!("/webhooks/{id}")).ask_at(&server).status, 204);
        } else {
            let body = json!({ "description": URL_PROBLEM, "code": "400", "field": "url" });
            assert_eq!((answer.json(), answer.header("X-Error-Reason")), (body, Some("url_invalid")));
        }
    }
    let good = "https://shop.example/";
    for (body, reason) in [
        (json!({}), "body_invalid"),
        (json!({ "url": good, "more": 1 }), "body_invalid"),
        (json!({ "url": good, "events": [] }), "events_invalid"),
        (json!({ "url": good, "events": ["user.created", "user.forgot"] }), "events_invalid"),
        (json!({ "url": good, "client_id": "" }), "client_id_invalid"),
        (json!({ "url": good, "signature": "v2" }), "signature_invalid"),
    ] {
        let answer = add_with(&body);
        assert_eq!((answer.status, answer.header("X-Error-Reason")), (400, Some(reason)), "{body}");
    }
    // Each endpoint adds a row to a sign-up, so a service has few of them.
    for _ in 0..20 {
        assert_eq!(add_with(&json!({ "url": good })).status, 201);
    }
    let answer = add_with(&json!({ "url": good }));
    assert_eq!(answer.json()["description"], "url would be one more than 20 endpoints");
}

#[test]
fn an_endpoint_is_added_changed_and_deleted() {
    let other_key = variant(
        "other-key",
        &[("ADMIN_TOKEN", TOKEN), ("WEBHOOK_KEY", "another-key-than-the-one-that-sealed-them")],
    );
    let server = start_beside("events-endpoints", &[1], &[&other_key]);
    // The secret is in one answer, and in no database.
    let receiver = Receiver::taking();
    let endpoint = add(&server, &receiver, &json!({ "events": ["account.created"] }));
    assert!(endpoint.secret.starts_with("whsec_") && endpoint.secret.len() == 50);
    let bare = endpoint.secret.strip_prefix("whsec_").unwrap();
    assert!(!server.database().everything().contains(bare));
    assert_eq!(endpoint.shown(&server).get("secret"), None);
    let list = admin("GET", "/webhooks").ask_at(&server);
    assert!(!list.body.contains("secret") && list.json()["webhooks"][0] == endpoint.shown(&server));
    let reader = |method: &str, path: &str| request(method, path).bearer(READ_TOKEN).ask_at(&server).status;
    // The reading token is not set on this server.
    assert_eq!(reader("GET", "/webhooks"), 401);

    // With another secret of the Worker nothing is sent, and the event waits.
    endpoint.change(&server, &json!({ "disabled": true }));
    accounts(&server, "endpoints", 1);
    // The nudge is over before the endpoint is enabled again.
    thread::sleep(4 * PACE);
    database::execute(&server.state, "UPDATE webhooks SET disabled_at = NULL, disabled_because = NULL");
    run_cron_of(&server, "other-key");
    assert_eq!(receiver.count(), 0);
    let log = server.log().join("\n");
    assert!(log.contains(&format!("WEBHOOK_KEY does not open the keys of {}", endpoint.id)), "{log}");
    pass(&server, 61);
    run_cron(&server);
    receiver.wait_for(1);
    endpoint.wait_for(&server, "delivered");

    // The types and the address change, and nothing else does.
    let moved = Receiver::taking();
    let changed = endpoint.change(&server, &json!({ "url": moved.url, "events": ["account.erased"] }));
    assert_eq!((&changed["url"], &changed["events"]), (&json!(moved.url), &json!(["account.erased"])));
    accounts(&server, "unwanted", 1);
    let id = server.database().texts("SELECT id || '' FROM accounts WHERE name = ?", "unwanted-0").remove(0);
    assert_eq!(admin("DELETE", &format!("/accounts/{id}")).ask_at(&server).status, 204);
    assert_eq!(moved.wait_for(1)[0].kind(), "account.erased");
    assert!(moved.got()[0].is_signed_by(&endpoint.secret));
    for (body, reason) in [
        (json!({ "url": "http://shop.example/" }), "url_invalid"),
        (json!({ "events": ["x"] }), "events_invalid"),
        (json!({ "client_id": "x" }), "body_invalid"),
    ] {
        let answer = send("PATCH", &endpoint.path, &body).ask_at(&server);
        assert_eq!((answer.status, answer.header("X-Error-Reason")), (400, Some(reason)), "{body}");
    }
    for body in [json!({}), json!({ "failed": true, "event": "x" }), json!({ "failed": false })] {
        let answer = send("POST", &format!("{}/resend", endpoint.path), &body).ask_at(&server);
        assert_eq!((answer.status, answer.header("X-Error-Reason")), (400, Some("body_invalid")), "{body}");
    }
    let answer =
        send("POST", &format!("{}/resend", endpoint.path), &json!({ "since": "today" })).ask_at(&server);
    assert_eq!((answer.status, answer.header("X-Error-Reason")), (400, Some("since_invalid")));

    assert_eq!(admin("DELETE", &endpoint.path).ask_at(&server).status, 204);
    let missing = r#"{"description":"There is no such endpoint","code":"404"}"#;
    for (method, path) in [("GET", ""), ("DELETE", ""), ("POST", "/secret"), ("POST", "/test")] {
        admin(method, &format!("{}{path}", endpoint.path)).ask_at(&server).is_refusal(
            404,
            "not_found",
            missing,
        );
    }
    for (method, path, body) in
        [("PATCH", "", json!({ "disabled": true })), ("POST", "/resend", json!({ "failed": true }))]
    {
        let answer = send(method, &format!("{}{path}", endpoint.path), &body).ask_at(&server);
        answer.is_refusal(404, "not_found", missing);
    }
    for table in ["webhooks", "subscriptions", "deliveries"] {
        let rows = server.database().texts(&format!("SELECT 'x' FROM {table} WHERE '' = ?"), "");
        assert_eq!(rows, [""; 0], "{table}");
    }
    assert_eq!(
        audited(&server, &endpoint.id),
        [
            "admin-token webhook_added",
            "admin-token webhook_changed",
            "admin-token webhook_changed",
            "admin-token webhook_deleted"
        ]
    );
}

#[test]
fn a_new_secret_signs_also_after_a_new_key_of_the_worker() {
    let new = "another-key-than-the-one-that-sealed-them";
    let new_key = variant("new-key", &[("ADMIN_TOKEN", TOKEN), ("WEBHOOK_KEY", new)]);
    let server = start_beside("events-new-key", &[1], &[&new_key]);
    let receivers = [Receiver::taking(), Receiver::taking()];
    let kinds = [("v1", "whsec_"), ("v1a", "whpk_")];
    for (receiver, (signature, begin)) in receivers.iter().zip(kinds) {
        let others = json!({ "events": ["account.created"], "signature": signature });
        let endpoint = add(&server, receiver, &others);
        endpoint.change(&server, &json!({ "disabled": true }));
        let rotate = request("POST", &format!("{}/secret", endpoint.path)).bearer(TOKEN);
        let answer = rotate.ask_url(server.beside("new-key"));
        let secret = answer.json()["secret"].as_str().unwrap().to_owned();
        assert!(secret.starts_with(begin), "the new secret should be of the same kind: {answer:?}");
    }
    accounts(&server, "new-key", 1);
    // The nudge is over before the endpoints are enabled again.
    thread::sleep(4 * PACE);
    database::execute(&server.state, "UPDATE webhooks SET disabled_at = NULL, disabled_because = NULL");
    run_cron_of(&server, "new-key");
    for (receiver, (signature, _)) in receivers.iter().zip(kinds) {
        let [delivery] = receiver.wait_for(1).try_into().unwrap();
        // Only the new key signs, because the old one does not open.
        assert!(delivery.signatures.starts_with(&format!("{signature},")), "{delivery:?}");
        assert_eq!(delivery.signatures.split(' ').count(), 1);
    }
}

#[test]
fn an_endpoint_that_is_added_while_the_cron_runs_gets_its_events() {
    let late = json!({ "sql": "FROM webhooks ORDER BY", "fault": "late",
        "until": "SELECT 1 FROM subscriptions GROUP BY type HAVING count(*) = 2" });
    let late = late.to_string();
    let worker = faulty("late-cron", &[("ADMIN_TOKEN", TOKEN), ("FAULT", &late)]);
    let server = start_beside("events-late-cron", &[1], &[&worker]);
    let (first, second) = (Receiver::taking(), Receiver::taking());
    add(&server, &first, &json!({ "events": ["account.created"] }));
    thread::scope(|scope| {
        scope.spawn(|| run_cron_of(&server, "late-cron"));
        // The cron has read the endpoints.
        until(|| server.log().concat().contains("A late answer waits"), "a late answer");
        add(&server, &second, &json!({ "events": ["account.created"] }));
    });
    accounts(&server, "late-cron", 1);
    first.wait_for(1);
    second.wait_for(1);
}

#[test]
fn thousands_of_events_are_sent_again_and_deleted_in_steps() {
    const EVENTS: u64 = 12_000;
    let server = start("events-steps");
    let receiver = Receiver::taking();
    let endpoint = add(&server, &receiver, &json!({ "events": ["account.created"] }));
    endpoint.change(&server, &json!({ "disabled": true }));
    // An event of each second. The first 100 failed, and all others were delivered.
    let events = format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {EVENTS}) \
         INSERT INTO events (type, subject, client_id, data, message_id, created_at) \
         SELECT 'account.created', n, '', '{{}}', 'msg_' || n, 1700000000 + n FROM numbers; \
         UPDATE deliveries SET due_at = NULL, tries = 3, delivered_at = iif(event_id > 100, 1, NULL)"
    );
    let reset = || {
        let sql =
            "UPDATE deliveries SET due_at = NULL, tries = 3, delivered_at = iif(event_id > 100, 1, NULL)";
        database::execute(&server.state, sql);
    };
    database::execute(&server.state, &events);
    let due = || {
        let sql = "SELECT count(*) || ' ' || coalesce(max(event_id), 0) FROM deliveries \
                   WHERE due_at IS NOT NULL AND delivered_at IS NULL AND tries = 0 AND webhook_id = ?";
        server.database().texts(sql, &endpoint.id).concat()
    };
    for (body, count, last) in [
        (json!({ "failed": true }), 100, 100),
        (json!({ "event": "msg_1" }), 1, 1),
        (json!({ "event": "msg_12000" }), 1, EVENTS),
        (json!({ "since": "2023-11-14T22:13:20Z" }), EVENTS, EVENTS),
        // The time of the event number 2001.
        (json!({ "since": "2023-11-14T22:46:41Z" }), EVENTS - 2000, EVENTS),
        (json!({ "since": "2030-01-01T00:00:00Z" }), 0, 0),
    ] {
        reset();
        assert_eq!(endpoint.resend(&server, &body), count, "{body}");
        assert_eq!(due(), format!("{count} {last}"), "{body}");
    }
    assert_eq!(admin("DELETE", &endpoint.path).ask_at(&server).status, 204);
    let left = server.database().texts("SELECT 'x' FROM deliveries WHERE '' = ?", "");
    assert_eq!(left, [""; 0]);
}

#[test]
fn a_command_adds_an_endpoint_and_another_lists_them() {
    let server = start("events-commands");
    let receiver = Receiver::taking();
    let run = |arguments: &[&str]| {
        let output = Command::new("make")
            .args(["--silent", &format!("ADMIN_URL={}", server.beside(ADMIN))])
            .args(arguments)
            .env("ADMIN_TOKEN", TOKEN)
            // Some desktops have variables of these names.
            .envs([("CLIENT", "x"), ("EVENTS", "x")])
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.success(), text(output.stdout), text(output.stderr))
    };
    assert_eq!(run(&["webhooks"]), (true, String::new(), "No server is told of events\n".to_owned()));
    let url = &format!("URL={}", receiver.url);
    let (succeeded, output, hint) = run(&["webhook", url]);
    assert!(succeeded && hint.contains("It is shown this once"), "{output}{hint}");
    let (id, secret) = output.trim().split_once('\t').unwrap();
    accounts(&server, "command", 1);
    assert!(receiver.wait_for(1)[0].is_signed_by(secret));
    // The list is in the order of seconds.
    database::execute(&server.state, "UPDATE webhooks SET created_at = created_at - 10");
    let (succeeded, output, _) =
        run(&["webhook", url, "EVENTS=user.created, user.erased", "CLIENT=shop", "SIGNATURE=v1a"]);
    let (other, public_key) = output.trim().split_once('\t').unwrap();
    assert!(succeeded && public_key.starts_with("whpk_"), "{output}");
    let (_, list, _) = run(&["webhooks"]);
    let types = "user.created user.password_changed user.erased account.created account.erased";
    assert_eq!(
        list,
        format!(
            "{id}\t{to}\t{types}\tall clients\tenabled\n{other}\t{to}\tuser.created user.erased\tshop\tenabled\n",
            to = receiver.url
        )
    );
    for (arguments, sentence) in [
        (["webhook", url, "EVENTS=user.forgot"], "answered 400: events must have some of user.created"),
        (["webhook", "URL=http://shop.example/", "CLIENT=shop"], "answered 400: url must be an https:// URL"),
        (["webhook", "URL=", "CLIENT=shop"], "answered 400: url must be an https:// URL"),
    ] {
        let (succeeded, _, problem) = run(&arguments);
        assert!(!succeeded && problem.contains(sentence), "{problem}");
    }
}

#[test]
fn without_the_secret_of_the_worker_no_endpoint_is_added() {
    let token = format!("ADMIN_TOKEN:{TOKEN}");
    let server =
        Server::start("events-no-key", &["--beside", "admin/wrangler.toml", "--cron", "--var", &token]);
    let problem = r#"{"description":"Events need the secret WEBHOOK_KEY of the admin","code":"503"}"#;
    let answer = send("POST", "/webhooks", &json!({ "url": "https://shop.example/" })).ask_at(&server);
    answer.is_refusal(503, "not_configured", problem);
    assert_eq!(admin("GET", "/webhooks").ask_at(&server).json(), json!({ "webhooks": [] }));
    run_cron(&server);
}
