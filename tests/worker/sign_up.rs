//! `POST /sign-up`.

use argon2::password_hash::phc::PasswordHash;
use edge_signup::fields::username::Username;

use crate::database::{self, User};
use crate::request::{post, send_raw, sign_up};
use crate::server::{Server, shared};

fn only_user(client_id: &str) -> User {
    let mut users = shared().database().users(client_id);
    assert_eq!(users.len(), 1, "{users:?}");
    users.remove(0)
}

#[test]
fn the_documents_example_to_the_byte() {
    let server = Server::start("example", &[]);
    database::set_next_user_id(&server.state, 814);
    let body =
        r#"{"username":"username","password":"password","client_id":"g7kj2axpf13umghr5m9xl6aiordknff"}"#;
    let answer = post("/sign-up").header("Accept", "application/json").json(body).send_to(&server);
    answer.is(200, r#"{"user":{"id":814,"username":"username"}}"#);
    assert_eq!(answer.header("Content-Length"), Some("41"));
    assert_eq!(answer.header("ETag"), Some(r#""d9861ea6d4dcf291ebac090547f67da2""#));
}

#[test]
fn a_sign_up_stores_one_row_with_a_hash_that_argon2_verifies() {
    let answer = sign_up("Zoe\u{308}", "stores-one-row").send();
    let row = only_user("stores-one-row");
    answer.is(200, &format!(r#"{{"user":{{"id":{},"username":"Zoë"}}}}"#, row.id));
    assert_eq!((row.username.as_str(), row.username_key.as_str()), ("Zoë", "zoë"));
    assert_eq!(row.request_key, format!("request-id:{}", answer.id()));
    assert!(row.password_hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", row.password_hash);
    let hash = PasswordHash::new(&row.password_hash).unwrap();
    assert_eq!((hash.salt.unwrap().len(), hash.hash.unwrap().len()), (16, 32));
    assert!(row.has_password("correct horse"));
    assert!(!row.has_password("correct horse "));
}

#[test]
fn a_password_is_hashed_in_its_normal_form() {
    let password = "pa\u{308}ss\u{a0}w\u{3000}ord\u{1112}\u{1161}\u{11ab}Ａ";
    sign_up("a", "normal-form").password(password).send();
    assert!(only_user("normal-form").has_password("päss w ord한Ａ"));
}

/// Each hash has tens of thousands of blocks, which only the Worker computes with vectors.
#[test]
fn hashes_are_those_of_the_argon2_crate() {
    let passwords: Vec<String> = (1..=32).map(|n| format!("{n:032}").repeat(n)).collect();
    for (n, password) in passwords.iter().enumerate() {
        let request = sign_up(&format!("user{n}"), "hashes").password(password);
        assert_eq!(request.send().status, 200);
    }
    let users = shared().database().users("hashes");
    assert_eq!(users.len(), passwords.len());
    for user in users {
        let n: usize = user.username.strip_prefix("user").unwrap().parse().unwrap();
        assert!(user.has_password(&passwords[n]), "{n}");
    }
}

#[test]
fn salts_differ() {
    sign_up("one", "salts-differ").send();
    sign_up("two", "salts-differ").send();
    let users = shared().database().users("salts-differ");
    assert_ne!(users[0].password_hash, users[1].password_hash);
}

#[test]
fn the_path_may_end_in_a_slash_and_the_type_have_parameters() {
    let request = post("/sign-up/").header("Content-Type", "Application/JSON; charset=utf-8");
    assert_eq!(request.body(sign_up("a", "slash").body).send().status, 200);
}

#[test]
fn a_name_is_taken_in_every_spelling_but_only_in_its_namespace() {
    for (n, (first, others)) in [
        ("Ada", ["ada", "ADA", "ＡＤＡ"].as_slice()),
        ("straße", &["STRASSE", "Straẞe", "ｓtrasse"]),
        ("ΌΣΟΣ", &["όσος", "όσοσ"]),
        ("Иван", &["иван", "ИВАН"]),
        ("ﬁsh", &["fish", "FISH"]),
        ("한글", &["\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}"]),
        ("Zoë", &["zoe\u{308}", "ZOË"]),
        ("カタ", &["ｶﾀ"]),
        ("x①", &["x1", "X\u{fe0f}1"]),
    ]
    .into_iter()
    .enumerate()
    {
        let client = format!("spellings-{n}");
        assert_eq!(sign_up(first, &client).send().status, 200, "{first}");
        for other in others {
            let name = Username::parse(other).unwrap();
            let nfc = name.as_str();
            sign_up(other, &client).password("another").send().is(
                409,
                &format!(r#"{{"username":"{nfc}","code":"409","description":"Username already in use"}}"#),
            );
        }
        assert_eq!(only_user(&client).username, first);
        assert_eq!(sign_up(first, &format!("{client}-other")).send().status, 200);
    }
}

#[test]
fn names_that_only_look_alike_are_different_names() {
    for name in ["admin", "аdmin", "ad-min", "admın"] {
        assert_eq!(sign_up(name, "look-alike").send().status, 200, "{name}");
    }
    assert_eq!(shared().database().users("look-alike").len(), 4);
}

#[test]
fn limits_are_inclusive() {
    let client = "l".repeat(128);
    let request = sign_up(&"ü".repeat(254), &client).password(&"x".repeat(1024));
    assert_eq!(request.send().status, 200);
    assert_eq!(only_user(&client).username, "ü".repeat(254));
}

#[test]
fn a_bad_body_is_told_what_would_be_right() {
    let given = "must be given, as a string of Unicode characters";
    let graphic = "must consist of letters, marks, numbers, punctuation and symbols, and";
    let client = "client_id must be 1 to 128 visible ASCII characters";
    let refused = "password must not hold control, invisible or unassigned characters (RFC 8265)";
    let json = |body: &str| post("/sign-up").json(body);
    for (request, description, field) in [
        (json("[]"), "The body must be a JSON object", ""),
        (json("nonsense"), "The body must be a JSON object", ""),
        (json(""), "The body must be a JSON object", ""),
        (json("{"), "The body must be valid JSON", ""),
        (
            json(r#"{"username":"a","username":"b"}"#),
            "The body must have each of username, password and client_id once",
            "",
        ),
        (json("{}"), &*format!("username {given}"), "username"),
        (json(r#"{"username":1}"#), &format!("username {given}"), "username"),
        (json(r#"{"username":"\ud800"}"#), &format!("username {given}"), "username"),
        (json(r#"{"username":"a","password":null}"#), &format!("password {given}"), "password"),
        (json(r#"{"username":"a","password":"p"}"#), &format!("client_id {given}"), "client_id"),
        (sign_up("", "bad"), "username must have 1 to 254 characters", "username"),
        (sign_up(&"x".repeat(255), "bad"), "username must have 1 to 254 characters", "username"),
        (sign_up("a b", "bad"), &format!("username {graphic} U+0020 is none of them"), "username"),
        (sign_up("a\u{202e}b", "bad"), &format!("username {graphic} U+202E is none of them"), "username"),
        (sign_up("\u{301}a", "bad"), "username must not begin with a combining mark", "username"),
        (sign_up("\u{3164}", "bad"), "username must have a visible character", "username"),
        (sign_up("a", "bad").password(""), "password must not be empty", "password"),
        (
            sign_up("a", "bad").password(&"x".repeat(1025)),
            "password must have at most 1024 bytes",
            "password",
        ),
        (sign_up("a", "bad").password("p\0"), refused, "password"),
        (sign_up("a", ""), client, "client_id"),
        (sign_up("a", "c c"), client, "client_id"),
        (sign_up("a", &"c".repeat(129)), client, "client_id"),
    ] {
        let field = if field.is_empty() { String::new() } else { format!(r#","field":"{field}""#) };
        request.send().is(400, &format!(r#"{{"description":"{description}","code":"400"{field}}}"#));
    }
    assert_eq!(shared().database().users("bad"), []);
}

#[test]
fn a_body_that_is_not_utf_8_is_refused() {
    let request = post("/sign-up").json(b"{\"username\":\"\xff\"}");
    request.send().is(400, r#"{"description":"The body must be UTF-8","code":"400"}"#);
}

#[test]
fn another_media_type_is_refused() {
    for content_type in [None, Some("text/plain"), Some("application/x-www-form-urlencoded")] {
        let request = post("/sign-up").headers(content_type.map(|value| ("Content-Type", value)));
        let request = request.body(sign_up("a", "c").body);
        request.send().is(415, r#"{"description":"The Content-Type must be application/json","code":"415"}"#);
    }
}

#[test]
fn a_body_may_have_16_kib_and_no_byte_more() {
    let padded = |size: usize| {
        let mut request = sign_up("a", &format!("size-{size}"));
        request.body.resize(size, b' ');
        request.send()
    };
    let refusal = r#"{"description":"The body must have at most 16384 bytes","code":"413"}"#;
    assert_eq!(padded(16384).status, 200);
    padded(16385).is(413, refusal);
    // The announced length decides. A client that sent such a body might find the connection closed before it has read
    // the answer.
    let head = "POST /sign-up HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n";
    let (status, body) = send_raw(head.as_bytes());
    assert!(status.starts_with("HTTP/1.1 413 "), "{status}");
    assert_eq!(body, refusal);
    assert_eq!(shared().database().users("size-16385"), []);
}

#[test]
fn a_body_of_unknown_length_is_counted_while_it_is_read() {
    let head = "POST /sign-up HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    let send_chunks = |chunks: &[&[u8]]| {
        let mut request = head.as_bytes().to_owned();
        for chunk in chunks.iter().chain(&[b"".as_slice()]) {
            request.extend([format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
        }
        send_raw(&request).0
    };
    let body = sign_up("a", "chunked").body;
    let (one, other) = body.split_at(20);
    assert!(send_chunks(&[one, other]).starts_with("HTTP/1.1 200 "));
    let padding = [b' '; 4096];
    let too_large = send_chunks(&[&padding, &padding, &padding, &padding, &sign_up("b", "chunked").body]);
    assert!(too_large.starts_with("HTTP/1.1 413 "), "{too_large}");
    assert_eq!(only_user("chunked").username, "a");
}
