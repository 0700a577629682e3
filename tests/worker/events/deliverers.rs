//! Several deliverers, slow endpoints, frozen databases and clocks that are set back.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::admin::{faulty, variant};

const EVENTS: usize = 300;

#[test]
fn two_deliverers_never_send_one_event_twice() {
    let (_, key) = KEY.split_once(':').unwrap();
    let second = variant("second", &[("ADMIN_TOKEN", TOKEN), ("WEBHOOK_KEY", key)]);
    let server = start_beside("events-deliverers", &[1], &[&second]);
    let receiver = Receiver::start(|_, _| {
        thread::sleep(Duration::from_millis(50));
        taken()
    });
    let endpoint = add(&server, &receiver, &json!({ "events": ["account.created"] }));
    endpoint.change(&server, &json!({ "disabled": true }));
    accounts(&server, "twice", EVENTS);
    assert_eq!(receiver.count(), 0);
    database::execute(&server.state, "UPDATE webhooks SET disabled_at = NULL, disabled_because = NULL");
    thread::scope(|scope| {
        for worker in [ADMIN, "second"] {
            scope.spawn(|| run_cron_of(&server, worker));
        }
    });
    let all = receiver.wait_for(EVENTS);
    endpoint.wait_for(&server, "delivered");
    let ids: BTreeSet<_> = all.iter().map(|delivery| &delivery.id).collect();
    assert_eq!((ids.len(), receiver.count()), (EVENTS, EVENTS));

    // The lease of a deliverer that died ends after a minute.
    let lease = "UPDATE deliveries SET due_at = unixepoch(), delivered_at = NULL, leased_until = unixepoch() + 60 \
                 WHERE event_id = 1";
    database::execute(&server.state, lease);
    run_cron(&server);
    assert_eq!(receiver.count(), EVENTS);
    pass(&server, 61);
    run_cron_of(&server, "second");
    assert_eq!(receiver.count(), EVENTS + 1);

    // The clock is set back by a year: neither a time of a try nor a lease nor a pause may hold an event for so long.
    endpoint.change(&server, &json!({ "disabled": true }));
    accounts(&server, "future", 2);
    let far = "UPDATE deliveries SET leased_until = unixepoch() + 50 WHERE due_at IS NOT NULL; \
               UPDATE webhooks SET paused_until = unixepoch() + 50, disabled_at = NULL, disabled_because = NULL";
    database::execute(&server.state, far);
    run_cron(&server);
    assert_eq!(receiver.count(), EVENTS + 1);
    pass(&server, -365 * 24 * 60 * 60);
    run_cron(&server);
    assert_eq!(receiver.count(), EVENTS + 3);
    endpoint.wait_for(&server, "delivered");
}

#[test]
fn a_try_counts_once_although_the_answer_to_its_note_is_lost() {
    let (_, key) = KEY.split_once(':').unwrap();
    let lost = json!({ "sql": "^UPDATE deliveries SET leased_until = 0", "fault": "lost" }).to_string();
    let worker = faulty("lost-note", &[("ADMIN_TOKEN", TOKEN), ("WEBHOOK_KEY", key), ("FAULT", &lost)]);
    let server = start_beside("events-lost-note", &[1], &[&worker]);
    let receiver = Receiver::start(|_, _| Reply::Answer(500, String::new()));
    let endpoint = add(&server, &receiver, &json!({ "events": ["account.created"] }));
    endpoint.change(&server, &json!({ "disabled": true }));
    accounts(&server, "noted", 1);
    // The nudge is over before the endpoint is enabled again.
    thread::sleep(4 * PACE);
    // The event was tried five times, so the next try is hours away.
    let sql =
        "UPDATE deliveries SET tries = 5; UPDATE webhooks SET disabled_at = NULL, disabled_because = NULL";
    database::execute(&server.state, sql);
    run_cron_of(&server, "lost-note");
    assert_eq!(receiver.count(), 1);
    let [delivery] = endpoint.deliveries(&server).try_into().unwrap();
    assert_eq!((&delivery["tries"], &delivery["status"]), (&json!(6), &json!(500)));
}

#[test]
fn a_slow_endpoint_delays_no_other() {
    let server = start("events-slow");
    let slow = Receiver::start(|_, _| Reply::Never);
    let fast = Receiver::taking();
    let [busy, _] =
        [&slow, &fast].map(|receiver| add(&server, receiver, &json!({ "events": ["account.created"] })));
    // A try of the slow one is judged after 15 s.
    let judged = || {
        let sql = "SELECT 'x' FROM deliveries WHERE webhook_id = ? AND tries > 0";
        server.database().texts(sql, &busy.id).len()
    };
    let mut undelayed = 0;
    for round in 0..8 {
        let before = judged();
        accounts(&server, &format!("slow-{round}"), 1);
        until(|| fast.count() > round, "a delivery");
        undelayed += usize::from(judged() == before && !slow.got().is_empty());
        thread::sleep(Duration::from_millis(500));
    }
    assert!(undelayed >= 4, "only {undelayed} of 8 deliveries came while the slow endpoint was busy");
}

#[test]
fn a_frozen_generation_delivers_its_events() {
    let server = start_beside("events-frozen", &[1, 2], &[]);
    let receiver = Receiver::taking();
    let endpoint = add(&server, &receiver, &json!({ "events": ["account.created"] }));
    endpoint.change(&server, &json!({ "disabled": true }));
    accounts(&server, "before", 10);
    database::freeze(&server.state, 0);
    accounts(&server, "after", 20);
    let sql = "SELECT 'x' FROM deliveries WHERE '' = ?";
    assert_eq!(server.database().texts(sql, "").len(), 30);
    endpoint.change(&server, &json!({ "disabled": false }));
    let all = receiver.wait_for(30);
    let ids: BTreeSet<_> = all.iter().map(|delivery| &delivery.id).collect();
    assert_eq!(ids.len(), 30);
    endpoint.wait_for(&server, "delivered");
    assert_eq!(endpoint.resend(&server, &json!({ "since": "2026-01-01T00:00:00Z" })), 30);
    receiver.wait_for(60);
    // The cron tells a database of the endpoints that it does not know.
    database::execute_in(&server.state, 2, "DELETE FROM subscriptions");
    run_cron(&server);
    let known = server.database().texts("SELECT type FROM subscriptions WHERE webhook_id = ?", &endpoint.id);
    assert_eq!(known, ["account.created"; 3]);
}
