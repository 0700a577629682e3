//! The route table.
//!
//! It owns the methods and paths of the endpoints. It must not know what an endpoint does.

use crate::error::ApiError;

/// An endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `POST /sign-up`
    SignUp,
    /// `POST /users/`
    CreateAccount,
    /// `GET /challenge`, while proof of work is on
    Challenge,
    /// `GET /.well-known/edge-signup`
    Rules,
}

/// The target of a request whose path exists.
#[derive(Debug, PartialEq, Eq)]
pub enum Target {
    /// The endpoint itself.
    Endpoint(Route),
    /// The CORS preflight for an endpoint.
    Preflight(Route),
}

const PATHS: [(&str, Route); 8] = [
    ("/sign-up", Route::SignUp),
    ("/sign-up/", Route::SignUp),
    ("/users/", Route::CreateAccount),
    ("/users", Route::CreateAccount),
    ("/connectmypairs/users/", Route::CreateAccount),
    ("/connectmypairs/users", Route::CreateAccount),
    ("/challenge", Route::Challenge),
    ("/.well-known/edge-signup", Route::Rules),
];

impl Route {
    /// The route's name in the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SignUp => "/sign-up",
            Self::CreateAccount => "/users/",
            Self::Challenge => "/challenge",
            Self::Rules => "/.well-known/edge-signup",
        }
    }

    /// The one method that the route takes besides `OPTIONS`.
    #[must_use]
    pub fn method(self) -> &'static str {
        match self {
            Self::SignUp | Self::CreateAccount => "POST",
            Self::Challenge | Self::Rules => "GET",
        }
    }
}

/// The target of `method` and the path in `url`, an absolute URL as the runtime gives it; a query is ignored.
/// [`Route::Challenge`] exists only with `challenges`.
///
/// # Errors
/// [`ApiError::NotFound`]: the path does not exist. [`ApiError::MethodNotAllowed`]: the path does not take `method`.
pub fn resolve(method: &str, url: &str, challenges: bool) -> Result<Target, ApiError> {
    let path = path(url);
    let route = PATHS.iter().find(|(known, _)| *known == path).map(|(_, route)| *route);
    match route.filter(|route| challenges || *route != Route::Challenge) {
        None => Err(ApiError::NotFound { has_challenges: challenges }),
        Some(route) if method == route.method() => Ok(Target::Endpoint(route)),
        Some(route) if method == "OPTIONS" => Ok(Target::Preflight(route)),
        Some(route) => Err(ApiError::MethodNotAllowed { allowed: route.method() }),
    }
}

/// The path of an absolute URL.
fn path(url: &str) -> &str {
    let without_query = url.split(['?', '#']).next().unwrap_or(url);
    // The path begins at the third slash: the first two stand before the host.
    let start = without_query.match_indices('/').nth(2);
    start.and_then(|(at, _)| without_query.get(at..)).unwrap_or("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_alias_leads_to_its_endpoint() {
        for (aliases, route) in [
            (["/sign-up", "/sign-up/"].as_slice(), Route::SignUp),
            (&["/users/", "/users", "/connectmypairs/users/", "/connectmypairs/users"], Route::CreateAccount),
        ] {
            for alias in aliases {
                for url in [format!("https://example.com{alias}"), format!("http://[::1]:8787{alias}?a=/b#c")]
                {
                    for challenges in [false, true] {
                        assert_eq!(resolve("POST", &url, challenges), Ok(Target::Endpoint(route)));
                        assert_eq!(resolve("OPTIONS", &url, challenges), Ok(Target::Preflight(route)));
                        for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH", "TRACE", "post", "PROPFIND"] {
                            let refused = Err(ApiError::MethodNotAllowed { allowed: "POST" });
                            assert_eq!(resolve(method, &url, challenges), refused);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_challenge_can_be_got_while_proof_of_work_is_on() {
        let url = "https://example.com/challenge?a=b";
        assert_eq!(resolve("GET", url, true), Ok(Target::Endpoint(Route::Challenge)));
        assert_eq!(resolve("OPTIONS", url, true), Ok(Target::Preflight(Route::Challenge)));
        for method in ["POST", "HEAD", "PUT", "get"] {
            assert_eq!(resolve(method, url, true), Err(ApiError::MethodNotAllowed { allowed: "GET" }));
        }
        for method in ["GET", "POST", "OPTIONS", "HEAD"] {
            assert_eq!(resolve(method, url, false), Err(ApiError::NotFound { has_challenges: false }));
        }
    }

    #[test]
    fn the_rules_can_always_be_got() {
        let url = "https://example.com/.well-known/edge-signup";
        for challenges in [false, true] {
            assert_eq!(resolve("GET", url, challenges), Ok(Target::Endpoint(Route::Rules)));
            assert_eq!(resolve("OPTIONS", url, challenges), Ok(Target::Preflight(Route::Rules)));
            for method in ["POST", "HEAD", "PUT", "get"] {
                let refused = Err(ApiError::MethodNotAllowed { allowed: "GET" });
                assert_eq!(resolve(method, url, challenges), refused);
            }
        }
    }

    #[test]
    fn nothing_else_is_a_path() {
        for rest in [
            "",
            "/",
            "/sign-up//",
            "/Sign-Up",
            "/sign%2Dup",
            "//sign-up",
            "/sign-up/x",
            "/user",
            "/users/1",
            "/connectmypairs",
            "/connectmypairs/",
            "/?/users/",
            "/connectmypairs/sign-up",
            "?/sign-up",
            "/challenge/",
            "/Challenge",
            "/.well-known",
            "/.well-known/",
            "/.well-known/edge-signup/",
        ] {
            for method in ["POST", "OPTIONS", "GET"] {
                assert_eq!(
                    resolve(method, &format!("https://example.com{rest}"), true),
                    Err(ApiError::NotFound { has_challenges: true }),
                    "{rest}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn any_method_and_url_are_resolved_or_refused(method in any::<String>(), url in any::<String>()) {
            let _ = (resolve(&method, &url, true), resolve("POST", &url, false));
        }

        #[test]
        fn what_follows_the_path_changes_nothing(rest in "[?#].{0,40}") {
            let url = format!("https://example.com/users/{rest}");
            prop_assert_eq!(resolve("POST", &url, false), Ok(Target::Endpoint(Route::CreateAccount)));
        }
    }
}
