//! An exhaustive model of the protocol that keeps a name in one row over many databases (`docs/scaling.md`).
//!
//! The model has one name, and the name's home in each generation. The isolates of the Workers may have different
//! settings, and each remembers fences of its own. The checker tries every order of the events in [`Event`], and
//! compares every state with the promises in [`service`]. The Workers of the model ask the real
//! [`Walk`](edge_signup::storage::walk::Walk) for each step.
//!
//! The model has more behaviours than the service, and fewer states than a closer copy of it:
//!
//! - An insert that was sent may be carried out at any later time, and more than once. So an answer may be lost, a
//!   Worker may repeat its statement, and a statement may arrive after its request gave up.
//! - A request may stop at any step, because other events may happen for ever. So a client may give up and repeat.
//! - A search of a copy may see any version of its database. So a copy may lag by any time, and two copies may differ.
//! - Freezes happen in any order.
//!
//! The scenarios have 1.9 million states together. They take 16 seconds of one processor in the test profile, and their
//! tests run side by side.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod service;
mod worker;

use service::{Event, Mistake, Service};
use stateright::{Checker, Expectation, HasDiscoveries, Model};

/// An old Worker, and a new one whose setting has one more generation. The sign-up `a` has a key and is repeated.
const GROWTH: Service = Service { isolates: &[1, 2], requests: b"aab", erasures: 0, mistake: None };

const TWO_ROWS: &str = "no name has two rows";

/// The shortest series of events that breaks a promise, or an empty one if nothing breaks it.
fn shortest(service: Service, promise: &'static str) -> Vec<Event> {
    for depth in 1.. {
        let builder = service.checker().target_max_depth(depth);
        let checker = builder.finish_when(HasDiscoveries::AnyOf([promise].into())).spawn_bfs().join();
        let path = checker.discovery(promise);
        if path.is_some() || checker.max_depth() < depth {
            return path.map(stateright::Path::into_actions).unwrap_or_default();
        }
    }
    Vec::new()
}

/// A line for each event.
fn lines(events: &[Event]) -> String {
    events.iter().map(|event| format!("{event:?}")).collect::<Vec<_>>().join("\n")
}

/// Every promise holds after each event, and everything that should be possible happens somewhere.
fn holds(service: Service) {
    let checker = service.checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    println!("{} states", checker.unique_state_count());
    for property in checker.model().properties() {
        let name = property.name;
        let is_found = checker.discovery(name).is_some();
        if property.expectation == Expectation::Sometimes {
            assert!(is_found, "it never happens that {name}");
        } else {
            assert!(!is_found, "{name}: broken by\n{}", lines(&shortest(service, name)));
        }
    }
    assert!(checker.is_done());
}

/// The checker finds that `mistake` gives a name two rows by `events`, and by no shorter series.
fn finds(mistake: Mistake, events: Vec<Event>) {
    let service = Service { mistake: Some(mistake), ..GROWTH };
    let finish = || HasDiscoveries::AnyOf([TWO_ROWS].into());
    // The checker looks at states below the depth, and the first state has the depth 1.
    let check = |depth| service.checker().target_max_depth(depth).finish_when(finish()).spawn_bfs().join();
    let shorter = check(events.len() + 1).discovery(TWO_ROWS).map(stateright::Path::into_actions);
    assert_eq!(shorter, None, "a shorter series breaks it too");
    check(events.len() + 2).assert_discovery(TWO_ROWS, events);
}

#[test]
fn while_a_service_grows() {
    holds(GROWTH);
}

#[test]
fn while_it_grows_to_three_generations() {
    holds(Service { isolates: &[2, 3], requests: b"ab", ..GROWTH });
}

#[test]
fn in_two_isolates_with_the_same_setting() {
    holds(Service { isolates: &[1, 2, 2], requests: b"ab", ..GROWTH });
}

/// Each try of a sign-up without a key has a key of its own, so `b` and `c` may be the same sign-up.
#[test]
fn for_sign_ups_without_a_key() {
    holds(Service { isolates: &[2], requests: b"abc", ..GROWTH });
}

#[test]
fn while_rows_are_erased() {
    holds(Service { isolates: &[2], erasures: 1, ..GROWTH });
    holds(Service { requests: b"aa", erasures: 2, ..GROWTH });
}

#[test]
fn a_setting_that_decides_gives_a_name_two_rows() {
    finds(
        Mistake::SettingDecides,
        vec![
            Event::Begin { request: 0, isolate: 0 },
            Event::Hash { request: 0 },
            Event::Begin { request: 2, isolate: 1 },
            Event::Hash { request: 2 },
            Event::SearchCopy { request: 2, generation: 0, version: 0 },
            Event::Insert { request: 2, generation: 1 },
            Event::Insert { request: 0, generation: 0 },
        ],
    );
}

#[test]
fn a_search_after_the_insert_gives_a_name_two_rows() {
    finds(
        Mistake::SearchAfterInsert,
        vec![
            Event::Begin { request: 0, isolate: 1 },
            Event::Hash { request: 0 },
            Event::InsertUnheard { request: 0, generation: 0 },
            Event::Freeze { generation: 0 },
            Event::Insert { request: 0, generation: 0 },
            Event::Insert { request: 0, generation: 1 },
        ],
    );
}

#[test]
fn a_copy_without_its_fence_gives_a_name_two_rows() {
    finds(
        Mistake::CopyWithoutFence,
        vec![
            Event::Begin { request: 0, isolate: 1 },
            Event::Survey { isolate: 1 },
            Event::Hash { request: 0 },
            Event::InsertUnheard { request: 0, generation: 0 },
            Event::Freeze { generation: 0 },
            Event::Insert { request: 0, generation: 0 },
            Event::SearchCopy { request: 0, generation: 0, version: 0 },
            Event::Insert { request: 0, generation: 1 },
        ],
    );
}
