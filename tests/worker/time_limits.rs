//! A time limit counts the time of an answer, and not the time for which the isolate is busy with another request.

use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::faults;
use crate::request::sign_up;
use crate::stand_in::{self, Reply};

#[test]
fn an_answer_that_arrived_while_the_isolate_was_busy_counts() {
    // The range has the end of the SHA-1 of "password". The answer comes well within the limit of 800 ms.
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
    // When the question has arrived, the isolate is busy until the limit is over.
    let busy = format!("{range}/asked");
    for n in 0..3 {
        let request = sign_up(&format!("late-{n}"), "late").password("password");
        request.vars(&vars).header("Test-Busy", &busy).send_to(faults::server()).is(
            400,
            r#"{"description":"password is known from data breaches: choose another","code":"400","field":"password"}"#,
        );
    }
    assert_eq!(faults::server().database().users("late"), []);
}
