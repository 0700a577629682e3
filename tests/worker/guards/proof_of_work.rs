//! `PROOF_OF_WORK`: with challenges from the Worker, and with others that the tests sign with its secret.

use edge_signup::guards::proof_of_work::challenge::Challenges;
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::assert_refusals_are_remembered;
use crate::faults::server;
use crate::http::PREFLIGHT_ALLOW_HEADERS;
use crate::log;
use crate::races::{assert_statuses, at_once};
use crate::request::{Request, account, get, post, preflight, request, sign_up};

pub const ON: &str = r#"{"PROOF_OF_WORK":"4","CHALLENGE_SECRET":"0123456789-0123456789-0123456789"}"#;
/// A date in 2096, in seconds since 1970.
const FUTURE: u64 = 4_000_000_000;

/// A request with the guard on, and with `solution`.
pub fn with_work(request: Request, solution: &str) -> Request {
    request.vars(ON).header("Proof-Of-Work", solution)
}

/// A fresh challenge.
fn challenge() -> String {
    let body: Value = get("/challenge").vars(ON).send_to(server()).body.parse().unwrap();
    body["challenge"].as_str().unwrap().to_owned()
}

/// The challenge `id`, issued at `time`, signed with `secret`.
pub fn signed(id: u64, time: u64, secret: &str) -> String {
    let setting = |name: &str| Some(if name == "PROOF_OF_WORK" { "4" } else { secret }.to_owned());
    Challenges::read(setting).unwrap().unwrap().issue(&format!("{id:036}"), time)
}

/// Whether the hash of `solution` begins with so many zero bits.
fn has_zeros(solution: &str, bits: u32) -> bool {
    let hash = Sha256::digest(solution);
    u16::from_be_bytes([hash[0], hash[1]]).leading_zeros() >= bits
}

fn find(challenge: &str, is_wanted: impl Fn(&str) -> bool) -> String {
    let mut solutions = (0..=u32::MAX).map(|nonce| format!("{challenge}:{nonce}"));
    solutions.find(|solution| is_wanted(solution)).unwrap()
}

/// A solution of a fresh challenge.
pub fn solution() -> String {
    find(&challenge(), |solution| has_zeros(solution, 4))
}

/// A fresh challenge with a nonce that does not solve it.
pub fn unsolved() -> String {
    find(&challenge(), |solution| !has_zeros(solution, 4))
}

/// A solution of a challenge that is no longer valid.
pub fn expired() -> String {
    find(&signed(0, 1, "0123456789-0123456789-0123456789"), |solution| has_zeros(solution, 4))
}

/// `solution` with a nonce that makes it too long.
fn padded(solution: &str) -> String {
    format!("{solution:0<257}")
}

/// The id in a challenge or a solution.
fn id(solution: &str) -> &str {
    solution.split('.').nth(1).unwrap()
}

#[test]
fn a_challenge_is_issued_while_the_guard_is_on() {
    let get_challenge = get("/challenge").vars(ON);
    let answer = get_challenge.send_to(server());
    let challenge = answer.body.parse::<Value>().unwrap()["challenge"].as_str().unwrap().to_owned();
    answer.is(200, &format!(r#"{{"challenge":"{challenge}","bits":4,"expires_in":600}}"#));
    let line = server().log_line(answer.id());
    assert_eq!((&line["route"], &line["outcome"]), (&"/challenge".into(), &"issued".into()));
    assert_ne!(id(&self::challenge()), id(&challenge));

    for method in ["POST", "PUT", "DELETE"] {
        let answer = request(method, "/challenge").vars(ON).send_to(server());
        answer.is(405, r#"{"description":"This path takes GET and OPTIONS only","code":"405"}"#);
        assert_eq!(answer.header("Allow"), Some("GET, OPTIONS"));
    }
    let blocked = get_challenge.clone().address("198.51.100.7").send_to(server());
    blocked.is(403, r#"{"description":"Your IP address was blocked.","code":"403"}"#);
    assert_eq!(get_challenge.fault("kv-rejects").send_to(server()).status, 503);
    // The 404 of an unknown path lists it.
    let lost = post("/nowhere").vars(ON).send_to(server());
    lost.is(404, r#"{"description":"There is nothing here: the paths are /sign-up, /users/ and /challenge","code":"404"}"#);
    // While the guard is off, the path is unknown, also for a blocked address.
    for blocked in [None, Some(("CF-Connecting-IP", "198.51.100.7"))] {
        for method in ["GET", "POST", "OPTIONS"] {
            let answer = request(method, "/challenge").headers(blocked).send_to(server());
            assert_eq!(answer.status, 404, "{method}");
            assert!(server().log_line(answer.id()).get("route").is_none());
        }
    }
}

#[test]
fn a_page_may_send_the_header_while_the_guard_is_on() {
    for path in ["/sign-up", "/users/", "/challenge"] {
        let answer = preflight(path).vars(ON).send_to(server());
        let allowed = format!("{PREFLIGHT_ALLOW_HEADERS}, Proof-Of-Work");
        assert_eq!(answer.header("Access-Control-Allow-Headers"), Some(allowed.as_str()));
    }
}

#[test]
fn a_sign_up_with_its_work_done_passes() {
    let (one, other) = (solution(), solution());
    assert_eq!(with_work(sign_up("Ada", "worked"), &one).send_to(server()).status, 200);
    with_work(account("worked"), &other).send_to(server()).is(201, r#"{"name":"worked","privacy":"Public"}"#);
    let database = server().database();
    assert_eq!((database.tries(id(&one)), database.tries(id(&other))), (1, 1));
    // While the guard is off, the Worker ignores the header and does not store the challenge.
    let unused = solution();
    for (name, solution) in [("unworked", "nonsense"), ("unasked", &unused)] {
        let answer = account(name).header("Proof-Of-Work", solution).send_to(server());
        answer.is(201, &format!(r#"{{"name":"{name}","privacy":"Public"}}"#));
    }
    assert_eq!(database.tries(id(&unused)), 0);
}

#[test]
fn a_sign_up_without_its_work_is_refused_and_told_why() {
    let secret = "0123456789-0123456789-0123456789";
    let challenge = challenge();
    let lazy = find(&challenge, |solution| !has_zeros(solution, 4));
    let forged = find(&signed(1, FUTURE, &secret.replace('0', "1")), |solution| has_zeros(solution, 4));
    let expired = find(&signed(2, 1_700_000_000, secret), |solution| has_zeros(solution, 4));
    let overlong = find(&signed(5, FUTURE, secret), |solution| has_zeros(&padded(solution), 4));
    let overlong = padded(&overlong);
    let expired_and_lazy = find(&signed(3, 1_700_000_000, secret), |solution| !has_zeros(solution, 4));
    // A challenge that the test signs is good, so each of the others is refused for its own mistake.
    let good = find(&signed(4, FUTURE, secret), |solution| has_zeros(solution, 4));
    let answer = with_work(account("from-the-future"), &good).send_to(server());
    answer.is(201, r#"{"name":"from-the-future","privacy":"Public"}"#);

    let invalid = ("must be a challenge from GET /challenge, a colon and a nonce", "was invalid");
    let has_expired = ("has expired: solve a new challenge", "has expired");
    for (name, solution, (at_sign_up, at_users)) in [
        ("missing", None, ("must be given: solve a challenge from GET /challenge", "was missing")),
        ("empty", Some(""), invalid),
        ("bare", Some(challenge.as_str()), invalid),
        ("not-ascii", Some("☃:1"), invalid),
        ("forged", Some(&*forged), invalid),
        ("overlong", Some(&*overlong), invalid),
        ("expired", Some(&*expired), has_expired),
        ("expired-and-lazy", Some(&*expired_and_lazy), has_expired),
        (
            "lazy",
            Some(&*lazy),
            (
                "must have a SHA-256 that begins with as many zero bits as its challenge asks for",
                "was not solved",
            ),
        ),
    ] {
        // The database would fail, and so the answers show that it is not asked.
        let send = |request: Request| {
            let request = request.vars(ON).fault("db-overloaded");
            request.headers(solution.map(|solution| ("Proof-Of-Work", solution))).send_to(server())
        };
        send(sign_up(name, "unworked")).is(
            400,
            &format!(
                r#"{{"description":"Proof-Of-Work {at_sign_up}","code":"400","field":"Proof-Of-Work"}}"#
            ),
        );
        send(account(name)).is(
            400,
            &format!(
                r#"{{"name":"{name}","privacy":null,"code":"400","description":"Proof-Of-Work {at_users}"}}"#
            ),
        );
        assert_eq!(server().database().accounts(name), []);
    }
    assert_eq!(server().database().users("unworked"), []);
    // A higher number of bits counts at once, also for a challenge from before.
    let enough = find(&challenge, |solution| has_zeros(solution, 4) && !has_zeros(solution, 8));
    let higher = ON.replace("\"4\"", "\"8\"");
    assert_eq!(account("higher").vars(higher).header("Proof-Of-Work", &enough).send_to(server()).status, 400);
    assert_eq!(with_work(account("higher"), &enough).send_to(server()).status, 201);

    for line in server().log() {
        assert!(![secret, id(&forged), &*challenge].iter().any(|text| line.contains(text)), "{line}");
    }
}

#[test]
fn a_challenge_counts_for_one_sign_up() {
    let used = r#"{"description":"Proof-Of-Work was used before: solve a new challenge","code":"400","field":"Proof-Of-Work"}"#;
    let solution = solution();
    let worked = |request: Request| with_work(request, &solution);
    let keyed = |request: Request| worked(request).key("worked-once").send_to(server());
    let first = keyed(sign_up("Ada", "once"));
    assert_eq!(first.status, 200);
    // Another name, another client, another key, and a repeat without the key.
    for answer in [
        keyed(sign_up("Grace", "once")),
        keyed(sign_up("Ada", "twice")),
        worked(sign_up("Ada", "once")).key("worked-twice").send_to(server()),
        worked(sign_up("Ada", "once")).send_to(server()),
    ] {
        answer.is(400, used);
    }
    keyed(account("Ada-once")).is(
        400,
        r#"{"name":"Ada-once","privacy":null,"code":"400","description":"Proof-Of-Work was used before"}"#,
    );
    // Another nonce solves the same challenge, which is used up.
    let again = find(solution.split_once(':').unwrap().0, |other| has_zeros(other, 4) && other != solution);
    with_work(sign_up("Grace", "once"), &again).send_to(server()).is(400, used);
    // Nine repeats get the first answer, in any spelling of the name. The tenth is refused.
    for name in ["Ada", "ada", "ADA", "Ada", "Ada", "Ada", "Ada", "Ada", "Ada"] {
        keyed(sign_up(name, "once")).is(200, &first.body);
    }
    keyed(sign_up("Ada", "once")).is(400, used);
    // A new solution pays for more repeats.
    let worked_again = with_work(sign_up("Ada", "once"), &self::solution()).key("worked-once");
    worked_again.send_to(server()).is(200, &first.body);
    let database = server().database();
    assert_eq!((database.users("once").len(), database.tries(id(&solution))), (1, 11));
    assert_eq!(database.users("twice"), []);
}

#[test]
fn an_isolate_remembers_the_challenges_that_it_refused() {
    let (here, elsewhere) = (solution(), solution());
    let with = |solution: &str, name: &str| with_work(sign_up(name, "work-replays"), solution);
    assert_refusals_are_remembered("work", |name| with(&here, name), |name| with(&elsewhere, name));
}

#[test]
fn a_challenge_is_used_up_by_a_name_that_is_taken() {
    let work = solution();
    account("worked-for").send_to(server()).is(201, r#"{"name":"worked-for","privacy":"Public"}"#);
    assert_eq!(with_work(account("worked-for"), &work).send_to(server()).status, 409);
    assert_eq!(with_work(account("worked-for-another"), &work).send_to(server()).status, 400);
    // A sign-up with a bad field does not use its challenge up.
    let work = solution();
    assert_eq!(with_work(account("worked for"), &work).send_to(server()).status, 400);
    assert_eq!(with_work(account("worked-for-another"), &work).send_to(server()).status, 201);
}

#[test]
fn of_20_sign_ups_with_one_challenge_one_passes() {
    let solution = solution();
    let answers = at_once(20, |n| with_work(account(&format!("raced-{n}")), &solution).send_to(server()));
    assert_statuses(&answers, &[(201, 1), (400, 19)]);
    let database = server().database();
    let stored: usize = (0..20).map(|n| database.accounts(&format!("raced-{n}")).len()).sum();
    assert_eq!((stored, database.tries(id(&solution))), (1, 1));
}

#[test]
fn a_database_that_fails_refuses_every_solution() {
    for (fault, status, cause) in [
        ("db-down", 503, "database DB: Error: D1_ERROR: Network connection lost."),
        ("db-overloaded", 503, "database DB: Error: D1_ERROR: D1 DB is overloaded."),
        ("db-no-table", 500, "database DB: Error: D1_ERROR: no such table: no_such_challenges"),
        ("proof-without-row", 500, "database DB: Error: a row is not of its form"),
    ] {
        let name = format!("worked-{fault}");
        let (one, other) = (solution(), solution());
        let account = with_work(account(&name), &other);
        for request in [with_work(sign_up(&name, "worked"), &one), account.clone()] {
            let answer = request.fault(fault).send_to(server());
            assert_eq!(answer.status, status, "{answer:?}");
            let line = server().log_line(answer.id());
            let logged = log::of_first_database(line["cause"].as_str().unwrap());
            assert!(logged.starts_with(cause), "{line}");
        }
        let database = server().database();
        assert_eq!((database.accounts(&name), database.tries(id(&one))), (vec![], 0));
        // The solution of the failed sign-up is still good.
        assert_eq!(account.send_to(server()).status, 201);
    }
    // A statement whose answer was lost is repeated, and finds its own row.
    let work = solution();
    let answer = with_work(account("worked-lost"), &work).fault("db-answer-lost").send_to(server());
    assert_eq!((answer.status, answer.header("Test-Statements")), (201, Some("3")));
    assert_eq!(server().database().tries(id(&work)), 2);
}

#[test]
fn expired_challenges_are_deleted_a_few_at_a_time() {
    // The table and the trigger of D1, in a database of the test.
    let schema = |name| server().database().schema(name);
    let database = Connection::open_in_memory().unwrap();
    let insert = |name: &str, age: i64| {
        let sql = "INSERT INTO challenges (expires_at, id, sign_up) \
             VALUES (unixepoch() - ?, printf('%-36s', ?), printf('%064d', 0))";
        database.execute(sql, params![age, name]).unwrap();
    };
    let remembered = || {
        let sql = "SELECT group_concat(rtrim(id), ' ' ORDER BY expires_at) FROM challenges";
        database.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap()
    };
    database.execute_batch(&schema("challenges")).unwrap();
    for (name, age) in [("first", 5000), ("second", 4000), ("third", 3000), ("just-now", 1)] {
        insert(name, age);
    }
    database.execute_batch(&schema("challenges_forget")).unwrap();
    insert("one", -100);
    assert_eq!(remembered(), "third just-now one");
    insert("two", -200);
    assert_eq!(remembered(), "just-now one two");
    insert("three", -300);
    assert_eq!(remembered(), "just-now one two three");
}

#[test]
fn a_setting_that_makes_no_sense_stops_the_service() {
    for (vars, cause) in [
        (json!({ "PROOF_OF_WORK": "" }), "PROOF_OF_WORK is \"\": it must be a whole number of bits, 1 to 26"),
        (json!({ "PROOF_OF_WORK": 27 }), "PROOF_OF_WORK is \"27\": it must be"),
        (json!({ "PROOF_OF_WORK": "20" }), "CHALLENGE_SECRET must be set, to at least 32 bytes"),
        (
            json!({ "PROOF_OF_WORK": "20", "CHALLENGE_SECRET": "s3cret-of-less-than-32-bytes" }),
            "CHALLENGE_SECRET must be set, to at least 32 bytes",
        ),
    ] {
        for (method, path) in [("POST", "/users/"), ("GET", "/challenge"), ("OPTIONS", "/sign-up")] {
            let request = request(method, path).vars(&vars).header("Username", "set-wrongly");
            let answer = request.send_to(server());
            answer.is(500, r#"{"description":"Internal error","code":"500"}"#);
            let line = server().log_line(answer.id());
            let logged = line["cause"].as_str().unwrap();
            assert!(logged.starts_with(cause) && !logged.contains("s3cret"), "{line}");
        }
    }
    assert_eq!(server().database().accounts("set-wrongly"), []);
}
