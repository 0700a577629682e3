//! `make block`, `make unblock` and `make blocked`, on the storage of a running server.

use std::process::Command;

use crate::http::send;
use crate::server::shared;

/// Runs `make` and gives whether it succeeded, with what it printed.
fn make(arguments: &[&str]) -> (bool, String) {
    let output = Command::new("make")
        .arg("--silent")
        .args(arguments)
        .arg(format!("STATE={}", shared().state.display()))
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

fn status_from(address: &str) -> u16 {
    send(shared(), "POST", "/users/", &[("CF-Connecting-IP", address)], "").status
}

#[test]
fn a_block_is_seen_by_a_running_server_until_it_is_lifted() {
    for (written, key, address) in [
        ("IP=2001:DB8:77:0:0::1", "2001:db8:77::1", "2001:db8:77::1"),
        ("IP=192.0.2.77/24", "192.0.2.0/24", "192.0.2.1"),
    ] {
        assert_eq!(status_from(address), 400);
        let (succeeded, text) = make(&["block", written, "REASON=it's \"spam\"", "TTL=3600"]);
        assert!(succeeded && text.contains(&format!("Blocked: {key}\n")), "{text}");
        assert_eq!(status_from(address), 403);
        let (_, list) = make(&["blocked"]);
        let line = list.lines().find(|line| line.starts_with(&format!("{key}\tuntil 20"))).expect(&list);
        assert!(line.ends_with("\tit's \"spam\""), "{line}");
        let (succeeded, text) = make(&["unblock", written]);
        assert!(succeeded && text.contains(&format!("Unblocked: {key}\n")), "{text}");
        assert_eq!(status_from(address), 400);
    }
}

#[test]
fn what_the_worker_would_not_look_up_is_refused() {
    for (written, problem) in [
        ("IP=", "\"\" is not an IP address"),
        ("IP=example.com", "\"example.com\" is not an IP address"),
        ("IP=203.0.113.0/8", "\"203.0.113.0/8\" is not a range that is looked up"),
        ("IP=$$(touch injected)", "is not an IP address"),
    ] {
        for command in ["block", "unblock"] {
            let (succeeded, text) = make(&[command, written]);
            assert!(!succeeded && text.contains(problem), "{text}");
        }
    }
}
