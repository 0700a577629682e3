//! Black-box tests: the real Worker in workerd, with the real migrations, over HTTP.
//!
//! `make test` builds the Worker first. The tests share one server, so each test has its own names, clients and
//! addresses. A test that needs other settings starts its own server.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]
#![expect(clippy::disallowed_methods, reason = "the tests run on the host, which has clocks")]

mod abandoned;
mod accounts;
mod admin;
mod bad_input;
mod block_list;
mod browser;
mod client;
mod configuration;
mod confusables;
mod console;
mod cost;
mod crashes;
mod database;
mod deploy;
mod documents;
mod element;
mod events;
mod faults;
mod growing;
mod guards;
mod http;
mod load;
mod log;
mod openapi;
mod operators;
mod package;
mod pages;
mod pepper;
mod races;
mod reasons;
mod request;
mod retries;
mod routing;
mod rules;
mod scaling;
mod server;
mod settings;
mod sign_up;
mod stand_in;
mod time_limits;
mod trying;
mod unicode;
mod verify;
mod verifying;
mod webdriver;

/// Whether `program` is installed, which `tests` need.
fn is_there(program: &str, tests: &str) -> bool {
    can_run(std::process::Command::new(program).arg("--version").output().is_ok(), program, tests)
}

/// Whether `tests` can run, which need `what`. In CI, `what` must be `found`. Elsewhere the output says that the
/// tests are skipped.
fn can_run(found: bool, what: &str, tests: &str) -> bool {
    if !found {
        assert!(std::env::var_os("CI").is_none(), "{tests} need {what}, which is missing");
        report(&format!("SKIPPED {tests}: {what} is missing, and make test could not install it"));
    }
    found
}

/// Writes to the output of `make test`, past the capture of a test's output.
fn report(text: &str) {
    std::io::Write::write_all(&mut std::io::stderr(), format!("{text}\n").as_bytes()).unwrap();
}
