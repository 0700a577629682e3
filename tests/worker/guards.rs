//! The guards against abuse, each on and off. One server serves them all: a request brings the
//! settings and bindings that it needs (see `faults.js`).

mod breached_passwords;
mod limits;
pub mod proof_of_work;
mod registered_clients;
mod reserved_names;
mod turnstile;

use crate::faults;
use crate::http::{Answer, JSON, send, user};

/// `POST /sign-up` with more headers.
fn sign_up(name: &str, client_id: &str, headers: &[(&str, &str)]) -> Answer {
    let headers = [&[JSON], headers].concat();
    send(faults::server(), "POST", "/sign-up", &headers, user(name, "correct horse", client_id))
}

/// `POST /users/` with more headers.
fn create_account(name: &str, headers: &[(&str, &str)]) -> Answer {
    send(faults::server(), "POST", "/users/", &[&[("Username", name)], headers].concat(), "")
}
