//! `/statistics`: the sign-ups by hour, day and client.

use serde_json::{Value, json};

use super::{BCRYPT, admin, get, import_at, server, start_scaled};
use crate::request::account;

#[test]
fn sign_ups_are_counted_once_over_two_databases_and_an_erasure_does_not_lower_them() {
    let server = &start_scaled("admin-statistics", &[2], &[], |_| {});
    let at = |query: &str| get(&format!("/statistics?{query}")).ask_at(server).json();
    let span = "from=2020-01-01T00:00:00Z&to=2020-01-04T00:00:00Z";
    let brought = |client_id: &str, name: &str, time: &str| json!({ "client_id": client_id, "username": name, "password_hash": BCRYPT, "created_at": time });
    let mut lines = Vec::new();
    for n in 0..10 {
        lines.push(brought("shop", &format!("early-{n}"), "2020-01-01T00:00:00Z"));
        lines.push(brought("shop", &format!("late-{n}"), "2020-01-01T23:59:59Z"));
        lines.push(brought("blog", &format!("next-{n}"), "2020-01-02T00:00:00Z"));
    }
    lines.push(brought("blog", "outside", "2020-01-04T00:00:00Z"));
    let ids: Vec<_> = import_at(server, &lines).iter().map(|answer| answer["id"].as_u64().unwrap()).collect();
    let both = ids.iter().map(|id| id >> 40).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(both.len(), 2, "both databases should have users");
    let erase = |id: u64| admin("DELETE", &format!("/users/{id}")).ask_at(server).is(204, "");
    // The two first ones of a database count in the same hour.
    let same = ids.iter().step_by(3).filter(|id| *id >> 40 == ids[0] >> 40);
    let erased: Vec<_> = same.copied().take(2).collect();
    for id in &erased {
        erase(*id);
    }

    let days =
        json!([{ "at": "2020-01-01T00:00:00Z", "count": 20 }, { "at": "2020-01-02T00:00:00Z", "count": 10 }]);
    let expected = json!({
        "by": "day", "from": "2020-01-01T00:00:00Z", "to": "2020-01-04T00:00:00Z", "users": days, "accounts": [],
        "clients": [{ "client_id": "shop", "count": 20 }, { "client_id": "blog", "count": 10 }],
        "totals": { "users": 30, "accounts": 0 }, "outcomes": null,
    });
    assert_eq!(at(span), expected, "a user that was erased before the first question should be counted");
    erase(ids[1]);
    assert_eq!(at(span), expected, "a count should outlive an erasure");
    let kept = |n: &usize| *n != 1 && !erased.contains(&ids[*n]);
    let lines: Vec<_> = (0..lines.len()).filter(kept).map(|n| lines[n].clone()).collect();
    import_at(server, &lines);
    assert_eq!(at(span), expected, "the same import should not count twice");

    let hours = json!([{ "at": "2020-01-01T00:00:00Z", "count": 10 }, { "at": "2020-01-01T23:00:00Z", "count": 10 },
        { "at": "2020-01-02T00:00:00Z", "count": 10 }]);
    assert_eq!(at(&format!("by=hour&{span}"))["users"], hours);
    let shop = at(&format!("client_id=shop&{span}"));
    assert_eq!((&shop["users"], &shop["totals"]["users"]), (&json!([days[0].clone()]), &json!(20)));
    assert_eq!(at(&format!("client_id=nobody&{span}"))["users"], json!([]));
    // The end does not belong to the time, and the begin does.
    let one = at("by=hour&from=2020-01-01T23:00:00Z&to=2020-01-02T00:00:00Z");
    assert_eq!(one["totals"]["users"], 10);

    // A sign-up of this moment is within the time that is asked for by default.
    super::signed_up_at(server, "now", "shop");
    assert_eq!(account("now").send_to(server).status, 201);
    for by in ["hour", "day"] {
        let now = at(&format!("by={by}"));
        assert_eq!(now["totals"], json!({ "users": 1, "accounts": 1 }), "{now}");
        assert_eq!(
            (now["users"][0]["count"].clone(), now["accounts"][0]["at"].clone()),
            (json!(1), now["users"][0]["at"].clone())
        );
    }
    let account = get("/accounts?name=now").ask_at(server).json()["accounts"][0]["id"].clone();
    admin("DELETE", &format!("/accounts/{account}")).ask_at(server).is(204, "");
    assert_eq!(account_total(&at("by=day")), 1);
    // An account that is erased before it is counted counts too.
    crate::request::account("later").send_to(server);
    let account = get("/accounts?name=later").ask_at(server).json()["accounts"][0]["id"].clone();
    admin("DELETE", &format!("/accounts/{account}")).ask_at(server).is(204, "");
    assert_eq!(account_total(&at("by=day")), 2);
}

fn account_total(statistics: &Value) -> u64 {
    statistics["totals"]["accounts"].as_u64().unwrap()
}

#[test]
fn a_wrong_question_is_refused() {
    let time = "must be a time such as 2026-11-24T10:00:00Z";
    let span = "must be before to, by at most 400 steps";
    for (query, field, problem) in [
        ("by=week", "by", r#"must be \"hour\" or \"day\""#),
        ("from=2020", "from", time),
        ("to=1969-12-31T00:00:00Z", "to", time),
        ("from=2020-01-02T00:00:00Z&to=2020-01-02T00:00:00Z", "from", span),
        ("from=2020-01-01T00:00:00Z&to=2021-02-05T00:00:00Z", "from", span),
        ("client_id=a%20b", "client_id", "must be 1 to 128 visible ASCII characters"),
    ] {
        let body = format!(r#"{{"description":"{field} {problem}","code":"400","field":"{field}"}}"#);
        let answer = get(&format!("/statistics?{query}")).ask_at(server());
        answer.is_refusal(400, &format!("{field}_invalid"), &body);
    }
    let known = r#"{"description":"The parameters of this path are by, from, to, client_id","code":"400"}"#;
    get("/statistics?client=a").ask().is_refusal(400, "parameter_unknown", known);
    assert_eq!(get("/statistics?from=2020-01-01T00:00:00Z&to=2021-02-04T00:00:00Z").ask().status, 200);
}
