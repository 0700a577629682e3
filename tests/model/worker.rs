//! A Worker: what it does with a request, between the request's arrival and its answer.
//!
//! It takes the place of `src/storage/d1.rs`, and asks the same [`Walk`] for each step. It owns the three mistakes.

use std::cell::Cell;

use edge_signup::storage::walk::{Fence, Position, Source, Step, Walk};

use crate::service::{Answer, Hit, Inserted, MOST, Mistake, Phase, Row, Service, State, View};

/// A request on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Run {
    pub isolate: usize,
    /// The generations whose copies are being searched, and not yet asked for.
    begun: [bool; MOST],
    position: Position,
    pub question: Question,
}

/// The answer that a request waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Question {
    /// The password's hash.
    Hash,
    /// The search of a copy in this generation.
    Copy(usize),
    /// The search of the database itself. The question left the Worker when the database had this version.
    Database { generation: usize, since: usize },
    /// The insert into this generation.
    Insert(usize),
    /// The search of the earlier generations after the insert of the row: only a mistake asks it.
    AfterInsert(Row),
}

/// Calls `act` with the walk of a run, which uses the memory of the isolate.
fn walk<T>(service: &Service, state: &mut State, run: &mut Run, act: impl FnOnce(&mut Walk) -> T) -> T {
    let memory = &mut state.isolates[run.isolate];
    let is_memory = service.mistake != Some(Mistake::SettingDecides);
    let last = memory.len() - 1;
    let fence = |(generation, fence): (usize, &Fence)| {
        Cell::new(if is_memory || generation == last { *fence } else { Fence::Frozen })
    };
    let cells: Vec<Cell<Fence>> = memory.iter().enumerate().map(fence).collect();
    let mut walk = Walk::new(cells.iter().collect());
    walk.position = run.position;
    let result = act(&mut walk);
    run.position = walk.position;
    if is_memory {
        *memory = cells.into_iter().map(Cell::into_inner).collect();
    }
    result
}

/// Begins a request as `Pending::begin` does.
pub fn begin(service: &Service, state: &mut State, request: usize, isolate: usize) {
    let position = Walk::new(vec![&Cell::new(Fence::Unknown); service.isolates[isolate]]).position;
    let mut run = Run { isolate, begun: [false; MOST], position, question: Question::Hash };
    let expected: Vec<usize> = walk(service, state, &mut run, |walk| walk.expected().collect());
    for generation in expected {
        run.begun[generation] = true;
    }
    state.requests[request].phase = Phase::In(run);
}

pub fn hashed(service: &Service, state: &mut State, request: usize) {
    go_on(service, state, request, |_| {});
}

pub fn copy_answered(
    service: &Service,
    state: &mut State,
    request: usize,
    generation: usize,
    mut view: View,
) {
    if service.mistake == Some(Mistake::CopyWithoutFence) {
        let Phase::In(run) = state.requests[request].phase else { return };
        view.is_frozen = state.isolates[run.isolate][generation] == Fence::Frozen;
    }
    searched(service, state, request, generation, view, Source::Replica);
}

pub fn copy_failed(state: &mut State, request: usize) {
    let Phase::In(mut run) = state.requests[request].phase else { return };
    let Question::Copy(generation) = run.question else { return };
    run.question = Question::Database { generation, since: state.version(generation) };
    state.requests[request].phase = Phase::In(run);
}

pub fn search_answered(service: &Service, state: &mut State, request: usize, generation: usize, view: View) {
    searched(service, state, request, generation, view, Source::Primary);
}

fn searched(
    service: &Service,
    state: &mut State,
    request: usize,
    generation: usize,
    view: View,
    source: Source,
) {
    let Phase::In(run) = state.requests[request].phase else { return };
    let is_last = generation + 1 == service.isolates[run.isolate];
    let is_frozen = view.is_frozen || service.mistake == Some(Mistake::SettingDecides) && !is_last;
    match view.hit(generation, service.requests[request]) {
        Hit::Nothing => go_on(service, state, request, |walk| walk.found_nothing(is_frozen, source)),
        _ if !source.proves_a_row() => go_on(service, state, request, |_| {}),
        Hit::Other => answer(state, request, Answer::Taken),
        Hit::Own(row) => answer(state, request, Answer::Found(row)),
    }
}

pub fn insert_answered(service: &Service, state: &mut State, request: usize, inserted: Inserted) {
    match inserted {
        Inserted::Refused => go_on(service, state, request, |walk| {
            walk.was_refused();
        }),
        Inserted::Taken => answer(state, request, Answer::Taken),
        Inserted::Own(row) if service.mistake == Some(Mistake::SearchAfterInsert) => {
            let Phase::In(mut run) = state.requests[request].phase else { return };
            run.question = Question::AfterInsert(row);
            state.requests[request].phase = Phase::In(run);
        }
        Inserted::Own(row) => answer(state, request, Answer::Stored(row)),
    }
}

pub fn search_after_insert(service: &Service, state: &mut State, request: usize) {
    let Phase::In(run) = state.requests[request].phase else { return };
    let Question::AfterInsert(row) = run.question else { return };
    let hit =
        |generation: usize| state.databases[generation].now().hit(generation, service.requests[request]);
    let outcome = match (0..row.generation).map(hit).find(|hit| *hit != Hit::Nothing) {
        Some(Hit::Other) => Answer::Taken,
        Some(Hit::Own(earlier)) => Answer::Found(earlier),
        _ => Answer::Stored(row),
    };
    answer(state, request, outcome);
}

/// Tells the walk the answer, and asks the next question.
fn go_on(service: &Service, state: &mut State, request: usize, tell: impl FnOnce(&mut Walk)) {
    let Phase::In(mut run) = state.requests[request].phase else { return };
    let isolate = run.isolate;
    walk(service, state, &mut run, tell);
    if service.mistake == Some(Mistake::SearchAfterInsert) {
        for generation in 0..service.isolates[isolate] {
            let is_frozen = state.isolates[isolate][generation] == Fence::Frozen;
            walk(service, state, &mut run, |walk| {
                if walk.step() == Step::Search(generation) {
                    walk.found_nothing(is_frozen, Source::Replica);
                }
            });
        }
    }
    let step = walk(service, state, &mut run, |walk| walk.step());
    match step {
        Step::GiveUp => {
            return answer(state, request, Answer::GaveUp { setting: service.isolates[isolate] });
        }
        Step::Insert(generation) => {
            state.send(request, generation);
            run.question = Question::Insert(generation);
        }
        Step::Search(generation) if run.begun[generation] => {
            run.begun[generation] = false;
            run.question = Question::Copy(generation);
        }
        Step::Search(generation) => {
            run.question = Question::Database { generation, since: state.version(generation) };
        }
    }
    state.requests[request].phase = Phase::In(run);
}

fn answer(state: &mut State, request: usize, answer: Answer) {
    state.requests[request].phase = Phase::After(answer);
}
