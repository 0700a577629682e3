//! A request's future: how it waits for JavaScript, and how it is dropped.
//!
//! `worker/serve.js` begins a task and gets the promise that the task waits for. When the promise has settled,
//! `serve.js` resumes the task with the outcome and gets the next promise, until it gets the response.
//!
//! This room owns the table of all waiting tasks. When a client goes away, the promises of its task never settle; the
//! task is then dropped from the table, with everything that it holds. A future that waited for such a promise by
//! itself would stay in memory as long as the isolate. This room must not know what a task does.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use wasm_bindgen::prelude::*;
use worker::js_sys::Promise;

use crate::clock;

/// A request's future; its output is the runtime's response.
type Task = Pin<Box<dyn Future<Output = JsValue>>>;

/// A task that waits.
struct Waiting {
    number: u32,
    /// When the task began to wait, in microseconds on the runtime's clock.
    since: u64,
    task: Task,
}

/// How long a task may wait, in microseconds. Each wait has a time limit of a minute or less, so a task that has waited
/// ten minutes will never be resumed: the runtime cancelled its request without an event.
const LIFETIME: u64 = 600_000_000;

thread_local! {
    static WAITING: RefCell<Vec<Waiting>> = const { RefCell::new(Vec::new()) };
    /// The promise that the running task asks JavaScript to wait for.
    static ASKED: Cell<Option<Promise>> = const { Cell::new(None) };
    /// The outcome that the running task was resumed with.
    static OUTCOME: Cell<Option<Result<JsValue, JsValue>>> = const { Cell::new(None) };
}

/// Runs `task` until it waits. Returns the promise that the task waits for, or its output if it has ended. No other
/// task may have the same `number`.
pub fn begin(number: u32, task: impl Future<Output = JsValue> + 'static) -> JsValue {
    run(number, Box::pin(task))
}

/// Continues the task `number`, whose promise settled with `value`. Returns the same as [`begin`], or `undefined` if
/// the task is gone: it was dropped, or it was lost with its wasm instance.
#[wasm_bindgen]
#[must_use]
pub fn resume(number: u32, value: JsValue, is_rejected: bool) -> JsValue {
    let Some(task) = take(number) else { return JsValue::UNDEFINED };
    OUTCOME.set(Some(if is_rejected { Err(value) } else { Ok(value) }));
    run(number, task)
}

/// Drops the task `number`, because its client went away.
#[wasm_bindgen]
pub fn abandon(number: u32) {
    drop(take(number));
}

/// Waits for `promise`. A task waits for one promise at a time.
///
/// # Errors
/// The reason of the promise's rejection.
pub async fn settled(promise: Promise) -> Result<JsValue, JsValue> {
    ASKED.set(Some(promise));
    std::future::poll_fn(|_| OUTCOME.take().map_or(Poll::Pending, Poll::Ready)).await
}

fn run(number: u32, mut task: Task) -> JsValue {
    match task.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => {
            wait(Waiting { number, since: clock::now(), task });
            ASKED.take().into()
        }
    }
}

fn wait(waiting: Waiting) {
    let now = waiting.since;
    let is_over = |other: &mut Waiting| now.saturating_sub(other.since) > LIFETIME;
    // The tasks that are over are dropped after the table was released, because dropping a future may use the table.
    let _over: Vec<Waiting> = WAITING.with_borrow_mut(|all| {
        let over = all.extract_if(.., is_over).collect();
        all.push(waiting);
        over
    });
}

fn take(number: u32) -> Option<Task> {
    WAITING.with_borrow_mut(|all| {
        let at = all.iter().position(|waiting| waiting.number == number)?;
        Some(all.swap_remove(at).task)
    })
}
