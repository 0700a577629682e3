//! The operators' side of the service: a Worker of its own on the databases and the block list of the public one.
//!
//! A request passes through these rooms from top to bottom; the rooms of [`edge_signup`] lie below all of them.
//!
//! | room | owns |
//! |---|---|
//! | here | the entry points, and one log line for each request |
//! | [`users`] | the methods for Workers that sign users in |
//! | [`endpoints`] | the API: the steps of each endpoint, and its JSON |
//! | [`events`] | the delivery of events to other servers |
//! | [`service`] | the state that an isolate keeps between requests |
//! | [`access`] | who may use the admin |
//! | [`routes`] | the table of methods and paths |
//! | [`storage`] | all SQL of the admin, and the entries of the block list |
//! | [`answer`] | good and bad answers |
//! | [`keys`] | the keys that sign events |
//! | [`hashes`] | the forms of stored password hashes |
//! | [`safe_url`] | the URLs to which secrets may be sent |
//! | [`time`] | the form of a time |

pub mod access;
pub mod answer;
pub mod endpoints;
pub mod events;
pub mod hashes;
pub mod keys;
pub mod routes;
pub mod safe_url;
pub mod service;
pub mod storage;
pub mod time;
pub mod users;

use std::alloc::System;
use std::cell::RefCell;

use edge_signup::http::json;
use edge_signup::platform::{self, Environment, Incoming};
use edge_signup::{clock, task};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;
use worker::console_log;
use worker::web_sys::Request;
use zeroizing_alloc::ZeroAlloc;

use access::Denied;
use answer::{Answer, Failure};
use endpoints::{
    Call, accounts, audit, blocks, clients, exports, imports, session, shards, statistics, webhooks,
};
use routes::{Route, Target};
use service::Service;

/// Wipes each block of memory when it is freed, as the public Worker does.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

#[wasm_bindgen(module = "/src/platform.js")]
extern "C" {
    fn respond(line: &str, status: u16, body: Option<&str>, headers: &str) -> JsValue;
}

/// The headers of every answer. An answer is for the caller alone, and never for a page of another origin.
const HEADERS: [(&str, &str); 5] = [
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Content-Type", "application/json; charset=utf-8"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
];

/// The outcome of a request: an answer, or a stream whose chunks are tasks of their own.
enum Outcome {
    Answer(Answer),
    Stream(Stream),
}

/// A stream that may begin, as `admin/streams.js` reads it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Stream {
    Import(imports::Plan),
    Export(exports::Plan),
}

/// A stream that may begin, with the id of its request.
#[derive(Serialize)]
struct Begun<'a> {
    id: &'a str,
    #[serde(flatten)]
    stream: &'a Stream,
}

/// The log line, as one JSON object. Names, addresses and tokens stay out of it.
#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<&'static str>,
    method: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
}

/// The facts for the log line, which a request collects on its way.
#[derive(Default)]
struct Trace {
    route: std::cell::Cell<Option<&'static str>>,
    cause: RefCell<Option<String>>,
    warnings: RefCell<Vec<String>>,
}

/// Begins to answer `request` as the task number `task`. Returns a promise to wait for, the response, or the plan of a
/// stream as JSON.
#[wasm_bindgen]
#[must_use]
pub fn begin(task: u32, request: Request, env: JsValue) -> JsValue {
    let arrival = clock::now();
    task::begin(task, arrival, async move {
        let (id, request, trace) = (platform::random_uuid(), Incoming::new(request), Trace::default());
        let outcome = carry_out(&request, &Environment::new(env), &trace).await;
        end(&id, request.method(), arrival, &trace, outcome)
    })
}

/// The response to a request whose task was lost, because the wasm instance that ran it trapped.
#[wasm_bindgen]
#[must_use]
pub fn lost() -> JsValue {
    let failure = Failure::Internal("the wasm instance trapped".to_owned());
    end(&platform::random_uuid(), "", clock::now(), &Trace::default(), Err(failure))
}

/// The lines of the answer to the lines `bytes` of an import, of which the first has the number `first`, or `undefined`
/// after a failure. `id` and `plan` are the request's.
#[wasm_bindgen(js_name = importChunk)]
#[must_use]
pub fn import_chunk(
    task: u32,
    env: JsValue,
    id: String,
    plan: String,
    bytes: Vec<u8>,
    first: u32,
) -> JsValue {
    part(task, "/imports", Some(id), async move {
        let service = Service::of(&Environment::new(env)).await?;
        let Stream::Import(plan) = given(&plan)? else {
            return Err(Failure::Internal(OTHER_PLAN.to_owned()));
        };
        imports::chunk(&service, &plan, &bytes, first.into()).await
    })
}

/// The next chunk of an export: its `text`, and the plan of the `rest` or `null`, as JSON. `undefined` after a failure.
/// `id` and `plan` are the request's.
#[wasm_bindgen(js_name = exportChunk)]
#[must_use]
pub fn export_chunk(task: u32, env: JsValue, id: String, plan: String) -> JsValue {
    part(task, "/exports", Some(id), async move {
        let service = Service::of(&Environment::new(env)).await?;
        let Stream::Export(plan) = given(&plan)? else {
            return Err(Failure::Internal(OTHER_PLAN.to_owned()));
        };
        Ok(json::write(&exports::chunk(&service, &plan).await?))
    })
}

/// Calls a method of [`users`]: `verify`, `get`, `setPassword` or `erase`, with its input as JSON. Returns the output as
/// JSON, or `undefined` after a failure.
#[wasm_bindgen(js_name = callUsers)]
#[must_use]
pub fn call_users(task: u32, env: JsValue, method: String, input: String) -> JsValue {
    part(task, "Users", None, async move {
        let service = Service::of(&Environment::new(env)).await?;
        // An input of another form belongs to no user.
        Ok(match &*method {
            "verify" => match serde_json::from_str(&input) {
                Ok(credentials) => json::write(&users::verify(&service, &credentials).await?),
                Err(_) => r#"{"ok":false}"#.to_owned(),
            },
            "get" => match serde_json::from_str(&input) {
                Ok(who) => json::write(&users::get(&service, &who).await?),
                Err(_) => "null".to_owned(),
            },
            "setPassword" => match serde_json::from_str(&input) {
                Ok(input) => json::write(&users::set_password(&service, &input).await?),
                Err(_) => r#"{"ok":false,"reason":"input_invalid","description":"The input must have id and password"}"#
                    .to_owned(),
            },
            "erase" => match serde_json::from_str(&input) {
                Ok(who) => json::write(&users::erase(&service, &who).await?),
                Err(_) => "false".to_owned(),
            },
            _ => return Err(Failure::Internal(format!("Users has no method {method}"))),
        })
    })
}

/// The ids of the endpoints that have a due event, as a JSON array, or `undefined` after a failure.
#[wasm_bindgen(js_name = dueWebhooks)]
#[must_use]
pub fn due_webhooks(task: u32, env: JsValue) -> JsValue {
    part(task, "Deliverer", None, async move {
        let service = Service::of(&Environment::new(env)).await?;
        Ok(json::write(&storage::deliveries::due(&service.store).await?))
    })
}

/// Tells every database which endpoints there are, and with `is_purging` deletes the old events.
#[wasm_bindgen(js_name = tidyEvents)]
#[must_use]
pub fn tidy_events(task: u32, env: JsValue, is_purging: bool) -> JsValue {
    part(task, "Deliverer", None, async move {
        let service = Service::of(&Environment::new(env)).await?;
        storage::webhooks::subscribe(&service.store).await?;
        if is_purging {
            storage::deliveries::purge(&service.store).await?;
        }
        Ok(String::new())
    })
}

/// Sends some of the due events to the endpoint `id`: how many, and the seconds until the next one, as JSON.
#[wasm_bindgen(js_name = deliver)]
#[must_use]
pub fn deliver(task: u32, env: JsValue, id: String) -> JsValue {
    part(task, "Deliverer", None, async move {
        let service = Service::of(&Environment::new(env)).await?;
        Ok(json::write(&events::deliver(&service, &id).await?))
    })
}

/// Hashes a password anew that `verify` found right, in the place of the hash `old` of the user `id`.
#[wasm_bindgen(js_name = renewHash)]
#[must_use]
pub fn renew_hash(task: u32, env: JsValue, credentials: String, id: f64, old: String) -> JsValue {
    part(task, "Users", None, async move {
        let service = Service::of(&Environment::new(env)).await?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an id is a whole number below 2^53"
        )]
        let id = id as u64;
        users::renew(&service, &given(&credentials)?, id, &old).await?;
        Ok(String::new())
    })
}

/// The cause of a stream of one kind that was given the plan of another kind.
const OTHER_PLAN: &str = "a stream has the plan of another one";

/// A value that JavaScript keeps as JSON between two parts of a request.
fn given<T: DeserializeOwned>(text: &str) -> Result<T, Failure> {
    // The error may repeat a part of the text, which may be a password.
    serde_json::from_str(text)
        .map_err(|_| Failure::Internal("a value that was kept has another form".to_owned()))
}

/// Begins a task that does a part of a request, or the work of another entry point. Its failure has a log line of its
/// own, with the `id` of the request or a new one.
fn part(
    task: u32,
    route: &'static str,
    id: Option<String>,
    work: impl Future<Output = Result<String, Failure>> + 'static,
) -> JsValue {
    let arrival = clock::now();
    task::begin(task, arrival, async move {
        match work.await {
            Ok(text) => text.into(),
            Err(failure) => {
                let (status, reason) = failure.status();
                let (cause, ms) = (failure.cause(), since(arrival));
                let id = id.unwrap_or_else(platform::random_uuid);
                let line = Line {
                    id: &id,
                    route: Some(route),
                    method: "",
                    status,
                    reason: Some(reason),
                    ms,
                    cause,
                    warning: None,
                };
                console_log!("{}", json::write(&line));
                JsValue::UNDEFINED
            }
        }
    })
}

async fn carry_out(request: &Incoming, env: &Environment, trace: &Trace) -> Result<Outcome, Failure> {
    let Target { route, query, is_write } = routes::resolve(request.method(), request.url())?;
    trace.route.set(Some(route.name()));
    let service = &*Service::of(env).await?;
    let actor = service.access.admit(request).await.map_err(|denied| match denied {
        Denied::NotConfigured => Failure::NotConfigured,
        Denied::Missing => Failure::Unauthorized,
        Denied::Wrong { cause } => {
            trace.cause.replace(Some(cause));
            Failure::Unauthorized
        }
        Denied::TooMany => Failure::TooManyTries,
        Denied::Unavailable { cause } => Failure::Unavailable(cause),
    })?;
    if is_write && !actor.may_write {
        return Err(Failure::ReadOnly);
    }
    // Behind Cloudflare Access a browser sends its cookie with the form of any page, and some changes need no body.
    let site = request.header("Sec-Fetch-Site");
    if is_write && matches!(site.as_deref(), Some("cross-site" | "same-site")) {
        return Err(Failure::OtherOrigin);
    }
    // A change has no parameter beside those of its path, except the import, which checks its own.
    if is_write && route != Route::Import {
        query.only(&[])?;
    }
    let call = &Call { request, query: &query, actor: &actor, service, warnings: &trace.warnings };
    let answer = match route {
        Route::Session => session::handle(call),
        Route::Users => endpoints::users::list(call).await?,
        Route::User(id) => endpoints::users::get(call, id).await?,
        Route::EraseUser(id) => endpoints::users::erase(call, id).await?,
        Route::SetPassword(id) => endpoints::users::set_password(call, id).await?,
        Route::Accounts => accounts::list(call).await?,
        Route::Account(id) => accounts::get(call, id).await?,
        Route::EraseAccount(id) => accounts::erase(call, id).await?,
        Route::ChangeAccount(id) => accounts::change(call, id).await?,
        Route::Blocks => blocks::list(call).await?,
        Route::Block(key) => blocks::put(call, &key).await?,
        Route::Unblock(key) => blocks::delete(call, &key).await?,
        Route::Clients => clients::list(call).await?,
        Route::RegisterClient => clients::register(call).await?,
        Route::ChangeClient(id) => clients::change(call, &id).await?,
        Route::Statistics => statistics::handle(call).await?,
        Route::Webhooks => webhooks::list(call).await?,
        Route::AddWebhook => webhooks::add(call).await?,
        Route::Webhook(id) => webhooks::get(call, &id).await?,
        Route::ChangeWebhook(id) => webhooks::change(call, &id).await?,
        Route::DeleteWebhook(id) => webhooks::delete(call, &id).await?,
        Route::RotateSecret(id) => webhooks::rotate(call, &id).await?,
        Route::TestWebhook(id) => webhooks::test(call, &id).await?,
        Route::Resend(id) => webhooks::resend(call, &id).await?,
        Route::Events => webhooks::events(call).await?,
        Route::Audit => audit::handle(call).await?,
        Route::Shards => shards::handle(call).await?,
        Route::Import => return Ok(Outcome::Stream(Stream::Import(imports::plan(call)?))),
        Route::ExportUsers => return Ok(Outcome::Stream(Stream::Export(exports::plan_users(call).await?))),
        Route::ExportAccounts => return Ok(Outcome::Stream(Stream::Export(exports::plan_accounts(call)?))),
    };
    Ok(Outcome::Answer(answer))
}

/// Logs the request, and returns the runtime's response or the plan of a stream.
fn end(id: &str, method: &str, arrival: u64, trace: &Trace, outcome: Result<Outcome, Failure>) -> JsValue {
    let warnings = trace.warnings.borrow();
    let warning = (!warnings.is_empty()).then(|| warnings.join("; "));
    let cause = trace.cause.borrow();
    let line = Line {
        id,
        route: trace.route.get(),
        method,
        status: 200,
        reason: None,
        ms: since(arrival),
        cause: cause.as_deref(),
        warning,
    };
    let mut headers: serde_json::Map<String, serde_json::Value> =
        HEADERS.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
    headers.insert("X-Request-Id".to_owned(), id.into());
    match outcome {
        Ok(Outcome::Stream(stream)) => {
            console_log!("{}", json::write(&line));
            json::write(&Begun { id, stream: &stream }).into()
        }
        Ok(Outcome::Answer(Answer { status, body })) => {
            if body.is_none() {
                headers.remove("Content-Type");
            }
            let line = json::write(&Line { status, ..line });
            respond(&line, status, body.as_deref(), &json::write(&headers))
        }
        Err(failure) => {
            let (status, reason) = failure.status();
            headers
                .extend(failure.headers().into_iter().map(|(name, value)| (name.to_owned(), value.into())));
            let cause = failure.cause().or(line.cause);
            let line = json::write(&Line { status, reason: Some(reason), cause, ..line });
            respond(&line, status, Some(&failure.body()), &json::write(&headers))
        }
    }
}

fn since(arrival: u64) -> u64 {
    clock::now().saturating_sub(arrival) / 1000
}
