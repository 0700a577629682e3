//! `POST /users/`.

use edge_signup::fields::username::Username;

use crate::database::Account;
use crate::request::{account, post};
use crate::server::shared;

fn row(name: &str, name_key: &str, privacy: &str) -> Account {
    Account { name: name.to_owned(), name_key: name_key.to_owned(), privacy: privacy.to_owned() }
}

#[test]
fn an_account_is_public_unless_it_says_otherwise() {
    for (n, (sent, stored)) in [
        (None, "Public"),
        (Some("Public"), "Public"),
        (Some("puBLIC"), "Public"),
        (Some("private"), "Private"),
        (Some("PRIVATE"), "Private"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("Privacy{n}");
        let request = account(&name).headers(sent.map(|privacy| ("Privacy", privacy)));
        request.send().is(201, &format!(r#"{{"name":"{name}","privacy":"{stored}"}}"#));
        let key = name.to_lowercase();
        assert_eq!(shared().database().accounts(&key), [row(&name, &key, stored)]);
    }
}

#[test]
fn every_path_is_the_same_service() {
    for (n, path) in
        ["/users/", "/users", "/connectmypairs/users/", "/connectmypairs/users"].into_iter().enumerate()
    {
        let name = format!("alias-{n}");
        let at = |path| post(path).header("Username", &name).send();
        at(path).is(201, &format!(r#"{{"name":"{name}","privacy":"Public"}}"#));
        for other in ["/users/", "/connectmypairs/users"] {
            at(other).is(409, &format!(r#"{{"name":"{name}","code":"409"}}"#));
        }
    }
}

#[test]
fn a_name_is_taken_in_every_spelling() {
    account("Ünïqué").send().is(201, r#"{"name":"Ünïqué","privacy":"Public"}"#);
    for other in ["ünïqué", "ÜNÏQUÉ", "u\u{308}ni\u{308}que\u{301}", "UTF-8''%C3%BC%EF%BD%8Ei%CC%88qu%C3%89"]
    {
        let answer = account(other).send();
        let name = Username::parse(&edge_signup::http::header_value::decode(other).unwrap()).unwrap();
        answer.is(409, &format!(r#"{{"name":"{}","code":"409"}}"#, name.as_str()));
    }
    assert_eq!(shared().database().accounts("ünïqué"), [row("Ünïqué", "ünïqué", "Public")]);
}

#[test]
fn a_name_arrives_raw_or_in_the_form_that_browsers_can_send() {
    account("☃-raw").send().is(201, r#"{"name":"☃-raw","privacy":"Public"}"#);
    let request = account("UTF-8''%E2%98%83-extended").privacy("utf-8'en'private");
    request.send().is(201, r#"{"name":"☃-extended","privacy":"Private"}"#);
    account("100%''").send().is(201, r#"{"name":"100%''","privacy":"Public"}"#);
}

#[test]
fn a_bad_header_is_repeated_as_it_was_sent() {
    let long = "x".repeat(255);
    for (name, privacy, description) in [
        (None, None, "Username was missing"),
        (None, Some("Friends"), "Username was missing"),
        (Some(""), None, "Username was invalid"),
        (Some("a b"), Some("Private"), "Username was invalid"),
        (Some("a b"), Some("Friends"), "Username was invalid"),
        (Some(&*long), None, "Username was invalid"),
        (Some("\u{202e}"), None, "Username was invalid"),
        (Some("UTF-8''%E2%98"), None, "Username was invalid"),
        (Some("UTF-8''a%20b"), None, "Username was invalid"),
        (Some("Ada"), Some("Friends"), "Privacy was invalid"),
        (Some("Ada"), Some(""), "Privacy was invalid"),
        (Some("UTF-8''Ada"), Some("UTF-8''Friends"), "Privacy was invalid"),
    ] {
        let request = post("/users/")
            .headers(name.map(|name| ("Username", name)))
            .headers(privacy.map(|privacy| ("Privacy", privacy)));
        let text = |value: Option<&str>| {
            value.map_or("null".to_owned(), |value| format!("{value:?}").replace(r"\u{202e}", "\u{202e}"))
        };
        request.send().is(
            400,
            &format!(
                r#"{{"name":{},"privacy":{},"code":"400","description":"{description}"}}"#,
                text(name),
                text(privacy)
            ),
        );
    }
    assert_eq!(shared().database().accounts("ada"), []);
}

#[test]
fn repeated_headers_are_not_a_name() {
    account("one")
        .header("Username", "two")
        .send()
        .is(400, r#"{"name":"one, two","privacy":null,"code":"400","description":"Username was invalid"}"#);
    account("one").privacy("Public").privacy("Private").send().is(
        400,
        r#"{"name":"one","privacy":"Public, Private","code":"400","description":"Privacy was invalid"}"#,
    );
}

#[test]
fn the_body_is_ignored() {
    let body = r#"{"username":"not-this","privacy":"Friends"}"#;
    account("body-ignored").body(body).send().is(201, r#"{"name":"body-ignored","privacy":"Public"}"#);
    let big = account("big-body-ignored").body("x".repeat(100_000));
    big.send().is(201, r#"{"name":"big-body-ignored","privacy":"Public"}"#);
}
