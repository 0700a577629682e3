//! Many requests for a while: each succeeds, and the Worker's memory does not grow.

use std::thread;
use std::time::{Duration, Instant};

use edge_signup::fields::username::MAX_CHARACTERS;

use crate::http::agent;
use crate::report;
use crate::request::{account, sign_up};
use crate::server::{Server, shared};

#[test]
fn ten_thousand_accounts_over_50_connections() {
    const CONNECTIONS: usize = 50;
    const REQUESTS: usize = 10_000;
    let mut times: Vec<Duration> = thread::scope(|scope| {
        let connection = |connection: usize| {
            let agent = agent();
            (0..REQUESTS / CONNECTIONS)
                .map(|n| {
                    let name = format!("load-{connection}-{n}");
                    let start = Instant::now();
                    let answer = account(&name).send_by(&agent, shared());
                    let time = start.elapsed();
                    answer.is(201, &format!(r#"{{"name":"{name}","privacy":"Public"}}"#));
                    time
                })
                .collect::<Vec<_>>()
        };
        let calls: Vec<_> = (0..CONNECTIONS).map(|n| scope.spawn(move || connection(n))).collect();
        calls.into_iter().flat_map(|call| call.join().unwrap()).collect()
    });
    assert_eq!(times.len(), REQUESTS, "the connections should share the requests evenly");
    times.sort();
    let (median, p99) = (times[REQUESTS / 2], times[REQUESTS * 99 / 100]);
    // The times are reported but not judged, because other programs share the machine.
    report(&format!("load: {REQUESTS} requests, median {median:?}, 99th percentile {p99:?}"));
}

#[test]
fn memory_does_not_grow_after_the_first_ten_of_1000_sign_ups() {
    let server = Server::start("memory", &["tests/worker/faults.js"]);
    let memory: Vec<u64> = (0..1000)
        .map(|n| {
            let name = format!("memory-{n}-{}", "é".repeat(n % (MAX_CHARACTERS - 20)));
            let answer = sign_up(&name, "memory").password(&"x".repeat(1 + n)).send_to(&server);
            assert_eq!(
                answer.status, 200,
                "sign-up {n} of 1000 should be stored, whatever came before: {answer:?}"
            );
            let memory =
                answer.header("Test-Memory").expect("faults.js should tell the size of the wasm memory");
            memory.parse().expect("a number of bytes")
        })
        .collect();
    let grown = memory[10..].iter().position(|size| *size != memory[10]);
    let (first, last) = (memory[10], memory[999]);
    assert_eq!(
        grown.map(|n| n + 10),
        None,
        "after the sign-up of this number the Worker's memory was no longer the {first} bytes that it was after ten, \
         and after the last it was {last}. It should stay the same: a sign-up may keep memory that it should free"
    );
    assert!(
        first < 64 << 20,
        "the Worker's memory should stay below 64 MiB, half of an isolate's limit, and is {first} bytes: a hash or a \
         table may have grown"
    );
}
