//! `examples/sign-in`: a Worker that signs users in by the admin's entry point.

use serde_json::json;

use super::{PASSWORD, admin, server, signed_up};
use crate::http::Answer;
use crate::request::{get, post};

fn sign_in(body: &str) -> Answer {
    post("/sign-in").json(body).call(server().beside("sign-in")).unwrap()
}

fn me(cookie: &str) -> Answer {
    get("/me").header("Cookie", cookie).call(server().beside("sign-in")).unwrap()
}

#[test]
fn a_user_signs_in_and_out() {
    let id = signed_up("Signed-in", "demo");
    let body = json!({ "username": "signed-IN", "password": PASSWORD }).to_string();
    let answer = sign_in(&body);
    let user = answer.json()["user"].clone();
    assert_eq!((answer.status, &user["id"], &user["username"]), (200, &json!(id), &json!("Signed-in")));
    let set = answer.header("Set-Cookie").unwrap();
    let (cookie, attributes) = set.split_once(';').unwrap();
    assert_eq!(attributes, " Max-Age=604800; Path=/; HttpOnly; Secure; SameSite=Lax");

    for cookie in [cookie.to_owned(), format!("a=b; {cookie}; c=d")] {
        let answer = me(&cookie);
        assert_eq!((answer.status, answer.json()), (200, user.clone()));
    }
    let (name, session) = cookie.split_once('=').unwrap();
    let [own, end, signature]: [&str; 3] = session.split('.').collect::<Vec<_>>().try_into().unwrap();
    let later = end.parse::<u64>().unwrap() + 1;
    let other = if signature.starts_with('0') { "1" } else { "0" };
    for forged in [
        format!("{name}={}.{end}.{signature}", own.parse::<u64>().unwrap() + 1),
        format!("{name}={own}.{later}.{signature}"),
        format!("{name}={own}.{end}.{other}{}", &signature[1..]),
        format!("{name}={own}.{end}.{}", &signature[1..]),
        format!("{name}={own}.{end}"),
        format!("x{cookie}"),
        String::new(),
    ] {
        me(&forged).is(401, r#"{"ok":false}"#);
    }

    let answer = post("/sign-out").call(server().beside("sign-in")).unwrap();
    answer.is(200, r#"{"ok":true}"#);
    let expected = "session=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax";
    assert_eq!(answer.header("Set-Cookie"), Some(expected));
    me("session=").is(401, r#"{"ok":false}"#);
    admin("DELETE", &format!("/users/{id}")).ask().is(204, "");
    me(cookie).is(401, r#"{"ok":false}"#);
}

#[test]
fn nobody_signs_in_with_a_wrong_password() {
    signed_up("Guarded", "demo");
    for body in [
        json!({ "username": "Guarded", "password": "another password" }).to_string(),
        json!({ "username": "Nobody", "password": PASSWORD }).to_string(),
        json!({ "username": "Guarded" }).to_string(),
        "null".to_owned(),
        "not JSON".to_owned(),
        String::new(),
    ] {
        let answer = sign_in(&body);
        answer.is(401, r#"{"ok":false}"#);
        assert_eq!(answer.header("Set-Cookie"), None);
    }
    assert_eq!(get("/sign-in").call(server().beside("sign-in")).unwrap().status, 404);
}
