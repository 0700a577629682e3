//! The settings in `[vars]`.

use argon2::password_hash::phc::PasswordHash;

use crate::http::{send, user};
use crate::server::Server;

const JSON: (&str, &str) = ("Content-Type", "application/json");

#[test]
fn settings_are_obeyed() {
    let server = Server::start(
        "settings",
        &[
            "--var",
            "PASSWORD_MIN_LENGTH:8",
            "--var",
            "ARGON2_MEMORY_KIB:7168",
            "--var",
            "ARGON2_ITERATIONS:5",
        ],
    );
    send(&server, "POST", "/sign-up", &[JSON], user("a", "7 chars", "c")).is(
        400,
        r#"{"description":"password must have at least 8 characters","code":"400","field":"password"}"#,
    );
    send(&server, "POST", "/sign-up", &[JSON], user("a", "8 chars!", "c"))
        .is(200, r#"{"user":{"id":1,"username":"a"}}"#);
    let users = server.database().users("c");
    assert!(users[0].password_hash.starts_with("$argon2id$v=19$m=7168,t=5,p=1$"));
    assert!(PasswordHash::new(&users[0].password_hash).is_ok());
}

#[test]
fn a_setting_that_makes_no_sense_stops_the_service_and_the_log_names_it() {
    let server = Server::start("bad-setting", &["--var", "ARGON2_MEMORY_KIB:19455"]);
    for (method, path) in [("POST", "/sign-up"), ("POST", "/users/"), ("OPTIONS", "/sign-up"), ("GET", "/")] {
        let answer = send(&server, method, path, &[("Username", "a")], "");
        answer.is(500, r#"{"description":"Internal error","code":"500"}"#);
        let line = server.log_line(answer.id());
        assert_eq!(line["outcome"], "internal_error");
        let cause = line["cause"].as_str().unwrap();
        assert!(cause.starts_with("ARGON2_MEMORY_KIB 19455 with ARGON2_ITERATIONS 2 is too weak"), "{cause}");
    }
    assert_eq!(server.database().accounts("a"), []);
}
