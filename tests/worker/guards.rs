//! The guards against abuse, each on and off. One server serves them all: a request brings the
//! settings and bindings that it needs (see `faults.js`).

pub mod breached_passwords;
pub mod limits;
pub mod proof_of_work;
mod registered_clients;
mod reserved_names;
pub mod turnstile;

use crate::faults::server;
use crate::request::Request;

/// Holds an isolate to it that a replay which it refused costs no more statements, and that a retry passes: by
/// two proofs, one spent in the isolate `kept` and one elsewhere. Each makes a sign-up of a name.
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
    // The proof's statement and the sign-up's.
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
