//! A platform that misbehaves: the answer to the client, the stored rows, and the next request, which must succeed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use crate::block_list;
use crate::http::Answer;
use crate::operators::make;
use crate::request::{Request, account, get, sign_up};
use crate::server::{Server, own_configuration};

static SERVER: LazyLock<Server> = LazyLock::new(|| {
    start("faults", |state| {
        block_list::seed(state);
        let (succeeded, text) = make(state, &["breached-list"]);
        assert!(succeeded, "{text}");
    })
});

/// Starts a server whose requests can ask for a fault. Before that, `prepare` puts something into its state, which is a
/// folder called `name`.
pub fn start(name: &str, prepare: impl FnOnce(&Path)) -> Server {
    let config = configuration(name);
    Server::start_with(name, &["tests/worker/faults.js", "--config", config.to_str().unwrap()], prepare)
}

/// Bindings under names that the Worker does not read. A request can give one of them a name that the Worker reads.
const MORE_BINDINGS: &str = r#"
[[ratelimits]]
name = "LIMIT_OF_TWO"
namespace_id = "1001"
simple = { limit = 2, period = 60 }

[[services]]
binding = "ABANDONED"
service = "edge-signup"
entrypoint = "Abandoned"
"#;

/// The Worker's own configuration with [`MORE_BINDINGS`]. Each server has its own file, because a server restarts
/// when its file is written.
fn configuration(name: &str) -> PathBuf {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.toml"));
    fs::write(&file, own_configuration() + MORE_BINDINGS).unwrap();
    file
}

const INTERNAL: &str = r#"{"description":"Internal error","code":"500"}"#;
const UNAVAILABLE: &str =
    r#"{"description":"The service is unavailable for the moment, try again later","code":"503"}"#;
const ALLOW: &str = r#"{"BLOCK_LIST_ON_ERROR":"allow"}"#;

/// A server whose requests can ask for a fault.
pub fn server() -> &'static Server {
    &SERVER
}

/// A sign-up and an account under a fault, which is also their name.
fn both(fault: &str) -> [Request; 2] {
    [sign_up(fault, "faults"), account(fault)].map(|request| request.fault(fault))
}

fn stored(name: &str) -> usize {
    let database = server().database();
    let users = database.users("faults");
    users.iter().filter(|user| user.username_key == name).count() + database.accounts(name).len()
}

fn assert_cause(answer: &Answer, outcome: &str, cause: &str) {
    let line = server().log_line(answer.id());
    assert_eq!(line["outcome"], outcome);
    assert!(line["cause"].as_str().unwrap().contains(cause), "{line}");
}

/// Asserts that the Worker answers the next good request: the fault did not take its instance down.
fn assert_alive(name: &str) {
    let name = format!("{name}-alive");
    account(&name).send_to(server()).is(201, &format!(r#"{{"name":"{name}","privacy":"Public"}}"#));
}

#[test]
fn a_block_list_that_fails_refuses_every_request_unless_the_setting_allows_it() {
    for fault in ["kv-throws", "kv-rejects", "kv-rejects-oddly", "kv-answers-oddly", "kv-hangs"] {
        for request in both(fault) {
            let answer = request.send_to(server());
            answer.is(503, UNAVAILABLE);
            assert_eq!(answer.header("Retry-After"), Some("5"));
            assert_cause(&answer, "unavailable", "block list: ");
        }
        assert_eq!(stored(fault), 0);
        for request in both(fault) {
            let answer = request.vars(ALLOW).send_to(server());
            assert!(matches!(answer.status, 200 | 201), "{fault}: {answer:?}");
            let line = server().log_line(answer.id());
            assert!(
                line["warning"].as_str().unwrap().starts_with("let pass unchecked, block list: "),
                "{line}"
            );
        }
        assert_eq!(stored(fault), 2);
        assert_alive(fault);
    }
}

#[test]
fn a_block_list_that_is_wired_wrongly_never_switches_itself_off() {
    for (fault, cause) in
        [("kv-missing", "the binding BLOCKLIST is missing"), ("kv-wrong", "block list: TypeError")]
    {
        for vars in ["{}", ALLOW] {
            for request in both(fault) {
                let answer = request.vars(vars).send_to(server());
                answer.is(500, INTERNAL);
                assert_cause(&answer, "internal_error", cause);
            }
        }
        assert_eq!(stored(fault), 0);
        assert_alive(fault);
    }
}

#[test]
fn a_sign_up_is_one_operation_of_kv_and_one_statement_of_d1() {
    let [user, account] = both("counts");
    for (request, status) in [(&user, 200), (&user, 409), (&account, 201), (&account, 409)] {
        let answer = request.send_to(server());
        let operations = (answer.header("Test-Reads"), answer.header("Test-Statements"));
        assert_eq!((answer.status, operations), (status, (Some("1"), Some("1"))));
    }
}

#[test]
fn a_transient_failure_of_the_database_is_hidden_from_the_client() {
    for fault in ["db-lost-connection", "db-reset", "db-code-updated", "db-unresolved", "db-answer-lost"] {
        let user = sign_up(fault, "faults").fault(fault);
        let answer = user.send_to(server());
        assert_eq!(
            (answer.status, answer.header("Test-Statements")),
            (200, Some("2")),
            "{fault}: {answer:?}"
        );
        assert_eq!(stored(fault), 1);
        let name = format!("{fault}-account");
        let answer = account(&name).fault(fault).privacy("Private").send_to(server());
        answer.is(201, &format!(r#"{{"name":"{name}","privacy":"Private"}}"#));
        assert_eq!((answer.header("Test-Statements"), stored(&name)), (Some("2"), 1));
        // The name is taken now, also for a request with a transient failure.
        assert_eq!(user.send_to(server()).status, 409);
        assert_eq!(account(&name).fault(fault).send_to(server()).status, 409);
    }
}

#[test]
fn a_database_that_stays_away_is_tried_three_times() {
    for request in both("db-down") {
        let answer = request.send_to(server());
        answer.is(503, UNAVAILABLE);
        assert_eq!((answer.header("Retry-After"), answer.header("Test-Statements")), (Some("5"), Some("3")));
        assert_cause(&answer, "unavailable", "database DB: Error: D1_ERROR: Network connection lost.");
    }
    let [user, _] = both("db-throws");
    user.send_to(server()).is(503, UNAVAILABLE);
    assert_eq!(stored("db-down") + stored("db-throws"), 0);
    assert_alive("db-down");
}

#[test]
fn an_overloaded_database_is_not_asked_again() {
    for fault in ["db-overloaded", "db-rejects-oddly"] {
        for request in both(fault) {
            let answer = request.send_to(server());
            answer.is(503, UNAVAILABLE);
            assert_eq!(
                (answer.header("Retry-After"), answer.header("Test-Statements")),
                (Some("5"), Some("1"))
            );
        }
        assert_eq!(stored(fault), 0);
        assert_alive(fault);
    }
}

#[test]
fn a_wrong_schema_or_binding_is_explained_only_in_the_log() {
    for (fault, cause) in [
        ("db-missing", "the binding DB is missing"),
        ("db-wrong", "database DB: TypeError"),
        ("db-no-table", "no such table: no_such_"),
    ] {
        for request in both(fault) {
            let answer = request.send_to(server());
            answer.is(500, INTERNAL);
            assert_eq!(answer.header("Retry-After"), None);
            assert_cause(&answer, "internal_error", cause);
        }
        assert_eq!(stored(fault), 0);
        assert_alive(fault);
    }
}

#[test]
fn a_trap_fails_the_requests_in_flight_and_no_others() {
    let server = start("trap", |_| {});
    thread::scope(|scope| {
        // Without the trap, this request would get a 503 after two seconds.
        let waiting = scope.spawn(|| account("waiting").fault("kv-hangs").send_to(&server));
        thread::sleep(Duration::from_millis(500));
        let trapped = account("trapped").fault("trap").send_to(&server);
        for answer in [trapped, waiting.join().unwrap()] {
            answer.is(500, INTERNAL);
            let line = server.log_line(answer.id());
            assert_eq!(
                (&line["outcome"], &line["cause"]),
                (&"internal_error".into(), &"the wasm instance trapped".into())
            );
            assert_eq!(
                answer.header("Test-Outcomes"),
                Some(r#"[{"indexes":["/users"],"blobs":["/users","500","internal_error"]}]"#)
            );
        }
    });
    account("afterwards").send_to(&server).is(201, r#"{"name":"afterwards","privacy":"Public"}"#);
}

#[test]
fn a_binding_that_is_used_after_the_answer_does_not_change_it() {
    for fault in ["outcomes-and-events-wrong", "outcomes-and-events-throw", "events-reject"] {
        let [user, account] = both(fault);
        assert_eq!(user.send_to(server()).status, 200, "{fault}");
        account.send_to(server()).is(201, &format!(r#"{{"name":"{fault}","privacy":"Public"}}"#));
        assert_eq!(user.send_to(server()).status, 409, "{fault}");
    }
    // Only a sign-up that is stored has an event.
    for (count, answer) in both("events-nudged").map(|request| request.send_to(server())).iter().enumerate() {
        let nudges = answer.header("Test-Outcomes").unwrap().matches("\"nudge\"").count();
        assert_eq!((nudges, answer.status), (1, [200, 201][count]));
    }
    let rules = get("/.well-known/edge-signup");
    for (request, status) in [(account("events-nudged"), 409), (rules, 200)] {
        let answer = request.fault("events-nudged").send_to(server());
        assert_eq!(answer.status, status);
        assert!(!answer.header("Test-Outcomes").unwrap().contains("nudge"), "{answer:?}");
    }
}

#[test]
fn a_body_that_breaks_off_is_refused_and_the_log_says_why() {
    let answer = sign_up("body-breaks", "faults").fault("body-breaks").send_to(server());
    answer.is(400, r#"{"description":"The body broke off before its end","code":"400"}"#);
    let line = server().log_line(answer.id());
    assert_eq!(line["warning"], "broken body: Error: Network connection lost.");
}

#[test]
fn a_client_with_a_key_can_repeat_after_a_failure() {
    let user = sign_up("keyed", "faults").key("faults-1");
    user.clone().fault("db-down").send_to(server()).is(503, UNAVAILABLE);
    let first = user.send_to(server());
    assert_eq!(first.status, 200);
    user.fault("db-answer-lost").send_to(server()).is(200, &first.body);
    assert_eq!(stored("keyed"), 1);
}
