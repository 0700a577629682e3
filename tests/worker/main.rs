//! Black-box tests: the real Worker in workerd, with the real migrations, over HTTP.
//!
//! `make test` builds the Worker first. The server is started once and shared, so each test has
//! names, clients and addresses of its own; a test that needs other settings starts its own.

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
mod bad_input;
mod block_list;
mod browser;
mod configuration;
mod confusables;
mod console;
mod cost;
mod crashes;
mod database;
mod deploy;
mod documents;
mod faults;
mod guards;
mod http;
mod load;
mod log;
mod openapi;
mod operators;
mod pages;
mod pepper;
mod races;
mod reasons;
mod request;
mod retries;
mod rooms;
mod routing;
mod server;
mod settings;
mod sign_up;
mod stand_in;
mod threats;
mod time_limits;
mod trying;
mod unicode;
mod verify;
mod verifying;
mod webdriver;

/// Whether a test can run that needs `program`.
fn is_there(program: &str, tests: &str) -> bool {
    can_run(std::process::Command::new(program).arg("--version").output().is_ok(), program, tests)
}

/// Whether `tests` can run that need `what`. In CI it must be `found`; elsewhere it is said that they are skipped.
fn can_run(found: bool, what: &str, tests: &str) -> bool {
    if !found {
        assert!(std::env::var_os("CI").is_none(), "{tests} need {what}, which is not there");
        report(&format!("SKIPPED {tests}: {what} is not there, and apt is not ours to use"));
    }
    found
}

/// Says something in the output of `make test`, past the capture of a test's own.
fn report(text: &str) {
    std::io::Write::write_all(&mut std::io::stderr(), format!("{text}\n").as_bytes()).unwrap();
}
