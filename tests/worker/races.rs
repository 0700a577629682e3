//! Many requests at once, each over its own connection: the name goes to one of them, and none gets an error of the
//! server.

use std::thread;

use crate::http::Answer;
use crate::request::{account, sign_up};
use crate::server::shared;

/// Sends `count` requests at once and gives their answers.
pub fn at_once(count: usize, request: impl Fn(usize) -> Answer + Sync) -> Vec<Answer> {
    let request = &request;
    thread::scope(|scope| {
        let calls: Vec<_> = (0..count).map(|n| scope.spawn(move || request(n))).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    })
}

pub fn assert_statuses(answers: &[Answer], expected: &[(u16, usize)]) {
    for (status, count) in expected {
        let found = answers.iter().filter(|answer| answer.status == *status).count();
        assert_eq!(found, *count, "the number of answers with {status}");
    }
    assert_eq!(answers.len(), expected.iter().map(|(_, count)| count).sum::<usize>());
}

#[test]
fn of_200_sign_ups_with_one_name_one_succeeds() {
    let spellings = ["Zoë", "zoë", "ZOË", "Zoe\u{308}", "ＺＯＥ\u{308}", "zo\u{fe0f}ë"];
    let answers = at_once(200, |n| sign_up(spellings[n % spellings.len()], "races").send());
    assert_statuses(&answers, &[(200, 1), (409, 199)]);
    assert_eq!(shared().database().users("races").len(), 1);
}

#[test]
fn of_200_accounts_with_one_name_one_is_created() {
    let spellings = ["Straße", "STRASSE", "straẞe", "ｓｔｒａｓｓｅ", "UTF-8''Stra%C3%9Fe"];
    let answers = at_once(200, |n| {
        let privacy = if n % 2 == 0 { "Public" } else { "Private" };
        account(spellings[n % spellings.len()]).privacy(privacy).send()
    });
    assert_statuses(&answers, &[(201, 1), (409, 199)]);
    assert_eq!(shared().database().accounts("strasse").len(), 1);
}

#[test]
fn of_50_repeats_with_one_key_all_get_the_same_answer() {
    let user = sign_up("Repeated", "races-repeated").key("races");
    let answers = at_once(50, |_| user.send());
    assert_statuses(&answers, &[(200, 50)]);
    assert!(answers.iter().all(|answer| answer.body == answers[0].body));
    assert_eq!(shared().database().users("races-repeated").len(), 1);

    let account = account("races-repeated").key("races");
    let answers = at_once(50, |_| account.send());
    assert_statuses(&answers, &[(201, 50)]);
    assert_eq!(shared().database().accounts("races-repeated").len(), 1);
}
