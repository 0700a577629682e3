//! The route table.
//!
//! It owns the methods and paths of the admin's endpoints, and the reading of a path and a query. It must not know
//! the work of an endpoint.

use percent_encoding::percent_decode_str;

use crate::answer::Failure;

/// An endpoint, with the parameters of its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// `GET /session`
    Session,
    /// `GET /users`
    Users,
    /// `GET /users/{id}`
    User(u64),
    /// `DELETE /users/{id}`
    EraseUser(u64),
    /// `PUT /users/{id}/password`
    SetPassword(u64),
    /// `GET /accounts`
    Accounts,
    /// `GET /accounts/{id}`
    Account(u64),
    /// `DELETE /accounts/{id}`
    EraseAccount(u64),
    /// `PATCH /accounts/{id}`
    ChangeAccount(u64),
    /// `GET /blocks`
    Blocks,
    /// `PUT /blocks/{key}`
    Block(String),
    /// `DELETE /blocks/{key}`
    Unblock(String),
    /// `GET /clients`
    Clients,
    /// `POST /clients`
    RegisterClient,
    /// `PATCH /clients/{id}`
    ChangeClient(String),
    /// `POST /imports`
    Import,
    /// `GET /exports/users`
    ExportUsers,
    /// `GET /exports/accounts`
    ExportAccounts,
    /// `GET /statistics`
    Statistics,
    /// `GET /webhooks`
    Webhooks,
    /// `POST /webhooks`
    AddWebhook,
    /// `GET /webhooks/{id}`
    Webhook(String),
    /// `PATCH /webhooks/{id}`
    ChangeWebhook(String),
    /// `DELETE /webhooks/{id}`
    DeleteWebhook(String),
    /// `POST /webhooks/{id}/secret`
    RotateSecret(String),
    /// `POST /webhooks/{id}/test`
    TestWebhook(String),
    /// `POST /webhooks/{id}/resend`
    Resend(String),
    /// `GET /events`
    Events,
    /// `GET /audit`
    Audit,
    /// `GET /shards`
    Shards,
}

impl Route {
    /// The path in the log, without its parameters.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Session => "/session",
            Self::Users => "/users",
            Self::User(_) | Self::EraseUser(_) => "/users/{id}",
            Self::SetPassword(_) => "/users/{id}/password",
            Self::Accounts => "/accounts",
            Self::Account(_) | Self::EraseAccount(_) | Self::ChangeAccount(_) => "/accounts/{id}",
            Self::Blocks => "/blocks",
            Self::Block(_) | Self::Unblock(_) => "/blocks/{key}",
            Self::Clients | Self::RegisterClient => "/clients",
            Self::ChangeClient(_) => "/clients/{id}",
            Self::Import => "/imports",
            Self::ExportUsers => "/exports/users",
            Self::ExportAccounts => "/exports/accounts",
            Self::Statistics => "/statistics",
            Self::Webhooks | Self::AddWebhook => "/webhooks",
            Self::Webhook(_) | Self::ChangeWebhook(_) | Self::DeleteWebhook(_) => "/webhooks/{id}",
            Self::RotateSecret(_) => "/webhooks/{id}/secret",
            Self::TestWebhook(_) => "/webhooks/{id}/test",
            Self::Resend(_) => "/webhooks/{id}/resend",
            Self::Events => "/events",
            Self::Audit => "/audit",
            Self::Shards => "/shards",
        }
    }
}

/// A request's target: the route and the query.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    /// The route.
    pub route: Route,
    /// The names and values of the query.
    pub query: Query,
    /// Whether the method is another one than `GET`: the endpoint may change or send something.
    pub is_write: bool,
}

/// Every method that a path may take, in the order in which an answer lists them.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// The endpoint of `method` and `url`, an absolute URL as the runtime gives it.
///
/// # Errors
/// [`Failure::NoPath`] and [`Failure::Method`].
pub fn resolve(method: &str, url: &str) -> Result<Target, Failure> {
    let (url, query) = url.split_once('?').unwrap_or((url, ""));
    // The path begins at the third slash: the first two stand before the host.
    let segments: Option<Vec<_>> = url
        .split('/')
        .skip(3)
        .map(|segment| Some(percent_decode_str(segment).decode_utf8().ok()?.into_owned()))
        .collect();
    let segments = segments.ok_or(Failure::NoPath)?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    if let Some(route) = route(&segments, method)? {
        return Ok(Target { route, query: Query::parse(query), is_write: method != "GET" });
    }
    let takes = |method: &&str| matches!(route(&segments, method), Ok(Some(_)));
    let allowed: Vec<_> = METHODS.into_iter().filter(takes).collect();
    Err(if allowed.is_empty() { Failure::NoPath } else { Failure::Method(allowed.join(", ")) })
}

/// The endpoint of a path and a method; `None` if the path does not exist, or does not take the method.
///
/// # Errors
/// [`Failure::NoPath`]: the path has an id that cannot exist.
fn route(segments: &[&str], method: &str) -> Result<Option<Route>, Failure> {
    Ok(Some(match (segments, method) {
        (["session"], "GET") => Route::Session,
        (["users"], "GET") => Route::Users,
        (["users", id], "GET") => Route::User(number(id)?),
        (["users", id], "DELETE") => Route::EraseUser(number(id)?),
        (["users", id, "password"], "PUT") => Route::SetPassword(number(id)?),
        (["accounts"], "GET") => Route::Accounts,
        (["accounts", id], "GET") => Route::Account(number(id)?),
        (["accounts", id], "DELETE") => Route::EraseAccount(number(id)?),
        (["accounts", id], "PATCH") => Route::ChangeAccount(number(id)?),
        (["blocks"], "GET") => Route::Blocks,
        (["blocks", key], "PUT") => Route::Block((*key).to_owned()),
        (["blocks", key], "DELETE") => Route::Unblock((*key).to_owned()),
        (["clients"], "GET") => Route::Clients,
        (["clients"], "POST") => Route::RegisterClient,
        (["clients", id], "PATCH") => Route::ChangeClient((*id).to_owned()),
        (["imports"], "POST") => Route::Import,
        (["exports", "users"], "GET") => Route::ExportUsers,
        (["exports", "accounts"], "GET") => Route::ExportAccounts,
        (["statistics"], "GET") => Route::Statistics,
        (["webhooks"], "GET") => Route::Webhooks,
        (["webhooks"], "POST") => Route::AddWebhook,
        (["webhooks", id], "GET") => Route::Webhook((*id).to_owned()),
        (["webhooks", id], "PATCH") => Route::ChangeWebhook((*id).to_owned()),
        (["webhooks", id], "DELETE") => Route::DeleteWebhook((*id).to_owned()),
        (["webhooks", id, "secret"], "POST") => Route::RotateSecret((*id).to_owned()),
        (["webhooks", id, "test"], "POST") => Route::TestWebhook((*id).to_owned()),
        (["webhooks", id, "resend"], "POST") => Route::Resend((*id).to_owned()),
        (["events"], "GET") => Route::Events,
        (["audit"], "GET") => Route::Audit,
        (["shards"], "GET") => Route::Shards,
        _ => return Ok(None),
    }))
}

/// The id in a path. An id that cannot exist is a path that does not.
fn number(id: &str) -> Result<u64, Failure> {
    let is_plain = id.bytes().all(|byte| byte.is_ascii_digit()) && !id.starts_with('0');
    id.parse().ok().filter(|id| is_plain && *id < 1 << 53).ok_or(Failure::NoPath)
}

/// The query of a URL ([URL](https://url.spec.whatwg.org/#urlencoded-parsing)).
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    fn parse(text: &str) -> Self {
        let text = text.split('#').next().unwrap_or_default();
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// The value of the parameter `name`, or `None` where it is missing or empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .filter(|v| !v.is_empty())
    }

    /// Whether the parameter `name` is `1`.
    ///
    /// # Errors
    /// [`Failure::Invalid`]: it has another value.
    pub fn flag(&self, name: &'static str) -> Result<bool, Failure> {
        match self.get(name) {
            None | Some("0") => Ok(false),
            Some("1") => Ok(true),
            Some(_) => Err(Failure::parameter(name, "must be 0 or 1")),
        }
    }

    /// How many rows a page may have: the parameter `limit`, from 1 to 200, and by default 50.
    ///
    /// # Errors
    /// [`Failure::Invalid`].
    pub fn limit(&self) -> Result<usize, Failure> {
        let Some(limit) = self.get("limit") else { return Ok(50) };
        let limit = limit.parse().ok().filter(|limit| (1..=200).contains(limit));
        limit.ok_or_else(|| Failure::parameter("limit", "must be a number from 1 to 200"))
    }

    /// Refuses a parameter that is not one of `known`: a filter with a typing error would otherwise show too much.
    ///
    /// # Errors
    /// [`Failure::Invalid`].
    pub fn only(&self, known: &[&str]) -> Result<(), Failure> {
        match self.0.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(_) => Err(Failure::Invalid {
                reason: "parameter_unknown".into(),
                field: None,
                description: if known.is_empty() {
                    "This path takes no parameters".to_owned()
                } else {
                    format!("The parameters of this path are {}", known.join(", "))
                },
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn target(method: &str, path: &str) -> Result<Target, Failure> {
        resolve(method, &format!("http://127.0.0.1:8788{path}"))
    }

    fn route(method: &str, path: &str) -> Result<Route, Failure> {
        target(method, path).map(|target| target.route)
    }

    #[test]
    fn each_endpoint_has_a_method_a_path_and_a_name_in_the_log() {
        let text = |text: &str| text.to_owned();
        for (method, path, endpoint, name) in [
            ("GET", "/session", Route::Session, "/session"),
            ("GET", "/users", Route::Users, "/users"),
            ("GET", "/users/7", Route::User(7), "/users/{id}"),
            ("DELETE", "/users/7", Route::EraseUser(7), "/users/{id}"),
            ("PUT", "/users/7/password", Route::SetPassword(7), "/users/{id}/password"),
            ("GET", "/accounts", Route::Accounts, "/accounts"),
            ("GET", "/accounts/7", Route::Account(7), "/accounts/{id}"),
            ("DELETE", "/accounts/7", Route::EraseAccount(7), "/accounts/{id}"),
            ("PATCH", "/accounts/7", Route::ChangeAccount(7), "/accounts/{id}"),
            ("GET", "/blocks", Route::Blocks, "/blocks"),
            ("PUT", "/blocks/203.0.113.0%2F24", Route::Block(text("203.0.113.0/24")), "/blocks/{key}"),
            ("DELETE", "/blocks/2001:db8::", Route::Unblock(text("2001:db8::")), "/blocks/{key}"),
            ("GET", "/clients", Route::Clients, "/clients"),
            ("POST", "/clients", Route::RegisterClient, "/clients"),
            ("PATCH", "/clients/a", Route::ChangeClient(text("a")), "/clients/{id}"),
            ("POST", "/imports", Route::Import, "/imports"),
            ("GET", "/exports/users", Route::ExportUsers, "/exports/users"),
            ("GET", "/exports/accounts", Route::ExportAccounts, "/exports/accounts"),
            ("GET", "/statistics", Route::Statistics, "/statistics"),
            ("GET", "/webhooks", Route::Webhooks, "/webhooks"),
            ("POST", "/webhooks", Route::AddWebhook, "/webhooks"),
            ("GET", "/webhooks/a", Route::Webhook(text("a")), "/webhooks/{id}"),
            ("PATCH", "/webhooks/a", Route::ChangeWebhook(text("a")), "/webhooks/{id}"),
            ("DELETE", "/webhooks/a", Route::DeleteWebhook(text("a")), "/webhooks/{id}"),
            ("POST", "/webhooks/a/secret", Route::RotateSecret(text("a")), "/webhooks/{id}/secret"),
            ("POST", "/webhooks/a/test", Route::TestWebhook(text("a")), "/webhooks/{id}/test"),
            ("POST", "/webhooks/a/resend", Route::Resend(text("a")), "/webhooks/{id}/resend"),
            ("GET", "/events", Route::Events, "/events"),
            ("GET", "/audit", Route::Audit, "/audit"),
            ("GET", "/shards", Route::Shards, "/shards"),
        ] {
            let target = target(method, path).unwrap();
            assert_eq!((target.route.name(), target.is_write), (name, method != "GET"), "{method} {path}");
            assert_eq!(target.route, endpoint);
        }
    }

    #[test]
    fn another_method_or_path_is_refused() {
        for (method, path, allowed) in [
            ("POST", "/users", "GET"),
            ("PUT", "/users/7", "GET, DELETE"),
            ("GET", "/users/7/password", "PUT"),
            ("PUT", "/accounts/7", "GET, PATCH, DELETE"),
            ("OPTIONS", "/webhooks", "GET, POST"),
        ] {
            assert_eq!(route(method, path), Err(Failure::Method(allowed.to_owned())), "{method} {path}");
        }
        for path in ["/", "/user", "/users/", "/users/x", "/users/07", "/users/-1", "/users/9007199254740992"]
        {
            for method in ["GET", "DELETE", "PATCH"] {
                assert_eq!(route(method, path), Err(Failure::NoPath), "{path}");
            }
        }
        assert_eq!(route("GET", "/users/9007199254740991"), Ok(Route::User((1 << 53) - 1)));
    }

    #[test]
    fn a_query_is_read_by_name() {
        let target = resolve("GET", "https://x/users?username=a%20b+c&limit=7&client_id=").unwrap();
        assert_eq!(target.query.get("username"), Some("a b c"));
        assert_eq!(target.query.get("client_id"), None);
        assert_eq!(target.query.limit(), Ok(7));
        assert!(target.query.only(&["username", "limit", "client_id"]).is_ok());
        assert!(target.query.only(&["username"]).is_err());
        for limit in ["0", "201", "-1", "x", "99999999999999999999"] {
            let target = resolve("GET", &format!("https://x/users?limit={limit}")).unwrap();
            assert!(target.query.limit().is_err(), "{limit}");
        }
    }

    #[test]
    fn a_flag_is_0_or_1() {
        let flag = |query: &str| target("GET", &format!("/users{query}")).unwrap().query.flag("dry");
        for (query, value) in [("", false), ("?dry=", false), ("?dry=0", false), ("?dry=1", true)] {
            assert_eq!(flag(query), Ok(value), "{query}");
        }
        for query in ["?dry=yes", "?dry=2", "?dry=10"] {
            assert_eq!(flag(query), Err(Failure::parameter("dry", "must be 0 or 1")), "{query}");
        }
    }

    proptest! {
        #[test]
        fn any_path_is_resolved_or_refused(path in any::<String>()) {
            for method in ["GET", "PUT"] {
                let _ = route(method, &format!("/{path}"));
            }
        }
    }
}
