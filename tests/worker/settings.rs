//! The settings in `[vars]`.

use crate::faults;
use crate::request::{request, sign_up};

#[test]
fn settings_are_obeyed() {
    let vars = r#"{"PASSWORD_MIN_LENGTH":"8","ARGON2_MEMORY_KIB":"7168","ARGON2_ITERATIONS":"5"}"#;
    let sign_up =
        |password: &str| sign_up("a", "settings").password(password).vars(vars).send_to(faults::server());
    sign_up("7 chars").is(
        400,
        r#"{"description":"password must have at least 8 characters","code":"400","field":"password"}"#,
    );
    let answer = sign_up("8 chars!");
    let users = faults::server().database().users("settings");
    answer.is(200, &format!(r#"{{"user":{{"id":{},"username":"a"}}}}"#, users[0].id));
    assert!(users[0].password_hash.starts_with("$argon2id$v=19$m=7168,t=5,p=1$"));
    assert!(users[0].has_password("8 chars!"));
}

#[test]
fn a_setting_that_makes_no_sense_stops_the_service_and_the_log_names_it() {
    for (vars, cause) in [
        (r#"{"ARGON2_MEMORY_KIB":"19455"}"#, "ARGON2_MEMORY_KIB 19455 with ARGON2_ITERATIONS 2 is too weak"),
        (r#"{"ARGON2_ITERATIONS":1}"#, "ARGON2_MEMORY_KIB 19456 with ARGON2_ITERATIONS 1 is too weak"),
        (r#"{"ARGON2_MEMORY_KIB":65537}"#, "ARGON2_MEMORY_KIB is 65537: it must be at most 65536"),
        (r#"{"PASSWORD_MIN_LENGTH":""}"#, "PASSWORD_MIN_LENGTH is \"\": it must be a whole number"),
        (r#"{"PASSWORD_MIN_LENGTH":{}}"#, "PASSWORD_MIN_LENGTH is \"{}\": it must be a whole number"),
        (
            r#"{"BLOCK_LIST_ON_ERROR":true}"#,
            "BLOCK_LIST_ON_ERROR is \"true\": it must be \"deny\" or \"allow\"",
        ),
        (r#"{"CLIENTS":"Registered"}"#, "CLIENTS is \"Registered\": it must be \"any\" or \"registered\""),
        (r#"{"CLIENTS":true}"#, "CLIENTS is \"true\": it must be \"any\" or \"registered\""),
    ] {
        for (method, path) in
            [("POST", "/sign-up"), ("POST", "/users/"), ("OPTIONS", "/sign-up"), ("GET", "/nowhere")]
        {
            let request = request(method, path).vars(vars).header("Username", "bad-setting");
            let answer = request.send_to(faults::server());
            answer.is(500, r#"{"description":"Internal error","code":"500"}"#);
            let line = faults::server().log_line(answer.id());
            assert_eq!(line["outcome"], "internal_error");
            assert!(line["cause"].as_str().unwrap().starts_with(cause), "{line}");
        }
    }
    assert_eq!(faults::server().database().accounts("bad-setting"), []);
}

#[test]
fn a_setting_may_be_a_number_instead_of_a_text() {
    let request = sign_up("a", "c").password("8 chars!").vars(r#"{"PASSWORD_MIN_LENGTH":9}"#);
    request.send_to(faults::server()).is(
        400,
        r#"{"description":"password must have at least 9 characters","code":"400","field":"password"}"#,
    );
}
