//! The one log line of a request.
//!
//! It owns the members of the line, and the words for the outcomes that are not errors. A line never contains a name, a
//! password, an address, a token or a body: its cause and its warnings come from the Worker, the platform or the
//! operator, and never from the client. It must not know how a line is printed.

use std::cell::{Cell, RefCell};

use serde::Serialize;

use crate::error::ApiError;
use crate::http::json;
use crate::http::response::{AllowOrigin, Reply};
use crate::routes::Route;

/// The facts for the log line, which a request collects on its way.
#[derive(Default)]
pub struct Trace {
    /// The request's route, once it is known.
    pub route: Cell<Option<Route>>,
    warnings: RefCell<Vec<String>>,
}

/// The line, as one JSON object.
#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<&'static str>,
    status: u16,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
}

impl Trace {
    /// Adds a warning for the operator. The request itself goes on.
    pub fn warn(&self, warning: String) {
        self.warnings.borrow_mut().push(warning);
    }

    /// The line of the request `id`, which got `answer` with `status` after `runtime` microseconds. `answer` is `None`
    /// if the client did not wait for it.
    #[must_use]
    pub fn line(
        &self,
        id: &str,
        answer: Option<&Result<Reply, ApiError>>,
        status: u16,
        runtime: u64,
    ) -> String {
        let outcome = match answer {
            None => "abandoned",
            // A page whose origin is not allowed sends no sign-up, so the preflight's line is the only one.
            Some(Ok(reply)) if reply.allow_origin == AllowOrigin::None => "preflight_refused",
            Some(Ok(reply)) if reply.body.is_none() => "preflight",
            Some(Ok(_)) if self.route.get() == Some(Route::Challenge) => "issued",
            Some(Ok(_)) if self.route.get() == Some(Route::Rules) => "described",
            Some(Ok(_)) => "created",
            Some(Err(error)) => error.outcome(),
        };
        let error = answer.and_then(|answer| answer.as_ref().err());
        let reason = error.map(|error| error.reason().as_str());
        let cause = error.and_then(ApiError::cause);
        let warnings = self.warnings.borrow();
        let warning = (!warnings.is_empty()).then(|| warnings.join("; "));
        let ms = runtime / 1000;
        let route = self.route.get().map(Route::name);
        let line = Line { id, route, status, outcome, reason, ms, cause, warning };
        json::write(&line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_is_known_and_no_more() {
        let trace = Trace::default();
        assert_eq!(
            trace.line("the-id", Some(&Err(ApiError::NotFound { has_challenges: false })), 404, 1999),
            r#"{"id":"the-id","status":404,"outcome":"not_found","reason":"not_found","ms":1}"#
        );
        trace.route.set(Some(Route::CreateAccount));
        assert_eq!(
            trace.line("the-id", None, 499, 2000),
            r#"{"id":"the-id","route":"/users/","status":499,"outcome":"abandoned","ms":2}"#
        );
        trace.warn("one".to_owned());
        trace.warn("two".to_owned());
        assert_eq!(
            trace.line("the-id", Some(&Err(ApiError::Blocked { reason: "spam".to_owned() })), 403, 500),
            r#"{"id":"the-id","route":"/users/","status":403,"outcome":"blocked","reason":"address_blocked","ms":0,"cause":"spam","warning":"one; two"}"#
        );
    }

    #[test]
    fn a_line_has_the_outcome_of_a_success() {
        let one = || AllowOrigin::Only("https://app.example".to_owned());
        for (route, mut reply, allow_origin, outcome) in [
            (Route::SignUp, Reply::json(200, &()), AllowOrigin::Any, "created"),
            (Route::CreateAccount, Reply::json(201, &()), AllowOrigin::Any, "created"),
            (Route::Challenge, Reply::json(200, &()), AllowOrigin::Any, "issued"),
            (Route::Rules, Reply::json(200, &()), AllowOrigin::Any, "described"),
            (Route::Challenge, Reply::preflight(), AllowOrigin::Any, "preflight"),
            (Route::SignUp, Reply::preflight(), one(), "preflight"),
            (Route::SignUp, Reply::preflight(), AllowOrigin::None, "preflight_refused"),
        ] {
            let trace = Trace::default();
            trace.route.set(Some(route));
            reply.allow_origin = allow_origin;
            let line = trace.line("", Some(&Ok(reply)), 0, 0);
            assert!(line.contains(&format!(r#""outcome":"{outcome}""#)), "{line}");
            assert!(!line.contains("reason"), "{line}");
        }
    }
}
