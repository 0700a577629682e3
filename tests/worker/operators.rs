//! The commands of `make` that change storage: the block list of a running server, and the clients in a database that
//! no server uses meanwhile.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::configuration::Dev;
use crate::database::{self, Client};
use crate::deploy::{NAMESPACE, Project, with_ids};
use crate::faults;
use crate::request::{post, sign_up};
use crate::server::{command, fresh, migrated, shared};

/// Runs `make` on the storage in `state`. Gives whether it succeeded, and its output.
pub fn make(state: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new("make")
        .arg("--silent")
        .args(arguments)
        .arg(format!("STATE={}", state.display()))
        .output()
        .unwrap();
    (output.status.success(), text_of(&output))
}

/// Everything that a command printed.
pub fn text_of(output: &Output) -> String {
    String::from_utf8([&*output.stdout, &*output.stderr].concat()).unwrap()
}

fn status_from(address: &str) -> u16 {
    post("/users/").address(address).send().status
}

#[test]
fn a_block_is_seen_by_a_running_server_until_it_is_lifted() {
    for (written, key, address) in [
        ("IP=2001:DB8:77:0:0::1", "2001:db8:77::1", "2001:db8:77::1"),
        ("IP=192.0.2.77/24", "192.0.2.0/24", "192.0.2.1"),
    ] {
        assert_eq!(status_from(address), 400);
        let (succeeded, text) =
            make(&shared().state, &["block", written, "REASON=it's \"spam\"", "TTL=3600"]);
        assert!(succeeded && text.contains(&format!("Blocked: {key}\n")), "{text}");
        assert_eq!(status_from(address), 403);
        let (_, list) = make(&shared().state, &["blocked"]);
        let line = list.lines().find(|line| line.starts_with(&format!("{key}\tuntil 20"))).expect(&list);
        assert!(line.ends_with("\tit's \"spam\""), "{line}");
        let (succeeded, text) = make(&shared().state, &["unblock", written]);
        assert!(succeeded && text.contains(&format!("Unblocked: {key}\n")), "{text}");
        assert_eq!(status_from(address), 400);
        let (succeeded, text) = make(&shared().state, &["unblock", written]);
        assert!(succeeded && text.contains(&format!("Was not blocked: {key}\n")), "{text}");
    }
}

#[test]
fn an_address_that_a_range_still_blocks_is_reported_as_blocked() {
    let state = &fresh("ranges");
    for written in ["IP=192.0.2.7", "IP=192.0.0.0/16"] {
        assert!(make(state, &["block", written]).0);
    }
    let own_entry = "192.0.2.7. Its own entry is gone, but the range 192.0.0.0/16 is on the list: make unblock IP=192.0.0.0/16";
    let (succeeded, text) = make(state, &["unblock", "IP=192.0.2.7"]);
    assert!(!succeeded && text.contains(&format!("Still blocked: {own_entry}\n")), "{text}");

    // The sentence about the keys of an address and the keys on the list.
    let unblocked = |written: &str, list: &[&str]| {
        let code = "const { keysOf } = require('./scripts/commands/block');
            const { outcome } = require('./scripts/commands/unblock');
            const [written, ...list] = process.argv.slice(1);
            try { console.log(outcome(keysOf(written), list)); }
            catch ({ message }) { console.log(message); process.exitCode = 1; }";
        let output = command("node").args(["-e", code, written]).args(list).output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let list = &["192.0.0.0/16", "2001:db8::/32"];
    for (written, sentence) in [
        ("192.0.2.7", "192.0.2.7. The range 192.0.0.0/16 is on the list: make unblock IP=192.0.0.0/16"),
        ("192.0.2.0/24", "192.0.2.0/24. The range 192.0.0.0/16 is on the list: make unblock IP=192.0.0.0/16"),
        (
            "2001:db8:1::1",
            "2001:db8:1::1. The range 2001:db8::/32 is on the list: make unblock IP=2001:db8::/32",
        ),
    ] {
        assert_eq!(unblocked(written, list), (false, format!("Still blocked: {sentence}\n")));
    }
    assert_eq!(unblocked("192.0.2.7", &[]), (true, "Was not blocked: 192.0.2.7\n".to_owned()));
    assert_eq!(make(state, &["unblock", "IP=192.0.0.0/16"]), (true, "Unblocked: 192.0.0.0/16\n".to_owned()));
}

#[test]
fn an_empty_list_is_a_success() {
    let state = &fresh("empty");
    assert_eq!(make(state, &["blocked"]), (true, "Nothing is blocked\n".to_owned()));
    let (succeeded, text) = make(state, &["clients"]);
    assert!(!succeeded && text.contains("The clients could not be listed"), "{text}");
    let state = &migrated("empty");
    for (list, sentence) in [("blocked", "Nothing is blocked\n"), ("clients", "No client is registered\n")] {
        let state = format!("STATE={}", state.display());
        let output = Command::new("make").args(["--silent", list, &state]).output().unwrap();
        // A program that reads the list from standard output gets an empty one.
        assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), sentence);
    }
}

#[test]
fn a_time_that_is_not_a_number_of_seconds_is_refused() {
    for time in ["1h", "0", "59", "-1", "", "60.5"] {
        let (succeeded, text) = make(&shared().state, &["block", "IP=198.18.5.60", &format!("TTL={time}")]);
        let sentence = format!(
            "TTL is \"{time}\": it must be a whole number of seconds and at least 60 as in TTL=3600\n"
        );
        assert!(!succeeded && text.starts_with(&sentence), "{text}");
    }
    assert_eq!(status_from("198.18.5.60"), 400);
    let (succeeded, text) = make(&fresh("times"), &["block", "IP=198.18.5.60", "TTL=60"]);
    assert!(succeeded, "{text}");
}

#[test]
fn a_text_that_the_worker_would_not_look_up_is_refused() {
    for (written, problem) in [
        ("IP=", "\"\" is not an IP address"),
        ("IP=example.com", "\"example.com\" is not an IP address"),
        ("IP=203.0.113.0/8", "\"203.0.113.0/8\" is not a range that is looked up"),
        ("IP=$(touch injected)", "\"$(touch injected)\" is not an IP address"),
        ("IP=$(shell touch injected)", "\"$(shell touch injected)\" is not an IP address"),
    ] {
        for command in ["block", "unblock"] {
            let (succeeded, text) = make(&shared().state, &[command, written]);
            assert!(!succeeded && text.contains(problem), "{text}");
        }
    }
    assert!(!Path::new("injected").exists());
}

#[test]
fn a_client_is_registered_listed_disabled_and_changed() {
    let state = &migrated("clients");
    let stored = |id: &str| database::open(state).client(id);

    let origins = "ORIGINS=https://shop.example  http://localhost:3000";
    let (succeeded, text) = make(state, &["client", "NAME=it's; \"☃\" -- $(touch injected) $$5", origins]);
    let id = text.trim_end();
    assert!(succeeded && id.len() == 32, "{text}");
    assert!(id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()), "{text}");
    let mut client = Client {
        name: "it's; \"☃\" -- $(touch injected) $$5".to_owned(),
        origins: "https://shop.example http://localhost:3000".to_owned(),
        is_disabled: false,
    };
    assert_eq!(stored(id), client);

    let with_id = &format!("ID={id}");
    assert_eq!(make(state, &["client-disable", with_id]), (true, text.clone()));
    client.is_disabled = true;
    assert_eq!(stored(id), client);
    let (_, list) = make(state, &["clients"]);
    assert!(list.starts_with(&format!("{id}\tdisabled 20")), "{list}");
    assert!(list.ends_with(&format!("Z\t{}\t{}\n", client.origins, client.name)), "{list}");

    assert_eq!(make(state, &["client", with_id, "NAME=shop"]), (true, text.clone()));
    assert_eq!(stored(id), Client { name: "shop".to_owned(), origins: String::new(), is_disabled: false });
    let (succeeded, text) = make(state, &["client-disable", "ID=nobody"]);
    assert!(!succeeded && text.contains("No client was disabled"), "{text}");
}

#[test]
fn a_client_with_a_bad_name_id_or_origin_is_refused() {
    for (arguments, problem) in [
        (["client", "NAME="].as_slice(), "NAME is \"\""),
        (&["client", "NAME=a", "ORIGINS=https://a.example/"], "\"https://a.example/\" in ORIGINS"),
        (&["client", "NAME=a", "ORIGINS=*"], "\"*\" in ORIGINS"),
        (&["client", "NAME=a", "ID=a b"], "ID is \"a b\""),
        (&["client-disable"], "ID is \"\""),
    ] {
        let (succeeded, text) = make(&shared().state, arguments);
        assert!(!succeeded && text.contains(problem), "{text}");
    }
}

#[test]
fn the_list_of_breached_passwords_is_not_listed_as_blocked() {
    // This server's namespace also holds the list that `make breached-list` stored.
    let (succeeded, list) = make(&faults::server().state, &["blocked"]);
    assert!(succeeded && list.contains("198.51.100.7\t") && !list.contains("breached"), "{list}");
}

#[test]
fn users_of_a_file_are_imported_into_the_running_service_with_their_hashes() {
    let project = Project::new("import");
    // wrangler serves the namespace of a `preview_id`, so the commands must use that one.
    let ids = with_ids(None, Some(NAMESPACE));
    project.configure(&ids.replace("id = \"0123", "preview_id = \"preview\"\nid = \"0123"));
    let dev = Dev::start(&project, &[]);
    let (succeeded, text) = project.make(&["block", "IP=198.51.100.77"]);
    assert!(succeeded, "{text}");
    assert_eq!(post("/users/").address("198.51.100.77").call(&dev.url).unwrap().status, 403);
    let port = format!("PORT={}", dev.url.rsplit(':').next().unwrap());
    let import = |arguments: &[&str]| project.make(&[&["import", &port], arguments].concat());
    let hash = "$2b$10$eRFoBc/FJPErdZGPHEeCxuwqjbXPEd.8.uDiL3gOjd19nMFwbY4eG";
    let line = |name: &str, hash: &str| {
        format!("{{\"client_id\":\"shop\",\"username\":\"{name}\",\"password_hash\":\"{hash}\"}}\n")
    };
    fs::write(
        project.folder.join("users.ndjson"),
        line("ada", hash) + &line("grace", "md5") + &line("ADA", &hash.replace('G', "e")),
    )
    .unwrap();
    let users = || {
        let mut all: Vec<_> = database::open(&project.folder.join(".wrangler/state"))
            .users("shop")
            .iter()
            .map(|user| user.username.clone())
            .collect();
        all.sort();
        all
    };

    let (succeeded, text) = import(&["FILE=users.ndjson", "DRY=1"]);
    assert!(!succeeded && text.contains("Valid: 2\nTaken: 0\nInvalid: 1\n  line 2: "), "{text}");
    assert_eq!(users(), [""; 0]);

    let (succeeded, text) = import(&["FILE=users.ndjson", "FAILURES=failures.ndjson"]);
    assert!(!succeeded && text.contains("Stored: 1\nTaken: 1\nInvalid: 1\n  line 2: "), "{text}");
    assert_eq!(users(), ["ada"]);
    let failures = fs::read_to_string(project.folder.join("failures.ndjson")).unwrap();
    let failures: Vec<serde_json::Value> =
        failures.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut failures: Vec<_> =
        failures.iter().map(|failure| (failure["line"].as_u64(), failure["status"].as_str())).collect();
    failures.sort_unstable();
    assert_eq!(failures, [(Some(2), Some("invalid")), (Some(3), Some("taken"))]);

    // The same from an export of another system.
    let export = format!(
        "id,username,primary_email_address,password_digest,password_hasher\n1,hopper,hopper@example.com,{hash},bcrypt\n"
    );
    fs::write(project.folder.join("clerk.csv"), export).unwrap();
    let (succeeded, text) = import(&["FILE=clerk.csv", "FROM=clerk", "CLIENT_ID=shop", "USERNAME=username"]);
    assert!(succeeded && text.contains("Stored: 1\nTaken: 0\nInvalid: 0\n"), "{text}");
    assert_eq!(users(), ["ada", "hopper"]);
    assert_eq!(sign_up("Hopper", "shop").call(&dev.url).unwrap().status, 409);

    for (arguments, sentence) in [
        (["FILE=nobody.ndjson"].as_slice(), "There is no file "),
        (&["FILE=clerk.csv", "CLIENT_ID=shop"], "CLIENT_ID needs FROM"),
        (&["FILE=clerk.csv", "FROM=hats"], "FROM is \"hats\": it must be one of auth0, clerk"),
        (
            &["FILE=clerk.csv", "URL=http://198.51.100.1"],
            "it must be the https:// address of the admin Worker",
        ),
    ] {
        let (succeeded, text) = import(arguments);
        assert!(!succeeded && text.contains(sentence), "{text}");
    }
}
