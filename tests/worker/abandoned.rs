//! Requests whose clients go away: the Worker frees their memory.
//!
//! A local workerd takes a closed connection for a client that only stopped sending. So a Worker sends the requests
//! through a binding and abandons them, and the runtime cancels them as Cloudflare's does for a client.

use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::faults;
use crate::request::post;
use crate::server::Server;

/// A text that is in the password of every sign-up here, and nowhere else.
const PASSWORD: &str = "S3cret-of-somebody-who-left";

/// Sends `count` sign-ups that are abandoned at random moments; gives what `faults.js` found afterwards.
fn abandon(server: &Server, count: usize) -> Value {
    let request =
        post("/sign-up").json(PASSWORD).address("203.0.113.99").header("Test-Abandon", count.to_string());
    let text = request.call(&server.url).unwrap().body;
    serde_json::from_str(&text).expect(&text)
}

#[test]
fn a_thousand_abandoned_sign_ups_leave_no_memory_and_no_password_behind() {
    let server = faults::start("abandoned", |_| {});
    let (mut sizes, mut begun, mut answered) = (Vec::new(), 0, 0);
    for _ in 0..10 {
        let found = abandon(&server, 100);
        assert_eq!(found["held"], 0, "{found}");
        begun += found["begun"].as_u64().unwrap();
        answered += found["answered"].as_u64().unwrap();
        sizes.extend(found["sizes"].as_array().unwrap().iter().map(|size| size.as_u64().unwrap()));
    }
    assert_eq!(sizes.len(), 50);
    // The memory may grow by four pages of 64 KiB, because more requests overlap at some moments. A leak would keep
    // 16 KB for each of the thousand.
    assert!(sizes.iter().all(|size| *size <= sizes[0] + (256 << 10)), "{sizes:?}");
    assert!(
        begun >= answered + 100,
        "too few sign-ups were abandoned before their answer: {begun} reached the Worker and {answered} were answered"
    );

    // Each sign-up leaves its log line, whether it was answered or not.
    let count = |outcome: &str| server.log().iter().filter(|line| line.contains(outcome)).count() as u64;
    let logged = || {
        let (created, abandoned) =
            (count(r#""outcome":"created""#), count(r#""status":499,"outcome":"abandoned""#));
        (created >= answered && abandoned >= 100, created + abandoned)
    };
    for _ in 0..200 {
        if logged() == (true, begun) {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(logged(), (true, begun));
}
