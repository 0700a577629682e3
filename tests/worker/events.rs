//! Events, from a change in the database to the servers that are told of it. The reference library verifies each delivery.

mod crashes;
mod deliverers;
mod delivering;
mod endpoints;
mod receivers;
mod retrying;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use standardwebhooks::Webhook;
use ureq::http::{HeaderMap, HeaderValue};

use crate::admin::{TOKEN, admin, send, until};
use crate::database;
use crate::request::{account, post, sign_up};
use crate::server::Server;
use crate::stand_in::{self, Question, Reply};

const KEY: &str = "WEBHOOK_KEY:the-key-of-the-tests-for-the-keys-of-events";

/// The admin's name.
const ADMIN: &str = "edge-signup-admin";

/// The time after a look for due events in which an isolate looks for no more of them, and some time to spare.
const PACE: Duration = Duration::from_millis(700);

/// Starts the public Worker, which nudges the admin beside it.
fn start(name: &str) -> Server {
    start_beside(name, &[1], &[])
}

/// Starts them likewise on several databases, and more Workers beside them.
fn start_beside(name: &str, generations: &[usize], others: &[&Path]) -> Server {
    let token = format!("ADMIN_TOKEN:{TOKEN}");
    let own = [
        "--beside",
        "admin/wrangler.toml",
        "--beside",
        "tests/worker/admin/caller.toml",
        "--nudge",
        "--cron",
    ];
    let vars = ["--var", &token, "--var", KEY];
    let others = others.iter().flat_map(|file| ["--beside", file.to_str().unwrap()]);
    let arguments: Vec<&str> = own.into_iter().chain(vars).chain(others).collect();
    if generations == [1] {
        Server::start(name, &arguments)
    } else {
        Server::start_scaled(name, generations, &arguments, |_| {})
    }
}

/// Runs the cron of the admin, and waits until it has ended. A nudge shortly before would have done its work.
fn run_cron(server: &Server) {
    run_cron_of(server, ADMIN);
}

/// The same for another Worker.
fn run_cron_of(server: &Server, worker: &str) {
    thread::sleep(PACE);
    let answer = post(&format!("/{worker}")).call(server.beside("cron")).unwrap();
    assert_eq!((answer.status, &*answer.body), (200, "ok"));
}

/// Lets time pass, by making every stored time of events earlier. With a negative number the clock is set back.
fn pass(server: &Server, seconds: i64) {
    let earlier = |columns: &[&str]| {
        let set: Vec<_> = columns.iter().map(|column| format!("{column} = {column} - {seconds}")).collect();
        set.join(", ")
    };
    let sql = format!(
        "UPDATE deliveries SET {}; UPDATE events SET {}; UPDATE webhooks SET {}",
        earlier(&["due_at", "leased_until", "tried_at", "delivered_at"]),
        earlier(&["created_at"]),
        earlier(&["disabled_at", "failing_since", "paused_until", "rotated_until"]),
    );
    for number in 0..server.database().size() {
        database::execute_in(&server.state, number, &sql);
    }
}

/// A server that gets events.
struct Receiver {
    url: String,
    got: Arc<Mutex<Vec<Delivery>>>,
}

/// A try to deliver an event.
#[derive(Debug, Clone)]
struct Delivery {
    id: String,
    timestamp: i64,
    signatures: String,
    agent: String,
    body: String,
    at: Instant,
}

impl Delivery {
    fn of(question: &Question) -> Self {
        let header = |name: &str| question.header(name).unwrap_or_else(|| panic!("no {name}")).to_owned();
        assert_eq!(question.line, "POST /events");
        assert_eq!(header("content-type"), "application/json");
        Self {
            id: header("webhook-id"),
            timestamp: header("webhook-timestamp").parse().unwrap(),
            signatures: header("webhook-signature"),
            agent: header("user-agent"),
            body: String::from_utf8(question.body.clone()).unwrap(),
            at: Instant::now(),
        }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }

    /// The id of the user or the account.
    fn subject(&self) -> u64 {
        self.json()["data"]["id"].as_u64().unwrap()
    }

    /// Whether the reference library takes the delivery.
    fn is_signed_by(&self, secret: &str) -> bool {
        let headers = [
            ("webhook-id", &*self.id),
            ("webhook-timestamp", &self.timestamp.to_string()),
            ("webhook-signature", &self.signatures),
        ];
        let headers: HeaderMap = headers
            .into_iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
            .collect();
        Webhook::new(secret).unwrap().verify(self.body.as_bytes(), &headers).is_ok()
    }
}

impl Receiver {
    /// Answers each delivery with `reply`, which gets the number of earlier tries of the same event.
    fn start(reply: impl Fn(&Delivery, usize) -> Reply + Send + Sync + 'static) -> Self {
        let got: Arc<Mutex<Vec<Delivery>>> = Arc::default();
        let (kept, reply) = (Arc::clone(&got), Arc::new(reply));
        let url = stand_in::start(move |question| {
            let delivery = Delivery::of(question);
            let tries = {
                let mut all = kept.lock().unwrap();
                let tries = all.iter().filter(|other| other.id == delivery.id).count();
                all.push(delivery.clone());
                tries
            };
            reply(&delivery, tries)
        });
        Self { url: format!("{url}/events"), got }
    }

    /// Takes each delivery.
    fn taking() -> Self {
        Self::start(|_, _| taken())
    }

    fn got(&self) -> Vec<Delivery> {
        self.got.lock().unwrap().clone()
    }

    /// The number of deliveries.
    fn count(&self) -> usize {
        self.got.lock().unwrap().len()
    }

    /// Waits for the delivery number `count`. Gives all.
    fn wait_for(&self, count: usize) -> Vec<Delivery> {
        until(|| self.count() >= count, &format!("{count} deliveries"));
        self.got()
    }
}

fn taken() -> Reply {
    Reply::Answer(204, String::new())
}

/// An endpoint of the service.
struct Endpoint {
    path: String,
    id: String,
    secret: String,
}

/// Adds `receiver` as an endpoint. `others` are the other members of the request.
fn add(server: &Server, receiver: &Receiver, others: &Value) -> Endpoint {
    let mut body = json!({ "url": receiver.url });
    body.as_object_mut().unwrap().extend(others.as_object().unwrap().clone());
    let answer = send("POST", "/webhooks", &body).ask_at(server);
    assert_eq!(answer.status, 201, "{answer:?}");
    let text = |member: &str| answer.json()[member].as_str().unwrap().to_owned();
    Endpoint { path: format!("/webhooks/{}", text("id")), id: text("id"), secret: text("secret") }
}

impl Endpoint {
    /// The endpoint as the admin shows it.
    fn shown(&self, server: &Server) -> Value {
        admin("GET", &self.path).ask_at(server).json()
    }

    fn change(&self, server: &Server, body: &Value) -> Value {
        let answer = send("PATCH", &self.path, body).ask_at(server);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Sends events again. Gives how many.
    fn resend(&self, server: &Server, body: &Value) -> u64 {
        let answer = send("POST", &format!("{}/resend", self.path), body).ask_at(server);
        answer.json()["count"].as_u64().unwrap_or_else(|| panic!("{answer:?}"))
    }

    /// The last 200 deliveries to the endpoint, the newest first, as the admin shows them.
    fn deliveries(&self, server: &Server) -> Vec<Value> {
        let page = admin("GET", &format!("/events?webhook_id={}&limit=200", self.id)).ask_at(server).json();
        let events = page["events"].as_array().unwrap().clone();
        let own = |event: &Value| {
            let all = event["deliveries"].as_array().unwrap();
            all.iter().find(|delivery| delivery["webhook_id"] == *self.id).unwrap().clone()
        };
        events.iter().map(own).collect()
    }

    /// Waits until each delivery has this state. There must be one.
    fn wait_for(&self, server: &Server, state: &str) {
        let states = || {
            let state = "CASE WHEN delivered_at IS NOT NULL THEN 'delivered' WHEN due_at IS NULL THEN 'failed' \
                         WHEN tries = 0 THEN 'waiting' ELSE 'retrying' END";
            let sql = format!("SELECT DISTINCT {state} FROM deliveries WHERE webhook_id = ?");
            // Each database gives its own.
            server.database().texts(&sql, &self.id).into_iter().collect::<BTreeSet<_>>()
        };
        until(|| states() == BTreeSet::from([state.to_owned()]), &format!("{state}: {:?}", states()));
        // The admin shows the same.
        let shown = self.deliveries(server);
        assert!(!shown.is_empty() && shown.iter().all(|delivery| delivery["state"] == state), "{shown:?}");
    }
}

/// Signs a user up. Gives the id.
fn user(server: &Server, name: &str, client_id: &str) -> u64 {
    let answer = sign_up(name, client_id).send_to(server);
    answer.json()["user"]["id"].as_u64().unwrap_or_else(|| panic!("{answer:?}"))
}

/// Makes accounts, which cost no hash.
fn accounts(server: &Server, prefix: &str, count: usize) {
    let agent = crate::http::agent();
    for number in 0..count {
        let answer = account(&format!("{prefix}-{number}")).send_by(&agent, server);
        assert_eq!(answer.status, 201, "{answer:?}");
    }
}

/// The number of events that are stored.
fn stored(server: &Server) -> usize {
    server.database().texts("SELECT id || '' FROM events WHERE 'x' = ?", "x").len()
}
