//! The route table: which method and path lead where.
//!
//! Must not know what a route does.

use crate::error::ApiError;

/// An endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `POST /sign-up`
    SignUp,
    /// `POST /users/`
    CreateAccount,
}

/// What a method asks of a path that exists.
#[derive(Debug, PartialEq, Eq)]
pub enum Target {
    /// The endpoint itself.
    Endpoint(Route),
    /// The CORS preflight of one.
    Preflight(Route),
}

const PATHS: [(&str, Route); 6] = [
    ("/sign-up", Route::SignUp),
    ("/sign-up/", Route::SignUp),
    ("/users/", Route::CreateAccount),
    ("/users", Route::CreateAccount),
    ("/connectmypairs/users/", Route::CreateAccount),
    ("/connectmypairs/users", Route::CreateAccount),
];

impl Route {
    /// Its name in the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SignUp => "/sign-up",
            Self::CreateAccount => "/users/",
        }
    }
}

/// Finds what `method` asks of the path in `url`, an absolute URL as the runtime gives it; a query is ignored.
///
/// # Errors
/// [`ApiError::NotFound`] and [`ApiError::MethodNotAllowed`].
pub fn resolve(method: &str, url: &str) -> Result<Target, ApiError> {
    let path = path(url);
    let (_, route) = PATHS.iter().find(|(known, _)| *known == path).ok_or(ApiError::NotFound)?;
    match method {
        "POST" => Ok(Target::Endpoint(*route)),
        "OPTIONS" => Ok(Target::Preflight(*route)),
        _ => Err(ApiError::MethodNotAllowed),
    }
}

/// The path of an absolute URL.
fn path(url: &str) -> &str {
    let without_query = url.split(['?', '#']).next().unwrap_or(url);
    // The third slash: two stand between the scheme and the host.
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
                    assert_eq!(resolve("POST", &url), Ok(Target::Endpoint(route)));
                    assert_eq!(resolve("OPTIONS", &url), Ok(Target::Preflight(route)));
                    for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH", "TRACE", "post", "PROPFIND"] {
                        assert_eq!(resolve(method, &url), Err(ApiError::MethodNotAllowed));
                    }
                }
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
        ] {
            for method in ["POST", "OPTIONS", "GET"] {
                assert_eq!(
                    resolve(method, &format!("https://example.com{rest}")),
                    Err(ApiError::NotFound),
                    "{rest}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn any_method_and_url_are_resolved_or_refused(method in any::<String>(), url in any::<String>()) {
            let _ = (resolve(&method, &url), resolve("POST", &url));
        }

        #[test]
        fn what_follows_the_path_changes_nothing(rest in "[?#].{0,40}") {
            let url = format!("https://example.com/users/{rest}");
            prop_assert_eq!(resolve("POST", &url), Ok(Target::Endpoint(Route::CreateAccount)));
        }
    }
}
