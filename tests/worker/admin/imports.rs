//! `POST /imports`: users of other systems.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    BCRYPT, NO_PARAMETERS, PASSWORD, TOKEN, admin, call, column, created_at, get, import, import_at,
    import_request, imported_hash, line, read, server, signed_up, start, start_scaled, stored_hash, text_of,
    until, verifies, with_arguments,
};
use crate::can_run;
use crate::database;
use crate::server::Server;

/// A hash that another system made.
#[derive(Deserialize)]
struct Vector {
    password: String,
    hash: String,
    form: String,
}

fn is_renewed(id: u64) -> bool {
    let own = "$argon2id$v=19$m=19456,t=2,p=1$";
    imported_hash(server(), id).is_none()
        && stored_hash(server(), id).is_some_and(|hash| hash.starts_with(own))
}

#[test]
fn hashes_of_every_form_are_taken_and_verified_and_made_anew() {
    let vectors: Vec<Vector> =
        serde_json::from_str(include_str!("../../../admin/src/hashes/vectors.json")).unwrap();
    let name = |n: usize| format!("vector-{n}");
    let lines: Vec<_> =
        vectors.iter().enumerate().map(|(n, vector)| line(&name(n), "vectors", &vector.hash)).collect();
    let answers = import(&lines);
    let ids: Vec<u64> =
        answers.iter().map(|answer| answer["id"].as_u64().unwrap_or_else(|| panic!("{answer}"))).collect();
    let mut shown = column(&read("/users?client_id=vectors&limit=200"), "users", "hash");
    shown.reverse();
    assert_eq!(shown, vectors.iter().map(|vector| json!(vector.form)).collect::<Vec<_>>());

    for (n, vector) in vectors.iter().enumerate() {
        let verify = |password: &str| verifies(server(), "vectors", &name(n), password);
        assert!(!verify(&format!("x{}", vector.password)), "{}", vector.hash);
        assert!(verify(&vector.password), "{}", vector.hash);
    }
    // A password that no sign-up takes keeps its hash.
    let (empty, good): (Vec<_>, Vec<_>) = (0..vectors.len()).partition(|n| vectors[*n].password.is_empty());
    for n in good {
        until(|| is_renewed(ids[n]), &format!("a new hash in the place of {}", vectors[n].hash));
        assert!(verifies(server(), "vectors", &name(n), &vectors[n].password), "{}", vectors[n].hash);
        assert!(!verifies(server(), "vectors", &name(n), ""));
    }
    for n in empty {
        let kept = imported_hash(server(), ids[n]).or_else(|| stored_hash(server(), ids[n]));
        assert_eq!(kept.as_ref(), Some(&vectors[n].hash));
    }
}

#[test]
fn a_bad_line_is_refused_by_its_number_and_the_others_are_stored() {
    let good = |name: &str| line(name, "bad-lines", BCRYPT);
    let with = |name: &str, value: Value| {
        let mut line = good("never");
        line[name] = value;
        line.to_string()
    };
    let padded =
        format!("{{{}{}", " ".repeat(4097 - good("long").to_string().len()), &good("long").to_string()[1..]);
    assert_eq!(padded.len(), 4097);
    let form = json!({ "description": "The line must be a JSON object with the texts client_id, username, password_hash and, if it is known, created_at" });
    let long = json!({ "description": "The line must have at most 4096 bytes" });
    let of =
        |field: &str, problem: &str| json!({ "field": field, "description": format!("{field} {problem}") });
    let unknown = "must be a hash of Argon2";
    let cost = "must cost less: ";
    let time = "must be a time such as 2026-11-24T10:00:00Z";
    let cases: Vec<(String, Option<Value>)> = vec![
        (good("first").to_string(), Some(json!({ "status": "stored" }))),
        (String::new(), None),
        (" \t\r".to_owned(), None),
        ("not JSON".to_owned(), Some(form.clone())),
        ("[]".to_owned(), Some(form.clone())),
        ("{}".to_owned(), Some(form.clone())),
        (with("password", json!("clear text")), Some(form.clone())),
        (with("username", json!(7)), Some(form.clone())),
        (with("client_id", json!("a b")), Some(of("client_id", "must be 1 to 128 visible ASCII characters"))),
        (with("client_id", json!("")), Some(of("client_id", "must be 1 to 128 visible ASCII characters"))),
        (with("username", json!("")), Some(of("username", "must have 1 to 254 characters"))),
        (with("username", json!("x".repeat(255))), Some(of("username", "must have 1 to 254 characters"))),
        (with("username", json!("a b")), Some(of("username", "must consist of letters"))),
        (with("password_hash", json!("clear text")), Some(of("password_hash", unknown))),
        (with("password_hash", json!("")), Some(of("password_hash", unknown))),
        (with("password_hash", json!("$6$salt$hash")), Some(of("password_hash", unknown))),
        (
            with("password_hash", json!(format!("{BCRYPT}=="))),
            Some(of("password_hash", "must have the form")),
        ),
        (with("password_hash", json!(BCRYPT.replace("$04$", "$14$"))), Some(of("password_hash", cost))),
        (
            with("password_hash", json!("$".repeat(513))),
            Some(of("password_hash", "must have at most 512 bytes")),
        ),
        (with("created_at", json!("yesterday")), Some(of("created_at", time))),
        (with("created_at", json!("1969-12-31T23:59:59Z")), Some(of("created_at", time))),
        (with("created_at", json!(7)), Some(form.clone())),
        (padded.clone(), Some(long.clone())),
        (padded[1..].replacen(' ', "{", 1), Some(json!({ "status": "stored" }))),
        ("x".repeat(100_000), Some(long)),
        (good("windows").to_string() + "\r", Some(json!({ "status": "stored" }))),
        ("\u{fffd}".to_owned(), Some(form)),
        (good("last").to_string(), Some(json!({ "status": "stored" }))),
    ];
    let text = cases.iter().map(|(line, _)| &**line).collect::<Vec<_>>().join("\n");
    let answer = import_request("/imports", &text).ask();
    assert!(!answer.body.contains(BCRYPT) && !answer.body.contains("clear text"));
    let mut answers = answer.lines().into_iter();
    for (number, (line, expected)) in cases.iter().enumerate() {
        let Some(expected) = expected else { continue };
        let answer = answers.next().unwrap();
        assert_eq!(answer["line"], number + 1, "{answer}");
        assert_eq!(
            answer["status"],
            *expected.get("status").unwrap_or(&json!("invalid")),
            "{line}: {answer}"
        );
        assert_eq!(answer.get("field"), expected.get("field"), "{line}: {answer}");
        if let Some(description) = expected.get("description") {
            let found = answer["description"].as_str().unwrap();
            assert!(found.starts_with(description.as_str().unwrap()), "{line}: {answer}");
        }
    }
    assert_eq!(answers.next(), None);
    let stored = server().database().users("bad-lines");
    let names: Vec<_> = stored.iter().map(|user| &*user.username).collect();
    assert_eq!(names, ["first", "long", "windows", "last"]);
}

#[test]
fn a_line_that_is_not_utf_8_is_refused() {
    let good = |name: &str| line(name, "encodings", BCRYPT).to_string().into_bytes();
    // The byte that Latin-1 has for the letter.
    let latin =
        |text: &[u8]| text.iter().map(|byte| if *byte == b'?' { 0xf6 } else { *byte }).collect::<Vec<_>>();
    let long = [good("cut"), vec![b' '; 8192]].concat();
    let lines = [
        // A byte order mark at the beginning of a file is not a part of its first line.
        [b"\xef\xbb\xbf".to_vec(), good("marked")].concat(),
        latin(&good("J?rg")),
        good("J\u{f6}rg"),
        [b"\xef\xbb\xbf".to_vec(), good("within")].concat(),
        vec![0xf6],
        // A character of several bytes stands where the line is cut off.
        [&long[..8190], "\u{1d11e}}".as_bytes()].concat(),
        good("last"),
    ];
    let answers = admin("POST", "/imports")
        .header("Content-Type", "application/x-ndjson")
        .body(lines.join(&b'\n'))
        .ask()
        .lines();
    let statuses = column(&json!({ "answers": answers }), "answers", "status");
    assert_eq!(statuses, ["stored", "invalid", "stored", "invalid", "invalid", "invalid", "stored"]);
    for n in [1, 4] {
        assert_eq!(answers[n]["description"], "The line must be UTF-8");
    }
    assert_eq!(answers[5]["description"], "The line must have at most 4096 bytes");
    let stored = server().database().users("encodings");
    let names: Vec<_> = stored.iter().map(|user| &*user.username).collect();
    assert_eq!(names, ["marked", "J\u{f6}rg", "last"]);
}

#[test]
fn the_request_must_announce_its_lines() {
    let other = admin("POST", "/imports").json(line("a", "unannounced", BCRYPT).to_string()).ask();
    let body = r#"{"description":"The Content-Type must be application/x-ndjson","code":"415"}"#;
    other.is_refusal(415, "content_type_invalid", body);
    let body = r#"{"description":"dry must be 0 or 1","code":"400","field":"dry"}"#;
    import_request("/imports?dry=yes", "").ask().is_refusal(400, "dry_invalid", body);
    let body = r#"{"description":"The parameters of this path are dry","code":"400"}"#;
    import_request("/imports?Dry=1", "").ask().is_refusal(400, "parameter_unknown", body);
    assert_eq!(import_request("/imports", "").ask().body, "");
    assert_eq!(import_request("/imports", "\n\n").ask().body, "");
    admin("DELETE", "/users/1?x=1").ask().is(400, NO_PARAMETERS);
}

#[test]
fn a_taken_name_stays_with_its_user_and_a_repeated_line_finds_its_own() {
    let owner = signed_up("Taken", "repeats");
    let dated = json!({ "client_id": "repeats", "username": "Dated", "password_hash": BCRYPT,
        "created_at": "2011-11-11T12:11:11.9+01:00" });
    let plain = line("plain", "repeats", BCRYPT);
    let lines = [
        line("tAKEN", "repeats", BCRYPT),
        dated.clone(),
        plain.clone(),
        plain.clone(),
        line("PLAIN", "repeats", BCRYPT),
    ];
    let dry = import_request("/imports?dry=1", &text_of(&lines));
    let statuses =
        |answers: &[Value]| answers.iter().map(|answer| answer["status"].clone()).collect::<Vec<_>>();
    let answers = dry.ask().lines();
    assert_eq!(statuses(&answers)[..3], ["taken", "valid", "valid"]);
    assert!(answers.iter().all(|answer| answer.get("id").is_none()));
    assert_eq!(server().database().users("repeats").len(), 1, "an import with dry should store nothing");

    let first = import(&lines);
    assert_eq!(statuses(&first), ["taken", "stored", "stored", "stored", "taken"]);
    assert_eq!(first[2]["id"], first[3]["id"]);
    let ids = [&first[1], &first[2]].map(|answer| answer["id"].as_u64().unwrap());
    assert_eq!(created_at("users", ids[0]), "2011-11-11T11:11:11Z");
    let before = server().database().everything();
    assert_eq!(import(&lines), first, "the same lines should find the same users");
    assert_eq!(statuses(&dry.ask().lines())[..3], ["taken", "stored", "stored"]);
    assert_eq!(of_client(&server().database().everything()), of_client(&before), "and change nothing");

    assert_eq!(stored_hash(server(), owner).as_ref().map(|hash| hash.contains("imported")), Some(false));
    assert!(verifies(server(), "repeats", "taken", PASSWORD));
    assert!(verifies(server(), "repeats", "PLAIN", PASSWORD));
    // A new password outlives a repeat of the import.
    call("setPassword", &json!({ "id": ids[1], "password": "another password" }));
    assert_eq!(import(&lines), first);
    assert!(imported_hash(server(), ids[1]).is_none());
    assert!(verifies(server(), "repeats", "plain", "another password"));
    assert!(!verifies(server(), "repeats", "plain", PASSWORD));
    let changed =
        json!({ "client_id": "repeats", "username": "plain", "password_hash": BCRYPT.replace("$2b", "$2a") });
    assert_eq!(statuses(&import(&[changed])), ["taken"]);
}

/// The rows of the client `repeats`, since other tests change other rows.
fn of_client(everything: &str) -> Vec<&str> {
    everything.lines().filter(|row| row.contains("repeats")).collect()
}

#[test]
fn a_clear_text_password_is_refused_by_the_schema_too() {
    let id = signed_up("schema", "schema");
    for hash in [
        "clear text",
        "a-clear-text-password-of-many-bytes",
        "$argon2id$v=19$m=1\n,t=1,p=1$c2FsdA$aGFzaA",
        "",
    ] {
        let sql = format!("INSERT INTO imported_hashes (user_id, hash) VALUES ({id}, '{hash}')");
        assert!(database::try_execute_in(&server().state, 0, &sql).is_err(), "{hash}");
    }
    let sql = format!("INSERT INTO imported_hashes (user_id, hash) VALUES ({id}, '{BCRYPT}')");
    database::execute_in(&server().state, 0, &sql);
    assert!(database::try_execute_in(&server().state, 0, "UPDATE audit SET actor = 'nobody'").is_err());
    // A new hash and an erasure make it void, also without the Worker.
    let sql = format!("UPDATE users SET password_hash = password_hash WHERE id = {id}");
    database::execute_in(&server().state, 0, &sql);
    assert_eq!(imported_hash(server(), id), None);
}

#[test]
fn an_import_that_broke_off_is_completed_by_a_repeat() {
    const LINES: usize = 3000;
    // The audit of this server counts only these users.
    let server = start("admin-broken", &[]);
    let lines: Vec<_> = (0..LINES).map(|n| line(&format!("broken-{n}"), "broken", BCRYPT)).collect();
    let half = text_of(&lines[..LINES / 2]);
    let host = server.beside("edge-signup-admin").strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let head = format!(
        "POST /imports HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/x-ndjson\r\n\
         Content-Length: {}\r\n\r\n",
        2 * half.len()
    );
    stream.write_all((head + &half).as_bytes()).unwrap();
    // The answer begins before the body has ended.
    let mut begin = [0; 2000];
    stream.read_exact(&mut begin).unwrap();
    assert!(String::from_utf8_lossy(&begin).contains(r#""status":"stored""#));
    drop(stream);
    let stored = || server.database().users("broken").len();
    let before = stored();
    assert!((500..LINES).contains(&before), "{before} of {LINES} should be stored");

    let answers = import_at(&server, &lines);
    let ids: BTreeSet<_> =
        answers.iter().map(|answer| answer["id"].as_u64().unwrap_or_else(|| panic!("{answer}"))).collect();
    assert_eq!((answers.len(), ids.len(), stored()), (LINES, LINES, LINES));
    assert_eq!(answers[LINES - 1]["line"], LINES);
    // The audit has the number of rows that were stored, and counts each of them once.
    let rows = "SELECT CAST(sum(CAST(subject AS INTEGER)) AS TEXT) FROM audit WHERE action = 'users_imported' AND ? = ''";
    assert_eq!(server.database().texts(rows, ""), [LINES.to_string()]);
}

#[test]
fn two_imports_of_the_same_lines_at_once_store_each_user_once() {
    let lines: Vec<_> = (0..700).map(|n| line(&format!("twice-{n}"), "twice", BCRYPT)).collect();
    let both = thread::scope(|scope| {
        [scope.spawn(|| import(&lines)), scope.spawn(|| import(&lines))].map(|import| import.join().unwrap())
    });
    assert_eq!(both[0], both[1]);
    assert!(both[0].iter().all(|answer| answer["status"] == "stored"));
    assert_eq!(server().database().users("twice").len(), 700);
}

#[test]
fn names_go_to_their_homes_and_the_frozen_generation_keeps_its_own() {
    let old = format!(
        "INSERT INTO users (client_id, username, username_key, password_hash, request_key, created_at) VALUES \
         ('scaled', 'Old', 'old', '{}', 'old', 1000000000)",
        "$argon2id$v=19$m=1,t=1,p=1$c2FsdA$dGFn"
    );
    let server = start_scaled("admin-scaled", &[1, 2], &[], |state| {
        database::execute_in(state, 0, &old);
        database::freeze(state, 0);
    });
    let mut lines: Vec<_> = (0..600).map(|n| line(&format!("scaled-{n}"), "scaled", BCRYPT)).collect();
    lines.push(line("OLD", "scaled", BCRYPT));
    let answers = import_at(&server, &lines);
    assert_eq!(answers[600]["status"], "taken");
    let of_each: Vec<_> = server.database().users_of_each("scaled").iter().map(Vec::len).collect();
    assert_eq!((of_each[0], of_each[1] + of_each[2]), (1, 600));
    assert!(of_each[1] > 200 && of_each[2] > 200, "{of_each:?}");
    assert_eq!(import_at(&server, &lines), answers);
    // A sign-up finds the imported name, and an import the name of a sign-up.
    assert_eq!(crate::request::sign_up("Scaled-7", "scaled").send_to(&server).status, 409);
    super::signed_up_at(&server, "by-sign-up", "scaled");
    assert_eq!(import_at(&server, &[line("by-sign-up", "scaled", BCRYPT)])[0]["status"], "taken");
    assert!(verifies(&server, "scaled", "scaled-599", PASSWORD));

    let at = |path: &str| get(path).ask_at(&server).json();
    let exported = get("/exports/users").ask_at(&server).lines();
    assert_eq!(exported.len(), 602);
    let (mut ids, mut after) = (Vec::new(), String::new());
    loop {
        let page = at(&format!("/users?limit=100{after}"));
        ids.extend(column(&page, "users", "id"));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!((ids.len(), ids.iter().map(Value::to_string).collect::<BTreeSet<_>>().len()), (602, 602));
    assert_eq!(ids[601], 1, "the frozen generation comes last");
    assert_eq!(
        column(&at("/users?client_id=scaled&prefix=scaled-59&limit=200"), "users", "username").len(),
        11
    );
    assert_eq!(at("/users?username=old")["users"][0]["id"], 1);
    // The frozen database erases, and has an entry for it.
    admin("DELETE", "/users/1").ask_at(&server).is(204, "");
    assert_eq!(super::audited(&server, "1"), ["admin-token user_erased"]);
    // Entries of one second are in no order when they come from different databases.
    let newest = at("/audit?limit=10");
    assert!(column(&newest, "entries", "action").contains(&"user_erased".into()), "{newest}");
    let shards = at("/shards");
    assert_eq!(column(&shards, "databases", "generation"), [0, 1, 1]);
    assert_eq!(column(&shards, "databases", "binding"), ["DB", "DB_1", "DB_2"]);
    assert!(shards["databases"][0]["frozen_at"].is_string() && shards["databases"][1]["frozen_at"].is_null());
    assert_eq!(at("/statistics")["totals"]["users"], 601);
    assert_eq!(at("/statistics?from=2001-09-01T00:00:00Z&to=2001-10-01T00:00:00Z")["totals"]["users"], 1);
}

#[test]
fn names_that_look_alike_are_taken_where_they_are_denied() {
    let found = std::path::Path::new("target/full/index.js").exists();
    if !can_run(found, "target/full/index.js", "the tests of look-alike names") {
        return;
    }
    let server = with_arguments(&["CONFUSABLES:deny"], |arguments| {
        Server::start("admin-alike", &[&["tests/worker/full.js"], arguments].concat())
    });
    super::signed_up_at(&server, "paypal", "alike");
    let lines: Vec<_> = ["p\u{430}ypal", "O'Neill", "O\u{2019}Neill", "rnary", "mary", "other"]
        .into_iter()
        .map(|name| line(name, "alike", BCRYPT))
        .collect();
    let statuses: Vec<_> = import_at(&server, &lines).iter().map(|answer| answer["status"].clone()).collect();
    assert_eq!(statuses, ["taken", "stored", "taken", "stored", "taken", "stored"]);
    assert_eq!(import_at(&server, &lines)[3]["status"], "stored");
    assert_eq!(crate::request::sign_up("0ther", "alike").send_to(&server).status, 200);
    assert_eq!(crate::request::sign_up("m\u{430}ry", "alike").send_to(&server).status, 409);
    assert!(verifies(&server, "alike", "rnary", PASSWORD));
}
