//! The guards against abuse, each on and off. One server serves them all: a request brings the
//! settings and bindings that it needs (see `faults.js`).

pub mod breached_passwords;
pub mod limits;
pub mod proof_of_work;
mod registered_clients;
mod reserved_names;
pub mod turnstile;

use crate::faults;
use crate::http::{Answer, JSON, send, user};

/// `POST /sign-up` with more headers.
fn sign_up(name: &str, client_id: &str, headers: &[(&str, &str)]) -> Answer {
    let headers = [&[JSON], headers].concat();
    send(faults::server(), "POST", "/sign-up", &headers, user(name, "correct horse", client_id))
}

/// Holds an isolate to it that a replay which it refused costs no more statements, and that a retry passes: by
/// two proofs, one spent in the isolate `kept` and one elsewhere. Each sends a sign-up of a name with headers.
fn assert_refusals_are_remembered(
    kept: &str,
    spent_here: impl Fn(&str, &[(&str, &str)]) -> Answer,
    spent_elsewhere: impl Fn(&str, &[(&str, &str)]) -> Answer,
) {
    let key = ("Idempotency-Key", "remembered");
    let (keyless, keyed) = (
        [("Test-Kept", kept), ("Test-Fault", "db-counts")],
        [("Test-Kept", kept), ("Test-Fault", "db-counts"), key],
    );
    let is = |answer: Answer, status: u16, statements: &str| {
        assert_eq!(
            (answer.status, answer.header("Test-Statements")),
            (status, Some(statements)),
            "{answer:?}"
        );
    };
    // The proof's statement and the sign-up's.
    is(spent_here("mine", &keyed), 200, "2");
    is(spent_here("other", &keyed), 400, "0");
    is(spent_here("mine", &keyless), 400, "0");
    for _ in 1..10 {
        is(spent_here("mine", &keyed), 200, "2");
    }
    is(spent_here("mine", &keyed), 400, "0");

    assert_eq!(spent_elsewhere("elsewhere", &[key]).status, 200);
    is(spent_elsewhere("other", &keyed), 400, "1");
    for name in ["other", "another"] {
        is(spent_elsewhere(name, &keyed), 400, "0");
        is(spent_elsewhere(name, &keyless), 400, "0");
    }
    is(spent_elsewhere("elsewhere", &keyed), 200, "2");
}

/// `POST /users/` with more headers.
fn create_account(name: &str, headers: &[(&str, &str)]) -> Answer {
    send(faults::server(), "POST", "/users/", &[&[("Username", name)], headers].concat(), "")
}
