//! Endpoints that fail, each in its own way.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;

use super::*;
use crate::admin::admin;

/// The seconds before each retry, as docs/events.md has them.
pub const RETRIES: [i64; 9] = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];

const DAY: i64 = 24 * 60 * 60;

fn failed() -> Reply {
    Reply::Answer(500, String::new())
}

/// The seconds between the last try and the next one, of the only event of an endpoint.
fn wait_of(server: &Server, endpoint: &Endpoint) -> Option<i64> {
    let sql = "SELECT coalesce(due_at - tried_at, -1) || '' FROM deliveries WHERE webhook_id = ?";
    let wait = server.database().texts(sql, &endpoint.id).remove(0).parse().unwrap();
    (wait >= 0).then_some(wait)
}

#[test]
fn an_event_is_tried_ten_times_and_kept_for_the_operator() {
    let server = start("events-retries");
    let is_up = Arc::new(AtomicBool::new(false));
    let works = Arc::clone(&is_up);
    let receiver =
        Receiver::start(move |_, _| if works.load(Ordering::Relaxed) { taken() } else { failed() });
    let endpoint = add(&server, &receiver, &json!({ "events": ["account.created"] }));
    accounts(&server, "retried", 1);
    for (tries, expected) in RETRIES.into_iter().enumerate() {
        until(
            || endpoint.deliveries(&server)[0]["tries"].as_u64() > Some(tries as u64),
            &format!("{} tries", tries + 1),
        );
        if tries == 0 {
            // This retry comes by itself.
            receiver.wait_for(2);
            continue;
        }
        let wait = wait_of(&server, &endpoint).unwrap();
        assert!((expected..=expected + expected / 5).contains(&wait), "retry {tries} comes after {wait} s");
        // A minute before its time nothing is sent.
        pass(&server, wait - 60);
        run_cron(&server);
        assert_eq!(receiver.count(), tries + 1);
        pass(&server, 61);
        run_cron(&server);
    }
    let all = receiver.wait_for(10);
    endpoint.wait_for(&server, "failed");
    assert!(all.iter().all(|delivery| delivery.id == all[0].id && delivery.is_signed_by(&endpoint.secret)));
    assert_eq!(wait_of(&server, &endpoint), None);
    let [shown] = endpoint.deliveries(&server).try_into().unwrap();
    assert_eq!(shown["tries"], 10);
    assert_eq!(
        (&shown["status"], &shown["next_try_at"], &shown["delivered_at"]),
        (&json!(500), &json!(null), &json!(null))
    );
    assert!(endpoint.shown(&server)["failing_since"].is_string());
    pass(&server, 3 * DAY);
    run_cron(&server);
    assert_eq!(receiver.count(), 10);

    // It is kept longer than a delivered one, and can be sent again: alone, with all failed ones, and since a time.
    is_up.store(true, Ordering::Relaxed);
    accounts(&server, "delivered", 1);
    receiver.wait_for(11);
    pass(&server, 7 * DAY + 1);
    purge(&server);
    assert_eq!(endpoint.deliveries(&server).len(), 1);
    let id = &all[0].id;
    assert_eq!(endpoint.resend(&server, &json!({ "failed": true })), 1);
    assert_eq!(receiver.wait_for(12)[11].id, *id);
    endpoint.wait_for(&server, "delivered");
    assert_eq!(endpoint.resend(&server, &json!({ "failed": true })), 0);
    assert_eq!(endpoint.resend(&server, &json!({ "event": id })), 1);
    assert_eq!(receiver.wait_for(13)[12].id, *id);
    assert_eq!(endpoint.resend(&server, &json!({ "event": "msg_0" })), 0);
    endpoint.wait_for(&server, "delivered");
    accounts(&server, "later", 3);
    receiver.wait_for(16);
    endpoint.wait_for(&server, "delivered");
    let since = endpoint.deliveries(&server)[0]["tried_at"].as_str().unwrap().to_owned();
    let since = format!("{}00:00:00Z", &since[..11]);
    assert_eq!(endpoint.resend(&server, &json!({ "since": since })), 3);
    receiver.wait_for(19);
    endpoint.wait_for(&server, "delivered");
    assert_eq!(endpoint.shown(&server)["failing_since"], json!(null));
    // The events were made some days ago, as the database sees it. Only the cron of a full hour deletes them.
    pass(&server, 7 * DAY + 1);
    run_cron_at(&server, 59);
    assert_eq!(stored(&server), 4);
    purge(&server);
    assert_eq!(stored(&server), 0);
    let rows = server.database().texts("SELECT 'x' FROM deliveries WHERE '' = ?", "");
    assert_eq!(rows, [""; 0]);

    // A failed event is kept for a month.
    is_up.store(false, Ordering::Relaxed);
    accounts(&server, "lost", 1);
    receiver.wait_for(20);
    until(|| wait_of(&server, &endpoint).is_some(), "a try");
    let sql = "UPDATE deliveries SET due_at = NULL";
    database::execute(&server.state, sql);
    pass(&server, 29 * DAY);
    purge(&server);
    assert_eq!(stored(&server), 1);
    pass(&server, 2 * DAY);
    purge(&server);
    assert_eq!(stored(&server), 0);
}

/// Runs the cron of a minute of an hour.
fn run_cron_at(server: &Server, minute: u64) {
    let at = 1_800_000_000_000_u64 + minute * 60_000;
    let answer = post(&format!("/{ADMIN}?at={at}")).call(server.beside("cron")).unwrap();
    assert_eq!(&*answer.body, "ok");
}

fn purge(server: &Server) {
    run_cron_at(server, 0);
}

#[test]
fn an_answer_that_is_no_success_is_a_failure() {
    let server = start("events-failures");
    let elsewhere = Arc::new(AtomicUsize::new(0));
    let followed = Arc::clone(&elsewhere);
    // The stand-in panics for another path, and a redirect points to one.
    let redirecting = Receiver::start(move |_, _| {
        followed.fetch_add(1, Ordering::Relaxed);
        Reply::Answer(307, String::new())
    });
    let garbage = endless(b"This is not HTTP\r\n\r\n", false).0;
    let (stream, written) = endless(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000000000\r\n\r\n", true);
    let receivers = [
        ("redirect", redirecting.url.clone()),
        ("missing", Receiver::start(|_, _| Reply::Answer(404, "no".to_owned())).url),
        ("lost", Receiver::start(|_, _| Reply::Lost).url),
        ("nobody", format!("{}/events", stand_in::nobody())),
        ("never", Receiver::start(|_, _| Reply::Never).url),
        ("garbage", garbage),
        ("half", Receiver::start(|_, _| Reply::Half("{".to_owned())).url),
        ("endless", stream),
    ];
    let endpoints: Vec<_> = receivers
        .into_iter()
        .map(|(client, url)| {
            let receiver = Receiver { url, got: Arc::default() };
            (client, add(&server, &receiver, &json!({ "client_id": client })))
        })
        .collect();
    let begin = Instant::now();
    for (client, _) in &endpoints {
        user(&server, "ada", client);
    }
    for (client, endpoint) in &endpoints {
        let (state, status) = match *client {
            "redirect" => ("retrying", json!(307)),
            "missing" => ("retrying", json!(404)),
            "half" | "endless" => ("delivered", json!(200)),
            _ => ("retrying", json!(null)),
        };
        endpoint.wait_for(&server, state);
        let [delivery] = endpoint.deliveries(&server).try_into().unwrap();
        assert_eq!(delivery["status"], status, "{client}");
        if *client == "never" {
            assert!(begin.elapsed() > Duration::from_secs(14), "an endpoint has 15 s");
        }
    }
    assert!(elsewhere.load(Ordering::Relaxed) >= 1);
    // The body without end was left, and what was read of it is bounded.
    until(|| written.1.load(Ordering::Relaxed), "an end of the connection");
    assert!(written.0.load(Ordering::Relaxed) < 20_000_000, "{written:?}");
}

/// A server that writes `head`, and then without an end if `goes_on`. Gives its URL, and the bytes that it wrote, with
/// whether the connection has ended.
fn endless(head: &'static [u8], goes_on: bool) -> (String, Arc<(AtomicUsize, AtomicBool)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/events", listener.local_addr().unwrap());
    let written: Arc<(AtomicUsize, AtomicBool)> = Arc::default();
    let of_server = Arc::clone(&written);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, written) = (stream.unwrap(), Arc::clone(&of_server));
            thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(head);
                while goes_on && stream.write_all(&[b'x'; 1024]).is_ok() {
                    written.0.fetch_add(1024, Ordering::Relaxed);
                }
                written.1.store(true, Ordering::Relaxed);
            });
        }
    });
    (url, written)
}

#[test]
fn an_endpoint_that_asks_for_less_gets_less() {
    let server = start("events-pauses");
    let status = Arc::new(AtomicUsize::new(429));
    let (now, wait) = (Arc::clone(&status), "120");
    let receiver = Receiver::start(move |_, _| {
        let status = u16::try_from(now.load(Ordering::Relaxed)).unwrap();
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let headers = if status == 429 { vec![header("Retry-After", wait)] } else { Vec::new() };
        Reply::Whole(status, [headers, vec![header("Content-Length", "0")]].concat(), String::new())
    });
    let endpoint = add(&server, &receiver, &json!({ "events": ["account.created"] }));
    for (code, pause) in [(429, 120), (502, 60), (503, 60), (504, 60)] {
        status.store(code, Ordering::Relaxed);
        let before = receiver.count();
        accounts(&server, &format!("paused-{code}"), 1);
        receiver.wait_for(before + 1);
        until(|| endpoint.shown(&server)["paused_until"].is_string(), "a pause");
        let sql = "SELECT (paused_until - unixepoch()) || '' FROM webhooks WHERE id = ?";
        let left: i64 = server.database().texts(sql, &endpoint.id)[0].parse().unwrap();
        assert!((pause - 5..=pause).contains(&left), "{code}: {left}");
        // The other events wait too.
        accounts(&server, &format!("waiting-{code}"), 1);
        run_cron(&server);
        assert_eq!(receiver.count(), before + 1, "{code}");
        status.store(204, Ordering::Relaxed);
        pass(&server, pause + pause / 5 + 1);
        run_cron(&server);
        assert_eq!(receiver.count(), before + 3, "{code}");
        endpoint.wait_for(&server, "delivered");
        assert_eq!(endpoint.shown(&server)["paused_until"], json!(null));
    }

    // An endpoint that is gone gets nothing more, and its events are not even written.
    status.store(410, Ordering::Relaxed);
    accounts(&server, "gone", 1);
    until(|| endpoint.shown(&server)["disabled_because"] == "gone", "a disabled endpoint");
    let got = receiver.count();
    run_cron(&server);
    let before = stored(&server);
    accounts(&server, "gone-too", 1);
    pass(&server, 600);
    run_cron(&server);
    assert_eq!((receiver.count(), stored(&server)), (got, before));
    // An operator enables it again.
    status.store(204, Ordering::Relaxed);
    let shown = endpoint.change(&server, &json!({ "disabled": false }));
    assert_eq!((&shown["disabled_at"], &shown["disabled_because"]), (&json!(null), &json!(null)));
    accounts(&server, "back", 1);
    receiver.wait_for(got + 2);
    endpoint.wait_for(&server, "delivered");
}

#[test]
fn an_outage_of_the_endpoint_loses_nothing_and_ends_in_order() {
    const EVENTS: usize = 300;
    let server = start("events-outage");
    let works = Arc::new(AtomicBool::new(false));
    let at_once = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let (is_up, load) = (Arc::clone(&works), Arc::clone(&at_once));
    let receiver = Receiver::start(move |_, _| {
        if !is_up.load(Ordering::Relaxed) {
            return Reply::Lost;
        }
        let now = load.0.fetch_add(1, Ordering::Relaxed) + 1;
        load.1.fetch_max(now, Ordering::Relaxed);
        thread::sleep(Duration::from_millis(30));
        load.0.fetch_sub(1, Ordering::Relaxed);
        taken()
    });
    let endpoint = add(&server, &receiver, &json!({ "events": ["account.created"] }));
    let healthy = Receiver::taking();
    add(&server, &healthy, &json!({ "events": ["account.created"] }));
    accounts(&server, "outage", EVENTS);
    until(|| healthy.count() == EVENTS, "all events at the other endpoint");
    until(
        || endpoint.deliveries(&server).iter().all(|delivery| delivery["tries"].as_u64() > Some(0)),
        "a try of each",
    );
    let tries = receiver.count();
    // Each event is tried a bounded number of times meanwhile.
    assert!(tries <= 2 * EVENTS, "{tries}");
    thread::sleep(Duration::from_secs(16));
    works.store(true, Ordering::Relaxed);
    pass(&server, 400);
    let before = receiver.count();
    run_cron(&server);
    until(|| receiver.count() - before >= EVENTS, "all events");
    endpoint_has_all(&server, EVENTS);
    assert_eq!(receiver.count() - before, EVENTS, "no event comes twice");
    let at_once = at_once.1.load(Ordering::Relaxed);
    assert!(at_once <= 6, "{at_once} at once");
    assert_eq!(healthy.count(), EVENTS);

    // An endpoint that fails for five days is disabled. Its events wait until it is enabled again.
    works.store(false, Ordering::Relaxed);
    accounts(&server, "late", 1);
    until(|| endpoint.shown(&server)["failing_since"].is_string(), "a failure");
    thread::sleep(Duration::from_secs(8));
    pass(&server, 4 * DAY);
    run_cron(&server);
    assert_eq!(endpoint.shown(&server)["disabled_at"], json!(null));
    pass(&server, 2 * DAY);
    run_cron(&server);
    assert_eq!(endpoint.shown(&server)["disabled_because"], "failing");
    let before = receiver.count();
    accounts(&server, "later", 2);
    pass(&server, 2 * DAY);
    run_cron(&server);
    assert_eq!(receiver.count(), before);
    works.store(true, Ordering::Relaxed);
    endpoint.change(&server, &json!({ "disabled": false }));
    receiver.wait_for(before + 3);
    assert_eq!(admin("GET", "/events?limit=1").ask_at(&server).status, 200);
}

/// Every event of both endpoints is delivered.
fn endpoint_has_all(server: &Server, events: usize) {
    let sql = "SELECT 'x' FROM deliveries WHERE delivered_at IS NOT NULL AND due_at IS NULL AND '' = ?";
    until(|| server.database().texts(sql, "").len() == 2 * events, "notes of all deliveries");
}
