//! `CLIENTS`: only the clients that an operator registered may sign users up, and a client's pages
//! only from the origins that it lists.
//!
//! An `Origin` is what a browser says of the page that calls. Any other program can leave it out or
//! make it up, so a request without one passes: the lists keep strangers' pages out, and no robots.
//! `/users/` has no `client_id` and passes too.
//!
//! An isolate reads all clients at once and keeps them: for a minute, or for 5 seconds where an id
//! is not among them. So however many ids are made up, they cost one read in 5 seconds and no memory.
//! When the clients cannot be read, the sign-up is refused with 503. Must not know SQL.

use std::cell::RefCell;
use std::rc::Rc;

use crate::config::{self, ConfigError};
use crate::error::ApiError;
use crate::guards::{Attempt, Check, Guard};
use crate::platform::{self, Environment, Incoming};
use crate::response::AllowOrigin;
use crate::store::{Store, StoreError};

const SETTING: &str = "CLIENTS";

/// How old the clients may be, in microseconds, to say what a registered one may do.
const MAX_AGE: u64 = 60_000_000;

/// How old they may be to say that one is not registered: an operator who registers it is waiting.
const MAX_AGE_OF_MISS: u64 = 5_000_000;

struct RegisteredClients {
    store: Store,
    kept: Kept,
}

/// On where the setting is `registered`.
///
/// # Errors
/// Another value than that or `any`.
pub fn read(env: &Environment) -> Result<Option<Box<dyn Guard>>, ConfigError> {
    match env.variable(SETTING).as_deref() {
        None | Some("any") => Ok(None),
        Some("registered") => {
            let store = Store::new(env.required(config::DATABASE)?);
            Ok(Some(Box::new(RegisteredClients { store, kept: Kept::default() })))
        }
        Some(other) => Err(ConfigError::must_be(SETTING, other, "\"any\" or \"registered\"")),
    }
}

impl Guard for RegisteredClients {
    fn check<'a>(&'a self, attempt: &'a Attempt<'a>) -> Check<'a> {
        Box::pin(async {
            let Some(sign_up) = &attempt.sign_up else {
                return Ok(());
            };
            let id = sign_up.client_id.as_str();
            let clients = self.clients(Some(id)).await?;
            let origins = clients
                .origins(id)
                .ok_or_else(|| ApiError::field("client_id", "must be that of a registered client"))?;
            match attempt.request.header("Origin") {
                None => Ok(()),
                Some(_) if origins.is_empty() => Ok(()),
                Some(origin) if origins.include(&origin) => {
                    attempt.notes.allow_origin.set(AllowOrigin::Only(origin));
                    Ok(())
                }
                Some(_) => Err(ApiError::OriginRefused),
            }
        })
    }

    fn allow_origin<'a>(&'a self, request: &'a Incoming) -> Option<Check<'a, AllowOrigin>> {
        Some(Box::pin(async {
            let clients = self.clients(None).await?;
            Ok(clients.allow_origin(request.header("Origin")))
        }))
    }
}

impl RegisteredClients {
    /// The clients, fresh enough to look for `id` among them, or to answer for all.
    async fn clients(&self, id: Option<&str>) -> Result<Rc<Clients>, StoreError> {
        let now = platform::now();
        if let Some(clients) = self.kept.get(now, id) {
            return Ok(clients);
        }
        Ok(self.kept.set(now, Clients(self.store.clients().await?)))
    }
}

/// The clients that were read last, and when they were asked for.
#[derive(Default)]
struct Kept(RefCell<Option<(Rc<Clients>, u64)>>);

impl Kept {
    /// The clients, if at the time `now`, in microseconds, they are fresh enough to look for `id` among
    /// them, or to answer for all.
    fn get(&self, now: u64, id: Option<&str>) -> Option<Rc<Clients>> {
        let kept = self.0.borrow();
        let (clients, then) = kept.as_ref()?;
        let is_known = id.is_none_or(|id| clients.origins(id).is_some());
        let max_age = if is_known { MAX_AGE } else { MAX_AGE_OF_MISS };
        // A clock that was set back proves nothing.
        now.checked_sub(*then).is_some_and(|age| age < max_age).then(|| Rc::clone(clients))
    }

    fn set(&self, now: u64, clients: Clients) -> Rc<Clients> {
        let clients = Rc::new(clients);
        self.0.replace(Some((Rc::clone(&clients), now)));
        clients
    }
}

/// Every client that is not disabled, as [`Store::clients`] gives them.
struct Clients(String);

/// The origins that a client lists, parted by spaces; none where any page may use it.
#[derive(Debug, PartialEq, Eq)]
struct Origins<'a>(&'a str);

impl Clients {
    fn iter(&self) -> impl Iterator<Item = (&str, Origins<'_>)> {
        self.0.split('\n').filter_map(|line| line.split_once(' ')).map(|(id, origins)| (id, Origins(origins)))
    }

    /// What the client `id` lists; `None` where it is not registered, or disabled.
    fn origins(&self, id: &str) -> Option<Origins<'_>> {
        self.iter().find(|(known, _)| *known == id).map(|(_, origins)| origins)
    }

    /// What a preflight from `origin` is told, which may come for any of the clients.
    fn allow_origin(&self, origin: Option<String>) -> AllowOrigin {
        let mut listed = false;
        for (_, origins) in self.iter() {
            if origins.is_empty() {
                return AllowOrigin::Any;
            }
            listed |= origin.as_ref().is_some_and(|origin| origins.include(origin));
        }
        match origin {
            Some(origin) if listed => AllowOrigin::Only(origin),
            _ => AllowOrigin::None,
        }
    }
}

impl Origins<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `origin` is one of them, as [RFC 6454](https://www.rfc-editor.org/rfc/rfc6454#section-6.2)
    /// writes it: two origins are the same if their texts are.
    fn include(&self, origin: &str) -> bool {
        self.0.split(' ').any(|listed| listed == origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OPEN: &str = "open ";
    const ONE: &str = "one https://one.example";
    const TWO: &str = "two https://two.example http://localhost:3000";

    fn clients(lines: &[&str]) -> Clients {
        Clients(lines.join("\n"))
    }

    #[test]
    fn a_client_is_found_by_its_whole_id() {
        let clients = clients(&[OPEN, ONE, TWO]);
        assert_eq!(clients.origins("open"), Some(Origins("")));
        assert_eq!(clients.origins("two"), Some(Origins("https://two.example http://localhost:3000")));
        for id in ["", "o", "on", "ones", "One", "https://one.example", "one https://one.example"] {
            assert_eq!(clients.origins(id), None, "{id}");
        }
        assert_eq!(Clients(String::new()).origins(""), None);
    }

    #[test]
    fn an_origin_is_listed_as_a_whole_or_not_at_all() {
        let two = Origins("https://two.example http://localhost:3000");
        assert!(two.include("https://two.example") && two.include("http://localhost:3000"));
        for origin in [
            "",
            "null",
            "https://two",
            "https://two.example ",
            "https://two.example/",
            "https://two.example:443",
            "https://Two.example",
            "http://two.example",
            "https://a.two.example",
            "http://localhost",
            "https://two.example http://localhost:3000",
        ] {
            assert!(!two.include(origin), "{origin:?}");
        }
    }

    #[test]
    fn a_preflight_is_answered_for_all_clients() {
        let from = |origin: &str| Some(origin.to_owned());
        let only = |origin: &str| AllowOrigin::Only(origin.to_owned());
        for (lines, origin, expected) in [
            ([ONE, TWO].as_slice(), from("https://one.example"), only("https://one.example")),
            (&[ONE, TWO], from("http://localhost:3000"), only("http://localhost:3000")),
            (&[ONE, TWO], from("https://three.example"), AllowOrigin::None),
            (&[ONE, TWO], from("null"), AllowOrigin::None),
            (&[ONE, TWO], None, AllowOrigin::None),
            (&[ONE, OPEN], from("https://one.example"), AllowOrigin::Any),
            (&[ONE, OPEN], from("https://three.example"), AllowOrigin::Any),
            (&[ONE, OPEN], None, AllowOrigin::Any),
            (&[], from("https://one.example"), AllowOrigin::None),
        ] {
            assert_eq!(clients(lines).allow_origin(origin.clone()), expected, "{lines:?} {origin:?}");
        }
    }

    #[test]
    fn clients_are_kept_for_a_minute_and_believed_not_to_be_there_for_five_seconds() {
        let kept = Kept::default();
        assert!(kept.get(0, None).is_none());
        let read: u64 = 1_000;
        kept.set(read, clients(&[ONE]));
        for (age, known, missed) in [
            (0, true, true),
            (4_999_999, true, true),
            (5_000_000, true, false),
            (59_999_999, true, false),
            (60_000_000, false, false),
            (-1, false, false),
        ] {
            let is_kept = |id| kept.get(read.saturating_add_signed(age), id).is_some();
            assert_eq!((is_kept(None), is_kept(Some("one"))), (known, known), "{age}");
            assert_eq!(is_kept(Some("two")), missed, "{age}");
        }
        kept.set(read + 60_000_000, clients(&[TWO]));
        let clients = kept.get(read + 60_000_000, None).unwrap();
        assert!(clients.origins("one").is_none() && clients.origins("two").is_some());
    }

    proptest! {
        #[test]
        fn any_text_is_looked_through(text in any::<String>(), id in any::<String>(), origin in any::<String>()) {
            let clients = Clients(text);
            let _ = (clients.origins(&id), clients.allow_origin(Some(origin)));
        }

        #[test]
        fn every_registered_client_is_found(ids in prop::collection::btree_set("[!-~]{1,128}", 1..20)) {
            let lines: Vec<_> = ids.iter().map(|id| format!("{id} https://{}.example", id.len())).collect();
            let clients = Clients(lines.join("\n"));
            for id in &ids {
                prop_assert_eq!(clients.origins(id), Some(Origins(&format!("https://{}.example", id.len()))));
            }
        }
    }
}
