//! `CONFUSABLES`: a Worker with every feature denies confusable names, on a database that had names before. The plain
//! Worker allows them, because it cannot deny them.

use std::collections::HashSet;
use std::path::Path;
use std::sync::LazyLock;

use crate::operators::make;
use crate::request::{account, sign_up};
use crate::server::Server;
use crate::{can_run, database, faults};

const WORKER: &str = "tests/worker/full.js";

static SERVER: LazyLock<Server> = LazyLock::new(|| {
    Server::start_with(
        "confusables",
        &[WORKER, "--var", "CONFUSABLES:deny", "--var", "RESERVED_NAMES:admin"],
        seed,
    )
});

/// Stores names as a Worker that allowed all names stored them, and then gives them their skeletons.
fn seed(state: &Path) {
    database::execute(
        state,
        "INSERT INTO users (client_id, username, username_key, password_hash, request_key) VALUES
         ('old', 'O''Neill', 'o''neill', '$argon2id$v=19$m=1,t=1,p=1$c2FsdA$dGFn', 'old'),
         ('old', 'Ｚoe', 'zoe', '$argon2id$v=19$m=1,t=1,p=1$c2FsdA$dGFn', 'old'),
         ('other', 'zоe', 'zоe', '$argon2id$v=19$m=1,t=1,p=1$c2FsdA$dGFn', 'old');
         INSERT INTO accounts (name, name_key, privacy, request_key) VALUES
         ('old-Tom', 'old-tom', 'Public', 'old'), ('old-Тоm', 'old-тоm', 'Public', 'old')",
    );
    make_skeletons(state);
    // An older table of Unicode may have given a later name the skeletons that belong to an earlier name now.
    database::execute(
        state,
        "UPDATE users SET username_skeleton_written = NULL, username_skeleton_folded = NULL, username_skeleton = NULL
         WHERE username = 'O''Neill';
         UPDATE users SET username_skeleton_written = 'O''Neill', username_skeleton_folded = 'o''neill',
         username_skeleton = 'o''neill' WHERE username = 'Ｚoe';
         UPDATE accounts SET name_skeleton_written = 'old', name_skeleton_folded = 'old', name_skeleton = 'old'
         WHERE name_key = 'old-tom'",
    );
    make_skeletons(state);
    let database = database::open(state);
    assert_eq!(database.user_skeletons("old"), [["O'Neill", "o'neill", "o'neill"], ["Zoe", "zoe", "zoe"]]);
    assert_eq!(database.user_skeletons("other"), [["zoe", "zoe", "zoe"]]);
    // Of two accounts that look alike, the older one has the skeletons that they share.
    assert_eq!(database.account_skeletons("old-tom"), [["old-Torn", "old-torn", "old-torn"]]);
    assert_eq!(database.account_skeletons("old-тоm"), [["", "old-ᴛorn", ""]]);
}

fn make_skeletons(state: &Path) {
    let (succeeded, text) = make(state, &["skeletons"]);
    assert!(succeeded && text.ends_with("Names with a skeleton: 5\n"), "{text}");
}

/// The server that denies confusable names, if it was built.
fn server() -> Option<&'static Server> {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join(WORKER).exists();
    can_run(built, &format!("{WORKER}, which make test builds"), "the tests of CONFUSABLES").then(|| &*SERVER)
}

#[test]
fn a_name_that_looks_like_a_taken_one_is_taken() {
    let Some(server) = server() else { return };
    for (name, alike) in [
        ("paypal", "раурal"),
        ("ТОМ", "tom"),
        ("scope-1", "ѕсоре-l"),
        ("corn", "com"),
        ("ADMINS", "ꓮꓓꓟꓲꓠS"),
        ("ALICE", "𐊠LICE"),
        ("BOB", "B0B"),
    ] {
        assert_eq!(sign_up(name, "alike").send_to(server).status, 200);
        let answer = sign_up(alike, "alike").send_to(server);
        answer.is(
            409,
            &format!(r#"{{"username":"{alike}","code":"409","description":"Username already in use"}}"#),
        );
        assert_eq!(server.log_line(answer.id())["outcome"], "taken");
        // In another namespace the name is free.
        assert_eq!(sign_up(alike, "alike-2").send_to(server).status, 200);

        account(name).send_to(server).is(201, &format!(r#"{{"name":"{name}","privacy":"Public"}}"#));
        account(alike).send_to(server).is(409, &format!(r#"{{"name":"{alike}","code":"409"}}"#));
    }
    let database = server.database();
    let names =
        |client_id| database.users(client_id).into_iter().map(|user| user.username).collect::<HashSet<_>>();
    let set = |names: [&str; 7]| names.map(str::to_owned).into();
    assert_eq!(names("alike"), set(["paypal", "ТОМ", "scope-1", "corn", "ADMINS", "ALICE", "BOB"]));
    assert_eq!(names("alike-2"), set(["раурal", "tom", "ѕсоре-l", "com", "ꓮꓓꓟꓲꓠS", "𐊠LICE", "B0B"]));
    assert_eq!((database.users("alike").len(), database.users("alike-2").len()), (7, 7));
    // The skeletons of ТОМ as it is written, of its small letters, and of the Latin capitals that it looks like.
    assert!(database.user_skeletons("alike").contains(&["TOM", "ᴛoʍ", "torn"].map(str::to_owned)));
    assert_eq!(database.account_skeletons("том"), [["TOM", "ᴛoʍ", "torn"]]);
    assert_eq!(sign_up("paypals", "alike").send_to(server).status, 200);
}

#[test]
fn a_repeat_finds_its_own_row_even_if_its_spelling_now_looks_like_another() {
    let Some(server) = server() else { return };
    // вера and ВЕРА are the same name, but look like different ones.
    let first = sign_up("вера", "repeats").key("confusables").send_to(server);
    assert_eq!(first.status, 200);
    assert_eq!(sign_up("bepa", "repeats").send_to(server).status, 200);
    sign_up("ВЕРА", "repeats").key("confusables").send_to(server).is(200, &first.body);
    assert_eq!(sign_up("BЕPА", "repeats").key("confusables").send_to(server).status, 409);
    assert_eq!(server.database().users("repeats").len(), 2);

    let first = account("Повтор").key("confusables").send_to(server);
    assert_eq!(first.status, 201);
    account("Повтор").key("confusables").send_to(server).is(201, &first.body);
    assert_eq!(account("Пoвтop").key("confusables").send_to(server).status, 409);
}

#[test]
fn names_that_were_stored_before_the_setting_count() {
    let Some(server) = server() else { return };
    for (name, client_id, status) in [
        ("o'neiІl", "old", 200),
        ("о'nеill", "old", 409),
        ("zоe", "old", 409),
        ("zoe", "other", 409),
        ("zoe", "new", 200),
    ] {
        assert_eq!(sign_up(name, client_id).send_to(server).status, status, "{name}");
    }
    // The two accounts that look alike stay, and a third is refused.
    assert_eq!(account("оld-Tоm").send_to(server).status, 409);
    assert_eq!(server.database().accounts("old-тоm").len(), 1);
}

#[test]
fn a_name_that_looks_like_a_reserved_one_is_reserved() {
    let Some(server) = server() else { return };
    for name in ["admin", "аdmin", "ADМIN", "ꓮꓓꓟꓲꓠ", "ADMlN"] {
        assert_eq!(sign_up(name, "reserved").send_to(server).status, 409);
        assert_eq!(account(name).send_to(server).status, 409);
    }
    assert_eq!(server.database().users("reserved"), []);
}

#[test]
fn the_plain_worker_allows_confusable_names_and_says_that_it_cannot_deny_them() {
    for vars in ["{}", r#"{"CONFUSABLES":"allow"}"#] {
        let client_id = format!("alike-{}", vars.len());
        for name in ["paypal", "раурal"] {
            assert_eq!(sign_up(name, &client_id).vars(vars).send_to(faults::server()).status, 200);
        }
    }
    for (vars, cause) in [
        (r#"{"CONFUSABLES":"deny"}"#, "CONFUSABLES is \"deny\": build the Worker for it"),
        (r#"{"CONFUSABLES":"yes"}"#, "CONFUSABLES is \"yes\": it must be \"deny\" or \"allow\""),
    ] {
        for request in [sign_up("undenied", "undenied"), account("undenied")] {
            let answer = request.vars(vars).send_to(faults::server());
            answer.is(500, r#"{"description":"Internal error","code":"500"}"#);
            let line = faults::server().log_line(answer.id());
            assert!(line["cause"].as_str().unwrap().starts_with(cause), "{line}");
        }
    }
    assert_eq!(faults::server().database().users("undenied"), []);
}
