//! edge-signup: a sign-up service that runs at the edge, as a Cloudflare Worker.
//!
//! These rooms stand in the order of their imports: a room imports only the rooms below it. A test compares the imports
//! with this table.
//!
//! | room | owns |
//! |---|---|
//! | here | the entry point, and one answer and one log line for each request |
//! | [`endpoints`] | the steps of each endpoint, and the words of its answers |
//! | [`admission`] | the gate before the endpoints: the client's address and the block list |
//! | [`isolate`] | the state that an isolate keeps between requests |
//! | [`guards`] | the guards against abuse, and their order |
//! | [`config`] | the settings that belong to no guard |
//! | [`log`] | the log line |
//! | [`routes`] | the table of methods, paths and endpoints |
//! | [`error`] | every error of a request, and its answer |
//! | [`reason`] | the words of `X-Error-Reason`, for programs |
//! | [`storage`] | all SQL, and everything that is read from D1 and KV |
//! | [`platform`] | the JavaScript side of the runtime |
//! | [`task`] | how a request waits for JavaScript, and how it is dropped |
//! | [`clock`] | the time |
//! | [`http`] | the formats of messages: the response, JSON, header values, webhooks |
//! | [`fields`] | a type for each field, which can only hold a valid value |
//! | [`unicode`] | normalisation, case folding and character classes |
//! | [`setting`] | how a setting is read |
//! | [`js_error`] | a JavaScript exception as text |
//!
//! The rules do without JavaScript on the host, and are tested there: [`routes`], [`error`], [`reason`], [`http`],
//! [`fields`], [`unicode`], [`config`], and the decisions of the guards.

pub mod admission;
pub mod clock;
pub mod config;
#[cfg(all(test, target_arch = "wasm32"))]
mod cost;
pub mod endpoints;
pub mod error;
pub mod fields;
pub mod guards;
pub mod http;
pub mod isolate;
pub mod js_error;
pub mod log;
pub mod platform;
pub mod reason;
pub mod routes;
pub mod setting;
pub mod storage;
pub mod task;
pub mod unicode;

use std::cell::RefCell;

use wasm_bindgen::JsValue;
use worker::{console_log, web_sys};

use admission::Admitted;
use endpoints::{accounts, challenge, rules, sign_up};
use error::ApiError;
use http::response::{AllowOrigin, Reply};
use isolate::Isolate;
use log::Trace;
use platform::{Environment, Incoming};
use routes::{Route, Target};

/// The entry point of the public Worker: begins to answer `request` as the task number `task`, with the bindings and
/// variables in `env`. Returns a promise to wait for, or the response, as [`task::begin`] does.
#[must_use]
pub fn begin(task: u32, request: web_sys::Request, env: JsValue) -> JsValue {
    let visit = Visit::new();
    task::begin(task, visit.arrival, async move {
        let answer = answer(&Incoming::new(request), &Environment::new(env), &visit).await;
        visit.end(&answer)
    })
}

/// The response to a request whose task was lost, because the wasm instance that ran it trapped.
#[must_use]
pub fn lost() -> JsValue {
    Visit::new().end(&Err(ApiError::Internal { cause: "the wasm instance trapped".to_owned() }))
}

/// A request from its arrival to its log line. The line is written even if the client goes away before the answer.
struct Visit {
    id: String,
    arrival: u64,
    trace: Trace,
    /// Which pages may read the answer: those of any origin, unless a guard narrows it.
    allow_origin: RefCell<AllowOrigin>,
    is_answered: bool,
}

impl Visit {
    fn new() -> Self {
        Self {
            id: platform::random_uuid(),
            arrival: clock::now(),
            trace: Trace::default(),
            allow_origin: RefCell::default(),
            is_answered: false,
        }
    }

    /// Logs the request and returns the runtime's response.
    fn end(mut self, answer: &Result<Reply, ApiError>) -> JsValue {
        self.is_answered = true;
        let mut reply = answer.as_ref().map_or_else(ApiError::reply, Clone::clone);
        if reply.allow_origin == AllowOrigin::Any {
            reply.allow_origin = self.allow_origin.take();
        }
        let runtime = self.runtime();
        let log_line = self.trace.line(&self.id, Some(answer), reply.status, runtime);
        platform::respond(&reply, &self.id, runtime, &log_line)
    }

    fn runtime(&self) -> u64 {
        clock::now().saturating_sub(self.arrival)
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if !self.is_answered {
            console_log!("{}", self.trace.line(&self.id, None, CLIENT_CLOSED_REQUEST, self.runtime()));
        }
    }
}

/// The status in the log for a client that did not wait for its answer, as many servers log it. It is never sent.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// Takes a request through the steps that all endpoints share, and then to its endpoint.
async fn answer(request: &Incoming, env: &Environment, visit: &Visit) -> Result<Reply, ApiError> {
    let isolate = &*Isolate::of(env).await?;
    let trace = &visit.trace;
    let route = match routes::resolve(request.method(), request.url(), isolate.challenges.is_some())? {
        Target::Preflight(route) => {
            trace.route.set(Some(route));
            return Ok(isolate.guards.preflight(route, request, trace).await);
        }
        Target::Endpoint(route) => route,
    };
    trace.route.set(Some(route));
    let admission = Admitted::admit(request, isolate, &visit.id, trace, &visit.allow_origin);
    match route {
        Route::SignUp => sign_up::handle(&admission.await?).await,
        Route::CreateAccount => accounts::handle(&admission.await?).await,
        Route::Challenge => admission.await.and_then(|_| challenge::handle(isolate.challenges.as_deref())),
        // The rules are the same for everybody, also for a blocked address.
        Route::Rules => Ok(rules::handle(isolate)),
    }
}
