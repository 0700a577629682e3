//! `/accounts`: to find accounts, to change one, and to erase one.

use serde_json::{Value, json};

use super::{
    NO_PARAMETERS, WRONG_AFTER, WRONG_LIMIT, admin, audited, column, created_at, get, read, send, server,
};
use crate::request::account;

const NO_ACCOUNT: &str = r#"{"description":"There is no such account","code":"404"}"#;

/// Creates an account at the public Worker. Gives the id.
fn created(name: &str) -> u64 {
    assert_eq!(account(name).send_to(server()).status, 201, "{name}");
    let id =
        server().database().texts("SELECT CAST(id AS TEXT) FROM accounts WHERE name = ?", name).remove(0);
    id.parse().unwrap()
}

#[test]
fn an_account_is_found_by_id_and_by_every_spelling() {
    let id = created("Straße-of-accounts");
    let time = created_at("accounts", id);
    let shown =
        format!(r#"{{"id":{id},"name":"Straße-of-accounts","privacy":"Public","created_at":"{time}"}}"#);
    get(&format!("/accounts/{id}")).ask().is(200, &shown);
    for spelling in ["Stra%C3%9Fe-of-accounts", "STRASSE-OF-ACCOUNTS", "strasse-%EF%BD%8Ff-accounts"] {
        get(&format!("/accounts?name={spelling}"))
            .ask()
            .is(200, &format!(r#"{{"accounts":[{shown}],"next":null}}"#));
    }
    get("/accounts?name=nobody-at-all").ask().is(200, r#"{"accounts":[],"next":null}"#);
    get("/accounts/1099511627775").ask().is_refusal(404, "not_found", NO_ACCOUNT);
}

#[test]
fn accounts_come_in_pages() {
    let mut ids: Vec<_> =
        ["pageA", "pageb", "PageC", "paged"].iter().map(|name| created(&format!("acc-{name}"))).collect();
    let page = read("/accounts?prefix=ACC-page&limit=3");
    assert_eq!(column(&page, "accounts", "name"), ["acc-pageA", "acc-pageb", "acc-PageC"]);
    let rest = read(&format!("/accounts?prefix=ACC-page&limit=3&after={}", page["next"].as_str().unwrap()));
    assert_eq!((column(&rest, "accounts", "name"), &rest["next"]), (vec![json!("acc-paged")], &Value::Null));

    let (mut found, mut after) = (Vec::new(), String::new());
    while found.len() < 10_000 {
        let page = read(&format!("/accounts?limit=200{after}"));
        found.extend(column(&page, "accounts", "id").iter().map(|id| id.as_u64().unwrap()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert!(found.is_sorted_by(|a, b| a > b), "each id should be there once, the newest first");
    ids.reverse();
    found.retain(|id| ids.contains(id));
    assert_eq!(found, ids);
}

#[test]
fn a_wrong_parameter_is_refused() {
    let known =
        r#"{"description":"The parameters of this path are name, prefix, after, limit","code":"400"}"#;
    get("/accounts?username=a").ask().is_refusal(400, "parameter_unknown", known);
    get("/accounts?limit=0").ask().is_refusal(400, "limit_invalid", WRONG_LIMIT);
    get("/accounts?after=x").ask().is_refusal(400, "after_invalid", WRONG_AFTER);
    let body = r#"{"description":"prefix must not come with name","code":"400","field":"prefix"}"#;
    get("/accounts?name=a&prefix=b").ask().is_refusal(400, "prefix_invalid", body);
    let body = r#"{"description":"name must have a visible character","code":"400","field":"name"}"#;
    get("/accounts?name=%E3%85%A4").ask().is_refusal(400, "name_invalid", body);
}

#[test]
fn the_privacy_of_an_account_changes() {
    let id = created("acc-changed");
    let (path, time) = (format!("/accounts/{id}"), created_at("accounts", id));
    let shown = |privacy: &str| {
        format!(r#"{{"id":{id},"name":"acc-changed","privacy":"{privacy}","created_at":"{time}"}}"#)
    };
    let change = |privacy: &str| send("PATCH", &path, &json!({ "privacy": privacy }));
    change("Private").ask().is(200, &shown("Private"));
    assert_eq!(server().database().accounts("acc-changed")[0].privacy, "Private");
    let form = r#"{"description":"The body must be a JSON object with privacy, which must be \"Public\" or \"Private\"","code":"400"}"#;
    for body in
        [json!({ "privacy": "public" }), json!({}), json!({ "privacy": "Public", "name": "x" }), json!(7)]
    {
        send("PATCH", &path, &body).ask().is_refusal(400, "body_invalid", form);
    }
    send("PATCH", &format!("{path}?x=1"), &json!({ "privacy": "Public" })).ask().is(400, NO_PARAMETERS);
    assert_eq!(
        server().database().accounts("acc-changed")[0].privacy,
        "Private",
        "a refusal changes nothing"
    );
    change("Public").ask().is(200, &shown("Public"));
    assert_eq!(audited(server(), &id.to_string()), ["admin-token account_changed"; 2]);
    send("PATCH", "/accounts/1099511627775", &json!({ "privacy": "Public" })).ask().is(404, NO_ACCOUNT);
}

#[test]
fn an_erased_account_is_gone_and_the_name_is_free() {
    let id = created("acc-erased");
    let erase = admin("DELETE", &format!("/accounts/{id}"));
    erase.ask().is(204, "");
    erase.ask().is_refusal(404, "not_found", NO_ACCOUNT);
    assert_eq!(server().database().accounts("acc-erased"), []);
    assert_eq!(audited(server(), &id.to_string()), ["admin-token account_erased"]);
    assert!(created("acc-erased") > id);
}
