//! A request's future: how it waits for JavaScript, and how it is given up.
//!
//! `worker/serve.js` begins a task and gets the promise that it waits for. When the promise is settled it resumes
//! the task with the outcome, and so on, until it gets the response. All waiting tasks stand in one table here, so
//! a task whose client went away can be dropped with all that it holds: its promises never settle, and a future
//! that waited for them by itself would stay for the life of the isolate. Must not know what a task does.

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
    /// In microseconds on the runtime's clock.
    since: u64,
    task: Task,
}

/// In microseconds. Each wait has a time limit of a minute or less, so a task that waited ten times as long is never
/// resumed: the runtime cancelled its request and did not say so.
const LIFETIME: u64 = 600_000_000;

thread_local! {
    static WAITING: RefCell<Vec<Waiting>> = const { RefCell::new(Vec::new()) };
    /// The promise that the running task asks JavaScript to wait for.
    static ASKED: Cell<Option<Promise>> = const { Cell::new(None) };
    /// The outcome that the running task was resumed with.
    static OUTCOME: Cell<Option<Result<JsValue, JsValue>>> = const { Cell::new(None) };
}

/// Runs `task` until it waits. Gives the promise that it waits for, or its output. No other task may have `number`.
pub fn begin(number: u32, task: impl Future<Output = JsValue> + 'static) -> JsValue {
    run(number, Box::pin(task))
}

/// Goes on with the task `number`, whose promise was settled with `value`. Gives what [`begin`] gives, or
/// `undefined` if there is no such task: it was dropped, or it was lost with the wasm instance that had it.
#[wasm_bindgen]
#[must_use]
pub fn resume(number: u32, value: JsValue, is_rejected: bool) -> JsValue {
    let Some(task) = take(number) else { return JsValue::UNDEFINED };
    OUTCOME.set(Some(if is_rejected { Err(value) } else { Ok(value) }));
    run(number, task)
}

/// Drops the task `number`, because nobody waits for its output any more.
#[wasm_bindgen]
pub fn abandon(number: u32) {
    drop(take(number));
}

/// Waits for `promise`. A task waits for one promise at a time.
///
/// # Errors
/// The reason of its rejection.
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
    // They are dropped when the table is free again, because a future may do anything then.
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
