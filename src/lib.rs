//! edge-signup: a sign-up service that runs at the edge, as a Cloudflare Worker.
//!
//! The walk of a request, each step in a room of its own, imports pointing down only:
//!
//! | step | room |
//! |---|---|
//! | the event, one answer and one log line | here |
//! | method and path | [`routes`] |
//! | address and block list | [`call`], [`client_ip`], [`block_list`] |
//! | the endpoint's steps | [`sign_up`], [`accounts`] |
//! | each field, parsed into a type that can only hold a good value | [`username`], [`password`] ([`opaque_string`]), [`visible_ascii`], [`header_value`]; under them [`unicode`] |
//! | the one statement | [`store`] |
//! | the answer, or the error as an answer | [`response`], [`error`] |
//!
//! [`config`] holds the settings; [`platform`] is where JavaScript begins. All rooms but
//! [`platform`], [`call`], [`store`], [`block_list`] and the endpoints' `handle` are free of it, and
//! so tested on the host.

pub mod accounts;
pub mod block_list;
pub mod call;
pub mod client_ip;
pub mod config;
pub mod error;
pub mod header_value;
pub mod opaque_string;
pub mod password;
pub mod platform;
pub mod response;
pub mod routes;
pub mod sign_up;
pub mod store;
pub mod unicode;
pub mod username;
pub mod visible_ascii;

use serde::Serialize;
use worker::{Context, Env, console_log, event, web_sys};

use call::Call;
use config::Config;
use error::ApiError;
use platform::Incoming;
use response::Reply;
use routes::{Route, Target};

/// Answers a request: the Worker's entry point.
#[event(fetch)]
async fn fetch(request: web_sys::Request, env: Env, _context: Context) -> worker::Result<web_sys::Response> {
    let arrival = platform::now();
    let id = platform::random_uuid();
    let mut line = LogLine::default();
    let answer = answer(&Incoming::new(request), &env, &id, &mut line).await;
    let reply = answer.as_ref().map_or_else(ApiError::reply, Clone::clone);
    let milliseconds = platform::now() - arrival;

    line.id = &id;
    line.status = reply.status;
    line.ms = milliseconds;
    match &answer {
        Ok(reply) => line.outcome = if reply.body.is_some() { "created" } else { "preflight" },
        Err(error) => (line.outcome, line.cause) = (error.outcome(), error.cause()),
    }
    console_log!("{}", serde_json::to_string(&line).unwrap_or_default());
    Ok(platform::respond(&reply, &id, milliseconds / 1000.0)?)
}

/// Takes a request through the steps that are common to all, and to its endpoint.
async fn answer(request: &Incoming, env: &Env, id: &str, line: &mut LogLine<'_>) -> Result<Reply, ApiError> {
    let config = Config::read(|name| platform::variable(env, name))?;
    let route = match routes::resolve(&request.method(), &request.url())? {
        Target::Preflight(route) => {
            line.route = Some(route.name());
            return Ok(Reply::preflight());
        }
        Target::Endpoint(route) => route,
    };
    line.route = Some(route.name());
    let call = Call { request, env, id, config };
    line.warning = call.admit().await?;
    match route {
        Route::SignUp => sign_up::handle(&call).await,
        Route::CreateAccount => accounts::handle(&call).await,
    }
}

/// What the log says of a request, as one JSON object: never a name, a password, an address or a body.
#[derive(Default, Serialize)]
struct LogLine<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<&'static str>,
    status: u16,
    outcome: &'static str,
    ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
}
