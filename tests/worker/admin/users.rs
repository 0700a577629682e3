//! `/users`: to find users, to erase one, and to set a password.

use std::sync::LazyLock;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{
    BCRYPT, NO_PARAMETERS, NO_PATH, NO_USER, PASSWORD, TOKEN, WEBHOOK_KEY, WRONG_AFTER, WRONG_LIMIT, admin,
    audited, call_at, column, created_at, get, import_at, imported, imported_hash, line, read, send, server,
    signed_up, signed_up_at, start, stored_hash, variant, verifies,
};
use crate::request::{self, sign_up};
use crate::server::Server;
use crate::stand_in::{self, Reply};

#[test]
fn a_user_is_shown_without_the_hash() {
    let id = signed_up("Ada", "users-shown");
    let user = format!(
        r#"{{"id":{id},"client_id":"users-shown","username":"Ada","created_at":"{}","hash":"argon2id"}}"#,
        created_at("users", id)
    );
    get(&format!("/users/{id}")).ask().is(200, &user);
    get("/users?client_id=users-shown").ask().is(200, &format!(r#"{{"users":[{user}],"next":null}}"#));
    get("/users?client_id=users-of-nobody").ask().is(200, r#"{"users":[],"next":null}"#);
    get("/users/1099511627775").ask().is_refusal(404, "not_found", NO_USER);
    get("/users/9007199254740991").ask().is_refusal(404, "not_found", NO_USER);
}

#[test]
fn every_spelling_of_a_name_finds_the_user() {
    let id = signed_up("Strauß-Ünï①", "users-spelling");
    let other = signed_up("strauss-ünï1", "users-spelling-2");
    for spelling in
        ["Strau%C3%9F-%C3%9Cn%C3%AF%E2%91%A0", "STRAUSS-u%CC%88Ni%CC%881", "strauss-%C3%BCn%C3%AF%EF%BC%91"]
    {
        let found = read(&format!("/users?username={spelling}&client_id=users-spelling"));
        assert_eq!(column(&found, "users", "id"), [json!(id)], "{spelling}");
        assert_eq!(found["users"][0]["username"], "Strauß-Ünï①");
        let mut everywhere = column(&read(&format!("/users?username={spelling}")), "users", "id");
        everywhere.sort_by_key(Value::as_u64);
        assert_eq!(everywhere, [json!(id), json!(other)]);
    }
    assert_eq!(read("/users?username=straus-%C3%BCn%C3%AF1"), json!({ "users": [], "next": null }));
}

#[test]
fn a_prefix_gives_names_in_the_order_of_their_keys() {
    for name in ["abz", "ABC", "ab", "\u{ff21}bd", "ac", "b", "aß"] {
        sign_up(name, "users-prefix").send_to(server());
    }
    signed_up("abc", "users-prefix-2");
    let page = |query: &str| read(&format!("/users?client_id=users-prefix&{query}"));
    for prefix in ["ab", "AB", "%EF%BC%A1b"] {
        let all = page(&format!("prefix={prefix}"));
        assert_eq!(column(&all, "users", "username"), ["ab", "ABC", "\u{ff21}bd", "abz"]);
        assert_eq!(all["next"], Value::Null);
    }
    assert_eq!(column(&page("prefix=ass"), "users", "username"), ["aß"]);
    let first = page("prefix=ab&limit=2");
    assert_eq!(column(&first, "users", "username"), ["ab", "ABC"]);
    // A name that comes in between is on the next page, if it belongs there.
    signed_up("abcd", "users-prefix");
    signed_up("aba", "users-prefix");
    let second = page(&format!("prefix=ab&limit=10&after={}", next(&first).unwrap()));
    assert_eq!(column(&second, "users", "username"), ["abcd", "\u{ff21}bd", "abz"]);
    assert_eq!(second["next"], Value::Null);
}

/// The `next` of a page, for a URL.
fn next(page: &Value) -> Option<String> {
    page["next"].as_str().map(|next| utf8_percent_encode(next, NON_ALPHANUMERIC).to_string())
}

#[test]
fn a_prefix_without_a_client_finds_the_names_of_all_clients() {
    let all =
        ["prefixed-a 1", "prefixed-a 2", "prefixed-a 3", "prefixed-b 2", "prefixed-c 1", "prefixed-c 3"];
    for (name, client) in all.iter().rev().map(|user| user.split_once(' ').unwrap()) {
        signed_up(name, &format!("all-clients-{client}"));
    }
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let page = read(&format!("/users?prefix=PREFIXED&limit=2{after}"));
        for user in page["users"].as_array().unwrap() {
            let client = user["client_id"].as_str().unwrap().strip_prefix("all-clients-").unwrap();
            found.push(format!("{} {client}", user["username"].as_str().unwrap()));
        }
        let Some(next) = next(&page) else { break };
        after = format!("&after={next}");
    }
    assert_eq!(found, all);
}

#[test]
fn pages_stay_right_while_users_are_added() {
    let mut expected: Vec<u64> = (0..7).map(|n| signed_up(&format!("paged-{n}"), "users-paged")).collect();
    expected.reverse();
    let later = |n: usize| signed_up(&format!("later-{n}"), "users-paged");
    let mut pages = 0;
    for query in ["client_id=users-paged&limit=3", "limit=200"] {
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let page = read(&format!("/users?{query}{after}"));
            found.extend(column(&page, "users", "id").iter().map(|id| id.as_u64().unwrap()));
            pages += 1;
            later(pages);
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        let is_descending = found.is_sorted_by(|a, b| a > b);
        assert!(is_descending, "each id should be there once, the newest first: {found:?}");
        found.retain(|id| expected.contains(id));
        assert_eq!(found, expected, "{query}");
    }
    // The first pass added users, which a new one sees.
    assert!(read("/users?client_id=users-paged")["users"].as_array().unwrap().len() > 7);
}

#[test]
fn a_wrong_parameter_is_refused() {
    let known = "The parameters of this path are client_id, username, prefix, after, limit";
    for query in ["clientid=a", "client_id=a&Limit=1", "x"] {
        let body = format!(r#"{{"description":"{known}","code":"400"}}"#);
        get(&format!("/users?{query}")).ask().is_refusal(400, "parameter_unknown", &body);
    }
    for limit in ["0", "201", "-1", "1.5", "x", "99999999999999999999"] {
        get(&format!("/users?limit={limit}")).ask().is_refusal(400, "limit_invalid", WRONG_LIMIT);
    }
    for after in ["x", "0", "0.%20", "99999999999999999999.", "0.zzzzzzzzzzzzzzzz", "0.1f-!"] {
        get(&format!("/users?after={after}")).ask().is_refusal(400, "after_invalid", WRONG_AFTER);
    }
    assert_eq!(
        read("/users?limit=200&after=99.")["users"],
        json!([]),
        "a generation that there is not has no users"
    );
    for (query, field, description) in [
        ("client_id=a%20b", "client_id", "client_id must be 1 to 128 visible ASCII characters"),
        ("username=a&prefix=b", "prefix", "prefix must not come with username"),
        ("username=a&limit=10", "limit", "limit must not come with username"),
        ("username=a&after=0.1", "after", "after must not come with username"),
        ("username=%CC%88", "username", "username must not begin with a combining mark"),
    ] {
        let body = format!(r#"{{"description":"{description}","code":"400","field":"{field}"}}"#);
        get(&format!("/users?{query}")).ask().is_refusal(400, &format!("{field}_invalid"), &body);
    }
    let long = "a".repeat(1017);
    let body = r#"{"description":"prefix must have at most 1016 characters","code":"400","field":"prefix"}"#;
    get(&format!("/users?client_id=a&prefix={long}")).ask().is_refusal(400, "prefix_invalid", body);
    get("/users/1?x=1").ask().is_refusal(400, "parameter_unknown", NO_PARAMETERS);
}

#[test]
fn an_erased_user_is_gone_and_the_name_is_free() {
    let (id, kept) = (imported("Erased", "users-erased"), imported("kept", "users-erased"));
    assert!(imported_hash(server(), id).is_some());
    admin("DELETE", &format!("/users/{id}?dry=1")).ask().is_refusal(400, "parameter_unknown", NO_PARAMETERS);
    assert!(stored_hash(server(), id).is_some(), "a parameter that is unknown should keep the user");

    let erase = admin("DELETE", &format!("/users/{id}"));
    let answer = erase.ask();
    answer.is(204, "");
    assert_eq!(answer.header("Content-Type"), None);
    assert_eq!((stored_hash(server(), id), imported_hash(server(), id)), (None, None));
    assert!(stored_hash(server(), kept).is_some() && imported_hash(server(), kept).is_some());
    assert_eq!(audited(server(), &id.to_string()), ["admin-token user_erased"]);
    erase.ask().is_refusal(404, "not_found", NO_USER);
    assert_eq!(audited(server(), &id.to_string()).len(), 1, "nothing was erased the second time");
    get(&format!("/users/{id}")).ask().is(404, NO_USER);
    assert_eq!(read("/users?username=erased")["users"], json!([]));
    assert!(!verifies(server(), "users-erased", "Erased", PASSWORD));

    let again = signed_up("Erased", "users-erased");
    assert!(again > kept, "an id never returns");
    get(&format!("/users/{id}")).ask().is(404, NO_USER);
    admin("DELETE", "/users/0").ask().is(404, NO_PATH);
}

#[test]
fn a_new_password_takes_the_place_of_the_old_one() {
    let (own, brought) = (signed_up("own", "users-password"), imported("brought", "users-password"));
    for (id, name) in [(own, "own"), (brought, "brought")] {
        let path = format!("/users/{id}/password");
        send("PUT", &path, &json!({ "password": "pa\u{308}sswo\u{308}rd 1" })).ask().is(204, "");
        assert_eq!(imported_hash(server(), id), None);
        assert!(stored_hash(server(), id).unwrap().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(verifies(server(), "users-password", name, "pässwörd 1"));
        assert!(!verifies(server(), "users-password", name, PASSWORD));
        assert_eq!(audited(server(), &id.to_string()), ["admin-token user_password_set"]);
    }
}

#[test]
fn a_password_keeps_the_rules_of_a_sign_up() {
    let id = signed_up("ruled", "users-rules");
    let path = &format!("/users/{id}/password");
    let hash = stored_hash(server(), id);
    let form = "The body must be a JSON object with the text password";
    for (body, reason, description) in [
        (r#"{"password":""}"#.to_owned(), "password_too_short", "password must not be empty"),
        (
            json!({ "password": "a\0" }).to_string(),
            "password_characters",
            "password must not hold control, invisible or unassigned characters (RFC 8265)",
        ),
        (
            json!({ "password": "x".repeat(1025) }).to_string(),
            "password_too_long",
            "password must have at most 1024 bytes",
        ),
        (r#"{"password":7}"#.to_owned(), "body_invalid", form),
        (r#"{"password":"a","id":7}"#.to_owned(), "body_invalid", form),
        (r#"{"password":"a","password":"b"}"#.to_owned(), "body_invalid", form),
        ("[]".to_owned(), "body_invalid", form),
        ("{".to_owned(), "body_invalid", form),
        (String::new(), "body_invalid", form),
    ] {
        let field = if reason == "body_invalid" { "" } else { r#","field":"password""# };
        let expected = format!(r#"{{"description":"{description}","code":"400"{field}}}"#);
        admin("PUT", path).json(body).ask().is_refusal(400, reason, &expected);
    }
    let large = admin("PUT", path).json("x".repeat(16_385)).ask();
    large.is_refusal(
        413,
        "body_too_large",
        r#"{"description":"The body must have at most 16384 bytes","code":"413"}"#,
    );
    let plain = admin("PUT", path).header("Content-Type", "text/plain").body(r#"{"password":"a"}"#).ask();
    plain.is_refusal(
        415,
        "content_type_invalid",
        r#"{"description":"The Content-Type must be application/json","code":"415"}"#,
    );
    send("PUT", "/users/1099511627775/password", &json!({ "password": "a" })).ask().is(404, NO_USER);
    assert_eq!(stored_hash(server(), id), hash);
    assert_eq!(audited(server(), &id.to_string()), [""; 0]);
}

#[test]
fn a_breached_password_is_refused_where_the_guard_is_on() {
    static RANGE: LazyLock<String> = LazyLock::new(|| {
        stand_in::start(|_| Reply::Answer(200, "1E4C9B93F3F0682250B6CF8331B7EE68FD8:9".to_owned()))
    });
    let range = format!("{}/range/", *RANGE);
    let vars = [("ADMIN_TOKEN", TOKEN), ("BREACHED_PASSWORDS", "range"), ("BREACHED_PASSWORDS_URL", &range)];
    let file = variant("guarded", &vars);
    let server = Server::start("admin-guarded", &["--beside", file.to_str().unwrap()]);
    let id = signed_up_at(&server, "guarded", "users");
    let set = |password: &str| {
        send("PUT", &format!("/users/{id}/password"), &json!({ "password": password }))
            .ask_url(server.beside("guarded"))
    };
    let hash = stored_hash(&server, id);
    let body = r#"{"description":"password is known from data breaches: choose another","code":"400","field":"password"}"#;
    set("password").is_refusal(400, "password_breached", body);
    assert_eq!(stored_hash(&server, id), hash);
    set("another password").is(204, "");
    assert_ne!(stored_hash(&server, id), hash);
    assert!(!server.log().concat().contains("another password"));
}

#[test]
fn nothing_is_found_of_an_erased_user() {
    let name = "Zed-who-is-erased";
    let server = &start("admin-erased", &[WEBHOOK_KEY]);
    // The events of a user have the name too.
    let types = ["user.created", "user.imported", "user.password_changed", "user.erased", "account.created"];
    let webhook = json!({ "url": "http://127.0.0.1:1/", "events": types });
    assert_eq!(send("POST", "/webhooks", &webhook).ask_at(server).status, 201);
    let by_import = &import_at(server, &[line(name, "users-traces", BCRYPT)])[0]["id"];
    let by_sign_up = signed_up_at(server, &format!("{name}-2"), "users-traces");
    assert!(verifies(server, "users-traces", name, PASSWORD));
    call_at(server, "setPassword", &json!({ "id": by_sign_up, "password": "another password" }));
    request::account(name).send_to(server);
    let account = &get(&format!("/accounts?name={name}")).ask_at(server).json()["accounts"][0]["id"];
    get("/statistics").ask_at(server);
    let traces = || server.database().everything().to_lowercase().matches("zed-who-is-erased").count();
    assert!(traces() >= 10);
    admin("DELETE", &format!("/users/{by_import}")).ask_at(server).is(204, "");
    assert_eq!(call_at(server, "erase", &json!({ "id": by_sign_up })), true);
    assert!(traces() > 0, "the account is another's");
    admin("DELETE", &format!("/accounts/{account}")).ask_at(server).is(204, "");
    assert_eq!(traces(), 0);
    assert!(!server.log().concat().to_lowercase().contains("zed-who-is-erased"));
}
