//! edge-signup: a sign-up service that runs at the edge, as a Cloudflare Worker.
//!
//! The walk of a request, each step in a room of its own, imports pointing down only:
//!
//! | step | room |
//! |---|---|
//! | the event, one answer and one log line | here, [`log`] |
//! | method and path | [`routes`] |
//! | address and block list | [`call`], [`client_ip`], [`block_list`] |
//! | the endpoint's steps | [`sign_up`], [`accounts`] |
//! | each field, parsed into a type that can only hold a good value | [`username`], [`password`] ([`opaque_string`], [`pepper`], [`argon2id`]), [`visible_ascii`], [`json`], [`header_value`]; under them [`unicode`] |
//! | the guards that are on | [`guards`] ([`rate_limit`], [`remote`], [`breached_list`]; [`challenge`], which has an endpoint of its own) |
//! | the one statement | [`store`] |
//! | the answer, or the error as an answer | [`response`], [`error`] |
//!
//! [`config`] holds the settings, and [`service`] what is kept from request to request; [`platform`]
//! is where JavaScript begins. All rooms but [`platform`], [`service`], [`call`], [`guards`],
//! [`rate_limit`], [`remote`], [`store`], [`block_list`] and the endpoints' `handle` are free of it, and so tested
//! on the host.

pub mod accounts;
pub mod argon2id;
pub mod block_list;
pub mod breached_list;
pub mod call;
pub mod challenge;
pub mod client_ip;
pub mod config;
pub mod confusables;
pub mod error;
pub mod guards;
pub mod header_value;
pub mod json;
pub mod log;
pub mod opaque_string;
pub mod password;
pub mod pepper;
pub mod platform;
pub mod rate_limit;
pub mod remote;
pub mod response;
pub mod routes;
pub mod service;
pub mod sign_up;
pub mod store;
pub mod unicode;
pub mod username;
pub mod visible_ascii;

use worker::{Context, Env, console_log, event, web_sys};

use call::Call;
use error::ApiError;
use log::Notes;
use platform::{Environment, Incoming};
use response::Reply;
use routes::{Route, Target};
use service::Service;

/// Answers a request: the Worker's entry point.
#[event(fetch)]
async fn fetch(request: web_sys::Request, env: Env, _context: Context) -> worker::Result<web_sys::Response> {
    let arrival = platform::now();
    let id = platform::random_uuid();
    let notes = Notes::default();
    let answer = answer(&Incoming::new(request), &Environment::new(env), &id, &notes).await;
    let mut reply = answer.as_ref().map_or_else(ApiError::reply, Clone::clone);
    reply.allow_origin = notes.allow_origin.take();
    let runtime = platform::now().saturating_sub(arrival);
    console_log!("{}", notes.line(&id, &answer, reply.status, runtime));
    Ok(platform::respond(&reply, &id, runtime)?)
}

/// Takes a request through the steps that are common to all, and to its endpoint.
async fn answer(request: &Incoming, env: &Environment, id: &str, notes: &Notes) -> Result<Reply, ApiError> {
    let service = &*Service::of(env)?;
    let route = match routes::resolve(&request.method(), &request.url(), service.challenges.is_some())? {
        Target::Preflight(route) => {
            notes.route.set(Some(route));
            // The other routes know no clients.
            if route == Route::SignUp {
                notes.allow_origin.set(guards::allow_origin(&service.guards, request, notes).await);
            }
            return Ok(guards::preflight(&service.guards));
        }
        Target::Endpoint(route) => route,
    };
    notes.route.set(Some(route));
    let call = Call::admit(request, service, id, notes).await?;
    match route {
        Route::SignUp => sign_up::handle(&call).await,
        Route::CreateAccount => accounts::handle(&call).await,
        Route::Challenge => challenge::handle(service.challenges.as_ref()),
    }
}
