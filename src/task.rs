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

/// A request on its way to its response.
struct Task {
    number: u32,
    /// When the task began, in microseconds on the runtime's clock.
    since: u64,
    /// The output is the runtime's response.
    future: Pin<Box<dyn Future<Output = JsValue>>>,
}

/// How long a task may take, in microseconds. Each of its waits has a time limit of a minute or less, and a task has
/// few waits. So a task that still waits after ten minutes counts as one whose request the runtime cancelled without an
/// event.
const LIFETIME: u64 = 600_000_000;

thread_local! {
    static WAITING: RefCell<Vec<Task>> = const { RefCell::new(Vec::new()) };
    /// The promise that the running task asks JavaScript to wait for.
    static ASKED: Cell<Option<Promise>> = const { Cell::new(None) };
    /// The outcome that the running task was resumed with.
    static OUTCOME: Cell<Option<Result<JsValue, JsValue>>> = const { Cell::new(None) };
}

/// Begins the task `number` and runs it until it waits. Returns the promise that the task waits for, or the output of
/// `future` if it has ended. No other task may have the same number. `now` is in microseconds on the runtime's clock.
pub fn begin(number: u32, now: u64, future: impl Future<Output = JsValue> + 'static) -> JsValue {
    drop_overdue(now);
    run(Task { number, since: now, future: Box::pin(future) })
}

/// Continues the task `number`, whose promise settled with `value`. Returns the same as [`begin`], or `undefined` if
/// the task is gone: it was dropped, or it was lost with its wasm instance.
#[wasm_bindgen]
#[must_use]
pub fn resume(number: u32, value: JsValue, is_rejected: bool) -> JsValue {
    let Some(task) = take(number) else { return JsValue::UNDEFINED };
    OUTCOME.set(Some(if is_rejected { Err(value) } else { Ok(value) }));
    run(task)
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

fn run(mut task: Task) -> JsValue {
    match task.future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => {
            WAITING.with_borrow_mut(|all| all.push(task));
            ASKED.take().into()
        }
    }
}

fn take(number: u32) -> Option<Task> {
    WAITING.with_borrow_mut(|all| {
        let at = all.iter().position(|task| task.number == number)?;
        Some(all.swap_remove(at))
    })
}

fn drop_overdue(now: u64) {
    let is_overdue = |task: &mut Task| now.saturating_sub(task.since) > LIFETIME;
    // The tasks are dropped after the table was released, because dropping a future may use the table.
    let _overdue: Vec<Task> = WAITING.with_borrow_mut(|all| all.extract_if(.., is_overdue).collect());
}
