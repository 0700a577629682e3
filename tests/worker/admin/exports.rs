//! `/exports`: everything, as lines.

use serde_json::{Value, json};

use super::{
    BCRYPT, PASSWORD, audited, get, import, import_at, import_request, line, server, signed_up, start,
    stored_hash, verifies,
};
use crate::request::account;

fn of<'a>(lines: &'a [Value], member: &str, value: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line[member] == value).collect()
}

#[test]
fn an_export_has_hashes_only_if_they_are_asked_for() {
    let id = signed_up("exported", "exports");
    import(&[
        json!({ "client_id": "exports", "username": "brought", "password_hash": BCRYPT, "created_at": "2020-02-29T12:00:00Z" }),
    ]);
    let without = get("/exports/users").ask();
    assert!(!without.body.contains("$argon2") && !without.body.contains("$2b$"), "{}", without.body);
    let lines = without.lines();
    let own = of(&lines, "client_id", "exports");
    assert_eq!((own.len(), &own[0]["id"], &own[0]["username"]), (2, &json!(id), &json!("exported")));
    assert!(own[0].get("password_hash").is_none());

    let before = audited(server(), "all users").len();
    let with = get("/exports/users?hashes=1").ask().lines();
    let own = of(&with, "client_id", "exports");
    assert_eq!(own[0]["password_hash"].as_str(), stored_hash(server(), id).as_deref());
    assert_eq!(
        (&own[1]["password_hash"], &own[1]["created_at"]),
        (&json!(BCRYPT), &json!("2020-02-29T12:00:00Z"))
    );
    let entries = audited(server(), "all users");
    assert!(entries.len() > before && entries.iter().all(|entry| entry == "admin-token hashes_exported"));

    let body = r#"{"description":"hashes must be 0 or 1","code":"400","field":"hashes"}"#;
    get("/exports/users?hashes=yes").ask().is_refusal(400, "hashes_invalid", body);
    let body = r#"{"description":"The parameters of this path are hashes","code":"400"}"#;
    get("/exports/users?hash=1").ask().is_refusal(400, "parameter_unknown", body);
    get("/exports/accounts?hashes=1").ask().is_refusal(400, "parameter_unknown", super::NO_PARAMETERS);
}

#[test]
fn accounts_are_exported() {
    account("exported-account").privacy("Private").send_to(server());
    let lines = get("/exports/accounts").ask().lines();
    let own = of(&lines, "name", "exported-account");
    assert_eq!(own.len(), 1);
    assert_eq!(own[0]["privacy"], "Private");
}

#[test]
fn an_export_that_is_imported_into_an_empty_service_gives_the_same_users() {
    let (from, to) = (start("admin-export", &[]), start("admin-import", &[]));
    assert_eq!(get("/exports/users?hashes=1").ask_at(&from).body, "");
    super::signed_up_at(&from, "by-sign-up", "moved");
    // More than one chunk.
    let many: Vec<_> = (0..1200).map(|n| line(&format!("moved-{n}"), "moved", BCRYPT)).collect();
    import_at(&from, &many);
    let export = |server| get("/exports/users?hashes=1").ask_at(server).body;
    let exported = export(&from);
    assert_eq!(exported.lines().count(), 1201);
    let answers = import_request("/imports", &exported).ask_at(&to).lines();
    assert!(answers.iter().all(|answer| answer["status"] == "stored"), "{answers:?}");
    assert_eq!(export(&to), exported);
    for name in ["by-sign-up", "moved-0", "MOVED-1199"] {
        assert!(verifies(&to, "moved", name, PASSWORD), "{name}");
        assert!(!verifies(&to, "moved", name, "another password"), "{name}");
    }
}
