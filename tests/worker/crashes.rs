//! The runtime is killed while sign-ups stream in: each acknowledged sign-up is stored, and each other one can be
//! repeated.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::request::sign_up;
use crate::server::Server;

const CLIENT: &str = "crashes";

#[test]
fn nothing_acknowledged_is_lost_when_the_runtime_is_killed() {
    let mut server = Server::start("crashes", &[]);
    let next = AtomicUsize::new(0);
    // The name of each sign-up, and its answer if one came.
    let sign_ups: Mutex<Vec<(String, Option<String>)>> = Mutex::default();
    for _ in 0..5 {
        let over = AtomicBool::new(false);
        let answered = || sign_ups.lock().unwrap().iter().filter(|(_, answer)| answer.is_some()).count();
        let before = answered();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed) {
                        let name = format!("crash-{}", next.fetch_add(1, Ordering::Relaxed));
                        let answer = try_sign_up(&server, &name);
                        sign_ups.lock().unwrap().push((name, answer));
                    }
                });
            }
            // A random moment after the first answers of this round.
            let start = Instant::now();
            while answered() < before + 8 && start.elapsed() < Duration::from_mins(1) {
                thread::sleep(Duration::from_millis(5));
            }
            thread::sleep(Duration::from_millis(RandomState::new().hash_one(()) % 500));
            server.kill();
            over.store(true, Ordering::Relaxed);
        });
        server = server.restart();
    }
    let sign_ups = sign_ups.into_inner().unwrap();
    let (acknowledged, unanswered): (Vec<_>, Vec<_>) =
        sign_ups.iter().partition(|(_, answer)| answer.is_some());
    assert!(
        acknowledged.len() >= 10 && unanswered.len() >= 5,
        "too few sign-ups: {} were acknowledged and {} were not",
        acknowledged.len(),
        unanswered.len()
    );

    for (name, _) in &acknowledged {
        assert_eq!(sign_up(name, CLIENT).password(name).send_to(&server).status, 409);
    }
    for (name, _) in &unanswered {
        assert!(try_sign_up(&server, name).is_some(), "the repeat of {name}");
    }
    let users = server.database().users(CLIENT);
    assert_eq!(users.len(), sign_ups.len());
    for (name, answer) in &sign_ups {
        let user = users.iter().find(|user| user.username == *name).expect(name);
        let acknowledged = format!(r#"{{"user":{{"id":{},"username":"{name}"}}}}"#, user.id);
        assert!(answer.as_ref().is_none_or(|answer| *answer == acknowledged), "{answer:?}");
        assert!(user.has_password(name));
    }
}

/// Signs `name` up with a key of its own, its name as the password; gives the body of a 200.
fn try_sign_up(server: &Server, name: &str) -> Option<String> {
    let answer = sign_up(name, CLIENT).password(name).key(name).try_send_to(server).ok()?;
    (answer.status == 200).then_some(answer.body)
}
