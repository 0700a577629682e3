//! Paths, methods, and the CORS preflight.

use crate::faults;
use crate::http::PREFLIGHT_ALLOW_HEADERS;
use crate::request::{get, post, preflight, request};
use crate::server::shared;

const PATHS: [&str; 6] =
    ["/sign-up", "/sign-up/", "/users/", "/users", "/connectmypairs/users/", "/connectmypairs/users"];

#[test]
fn an_unknown_path_is_not_found_whatever_the_method() {
    for path in [
        "//",
        "/index",
        "/reference.html",
        "/reference/",
        "/_headers",
        "/sign-up/x",
        "/Sign-Up",
        "/user",
        "//users/",
        "/%75sers/",
        "/connectmypairs",
        "/index.html?/users/",
        // This path exists only while proof of work is on.
        "/challenge",
    ] {
        for method in ["GET", "POST", "OPTIONS", "DELETE"] {
            request(method, path).send().is(
                404,
                r#"{"description":"There is nothing here: the paths are /sign-up and /users/","code":"404"}"#,
            );
        }
    }
}

#[test]
fn another_method_is_not_allowed_and_the_answer_says_which_are() {
    for path in PATHS {
        for method in ["GET", "PUT", "DELETE", "PATCH"] {
            let answer = request(method, path).send();
            answer.is(405, r#"{"description":"This path takes POST and OPTIONS only","code":"405"}"#);
            assert_eq!(answer.header("Allow"), Some("POST, OPTIONS"));
        }
        let answer = request("HEAD", path).send();
        answer.is(405, "");
        assert_eq!(answer.header("Allow"), Some("POST, OPTIONS"));
    }
}

#[test]
fn a_preflight_is_answered_for_a_day_on_every_path() {
    for path in PATHS {
        let headers = [
            ("Origin", "https://app.example"),
            ("Access-Control-Request-Method", "POST"),
            ("Access-Control-Request-Headers", "username,privacy,idempotency-key"),
        ];
        let answer = preflight(path).headers(headers).send();
        answer.is(204, "");
        assert_eq!(answer.header("Access-Control-Max-Age"), Some("86400"));
        assert_eq!(answer.header("Access-Control-Allow-Headers"), Some(PREFLIGHT_ALLOW_HEADERS));
    }
    preflight("/users/").send().is(204, "");
}

#[test]
fn a_query_changes_nothing() {
    let request = post("/users/?name=other#fragment").header("Username", "routing-query");
    request.send().is(201, r#"{"name":"routing-query","privacy":"Public"}"#);
}

#[test]
fn every_request_is_counted_by_the_name_of_its_route() {
    let counted = |method: &str, path: &str| {
        let answer = request(method, path).send_to(faults::server());
        let points = answer.header("Test-Outcomes").unwrap().to_owned();
        (serde_json::from_str::<serde_json::Value>(&points).unwrap(), answer.status)
    };
    let point = |route: &str, status: u16, reason: &str| serde_json::json!([{ "indexes": [route], "blobs": [route, status.to_string(), reason] }]);
    for path in PATHS {
        let route = if path.contains("users") { "/users" } else { "/sign-up" };
        for path in [path, &format!("{path}?a=/challenge")] {
            let expected = point(route, 405, "method_not_allowed");
            assert_eq!(counted("GET", path), (expected, 405), "{path}");
        }
    }
    assert_eq!(counted("POST", "/users/"), (point("/users", 400, "username_missing"), 400));
    assert_eq!(counted("OPTIONS", "/sign-up"), (point("/sign-up", 204, ""), 204));
    assert_eq!(counted("GET", "/challenge"), (point("/challenge", 404, "not_found"), 404));
    let rules = "/.well-known/edge-signup";
    assert_eq!(counted("GET", rules), (point(rules, 200, ""), 200));
    for path in ["/challenge/", "/.well-known/edge-signup/", "/connectmypairs/sign-up", "/users//", "/secret"]
    {
        assert_eq!(counted("GET", path), (point("", 404, "not_found"), 404), "{path}");
    }
}

#[test]
fn every_request_has_an_id_of_its_own_and_one_log_line() {
    let (one, other) = (post("/users/").send(), post("/users/").send());
    assert_ne!(one.id(), other.id());
    let line = shared().log_line(one.id());
    assert_eq!(
        (&line["route"], &line["status"], &line["outcome"]),
        (&"/users/".into(), &400.into(), &"invalid".into())
    );
    let answer = get("/secret-path").send();
    let line = shared().log_line(answer.id());
    assert_eq!((&line["route"], &line["outcome"]), (&serde_json::Value::Null, &"not_found".into()));
}
