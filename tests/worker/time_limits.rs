//! A time limit counts the time that an answer takes, and not the time that the isolate was busy with another request.

use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::faults;
use crate::http::{JSON, send, user};
use crate::stand_in::{self, Reply};

#[test]
fn an_answer_that_arrived_while_the_isolate_was_busy_counts() {
    // The SHA-1 of "password" ends so. The answer comes well within the limit of 800 ms.
    let (asked, is_asked) = mpsc::channel();
    let is_asked = Arc::new(Mutex::new(is_asked));
    let range = stand_in::start(move |question| {
        if question.line == "GET /asked" {
            is_asked.lock().unwrap().recv().unwrap();
            return Reply::Answer(200, String::new());
        }
        asked.send(()).unwrap();
        thread::sleep(Duration::from_millis(300));
        Reply::Answer(200, "1E4C9B93F3F0682250B6CF8331B7EE68FD8:10434004".to_owned())
    });
    let vars = json!({
        "BREACHED_PASSWORDS": "range",
        "BREACHED_PASSWORDS_URL": format!("{range}/range/"),
        "BREACHED_PASSWORDS_ON_ERROR": "allow",
    });
    // Once the question has arrived, something else computes past the limit.
    let busy = format!("{range}/asked");
    let headers = [JSON, ("Test-Vars", &vars.to_string()), ("Test-Busy", &busy)];
    for n in 0..3 {
        let body = user(&format!("late-{n}"), "password", "late");
        let answer = send(faults::server(), "POST", "/sign-up", &headers, body);
        answer.is(
            400,
            r#"{"description":"password is known from data breaches: choose another","code":"400","field":"password"}"#,
        );
    }
    assert_eq!(faults::server().database().users("late"), []);
}
