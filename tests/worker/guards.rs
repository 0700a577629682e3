//! The guards against abuse, each on and off. They share one server: a request brings the settings and bindings that it
//! needs (see `faults.js`).

pub mod breached_passwords;
pub mod limits;
pub mod proof_of_work;
mod registered_clients;
mod reserved_names;
pub mod sign_up_hook;
pub mod turnstile;

use crate::faults::server;
use crate::request::Request;

/// Asserts that an isolate remembers the replays that it refused, so that another replay costs no statement, and that
/// a retry still passes. The first proof is spent in the isolate `kept`, and the second elsewhere. Each function
/// makes the sign-up of a name with its proof.
fn assert_refusals_are_remembered(
    kept: &str,
    spent_here: impl Fn(&str) -> Request,
    spent_elsewhere: impl Fn(&str) -> Request,
) {
    let keyed = |request: Request| request.key("remembered");
    let is = |request: Request, status: u16, statements: &str| {
        let answer = request.header("Test-Kept", kept).fault("db-counts").send_to(server());
        assert_eq!(
            (answer.status, answer.header("Test-Statements")),
            (status, Some(statements)),
            "{answer:?}"
        );
    };
    // One statement is the proof's, and one the sign-up's.
    is(keyed(spent_here("mine")), 200, "2");
    is(keyed(spent_here("other")), 400, "0");
    is(spent_here("mine"), 400, "0");
    for _ in 1..10 {
        is(keyed(spent_here("mine")), 200, "2");
    }
    is(keyed(spent_here("mine")), 400, "0");

    assert_eq!(keyed(spent_elsewhere("elsewhere")).send_to(server()).status, 200);
    is(keyed(spent_elsewhere("other")), 400, "1");
    for name in ["other", "another"] {
        is(keyed(spent_elsewhere(name)), 400, "0");
        is(spent_elsewhere(name), 400, "0");
    }
    is(keyed(spent_elsewhere("elsewhere")), 200, "2");
}
