//! The cost of a page and of a question with many users.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{column, get, start, start_with};
use crate::database;
use crate::server::Server;

const USERS: u64 = 1_000_000;

/// Users of the last three months, in ten clients, of which the oldest four are in another one.
fn many() -> String {
    format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {USERS}) \
         INSERT INTO users (client_id, username, username_key, password_hash, request_key, created_at) \
         SELECT iif(n < 5, 'first', 'client-' || (n % 10)), 'user-' || n, 'user-' || n, '$argon2id$v=19$m=1,t=1,p=1$c2FsdA$dGFn', 'n-' || n, \
         unixepoch() - 7776000 + n * 7 FROM numbers"
    )
}

fn time(server: &Server, path: &str) -> (Duration, Value) {
    let request = get(path);
    let start = Instant::now();
    let answer = request.ask_at(server);
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    (start.elapsed(), answer.json())
}

/// The ids of a client's users on `pages` pages of `limit` rows.
fn walked(server: &Server, client_id: &str, limit: usize, pages: usize) -> Vec<u64> {
    let (mut ids, mut after) = (Vec::new(), String::new());
    for _ in 0..pages {
        let page = time(server, &format!("/users?client_id={client_id}&limit={limit}{after}")).1;
        ids.extend(column(&page, "users", "id").iter().map(|id| id.as_u64().unwrap()));
        after = format!("&after={}", page["next"].as_str().unwrap());
    }
    ids
}

#[test]
fn with_many_users_pages_and_questions_cost_as_much_as_with_none() {
    let full = &start_with("admin-full", &[], |state| database::execute(state, &many()));
    let empty = &start("admin-empty", &[]);
    // The first question counts.
    let counted = time(full, "/statistics?client_id=client-7").1;
    assert!(counted["totals"]["users"].as_u64() > Some(5_000), "{counted}");
    // Each statement looks at 2,000 rows, of which 200 are the client's.
    let newest: Vec<u64> = (1..=USERS).rev().filter(|n| n % 10 == 7).take(450).collect();
    assert_eq!(walked(full, "client-7", 150, 3), newest);
    let paths = [
        ("/users", 50),
        // The cursor before the id 51.
        ("/users?after=0.33", 50),
        ("/users?username=User-77777", 1),
        ("/users?client_id=client-7&username=user-77777", 1),
        ("/users?client_id=client-7&prefix=user-7777", 12),
        ("/users?prefix=user-7777", 50),
        ("/users?client_id=client-7", 50),
        ("/users?client_id=first", 4),
        ("/users?client_id=first&limit=2&after=0.4", 2),
        ("/users/100000", 1),
        ("/statistics", 0),
        ("/statistics?by=hour", 0),
        ("/statistics?client_id=client-7", 0),
        ("/audit", 0),
        ("/shards", 0),
    ];
    for (path, rows) in paths {
        let of_empty = if path == "/users/100000" { "/session" } else { path };
        // The fastest of many answers: other programs of the machine only add to a time. On a loaded machine it takes more of
        // them until both Workers had a moment of their own.
        let [mut few, mut many] = [Duration::MAX; 2];
        // Two milliseconds are for the longer answer.
        let is_cheap = |few: Duration, many| many <= 3 * few + Duration::from_millis(2);
        for round in 0..300 {
            if round > 20 && is_cheap(few, many) {
                break;
            }
            few = few.min(time(empty, of_empty).0);
            let (elapsed, answer) = time(full, path);
            let found = answer["users"].as_array().map_or(1, Vec::len);
            assert!(rows == 0 || found == rows, "{path} gives {found} rows");
            many = many.min(elapsed);
        }
        assert!(is_cheap(few, many), "{path} takes {many:?} with {USERS} users, and {few:?} with none");
    }
}
