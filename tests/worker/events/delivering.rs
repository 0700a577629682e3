//! The events of each change, and the form of a delivery.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::admin::{PASSWORD, audited};
use crate::request::request;
use crate::server::command;

#[test]
fn a_change_is_told_at_once_in_its_own_words() {
    let server = start("events-delivering");
    // Without an endpoint, a sign-up writes no event.
    user(&server, "early", "told");
    accounts(&server, "early", 1);
    assert_eq!(stored(&server), 0);

    let (receiver, of_client, of_imports) = (Receiver::taking(), Receiver::taking(), Receiver::taking());
    let endpoint = add(&server, &receiver, &json!({}));
    let other = add(&server, &of_client, &json!({ "client_id": "other", "signature": "v1a" }));
    let types = ["user.imported", "user.created", "user.password_changed", "user.erased", "account.created"];
    let imports = add(&server, &of_imports, &json!({ "events": ["user.imported"] }));
    assert_eq!(imports.shown(&server)["events"], json!(["user.imported"]));
    assert_eq!(
        endpoint.shown(&server)["events"],
        json!([types[1], types[2], types[3], types[4], "account.erased"])
    );

    let id = user(&server, "Ada", "told");
    let [sent] = receiver.wait_for(1).try_into().unwrap();
    let data = &sent.json()["data"];
    let created = data["created_at"].as_str().unwrap();
    assert_eq!(
        sent.body,
        format!(
            r#"{{"type":"user.created","timestamp":"{created}","data":{{"id":{id},"client_id":"told","username":"Ada","created_at":"{created}"}}}}"#
        )
    );
    assert!(created.len() == 20 && created.ends_with('Z'), "{created}");
    assert!(sent.id.len() == 36 && sent.id.starts_with("msg_"), "{sent:?}");
    assert_eq!(sent.agent, "edge-signup");
    assert!(sent.is_signed_by(&endpoint.secret) && !sent.is_signed_by(&imports.secret));
    endpoint.wait_for(&server, "delivered");

    // Two users of another client: the endpoint of that client gets them too.
    let theirs = user(&server, "grace", "other");
    let erased = user(&server, "hopper", "other");
    of_client.wait_for(2);
    receiver.wait_for(3);
    let lines = json!({ "client_id": "told", "username": "brought", "password_hash": "$2b$04$LSAt.KRc.4TG.UxAFtBciu5GClRW6duPqNnv5oSPiaOQ2pwF32DU." });
    let import =
        admin("POST", "/imports").header("Content-Type", "application/x-ndjson").body(format!("{lines}\n"));
    assert_eq!(import.ask_at(&server).status, 200);
    run_cron(&server);
    let [imported] = of_imports.wait_for(1).try_into().unwrap();
    assert_eq!(
        (&*imported.kind(), &imported.json()["data"]["username"]),
        ("user.imported", &json!("brought"))
    );

    let password = send("PUT", &format!("/users/{id}/password"), &json!({ "password": PASSWORD }));
    assert_eq!(password.ask_at(&server).status, 204);
    assert_eq!(receiver.wait_for(4)[3].json()["data"], *data);
    assert_eq!(receiver.got()[3].kind(), "user.password_changed");
    // The entry point of Workers has the same events.
    let call = |method: &str, input: Value| {
        post(&format!("/{method}")).json(input.to_string()).call(server.beside("caller")).unwrap().body
    };
    assert_eq!(call("setPassword", json!({ "id": theirs, "password": PASSWORD })), r#"{"ok":true}"#);
    assert_eq!(admin("DELETE", &format!("/users/{erased}")).ask_at(&server).status, 204);
    assert_eq!(call("erase", json!({ "id": id })), "true");
    accounts(&server, "told", 1);
    let account = receiver.wait_for(8).iter().find(|d| d.kind() == "account.created").unwrap().clone();
    let account_id = account.subject();
    assert_eq!(
        account.json()["data"],
        json!({ "id": account_id, "name": "told-0", "privacy": "Public", "created_at": account.json()["data"]["created_at"] })
    );
    assert_eq!(admin("DELETE", &format!("/accounts/{account_id}")).ask_at(&server).status, 204);
    let all = receiver.wait_for(9);
    let mut found: Vec<_> = all.iter().map(|d| format!("{} {}", d.kind(), d.subject())).collect();
    found.sort();
    let mut expected = vec![
        format!("account.created {account_id}"),
        format!("account.erased {account_id}"),
        format!("user.created {id}"),
        format!("user.created {theirs}"),
        format!("user.created {erased}"),
        format!("user.erased {id}"),
        format!("user.erased {erased}"),
        format!("user.password_changed {id}"),
        format!("user.password_changed {theirs}"),
    ];
    expected.sort();
    assert_eq!(found, expected);
    for delivery in &all {
        assert!(delivery.is_signed_by(&endpoint.secret));
        let text = delivery.body.as_str();
        for hidden in ["correct horse", "argon2", "127.0.0.1", "request-id", &*endpoint.secret] {
            assert!(!text.contains(hidden), "{text}");
        }
        // An erasure holds the id alone.
        if delivery.kind().ends_with(".erased") {
            assert_eq!(delivery.json()["data"], json!({ "id": delivery.subject() }));
        }
    }
    let mut ids: Vec<_> = all.iter().map(|delivery| &delivery.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), all.len(), "no event is delivered twice");
    // No name of an erased user stays behind.
    endpoint.wait_for(&server, "delivered");
    let kept = server.database().texts("SELECT data FROM events WHERE data LIKE ?", "%hopper%");
    assert_eq!(kept, [""; 0]);

    for delivery in of_client.wait_for(4) {
        assert!(delivery.is_signed_by_owner_of(&other.secret, ""));
        assert!(!delivery.is_signed_by_owner_of(&other.secret, " "));
    }
    assert_eq!(of_imports.count(), 1);
    assert_eq!(audited(&server, &endpoint.id), ["admin-token webhook_added"]);
}

impl Delivery {
    /// Whether Node takes the signature of the kind `v1a` with a public key, for the text that came with `more` at its end.
    fn is_signed_by_owner_of(&self, public_key: &str, more: &str) -> bool {
        let script = r#"
            const { createPublicKey, verify } = require("node:crypto");
            const [signature, key, text] = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
            const bytes = (text) => Buffer.from(text, "base64");
            const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), bytes(key.replace("whpk_", ""))]);
            const publicKey = createPublicKey({ key: der, format: "der", type: "spki" });
            console.log(verify(null, Buffer.from(text), publicKey, bytes(signature.replace("v1a,", ""))));
        "#;
        let text = format!("{}.{}.{}{more}", self.id, self.timestamp, self.body);
        let mut node = command("node");
        let mut node =
            node.args(["-e", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = json!([self.signatures, public_key, text]).to_string();
        node.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        String::from_utf8(node.wait_with_output().unwrap().stdout).unwrap() == "true\n"
    }
}

#[test]
fn each_try_has_the_same_id_and_a_time_of_its_own() {
    let server = start("events-tries");
    let receiver =
        Receiver::start(|_, tries| if tries == 0 { Reply::Answer(500, String::new()) } else { taken() });
    let endpoint = add(&server, &receiver, &json!({ "client_id": "tries" }));
    let id = user(&server, "ada", "tries");
    // The first retry comes by itself after 5 s.
    let [first, second] = receiver.wait_for(2).try_into().unwrap();
    assert_eq!((&first.id, &first.body), (&second.id, &second.body));
    assert!((5..15).contains(&(second.timestamp - first.timestamp)), "{first:?} {second:?}");
    assert!(second.at - first.at > Duration::from_secs(4));
    assert!(first.is_signed_by(&endpoint.secret) && second.is_signed_by(&endpoint.secret));
    endpoint.wait_for(&server, "delivered");
    let [delivery] = endpoint.deliveries(&server).try_into().unwrap();
    assert_eq!((&delivery["tries"], &delivery["status"]), (&json!(2), &json!(204)));

    // After a rotation both secrets sign for a day.
    let answer = request("POST", &format!("{}/secret", endpoint.path)).bearer(TOKEN).ask_at(&server);
    let secret = answer.json()["secret"].as_str().unwrap().to_owned();
    assert_ne!(secret, endpoint.secret);
    user(&server, "grace", "tries");
    let sent = receiver.wait_for(3)[2].clone();
    assert!(sent.is_signed_by(&secret) && sent.is_signed_by(&endpoint.secret));
    assert_eq!(sent.signatures.split(' ').count(), 2);
    receiver.wait_for(4);
    endpoint.wait_for(&server, "delivered");
    pass(&server, 24 * 60 * 60 + 1);
    assert_eq!(endpoint.resend(&server, &json!({ "event": first.id })), 1);
    let again = receiver.wait_for(5)[4].clone();
    assert_eq!((&again.id, again.subject()), (&first.id, id));
    assert!(again.is_signed_by(&secret) && !again.is_signed_by(&endpoint.secret));

    // A test is an event that is not stored.
    let before = stored(&server);
    let tested = admin("POST", &format!("{}/test", endpoint.path)).ask_at(&server);
    assert_eq!(tested.json(), json!({ "status": 500 }));
    let test = receiver.wait_for(6)[5].clone();
    assert_eq!(
        (&*test.kind(), &test.json()["data"]),
        ("webhook.test", &json!({ "webhook_id": endpoint.id }))
    );
    assert!(test.is_signed_by(&secret) && test.id.starts_with("test_"));
    assert_eq!(stored(&server), before);
}
