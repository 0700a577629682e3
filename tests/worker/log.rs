//! The Worker's log: one JSON object for each request, with words of a closed vocabulary, and nothing that a client
//! sent.

use serde_json::Value;

use crate::block_list::REASONS;
use crate::faults;
use crate::request::{account, post, sign_up};

/// The beginnings of each `cause` and `warning` that is not an operator's reason.
const CAUSES: &[&str] = &[
    "block list: ",
    "let pass unchecked, block list: ",
    "allowed any origin, database DB: ",
    "database DB: Error: D1_ERROR: ",
    "database DB: Error: an error without a message",
    "database DB: Error: a row is not of its form",
    "database DB: TypeError: ",
    "database DB: it has another place than SHARDS gives it",
    "every database for this name is frozen: SHARDS needs one more generation",
    "SHARDS is \"DB;\": it must be ",
    "SHARDS names DB twice",
    "database DB: TimeoutError: ",
    "the binding ",
    "SERVICE_ID is ",
    "broken body: ",
    "the wasm instance trapped",
    "SIGN_UP_LIMIT: ",
    "BREACHED_PASSWORDS",
    "let pass unchecked, BREACHED_PASSWORDS: ",
    "TURNSTILE_",
    "siteverify: ",
    "ARGON2_",
    "PASSWORD_MIN_LENGTH is ",
    "PASSWORD_PEPPER must be ",
    "RESERVED_NAMES",
    "SIGN_UP_HOOK",
    "let pass unchecked, SIGN_UP_HOOK: ",
    "CONFUSABLES is ",
    "BLOCK_LIST_ON_ERROR is ",
    "CLIENTS is ",
    "PROOF_OF_WORK is ",
    "CHALLENGE_SECRET must ",
    "ADMIN_TOKEN ",
    "ADMIN_READ_TOKEN must ",
    "ACCESS_",
    "PASSWORD_PEPPERS must ",
    "FIREBASE_SCRYPT must ",
    "the token is not one of the Worker's",
    "the JWT ",
    "the key of the JWT ",
    "the algorithm of the JWT ",
    "the signature of the JWT ",
    "the keys of ACCESS_TEAM: ",
    "user ",
    "KV: ",
    "WEBHOOK_KEY ",
    "OUTCOMES_",
    "no outcomes: ",
    "deliveries: ",
];

/// The routes in the log: those of the public Worker, and then those of the admin.
const ROUTES: &[&str] = &[
    "/sign-up",
    "/users/",
    "/challenge",
    "/.well-known/edge-signup",
    "/session",
    "/users",
    "/users/{id}",
    "/users/{id}/password",
    "/accounts",
    "/accounts/{id}",
    "/blocks",
    "/blocks/{key}",
    "/clients",
    "/clients/{id}",
    "/imports",
    "/exports",
    "/exports/users",
    "/exports/accounts",
    "/statistics",
    "/webhooks",
    "/webhooks/{id}",
    "/webhooks/{id}/secret",
    "/webhooks/{id}/test",
    "/webhooks/{id}/resend",
    "/events",
    "/audit",
    "/shards",
    "Users",
    "Deliverer",
];

/// The fault of a line of a server's output, if it has one. Every line is checked while the tests run.
pub fn fault(line: &str) -> Option<&'static str> {
    if !line.starts_with('{') {
        // Other lines are wrangler's. These words would tell of a crash of the Worker.
        let crash =
            ["panicked", "RuntimeError", "Uncaught", "Critical"].iter().any(|word| line.contains(word));
        return crash.then_some("it tells of a crash");
    }
    let Ok(Value::Object(members)) = serde_json::from_str(line) else {
        return Some("it is not a JSON object");
    };
    members.iter().find_map(|(name, value)| {
        let text = value.as_str().unwrap_or_default();
        let (expected, problem) = match name.as_str() {
            "id" => (
                text.len() == 36 && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit()),
                "its id is not a UUID",
            ),
            "route" => (ROUTES.contains(&text), "its route is unknown"),
            // The admin's line has it.
            "method" => (text.bytes().all(|b| b.is_ascii_uppercase()), "its method is not one"),
            "status" => {
                (value.as_u64().is_some_and(|status| (200..600).contains(&status)), "its status is unknown")
            }
            "outcome" | "reason" => (
                text.bytes().all(|b| b == b'_' || b.is_ascii_lowercase()),
                "its outcome or reason is not a word",
            ),
            "ms" => (value.is_number(), "its time is not a number"),
            "cause" | "warning" => (
                REASONS.contains(&text)
                    || CAUSES.iter().any(|cause| of_first_database(text).starts_with(cause)),
                "its cause or warning is not in CAUSES of tests/worker/log.rs",
            ),
            _ => (false, "it has an unknown member"),
        };
        (!expected).then_some(problem)
    })
}

#[test]
fn nothing_that_a_client_sends_is_logged() {
    let (name, password, client, address, key) =
        ("N4me-of-a-user", "P4ssword of a user", "cl13nt-of-an-app", "203.0.113.217", "k3y-of-a-client");
    let user = sign_up(name, client).password(password);
    let mut statuses = Vec::new();
    let mut last = String::new();
    for fault in [
        "",
        "",
        "kv-rejects",
        "kv-wrong",
        "db-down",
        "db-overloaded",
        "db-no-table",
        "db-wrong",
        "db-answer-lost",
        "no-address",
    ] {
        for request in [
            user.clone(),
            user.clone().key(key),
            sign_up(name, client).password(&format!("{password}\0")),
            post("/sign-up").body(&user.body),
            account(name).key(key),
            account(name).privacy(password),
            post(&format!("/{name}/{password}").replace(' ', "%20")),
        ] {
            let answer = request.address(address).fault(fault).send_to(faults::server());
            statuses.push(answer.status);
            last = answer.id().to_owned();
        }
    }
    for status in [200, 201, 400, 403, 404, 409, 415, 500, 503] {
        assert!(statuses.contains(&status), "{status} in {statuses:?}");
    }
    faults::server().log_line(&last);
    let database = faults::server().database();
    let hash = &database.users(client)[0].password_hash;
    let secrets = [name, "n4me", password, "P4ssword", client, address, key, "$argon2", hash];
    for line in faults::server().log().iter().filter(|line| line.starts_with('{')) {
        assert!(!secrets.iter().any(|secret| line.contains(secret)), "{line}");
    }
}

/// The same text about the first database: `DB` in place of the binding of a later one, such as `DB_12`.
pub fn of_first_database(text: &str) -> String {
    let Some((before, after)) = text.split_once("database DB_") else { return text.to_owned() };
    format!("{before}database DB{}", after.trim_start_matches(|c: char| c.is_ascii_digit()))
}
