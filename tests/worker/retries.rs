//! A repeat of a request gets its first answer.

use crate::faults;
use crate::request::{account, sign_up};
use crate::server::shared;

#[test]
fn a_sign_up_repeated_with_its_key_succeeds_again_with_the_same_id() {
    let request = sign_up("Ada", "retries").key("retry-1");
    let first = request.send();
    assert_eq!(first.status, 200);
    // The answer has the stored name. Another password changes neither the row nor the answer.
    for request in [request, sign_up("ADA", "retries").password("another").key("retry-1")] {
        request.send().is(200, &first.body);
    }
    let users = shared().database().users("retries");
    assert_eq!(users.len(), 1);
    assert_eq!((users[0].username.as_str(), users[0].request_key.as_str()), ("Ada", "retry-1"));
}

#[test]
fn without_the_key_or_with_another_the_name_is_taken() {
    let request = sign_up("Ada", "retries-conflict");
    let taken = r#"{"username":"Ada","code":"409","description":"Username already in use"}"#;
    assert_eq!(request.clone().key("retry-2").send().status, 200);
    request.clone().key("retry-3").send().is(409, taken);
    request.clone().key("RETRY-2").send().is(409, taken);
    request.send().is(409, taken);
}

#[test]
fn a_key_counts_for_one_name_in_one_namespace() {
    let ids: Vec<_> = [("Ada", "retries-a"), ("Grace", "retries-a"), ("Ada", "retries-b")]
        .into_iter()
        .map(|(name, client)| {
            let answer = sign_up(name, client).key("retry-4").send();
            assert_eq!(answer.status, 200);
            answer.body
        })
        .collect();
    assert!(ids[0] != ids[1] && ids[0] != ids[2] && ids[1] != ids[2], "{ids:?}");
}

#[test]
fn an_account_repeated_with_its_key_gets_the_first_answer() {
    let first = r#"{"name":"Retried","privacy":"Private"}"#;
    let request = account("Retried").privacy("Private").key("retry-5");
    request.send().is(201, first);
    request.send().is(201, first);
    account("retried").key("retry-5").send().is(201, first);
    account("Retried").key("retry-6").send().is(409, r#"{"name":"Retried","code":"409"}"#);
    account("Retried").send().is(409, r#"{"name":"Retried","code":"409"}"#);
    assert_eq!(shared().database().accounts("retried").len(), 1);
}

#[test]
fn a_key_counts_for_a_day() {
    let server = faults::server();
    let sign_up =
        |sql: &str| sign_up("Ada", "retries-day").key("retry-7").header("Test-SQL", sql).send_to(server);
    let account = |sql: &str| account("retried-day").key("retry-7").header("Test-SQL", sql).send_to(server);
    // A statement that makes the row so many seconds old.
    let age = |table: &str, is_row: &str, seconds: u32| {
        format!("UPDATE {table} SET created_at = unixepoch() - {seconds} WHERE {is_row}")
    };
    let (first, first_account) = (sign_up("SELECT 1"), account("SELECT 1"));
    assert_eq!((first.status, first_account.status), (200, 201));

    // 86,100 seconds are five minutes less than a day: time enough for the test to send the repeat.
    for seconds in [1, 86_100] {
        sign_up(&age("users", "client_id = 'retries-day'", seconds)).is(200, &first.body);
        account(&age("accounts", "name_key = 'retried-day'", seconds)).is(201, &first_account.body);
    }
    for seconds in [86_400, 31_536_000] {
        sign_up(&age("users", "client_id = 'retries-day'", seconds))
            .is(409, r#"{"username":"Ada","code":"409","description":"Username already in use"}"#);
        account(&age("accounts", "name_key = 'retried-day'", seconds))
            .is(409, r#"{"name":"retried-day","code":"409"}"#);
    }
    let database = server.database();
    assert_eq!((database.users("retries-day").len(), database.accounts("retried-day").len()), (1, 1));
}

#[test]
fn the_id_of_a_request_does_not_work_as_a_key() {
    let (user, account) = (sign_up("Ada", "retries-id"), account("retried-id"));
    let (user_answer, account_answer) = (user.send(), account.send());
    assert_eq!((user_answer.status, account_answer.status), (200, 201));
    for stored in ["", "request-id:"] {
        let key = format!("{stored}{}", user_answer.id());
        assert_eq!(user.clone().key(&key).send().status, 409);
        let key = format!("{stored}{}", account_answer.id());
        assert_eq!(account.clone().key(&key).send().status, 409);
    }
    // A client's own key may begin like that.
    let key = format!("request-id:{}", "x".repeat(244));
    let request = sign_up("Grace", "retries-id").key(&key);
    let first = request.send();
    assert_eq!(first.status, 200);
    request.send().is(200, &first.body);
}

#[test]
fn a_key_is_1_to_255_visible_ascii_characters() {
    assert_eq!(sign_up("a", "retries-long").key(&"~".repeat(255)).send().status, 200);
    for key in ["", "a b", "é", &"x".repeat(256)] {
        sign_up("b", "retries-long").key(key).send().is(
            400,
            r#"{"description":"Idempotency-Key must be 1 to 255 visible ASCII characters","code":"400","field":"Idempotency-Key"}"#,
        );
        account("bad-key").key(key).send().is(
            400,
            r#"{"name":"bad-key","privacy":null,"code":"400","description":"Idempotency-Key was invalid"}"#,
        );
    }
    assert_eq!(shared().database().users("retries-long").len(), 1);
}
