//! Bad input of every kind on both routes. Each gets its exact answer, and the database stays empty.

use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use edge_signup::fields::password::Password;
use edge_signup::fields::username::MAX_CHARACTERS;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::request::{account, post, send_raw, sign_up};
use crate::server::{Server, shared};

/// The client of every sign-up here. After each test it must have no users.
const CLIENT: &str = "bad-input";

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn problem(description: &str, field: Option<&str>) -> String {
    let field = field.map_or(String::new(), |field| format!(r#","field":"{field}""#));
    format!(r#"{{"description":{},"code":"400"{field}}}"#, quoted(description))
}

/// Characters that no name may hold.
const REFUSED: [char; 40] = [
    '\0',
    '\u{1}',
    '\t',
    '\n',
    '\u{b}',
    '\r',
    '\u{1b}',
    ' ',
    '\u{7f}',
    '\u{80}',
    '\u{85}',
    '\u{9f}',
    '\u{a0}',
    '\u{ad}',
    '\u{600}',
    '\u{61c}',
    '\u{1680}',
    '\u{180e}',
    '\u{2002}',
    '\u{200b}',
    '\u{200c}',
    '\u{200d}',
    '\u{200e}',
    '\u{2028}',
    '\u{2029}',
    '\u{202a}',
    '\u{202e}',
    '\u{202f}',
    '\u{205f}',
    '\u{2060}',
    '\u{2066}',
    '\u{2069}',
    '\u{3000}',
    '\u{feff}',
    '\u{fff9}',
    '\u{e000}',
    '\u{378}',
    '\u{fdd0}',
    '\u{e0001}',
    '\u{10ffff}',
];

#[test]
fn a_body_that_is_not_a_json_object() {
    let deep = "[".repeat(10_000);
    let deep_object = "{\"a\":".repeat(2_000);
    for (body, description) in [
        ("", "The body must be a JSON object"),
        (" \n\t ", "The body must be a JSON object"),
        ("null", "The body must be a JSON object"),
        ("true", "The body must be a JSON object"),
        ("0", "The body must be a JSON object"),
        ("\"\"", "The body must be a JSON object"),
        ("[]", "The body must be a JSON object"),
        ("[{}]", "The body must be a JSON object"),
        (r#"["ada","password","client"]"#, "The body must be a JSON object"),
        ("username=ada&password=p", "The body must be a JSON object"),
        ("<user/>", "The body must be a JSON object"),
        ("\u{feff}{}", "The body must be a JSON object"),
        ("\0{}", "The body must be a JSON object"),
        ("\u{a0}{}", "The body must be a JSON object"),
        (&deep, "The body must be a JSON object"),
        ("{", "The body must be valid JSON"),
        ("{]", "The body must be valid JSON"),
        ("{}}", "The body must be valid JSON"),
        ("{}{}", "The body must be valid JSON"),
        ("{}\0", "The body must be valid JSON"),
        ("{} // comment", "The body must be valid JSON"),
        ("{'username':'ada'}", "The body must be valid JSON"),
        ("{username:\"ada\"}", "The body must be valid JSON"),
        (r#"{"username":"ada",}"#, "The body must be valid JSON"),
        (r#"{"username" "ada"}"#, "The body must be valid JSON"),
        (r#"{"username":}"#, "The body must be valid JSON"),
        (r#"{"username":ada}"#, "The body must be valid JSON"),
        (r#"{"username":"ada}"#, "The body must be valid JSON"),
        ("{\"username\":\"a\nb\"}", "The body must be valid JSON"),
        (r#"{"username":"\x41"}"#, "The body must be valid JSON"),
        (r#"{"username":"\u00"}"#, "The body must be valid JSON"),
        (r#"{"a":01}"#, "The body must be valid JSON"),
        (r#"{"a":NaN}"#, "The body must be valid JSON"),
        (r#"{"a":+1}"#, "The body must be valid JSON"),
        (&deep_object, "The body must be valid JSON"),
        (
            r#"{"username":"ada","password":"p","client_id":"bad-input","username":"ada"}"#,
            "The body must have each of username, password and client_id once",
        ),
        (
            r#"{"username":"ada","password":"p","password":1,"client_id":"bad-input"}"#,
            "The body must have each of username, password and client_id once",
        ),
        (
            r#"{"username":"ada","password":"p","client_id":"bad-input","client_\u0069d":"bad-input"}"#,
            "The body must have each of username, password and client_id once",
        ),
    ] {
        post("/sign-up").json(body).send().is(400, &problem(description, None));
    }
    for body in [
        b"\xff".as_slice(),
        b"\xfe\xff\0{\0}",
        b"{\"username\":\"\xc3\"}",
        b"{\"username\":\"\xc0\x80\"}",
        b"{\"username\":\"\xed\xa0\x80\"}",
        b"{\"username\":\"\xf4\x90\x80\x80\"}",
        b"{\"\x80\":1}",
        b"{}\xe2\x98",
    ] {
        post("/sign-up").json(body).send().is(400, &problem("The body must be UTF-8", None));
    }
    assert_eq!(shared().database().users(CLIENT), []);
}

#[test]
fn a_member_that_is_missing_or_of_another_type() {
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    for value in [
        "null",
        "true",
        "false",
        "0",
        "-1",
        "1.5",
        "1e999",
        "[]",
        "[\"ada\"]",
        "{}",
        r#"{"username":"ada"}"#,
        &deep,
        r#""\ud800""#,
        r#""\udfff""#,
        r#""\ude00\ud83d""#,
    ] {
        for (field, good) in
            [("username", r#""ada""#), ("password", r#""p""#), ("client_id", r#""bad-input""#)]
        {
            let body = r#"{"username":"ada","password":"p","client_id":"bad-input"}"#.replace(good, value);
            let description = format!("{field} must be given, as a string of Unicode characters");
            post("/sign-up").json(body).send().is(400, &problem(&description, Some(field)));
        }
    }
    for (field, body) in [
        ("username", r#"{"password":"p","client_id":"bad-input"}"#),
        ("password", r#"{"username":"ada","client_id":"bad-input"}"#),
        ("client_id", r#"{"username":"ada","password":"p"}"#),
        ("username", r#"{"Username":"ada","PASSWORD":"p","clientId":"bad-input"}"#),
    ] {
        let description = format!("{field} must be given, as a string of Unicode characters");
        post("/sign-up").json(body).send().is(400, &problem(&description, Some(field)));
    }
    assert_eq!(shared().database().users(CLIENT), []);
}

#[test]
fn a_name_that_breaks_its_rule_on_both_routes() {
    let character = |c: char| {
        let code = u32::from(c);
        format!(
            "username must consist of letters, marks, numbers, punctuation and symbols, and U+{code:04X} is none of them"
        )
    };
    let length = || "username must have 1 to 254 characters".to_owned();
    let mark = || "username must not begin with a combining mark".to_owned();
    let invisible = || "username must have a visible character".to_owned();
    let mut cases: Vec<(String, String)> =
        REFUSED.iter().map(|c| (format!("ada{c}x"), character(*c))).collect();
    cases.extend(REFUSED.iter().map(|c| (format!("{c}ada"), character(*c))));
    cases.extend([
        (String::new(), length()),
        ("x".repeat(255), length()),
        ("é".repeat(255), length()),
        ("e\u{301}".repeat(255), length()),
        ("😀".repeat(255), length()),
        // Its NFC form is longer than the text that is sent.
        ("\u{fb2c}".repeat(MAX_CHARACTERS / 2 + 1), length()),
        ("\u{301}".to_owned(), mark()),
        ("\u{301}ada".to_owned(), mark()),
        ("\u{fe0f}".to_owned(), mark()),
        ("\u{20dd}a".to_owned(), mark()),
        ("\u{903}a".to_owned(), mark()),
        ("\u{3164}".to_owned(), invisible()),
        ("\u{115f}".to_owned(), invisible()),
        ("\u{1160}\u{ffa0}".to_owned(), invisible()),
        ("\u{3164}\u{fe0f}\u{34f}".to_owned(), invisible()),
    ]);
    for (name, description) in &cases {
        sign_up(name, CLIENT).send().is(400, &problem(description, Some("username")));
        let sent = format!("UTF-8''{}", utf8_percent_encode(name, NON_ALPHANUMERIC));
        account(&sent).send().is(
            400,
            &format!(
                r#"{{"name":"{sent}","privacy":null,"code":"400","description":"Username was invalid"}}"#
            ),
        );
    }
    assert!(cases.len() > 90);
    assert_eq!(shared().database().users(CLIENT), []);
}

#[test]
fn a_password_or_client_id_that_breaks_its_rule() {
    let refused = "password must not hold control, invisible or unassigned characters (RFC 8265)";
    for c in REFUSED {
        // A password may contain spaces of every kind, and a joiner where the script uses one.
        if Password::parse(&format!("ada{c}x"), 1).is_err() {
            let request = sign_up("ada", CLIENT).password(&format!("ada{c}x"));
            request.send().is(400, &problem(refused, Some("password")));
        }
    }
    for (password, description) in [
        ("", "password must not be empty"),
        (&*"x".repeat(1025), "password must have at most 1024 bytes"),
        (&*"é".repeat(513), "password must have at most 1024 bytes"),
        (&*"😀".repeat(257), "password must have at most 1024 bytes"),
        ("\u{1100}", refused),
        ("\u{640}", refused),
        ("❤\u{fe0f}", refused),
        ("👩\u{200d}🚀", refused),
        ("a\u{b7}b", refused),
    ] {
        sign_up("ada", CLIENT).password(password).send().is(400, &problem(description, Some("password")));
    }
    for client in ["", " ", "a b", "a\tb", "é", "\u{7f}", "a\n", "a\0b", "\u{ff41}", &"c".repeat(129)] {
        sign_up("ada", client)
            .send()
            .is(400, &problem("client_id must be 1 to 128 visible ASCII characters", Some("client_id")));
    }
    assert_eq!(shared().database().users(CLIENT), []);
}

#[test]
fn a_header_that_breaks_its_rule() {
    let invalid = |name: &str, privacy: &str, description: &str| {
        format!(r#"{{"name":{name},"privacy":{privacy},"code":"400","description":"{description}"}}"#)
    };
    for name in [
        "UTF-8''",
        "UTF-8''%",
        "UTF-8''%4",
        "UTF-8''%ZZ",
        "UTF-8''%E2%98",
        "UTF-8''%FF",
        "UTF-8''%C0%80",
        "UTF-8''%ED%A0%80",
        "UTF-8''a%20b",
        "UTF-8''%00",
        "utf-8'en'%",
        "UTF-8''\u{2603}",
        "a b",
        "a, b",
        "a\u{a0}b",
        "a\u{202e}b",
    ] {
        account(name).send().is(400, &invalid(&quoted(name), "null", "Username was invalid"));
    }
    for privacy in [
        "",
        "friends",
        "Public, Private",
        "Publicc",
        "public;",
        "\"Public\"",
        "ｐublic",
        "0",
        "UTF-8''%",
        "UTF-8''friends",
    ] {
        let request = account("bad-privacy").privacy(privacy);
        request.send().is(400, &invalid("\"bad-privacy\"", &quoted(privacy), "Privacy was invalid"));
    }
    let twice = account("a").header("Username", "b");
    twice.send().is(400, &invalid("\"a, b\"", "null", "Username was invalid"));
    for content_type in [
        None,
        Some(""),
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=x"),
        Some("application/json, application/json"),
        Some("application/problem+json"),
        Some("text/json"),
        Some("application"),
        Some("application/json charset=utf-8"),
    ] {
        let request = post("/sign-up").headers(content_type.map(|value| ("Content-Type", value)));
        let request = request.body(sign_up("ada", CLIENT).body);
        request.send().is(415, r#"{"description":"The Content-Type must be application/json","code":"415"}"#);
    }
    assert_eq!(shared().database().accounts("bad-privacy"), []);
    assert_eq!(shared().database().users(CLIENT), []);
}

#[test]
fn a_request_that_is_not_valid_http() {
    let head = "Host: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n";
    // The runtime itself refuses these before the Worker sees them.
    for length in ["-1", "1e3", "0x10", "99999999999999999999999"] {
        let (status, _) = send_raw(
            format!("POST /sign-up HTTP/1.1\r\n{head}Content-Length: {length}\r\n\r\n{{}}").as_bytes(),
        );
        assert!(status.starts_with("HTTP/1.1 400 "), "{length}: {status}");
    }
    for header in ["Username: a\0b", "Username\0: a", "no colon"] {
        let (status, _) = send_raw(format!("POST /users/ HTTP/1.1\r\n{head}{header}\r\n\r\n").as_bytes());
        assert!(status.starts_with("HTTP/1.1 400 "), "{header:?}: {status}");
    }
    let (status, _) = send_raw(format!("BREW /users/ HTTP/1.1\r\n{head}\r\n").as_bytes());
    assert!(status.starts_with("HTTP/1.1 501 "), "{status}");
    // Bytes of a header that are not UTF-8 reach the Worker as U+FFFD, which a name may not contain.
    let invalid = [
        b"POST /users/ HTTP/1.1\r\nUsername: a\xff\xfe\r\n".as_slice(),
        head.as_bytes(),
        b"Content-Length: 0\r\n\r\n",
    ]
    .concat();
    let (status, body) = send_raw(&invalid);
    assert!(status.starts_with("HTTP/1.1 400 "), "{status}");
    assert_eq!(
        body,
        "{\"name\":\"a\u{fffd}\u{fffd}\",\"privacy\":null,\"code\":\"400\",\"description\":\"Username was invalid\"}"
    );
}

/// The client is gone before the answer, and so the test has no id to find the log line by. The server gets no other
/// requests.
#[test]
fn a_body_that_ends_before_its_announced_length_is_refused() {
    let server = Server::start("cut-off", &[]);
    let body = sign_up("cut", CLIENT).body;
    let head = format!(
        "POST /sign-up HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len() + 10
    );
    let request = [head.as_bytes(), &body].concat();
    // The runtime drops a request whose client leaves before the Worker has begun, so each client stays a little
    // longer.
    let line = (0..100).find_map(|n| {
        let mut stream = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
        stream.write_all(&request).unwrap();
        thread::sleep(Duration::from_millis(10 * n));
        drop(stream);
        thread::sleep(Duration::from_millis(100));
        server.log().iter().find_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
    });
    let line = line.expect("the log should have the line of a request that was cut off");
    assert_eq!((&line["status"], &line["outcome"]), (&400.into(), &"invalid".into()));
    assert_eq!(server.database().users(CLIENT), []);
}
