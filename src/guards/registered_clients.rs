//! `CLIENTS`: only a client that an operator registered may sign users up. A client may list origins; then its pages
//! must come from one of them.
//!
//! A browser sends the origin of the calling page as `Origin`. Any other program can leave the header out or forge it,
//! so a request without one passes: the lists keep out other sites' pages, but not bots. `/users/` has no `client_id`,
//! so its sign-ups pass too.
//!
//! An isolate reads all clients at once and keeps them for a minute. For an id that is not among them, they are read
//! again once they are 5 seconds old. One request reads, and requests that arrive meanwhile wait for its result. So
//! made-up ids cost at most one read in 5 seconds while the reads succeed, and no memory. When the clients cannot be
//! read, the sign-up is refused with 503, and so are the sign-ups of the next second, without another read.
//!
//! It owns the clients that an isolate keeps, and the decision about a client. It must not know SQL.

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::time::Duration;

use crate::clock;
use crate::guards::{Attempt, Check, Deferred, Demands, Guard, Parts, SignUpRefusal};
use crate::http::response::AllowOrigin;
use crate::platform::{self, Incoming};
use crate::setting::ConfigError;
use crate::storage::d1::Store;
use crate::storage::database::StoreError;

const SETTING: &str = "CLIENTS";

/// How old the kept clients may be, in microseconds, to decide about a client that is among them.
const MAX_AGE: u64 = 60_000_000;

/// How old the kept clients may be, in microseconds, to decide that a client is not registered. An operator who has
/// just registered the client waits for that long.
const MAX_AGE_OF_MISS: u64 = 5_000_000;

/// How old a failure may be, in microseconds, to be the answer to another request too. A database that is down is not
/// asked more often.
const MAX_AGE_OF_FAILURE: u64 = 1_000_000;

/// The longest time of a read, in microseconds: three tries of 2 s each, and the pauses between them.
const MAX_READ: u64 = 7_000_000;

/// How long a request that waits for another request's read sleeps before it looks again: at first, and at most.
const PAUSES: [Duration; 2] = [Duration::from_millis(5), Duration::from_millis(160)];

struct RegisteredClients {
    store: Rc<Store>,
    kept: Kept,
}

/// The guard, which is on if the setting is `registered`.
///
/// # Errors
/// [`ConfigError`]: the setting is neither `registered` nor `any`.
pub(super) fn read(parts: &Parts<'_>) -> Result<Option<Box<dyn Guard>>, ConfigError> {
    match parts.env.variable(SETTING).as_deref() {
        None | Some("any") => Ok(None),
        Some("registered") => {
            let store = Rc::clone(parts.store);
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
            let origins = clients.origins(id).ok_or(SignUpRefusal::ClientUnknown)?;
            match attempt.request.header("Origin") {
                None => Ok(()),
                Some(_) if origins.is_empty() => Ok(()),
                Some(origin) if origins.include(&origin) => {
                    attempt.allow_origin.replace(AllowOrigin::Only(origin));
                    Ok(())
                }
                Some(_) => Err(SignUpRefusal::OriginRefused.into()),
            }
        })
    }

    fn demand<'a>(&'a self, demands: &mut Demands<'a>) {
        demands.registered_client = true;
    }

    fn allow_origin<'a>(&'a self, request: &'a Incoming) -> Option<Deferred<'a, AllowOrigin, StoreError>> {
        Some(Box::pin(async {
            let clients = self.clients(None).await?;
            Ok(clients.allow_origin(request.header("Origin")))
        }))
    }
}

impl RegisteredClients {
    /// The clients: the kept ones if they are fresh enough, or those of a new read, by this request or another one.
    /// With an `id`, they must be fresh enough to decide about that client, and otherwise to answer for all clients.
    ///
    /// A request cannot wait for another request's promise, because that promise is gone when the other request ends.
    /// So a waiting request looks again by a timer of its own, and reads itself if the reading request went away.
    async fn clients(&self, id: Option<&str>) -> Result<Rc<Clients>, StoreError> {
        let arrival = clock::now();
        let [mut pause, longest] = PAUSES;
        loop {
            let now = clock::now();
            if let Some(outcome) = self.kept.get(arrival, now, id) {
                return outcome;
            }
            if let Some(_reading) = self.kept.begin(now) {
                return self.kept.set(now, self.store.clients().await.map(Clients), clock::now());
            }
            platform::pause(pause).await;
            pause = pause.saturating_mul(2).min(longest);
        }
    }
}

/// The outcomes of the last reads, and whether a read is under way. All times are in microseconds.
#[derive(Default)]
struct Kept(RefCell<Reads>);

#[derive(Default)]
struct Reads {
    /// The clients of the last read that succeeded, and the time at which it began.
    clients: Option<(Rc<Clients>, u64)>,
    /// Why the last read failed, and when.
    failure: Option<(StoreError, u64)>,
    /// Alive while a request reads. That request holds the strong pointer, and drops it when its read is over or its
    /// client goes away.
    reading: Weak<()>,
    /// When the reading request began to read.
    since: u64,
}

impl Kept {
    /// The answer at `now` to a request that arrived at `arrival`: the clients or else the last failure, if it was
    /// fresh enough at the arrival. A result that came after the arrival is always fresh enough. With an `id`, the
    /// clients must be fresh enough to decide about that client, and otherwise to answer for all clients.
    fn get(&self, arrival: u64, now: u64, id: Option<&str>) -> Option<Result<Rc<Clients>, StoreError>> {
        let reads = self.0.borrow();
        // A result from the future is not fresh: the clock was set back, so its age is unknown.
        let is_fresh = |then: u64, max_age: u64| then <= now && arrival.saturating_sub(then) < max_age;
        let clients = reads.clients.as_ref().filter(|(clients, then)| {
            let is_known = id.is_none_or(|id| clients.origins(id).is_some());
            is_fresh(*then, if is_known { MAX_AGE } else { MAX_AGE_OF_MISS })
        });
        let failure = || reads.failure.as_ref().filter(|(_, then)| is_fresh(*then, MAX_AGE_OF_FAILURE));
        match clients {
            Some((clients, _)) => Some(Ok(Rc::clone(clients))),
            None => failure().map(|(error, _)| Err(error.clone())),
        }
    }

    /// Lets a request read from `now` on, until it drops the returned value. Returns `None` while another request
    /// reads.
    fn begin(&self, now: u64) -> Option<Rc<()>> {
        let mut reads = self.0.borrow_mut();
        // If the runtime ends a request without dropping its future, the others must not be locked out.
        let is_over = now.checked_sub(reads.since).is_none_or(|time| time >= MAX_READ);
        if reads.reading.strong_count() > 0 && !is_over {
            return None;
        }
        let reading = Rc::new(());
        reads.reading = Rc::downgrade(&reading);
        reads.since = now;
        Some(reading)
    }

    /// Keeps the outcome, which came at `now`, of a read that began at `asked`, and returns it.
    fn set(
        &self,
        asked: u64,
        outcome: Result<Clients, StoreError>,
        now: u64,
    ) -> Result<Rc<Clients>, StoreError> {
        let mut reads = self.0.borrow_mut();
        let outcome = outcome.map(Rc::new);
        match &outcome {
            Ok(clients) => {
                reads.clients = Some((Rc::clone(clients), asked));
                reads.failure = None;
            }
            Err(error) => reads.failure = Some((error.clone(), now)),
        }
        outcome
    }
}

/// Every client that is not disabled, as [`Store::clients`] returns them.
struct Clients(String);

/// The origins that a client lists, separated by spaces. The text is empty where any page may use the client.
#[derive(Debug, PartialEq, Eq)]
struct Origins<'a>(&'a str);

impl Clients {
    fn iter(&self) -> impl Iterator<Item = (&str, Origins<'_>)> {
        self.0.split('\n').filter_map(|line| line.split_once(' ')).map(|(id, origins)| (id, Origins(origins)))
    }

    /// The origins of the client `id`, or `None` if it is disabled or not registered.
    fn origins(&self, id: &str) -> Option<Origins<'_>> {
        self.iter().find(|(known, _)| *known == id).map(|(_, origins)| origins)
    }

    /// Which pages the answer to a preflight from `origin` allows. The preflight may be for any of the clients.
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

    /// Whether `origin` is one of these origins. Two origins are the same if their texts are, in the form of
    /// [RFC 6454](https://www.rfc-editor.org/rfc/rfc6454#section-6.2).
    fn include(&self, origin: &str) -> bool {
        self.0.split(' ').any(|listed| listed == origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::js_error::JsError;
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
    fn clients_are_kept_for_a_minute_and_a_missing_one_is_looked_up_again_after_five_seconds() {
        let kept = Kept::default();
        assert!(kept.get(0, 0, None).is_none());
        let read: u64 = 1_000;
        kept.set(read, Ok(clients(&[ONE])), read).unwrap();
        for (age, known, missed) in [
            (0, true, true),
            (4_999_999, true, true),
            (5_000_000, true, false),
            (59_999_999, true, false),
            (60_000_000, false, false),
            (-1, false, false),
        ] {
            let now = read.saturating_add_signed(age);
            let is_kept = |id| kept.get(now, now, id).is_some();
            assert_eq!((is_kept(None), is_kept(Some("one"))), (known, known), "{age}");
            assert_eq!(is_kept(Some("two")), missed, "{age}");
        }
        let later = read + 60_000_000;
        kept.set(later, Ok(clients(&[TWO])), later).unwrap();
        let clients = kept.get(later, later, None).unwrap().unwrap();
        assert!(clients.origins("one").is_none() && clients.origins("two").is_some());
    }

    fn failure() -> StoreError {
        let message = "D1_ERROR: Network connection lost.".to_owned();
        StoreError::Unavailable {
            database: "DB".to_owned(),
            error: JsError { name: "Error".to_owned(), message },
        }
    }

    #[test]
    fn a_failure_is_the_answer_for_a_second_to_requests_that_need_a_read() {
        let kept = Kept::default();
        kept.set(0, Ok(clients(&[ONE])), 0).unwrap();
        let failed = 6_000_000;
        assert!(kept.set(5_000_000, Err(failure()), failed).is_err());
        let told = |age: u64, id| {
            let now = failed + age;
            kept.get(now, now, id).map(|outcome| outcome.is_ok())
        };
        for age in [0, 999_999] {
            assert_eq!(told(age, Some("two")), Some(false), "{age}");
            assert_eq!((told(age, Some("one")), told(age, None)), (Some(true), Some(true)), "{age}");
        }
        assert_eq!(told(1_000_000, Some("two")), None);
        // A request that waited gets the failure, however late it wakes up.
        assert!(kept.get(failed - 1, failed + 9_000_000, Some("two")).unwrap().is_err());
        // After a success the failure is forgotten.
        kept.set(failed, Ok(clients(&[TWO])), failed).unwrap();
        assert_eq!((told(0, Some("two")), told(5_000_000, Some("three"))), (Some(true), None));
    }

    #[test]
    fn a_request_that_waited_takes_the_result_however_long_the_read_took() {
        let kept = Kept::default();
        let (asked, came) = (1_000, 8_000_000);
        kept.set(asked, Ok(clients(&[ONE])), came).unwrap();
        assert!(kept.get(asked, came, Some("two")).is_some());
        assert!(kept.get(came, came, Some("two")).is_none());
    }

    #[test]
    fn one_request_reads_until_it_is_done_or_gone() {
        let kept = Kept::default();
        let reading = kept.begin(1_000);
        assert!(reading.is_some());
        assert!(kept.begin(1_000).is_none() && kept.begin(7_000_999).is_none());
        drop(reading);
        let lost = kept.begin(1_001);
        assert!(lost.is_some() && kept.begin(7_001_000).is_none());
        // A read whose value is never dropped is over after its time.
        assert!(kept.begin(7_001_001).is_some());
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
