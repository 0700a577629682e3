//! Several databases: where the rows are, the fence of a frozen database, and two Workers over the same databases.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::database::{self, User};
use crate::guards::proof_of_work::{solution, with_work};
use crate::http::{Answer, agent};
use crate::request::{Request, account, get, sign_up};
use crate::server::Server;

const INTERNAL: &str = r#"{"description":"Internal error","code":"500"}"#;
const UNAVAILABLE: &str =
    r#"{"description":"The service is unavailable for the moment, try again later","code":"503"}"#;

/// A Worker with the setting for `generations`, and one with the setting for `old`, over the same databases.
fn two_workers(name: &str, generations: &[usize], old: &[usize]) -> Server {
    let old = format!("OLD_SHARDS:{}", database::shards(old));
    Server::start_scaled(name, generations, &["tests/worker/scaling.js", "--var", &old], |_| {})
}

/// The same request at the Worker with the old setting.
fn old(request: &Request) -> Request {
    request.clone().header("Test-Worker", "old")
}

fn freeze(server: &Server, number: usize) {
    let binding = if number == 0 { "DB".to_owned() } else { format!("DB_{number}") };
    let request = get("/.well-known/edge-signup").header("Test-Database", binding);
    let answer = request
        .header("Test-SQL", "UPDATE place SET frozen_at = coalesce(frozen_at, unixepoch())")
        .send_to(server);
    assert_eq!(answer.status, 200);
}

fn id(answer: &Answer) -> u64 {
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    body["user"]["id"].as_u64().unwrap_or_else(|| panic!("{answer:?}"))
}

/// The number of the database that issued an id.
fn number(id: u64) -> u64 {
    id >> 40
}

fn assert_cause(server: &Server, answer: &Answer, cause: &str) {
    let line = server.log_line(answer.id());
    assert!(line["cause"].as_str().is_some_and(|text| text.contains(cause)), "{line}");
}

#[test]
fn of_20000_names_each_of_four_databases_gets_a_quarter() {
    let server = Server::start_scaled("spread", &[4], &[], |_| {});
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let agent = agent();
                while let n @ 0..20_000 = next.fetch_add(1, Ordering::Relaxed) {
                    assert_eq!(account(&format!("spread-{n}")).send_by(&agent, &server).status, 201);
                }
            });
        }
    });
    let each = server.database().accounts_of_each();
    assert_eq!(each.iter().sum::<usize>(), 20_000);
    assert!(each.iter().all(|count| (4750..=5250).contains(count)), "{each:?}");
}

#[test]
fn an_id_names_the_database_of_its_user() {
    let server = Server::start_scaled("ids", &[1, 2], &[], |state| database::freeze(state, 0));
    let mut seen = [0; 3];
    for n in 0..12 {
        let name = format!("id-{n}");
        let id = id(&sign_up(&name, "ids").send_to(&server));
        let users = server.database().users_of_each("ids");
        let stored = users.iter().position(|users| users.iter().any(|user| user.username == name)).unwrap();
        assert_eq!(number(id), stored as u64);
        seen[stored] += 1;
    }
    assert_eq!(seen[0], 0);
    assert!(seen[1] > 0 && seen[2] > 0, "{seen:?}");
}

#[test]
fn a_frozen_generation_keeps_its_names_and_its_answers() {
    let server = two_workers("frozen", &[1, 2], &[1]);
    let (user, form) =
        (sign_up("Grace", "frozen").key("k"), account("Grace-Frozen").key("k").privacy("Private"));
    let (first, first_account) = (user.send_to(&server), form.send_to(&server));
    assert_eq!((first.status, number(id(&first)), first_account.status), (200, 0, 201));
    // Both Workers know the database as open.
    assert_eq!(old(&user).send_to(&server).body, first.body);
    freeze(&server, 0);

    for worker in [Request::clone, old] {
        let again = worker(&user).send_to(&server);
        assert_eq!((again.status, &again.body), (200, &first.body));
        let again = worker(&form).send_to(&server);
        assert_eq!((again.status, &again.body), (201, &first_account.body));
        let taken = worker(&sign_up("GRACE", "frozen")).send_to(&server);
        taken.is(409, r#"{"username":"GRACE","code":"409","description":"Username already in use"}"#);
        worker(&account("grace-frozen")).send_to(&server).is(409, r#"{"name":"grace-frozen","code":"409"}"#);
    }

    // The old Worker has no database that could take the name.
    let user = sign_up("new", "frozen").key("new");
    for request in [&user, &account("new-frozen")] {
        let refused = old(request).send_to(&server);
        refused.is(503, UNAVAILABLE);
        assert_eq!(refused.header("Retry-After"), Some("5"));
        assert_cause(&server, &refused, "every database for this name is frozen");
    }
    let stored = user.send_to(&server);
    assert_eq!(stored.status, 200);
    assert!(matches!(number(id(&stored)), 1 | 2));
    assert_eq!(user.send_to(&server).body, stored.body);
    // The old Worker still does not know the new databases.
    old(&user).send_to(&server).is(503, UNAVAILABLE);
    assert_eq!(server.database().users("frozen").len(), 2);
}

#[test]
fn a_name_that_is_erased_from_a_frozen_database_is_free() {
    let server = two_workers("erased", &[1, 1], &[1, 1]);
    let user = sign_up("gone", "erased");
    assert_eq!(number(id(&user.send_to(&server))), 0);
    freeze(&server, 0);
    assert_eq!(user.send_to(&server).status, 409);
    database::execute_in(&server.state, 0, "DELETE FROM users WHERE username_key = 'gone'");
    assert_eq!(number(id(&user.send_to(&server))), 1);
    assert_eq!(user.send_to(&server).status, 409);
}

#[test]
fn the_schema_keeps_a_fence_and_a_place_for_good() {
    let server = Server::start_scaled("fences", &[1], &[], |state| database::freeze(state, 0));
    for (sql, error) in [
        ("UPDATE place SET frozen_at = NULL", "a frozen database stays frozen"),
        ("DELETE FROM place", "a database keeps its place"),
        (
            "INSERT INTO accounts (name, name_key, privacy, request_key) VALUES ('a', 'a', 'Public', 'a')",
            "frozen",
        ),
        ("INSERT INTO challenges (expires_at, id, sign_up) VALUES (1, 'a', 'a')", "frozen"),
        ("UPDATE place SET size = 0", "CHECK constraint failed"),
    ] {
        let refused = database::try_execute_in(&server.state, 0, sql).unwrap_err().to_string();
        assert!(refused.contains(error), "{sql}: {refused}");
    }
}

/// Signs the same names up at both Workers, in several spellings and with repeats, until `over`. Counts the requests in
/// `next`. Gives each name with the answers of its sign-ups, one list for each key.
fn stream(
    server: &Server,
    client: &str,
    next: &AtomicUsize,
    over: &AtomicBool,
) -> HashMap<(usize, usize), Vec<Answer>> {
    let answers: Mutex<HashMap<(usize, usize), Vec<Answer>>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    // Twelve requests for each name: four keys, and three tries with each key.
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let (name, key) = (n / 12, n % 4);
                    let spelling =
                        [format!("Straße-{name}"), format!("STRASSE-{name}"), format!("straẞe-{name}")];
                    let request = sign_up(&spelling[key % 3], client).key(&format!("{name}-{key}"));
                    let request = if n.is_multiple_of(2) { request } else { old(&request) };
                    // A server that is killed gives no answer.
                    if let Ok(answer) = request.try_send_to(server) {
                        answers.lock().unwrap().entry((name, key)).or_default().push(answer);
                    }
                }
            });
        }
    });
    answers.into_inner().unwrap()
}

/// Waits until `count` requests were begun.
fn wait_for(next: &AtomicUsize, count: usize) {
    while next.load(Ordering::Relaxed) < count {
        thread::sleep(Duration::from_millis(5));
    }
}

/// Asserts that each name has one row, that every answer is about that row, and that each repeat of a key gets the
/// first answer.
fn assert_one_row_each(server: &Server, client: &str, answers: &HashMap<(usize, usize), Vec<Answer>>) {
    let mut rows: HashMap<String, Vec<User>> = HashMap::new();
    for user in server.database().users(client) {
        rows.entry(user.username_key.clone()).or_default().push(user);
    }
    for (key, users) in &rows {
        assert_eq!(users.len(), 1, "{key}: {users:?}");
    }
    for ((name, key), answers) in answers {
        let user = &rows[&format!("strasse-{name}")][0];
        let is_own = user.request_key == format!("{name}-{key}");
        for answer in answers {
            assert_eq!(answer.status, if is_own { 200 } else { 409 }, "{name} {key}: {answer:?}");
            if is_own {
                assert_eq!(id(answer), u64::try_from(user.id).unwrap());
            }
        }
    }
}

#[test]
fn two_workers_never_store_a_name_twice_while_generations_freeze() {
    let server = two_workers("racing", &[1, 2, 2, 1], &[1, 2, 2]);
    let (next, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let answers = thread::scope(|scope| {
        let streaming = scope.spawn(|| stream(&server, "racing", &next, &over));
        for number in 0..=2 {
            wait_for(&next, 150 * (number + 1));
            freeze(&server, number);
        }
        wait_for(&next, 600);
        over.store(true, Ordering::Relaxed);
        streaming.join().unwrap()
    });
    assert_one_row_each(&server, "racing", &answers);
    let each: Vec<usize> = server.database().users_of_each("racing").iter().map(Vec::len).collect();
    assert!(each[..5].iter().all(|count| *count > 0), "{each:?}");
    assert_eq!(each[5], 0);
}

#[test]
fn a_freeze_that_is_cut_off_by_a_crash_is_completed_by_a_repeat() {
    for run in 0..2 {
        let name = format!("cut-off-{run}");
        let mut server = two_workers(&name, &[2, 2], &[2, 2]);
        let (next, over) = (AtomicUsize::new(0), AtomicBool::new(false));
        let mut answers = thread::scope(|scope| {
            let streaming = scope.spawn(|| stream(&server, &name, &next, &over));
            wait_for(&next, 60);
            freeze(&server, 0);
            thread::sleep(Duration::from_millis(RandomState::new().hash_one(()) % 500));
            server.kill();
            over.store(true, Ordering::Relaxed);
            streaming.join().unwrap()
        });
        server = server.restart();
        freeze(&server, 1);
        freeze(&server, 0);
        // Every sign-up is repeated, also those whose answer was lost.
        for n in 0..answers.keys().map(|(name, _)| name + 1).max().unwrap() {
            for key in 0..4 {
                let request = sign_up(&format!("strasse-{n}"), &name).key(&format!("{n}-{key}"));
                answers.entry((n, key)).or_default().push(request.send_to(&server));
            }
        }
        assert_one_row_each(&server, &name, &answers);
    }
}

#[test]
fn a_database_in_a_wrong_place_stops_the_service() {
    let server = two_workers("misplaced", &[1, 2], &[1, 2]);
    for (shards, cause) in [
        ("DB; DB_2 DB_1", "database DB_2: it has another place than SHARDS gives it"),
        ("DB_1; DB DB_2", "database DB_1: it has another place"),
        ("DB; DB_1", "database DB_1: it has another place"),
        ("DB DB_1 DB_2", "database DB: it has another place"),
        ("DB_1", "database DB_1: it has another place"),
        ("DB; DB_1 DB_2 DB_3", "the binding DB_3 is missing"),
        ("DB; DB_1 DB", "SHARDS names DB twice"),
        ("DB;", "SHARDS is \"DB;\": it must be generations of at least one database each"),
    ] {
        for request in [sign_up("lost", "misplaced"), account("lost-misplaced")] {
            let answer = request.header("Test-SHARDS", shards).send_to(&server);
            answer.is(500, INTERNAL);
            assert_cause(&server, &answer, cause);
        }
    }
    // A database of another service.
    let service = |id: &str| sign_up("lost", "misplaced").header("Test-SERVICE", id).send_to(&server);
    assert_eq!(service(&server.database().service()).status, 200);
    for (id, cause) in [
        ("another", "database DB: it has another place"),
        ("Another", "SERVICE_ID is \"Another\": it must be 1 to 64 digits and small letters"),
    ] {
        let answer = service(id);
        answer.is(500, INTERNAL);
        assert_cause(&server, &answer, cause);
    }

    // A binding that changes under a running Worker.
    let known = sign_up("known", "misplaced").send_to(&server);
    assert_eq!(known.status, 200);
    database::execute_in(&server.state, 0, "UPDATE place SET size = 2");
    for request in [sign_up("unknown", "misplaced"), account("unknown-misplaced")] {
        let answer = request.send_to(&server);
        answer.is(500, INTERNAL);
        assert_cause(&server, &answer, "database DB: it has another place");
    }
    assert_eq!(server.database().users("misplaced").len(), 2);
    assert_eq!(server.database().accounts("lost-misplaced").len(), 0);
    assert_eq!(server.database().accounts("unknown-misplaced").len(), 0);
}

#[test]
fn databases_in_wrong_places_are_asked_once_a_second() {
    let server = Server::start_scaled("asked-again", &[1, 1], &["tests/worker/faults.js"], |_| {});
    let later = |milliseconds: &str| {
        let request =
            account("asked-again").header("Test-Kept", "clients").header("Test-Later", milliseconds);
        let answer = request.fault("db-counts").vars(r#"{"SHARDS":"DB_1; DB"}"#).send_to(&server);
        assert_cause(&server, &answer, "database DB_1: it has another place than SHARDS gives it");
        answer.is(500, INTERNAL);
        answer.header("Test-Surveys").unwrap().to_owned()
    };
    assert_eq!(["0", "0", "999", "1", "0", "2000"].map(later), ["2", "0", "0", "2", "0", "2"]);
}

#[test]
fn the_registered_clients_and_a_spent_proof_need_the_right_place() {
    let server = Server::start_scaled("other-places", &[1, 1], &["tests/worker/faults.js"], |_| {});
    let solution = solution();
    let tried = |name: &str| with_work(sign_up(name, "other-places").key("k"), &solution);
    assert_eq!(tried("payer").send_to(&server).status, 200);
    database::freeze(&server.state, 0);
    assert_eq!(tried("payer").send_to(&server).status, 200);
    let answer = tried("payer").fault("proof-misplaced").send_to(&server);
    answer.is(500, INTERNAL);
    assert_cause(&server, &answer, "database DB: it has another place");

    let user = sign_up("asker", "other-places").vars(r#"{"CLIENTS":"registered"}"#);
    user.send_to(&server).is(
        400,
        r#"{"description":"client_id must be that of a registered client","code":"400","field":"client_id"}"#,
    );
    let answer = user.fault("clients-misplaced").send_to(&server);
    answer.is(500, INTERNAL);
    assert_cause(&server, &answer, "database DB: it has another place");
}

#[test]
fn a_failing_search_or_insert_never_hides_a_row() {
    let server = Server::start_scaled("search-faults", &[1, 1], &["tests/worker/faults.js"], |_| {});
    let user = sign_up("before", "search-faults").key("before");
    let first = user.send_to(&server);
    assert_eq!(number(id(&first)), 0);
    database::freeze(&server.state, 0);
    // The copy fails or lags behind, or the first try of every kind fails: the row is found at the database itself, or at the next try.
    for fault in ["copy-down", "copy-stale", "search-lost", "search-answer-lost", "survey-down"] {
        assert_eq!(user.clone().fault(fault).send_to(&server).body, first.body, "{fault}");
        assert_eq!(sign_up("before", "search-faults").fault(fault).send_to(&server).status, 409, "{fault}");
        let new = sign_up(fault, "search-faults").key(fault);
        let stored = new.clone().fault(fault).send_to(&server);
        assert_eq!(number(id(&stored)), 1, "{fault}");
        assert_eq!(new.send_to(&server).body, stored.body);
    }
    // The insert is carried out, and its answer is lost.
    let new = sign_up("insert", "search-faults").fault("insert-answer-lost");
    assert_eq!(number(id(&new.send_to(&server))), 1);
    // Without an answer from the frozen database, nothing is stored.
    let new = sign_up("search-down", "search-faults").fault("search-down");
    let refused = new.send_to(&server);
    refused.is(503, UNAVAILABLE);
    assert_cause(&server, &refused, "database DB: Error: D1_ERROR: Network connection lost.");
    let each: Vec<usize> = server.database().users_of_each("search-faults").iter().map(Vec::len).collect();
    assert_eq!(each, [1, 6]);
}
