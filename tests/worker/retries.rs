//! A repeat of a request gets its first answer.

use crate::faults;
use crate::http::{Answer, JSON, create_account, send, user};
use crate::server::shared;

fn sign_up_with_key(key: &str, body: &str) -> Answer {
    send(shared(), "POST", "/sign-up", &[JSON, ("Idempotency-Key", key)], body)
}

#[test]
fn a_sign_up_repeated_with_its_key_succeeds_again_with_the_same_id() {
    let first = sign_up_with_key("retry-1", &user("Ada", "correct horse", "retries"));
    assert_eq!(first.status, 200);
    // The name as it was stored; another password changes nothing and tells nothing.
    for body in [user("Ada", "correct horse", "retries"), user("ADA", "another", "retries")] {
        sign_up_with_key("retry-1", &body).is(200, &first.body);
    }
    let users = shared().database().users("retries");
    assert_eq!(users.len(), 1);
    assert_eq!((users[0].username.as_str(), users[0].request_key.as_str()), ("Ada", "retry-1"));
}

#[test]
fn without_the_key_or_with_another_the_name_is_taken() {
    let body = user("Ada", "p", "retries-conflict");
    let taken = r#"{"username":"Ada","code":"409","description":"Username already in use"}"#;
    let first = sign_up_with_key("retry-2", &body);
    assert_eq!(first.status, 200);
    sign_up_with_key("retry-3", &body).is(409, taken);
    sign_up_with_key("RETRY-2", &body).is(409, taken);
    send(shared(), "POST", "/sign-up", &[JSON], &body).is(409, taken);
}

#[test]
fn a_key_counts_for_one_name_in_one_namespace() {
    let ids: Vec<_> = [("Ada", "retries-a"), ("Grace", "retries-a"), ("Ada", "retries-b")]
        .into_iter()
        .map(|(name, client)| {
            let answer = sign_up_with_key("retry-4", &user(name, "p", client));
            assert_eq!(answer.status, 200);
            answer.body
        })
        .collect();
    assert!(ids[0] != ids[1] && ids[0] != ids[2] && ids[1] != ids[2], "{ids:?}");
}

#[test]
fn an_account_repeated_with_its_key_is_as_it_was_first() {
    let first = r#"{"name":"Retried","privacy":"Private"}"#;
    create_account(&[("Username", "Retried"), ("Privacy", "Private"), ("Idempotency-Key", "retry-5")])
        .is(201, first);
    create_account(&[("Username", "Retried"), ("Privacy", "Private"), ("Idempotency-Key", "retry-5")])
        .is(201, first);
    create_account(&[("Username", "retried"), ("Idempotency-Key", "retry-5")]).is(201, first);
    create_account(&[("Username", "Retried"), ("Idempotency-Key", "retry-6")])
        .is(409, r#"{"name":"Retried","code":"409"}"#);
    create_account(&[("Username", "Retried")]).is(409, r#"{"name":"Retried","code":"409"}"#);
    assert_eq!(shared().database().accounts("retried").len(), 1);
}

#[test]
fn a_key_counts_for_a_day() {
    let server = faults::server();
    let key = ("Idempotency-Key", "retry-7");
    let sign_up = |sql: &str| {
        let headers = [JSON, key, ("Test-SQL", sql)];
        send(server, "POST", "/sign-up", &headers, user("Ada", "p", "retries-day"))
    };
    let create_account = |sql: &str| {
        send(server, "POST", "/users/", &[("Username", "retried-day"), key, ("Test-SQL", sql)], "")
    };
    // Makes the row as old as that many seconds.
    let age = |table: &str, is_row: &str, seconds: u32| {
        format!("UPDATE {table} SET created_at = unixepoch() - {seconds} WHERE {is_row}")
    };
    let (first, first_account) = (sign_up("SELECT 1"), create_account("SELECT 1"));
    assert_eq!((first.status, first_account.status), (200, 201));

    // Five minutes are enough for the test to get from the one statement to the other.
    for seconds in [1, 86_100] {
        sign_up(&age("users", "client_id = 'retries-day'", seconds)).is(200, &first.body);
        create_account(&age("accounts", "name_key = 'retried-day'", seconds)).is(201, &first_account.body);
    }
    for seconds in [86_400, 31_536_000] {
        sign_up(&age("users", "client_id = 'retries-day'", seconds))
            .is(409, r#"{"username":"Ada","code":"409","description":"Username already in use"}"#);
        create_account(&age("accounts", "name_key = 'retried-day'", seconds))
            .is(409, r#"{"name":"retried-day","code":"409"}"#);
    }
    let database = server.database();
    assert_eq!((database.users("retries-day").len(), database.accounts("retried-day").len()), (1, 1));
}

#[test]
fn the_id_of_a_request_does_not_work_as_a_key() {
    let body = user("Ada", "p", "retries-id");
    let answer = send(shared(), "POST", "/sign-up", &[JSON], &body);
    let account = create_account(&[("Username", "retried-id")]);
    assert_eq!((answer.status, account.status), (200, 201));
    for stored in ["", "request-id:"] {
        assert_eq!(sign_up_with_key(&format!("{stored}{}", answer.id()), &body).status, 409);
        let key = format!("{stored}{}", account.id());
        let repeat = create_account(&[("Username", "retried-id"), ("Idempotency-Key", &key)]);
        assert_eq!(repeat.status, 409);
    }
    // Such a key is still a key.
    let key = format!("request-id:{}", "x".repeat(244));
    let first = sign_up_with_key(&key, &user("Grace", "p", "retries-id"));
    assert_eq!(first.status, 200);
    sign_up_with_key(&key, &user("Grace", "p", "retries-id")).is(200, &first.body);
}

#[test]
fn a_key_is_1_to_255_visible_ascii_characters() {
    assert_eq!(sign_up_with_key(&"~".repeat(255), &user("a", "p", "retries-long")).status, 200);
    for key in ["", "a b", "é", &"x".repeat(256)] {
        sign_up_with_key(key, &user("b", "p", "retries-long")).is(
            400,
            r#"{"description":"Idempotency-Key must be 1 to 255 visible ASCII characters","code":"400","field":"Idempotency-Key"}"#,
        );
        create_account(&[("Username", "bad-key"), ("Idempotency-Key", key)]).is(
            400,
            r#"{"name":"bad-key","privacy":null,"code":"400","description":"Idempotency-Key was invalid"}"#,
        );
    }
    assert_eq!(shared().database().users("retries-long").len(), 1);
}
