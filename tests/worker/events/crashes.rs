//! The runtime is killed while sign-ups stream in: the events of each acknowledged user arrive at every endpoint.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;

use super::*;

const CLIENT: &str = "event-crashes";
const SIGN_UPS: usize = 2000;
const KILLS: usize = 10;

#[test]
fn no_event_of_an_acknowledged_user_is_lost_when_the_runtime_is_killed() {
    let mut server = start("events-crashes");
    let good = Receiver::taking();
    // Fails a third of the tries, but not an event more than three times, so that no event fails for good.
    let flaky = Receiver::start(|_, tries| {
        let is_bad = tries < 3 && RandomState::new().hash_one(()).is_multiple_of(3);
        if is_bad { Reply::Answer(500, String::new()) } else { taken() }
    });
    let endpoints = [&good, &flaky].map(|receiver| add(&server, receiver, &json!({ "client_id": CLIENT })));
    let next = AtomicUsize::new(0);
    // The ids of the users whose sign-ups were acknowledged.
    let acknowledged: Mutex<BTreeSet<u64>> = Mutex::default();
    for kill in 0..=KILLS {
        let over = AtomicBool::new(false);
        let quota = SIGN_UPS * (kill + 1) / (KILLS + 1);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed) && next.load(Ordering::Relaxed) < quota {
                        let name = format!("crash-{}", next.fetch_add(1, Ordering::Relaxed));
                        if let Some(id) = try_sign_up(&server, &name) {
                            acknowledged.lock().unwrap().insert(id);
                        }
                    }
                });
            }
            if kill < KILLS {
                // A random moment, in the middle of the sign-ups of this round or of their deliveries.
                let share = SIGN_UPS / (KILLS + 1);
                let begin = next.load(Ordering::Relaxed);
                let after = usize::try_from(RandomState::new().hash_one(())).unwrap() % share;
                until(|| next.load(Ordering::Relaxed) >= (begin + after).min(quota), "sign-ups");
                thread::sleep(Duration::from_millis(RandomState::new().hash_one(()) % 300));
                server.kill();
                over.store(true, Ordering::Relaxed);
            }
        });
        if kill < KILLS {
            server = server.restart();
        }
    }
    assert!(next.load(Ordering::Relaxed) >= SIGN_UPS);
    let acknowledged = acknowledged.into_inner().unwrap();
    assert!(acknowledged.len() > SIGN_UPS / 2, "{}", acknowledged.len());

    // The deliverers that died hold leases, and some events wait for a retry of half an hour.
    let left = || {
        let sql = "SELECT 'x' FROM deliveries WHERE delivered_at IS NULL AND '' = ?";
        server.database().texts(sql, "").len()
    };
    for _ in 0..20 {
        pass(&server, 3600);
        run_cron(&server);
        if left() == 0 {
            break;
        }
    }
    assert_eq!(left(), 0);

    let users = server.database().users(CLIENT);
    let stored: BTreeMap<u64, &str> =
        users.iter().map(|user| (u64::try_from(user.id).unwrap(), &*user.username)).collect();
    assert!(acknowledged.iter().all(|id| stored.contains_key(id)));
    let mut ids: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
    for (receiver, endpoint) in [&good, &flaky].into_iter().zip(&endpoints) {
        let all = receiver.got();
        let told: BTreeSet<u64> = all.iter().map(Delivery::subject).collect();
        // Each stored user is told, and so each acknowledged one. No other is.
        assert_eq!(told, stored.keys().copied().collect());
        for delivery in &all {
            let data = &delivery.json()["data"];
            assert_eq!(data["username"], stored[&delivery.subject()], "{delivery:?}");
            ids.entry(delivery.subject()).or_default().insert(delivery.id.clone());
        }
        // The clock of the library is the one of the last deliveries.
        assert!(all.last().unwrap().is_signed_by(&endpoint.secret));
    }
    assert!(ids.values().all(|ids| ids.len() == 1), "an event has two ids");
    let different: BTreeSet<_> = ids.values().flatten().collect();
    assert_eq!(different.len(), stored.len(), "two events have one id");
}

/// Signs a user up; gives the id after a 200.
fn try_sign_up(server: &Server, name: &str) -> Option<u64> {
    let answer = sign_up(name, CLIENT).key(name).try_send_to(server).ok()?;
    (answer.status == 200).then(|| answer.json()["user"]["id"].as_u64().unwrap())
}
