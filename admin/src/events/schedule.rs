//! The times at which a delivery is tried again, and the end of the deliveries to an endpoint.
//!
//! It owns the judgement of an answer and of an endpoint. It must not know the way of an event to its endpoint.

use crate::storage::deliveries::Tried;

/// The seconds before each retry, before jitter: a short outage costs seconds, and a long one is bridged for three days.
const RETRIES: [u32; 9] = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];

/// An endpoint that fails for as many seconds is disabled: five days.
const FAILING: i64 = 5 * 24 * 60 * 60;

/// The pause of an endpoint that asked for less without a time, in seconds.
const PAUSE: u32 = 60;

/// The longest pause that an endpoint can ask for, in seconds: a day.
const MAX_PAUSE: u32 = 24 * 60 * 60;

/// The outcome of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judgement {
    /// The part of it that is stored with the delivery.
    pub tried: Tried,
    /// The seconds for which the endpoint gets nothing.
    pub pause: Option<u32>,
    /// Whether the endpoint wants no event any more.
    pub is_gone: bool,
}

/// Judges an answer to a try, before which there were `tries` others. `now` is in seconds since 1970, and `random` is a
/// random byte, which spreads retries over a fifth of their time.
#[must_use]
pub fn judge(status: u16, retry_after: Option<&str>, tries: u32, now: i64, random: u8) -> Judgement {
    let is_delivered = (200..300).contains(&status);
    let is_gone = status == 410;
    let pause = matches!(status, 429 | 502 | 503 | 504)
        .then(|| retry_after.and_then(|text| seconds(text, now)).unwrap_or(PAUSE).clamp(1, MAX_PAUSE));
    let retry = RETRIES.get(usize::try_from(tries).unwrap_or(usize::MAX)).copied();
    let spread = |wait: u32| wait.saturating_add(wait.saturating_mul(u32::from(random)) / 1280);
    let again_in = if is_delivered { None } else { retry.map(|wait| spread(wait).max(pause.unwrap_or(0))) };
    Judgement { tried: Tried { status, is_delivered, again_in }, pause, is_gone }
}

/// The seconds that a `Retry-After` asks for ([RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3)).
fn seconds(text: &str, now: i64) -> Option<u32> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(seconds);
    }
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?.as_second();
    u32::try_from(at.saturating_sub(now).clamp(0, i64::from(MAX_PAUSE))).ok()
}

/// The outcome of some tries for their endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether every try failed.
    pub is_failing: bool,
    /// The seconds for which the endpoint gets nothing.
    pub pause: Option<u32>,
    /// The reason for which it is disabled.
    pub disabled_because: Option<&'static str>,
}

/// Judges an endpoint by some tries at `now`. Each earlier one since `failing_since` failed.
#[must_use]
pub fn verdict(judgements: &[Judgement], failing_since: Option<i64>, now: i64) -> Verdict {
    let is_failing = !judgements.iter().any(|judgement| judgement.tried.is_delivered);
    let pause = judgements.iter().filter_map(|judgement| judgement.pause).max();
    let has_failed_long = failing_since.is_some_and(|since| now.saturating_sub(since) > FAILING);
    let disabled_because = if judgements.iter().any(|judgement| judgement.is_gone) {
        Some("gone")
    } else {
        (is_failing && has_failed_long).then_some("failing")
    };
    Verdict { is_failing, pause, disabled_because }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_answer_of_200_to_299_is_a_delivery() {
        for status in [200, 204, 299] {
            let judgement = judge(status, None, 3, 0, 0);
            assert!(
                judgement.tried.is_delivered
                    && judgement.tried.again_in.is_none()
                    && judgement.pause.is_none()
            );
        }
        for status in [0, 199, 300, 302, 400, 404, 500] {
            let judgement = judge(status, None, 0, 0, 0);
            assert!(
                !judgement.tried.is_delivered && judgement.tried.again_in == Some(5) && !judgement.is_gone,
                "{status}"
            );
        }
    }

    #[test]
    fn the_retries_have_their_times_and_an_end() {
        let waits: Vec<_> = (0..10).map(|tries| judge(500, None, tries, 0, 0).tried.again_in).collect();
        let expected = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];
        assert_eq!(waits, expected.map(Some).into_iter().chain([None]).collect::<Vec<_>>());
        assert_eq!(judge(500, None, 1, 0, 255).tried.again_in, Some(359));
    }

    #[test]
    fn an_endpoint_can_ask_for_less() {
        assert_eq!(judge(429, None, 0, 0, 0).pause, Some(60));
        assert_eq!(judge(503, Some("120"), 0, 0, 0).pause, Some(120));
        assert_eq!(judge(503, Some("120"), 0, 0, 0).tried.again_in, Some(120));
        assert_eq!(judge(503, Some("Thu, 01 Jan 1970 00:05:00 GMT"), 0, 100, 0).pause, Some(200));
        assert_eq!(judge(503, Some("99999999999"), 0, 0, 0).pause, Some(60));
        assert_eq!(judge(503, Some("4000000000"), 0, 0, 0).pause, Some(86_400));
        assert_eq!(judge(503, Some("Thu, 01 Jan 1970 00:00:00 GMT"), 0, 100, 0).pause, Some(1));
        assert_eq!(judge(503, Some("Fri, 01 Jan 2100 00:00:00 GMT"), 0, 100, 0).pause, Some(86_400));
        assert_eq!(judge(500, Some("120"), 0, 0, 0).pause, None);
    }

    #[test]
    fn an_endpoint_that_fails_for_more_than_five_days_is_disabled() {
        let [good, bad, gone] = [204, 500, 410].map(|status| judge(status, None, 0, 0, 0));
        let now = 1_800_000_000;
        let because = |judgements: &[Judgement], since| verdict(judgements, since, now).disabled_because;
        assert_eq!(because(&[bad, bad], None), None);
        assert_eq!(because(&[bad, bad], Some(now - 432_000)), None);
        assert_eq!(because(&[bad, bad], Some(now - 432_001)), Some("failing"));
        assert_eq!(because(&[bad, good], Some(now - 432_001)), None);
        assert_eq!(because(&[good, gone], None), Some("gone"));
        assert!(verdict(&[bad], None, now).is_failing && !verdict(&[bad, good], None, now).is_failing);
        let paused = ["30", "50", "40"].map(|text| judge(429, Some(text), 0, 0, 0));
        assert_eq!(verdict(&paused, None, now).pause, Some(50));
    }

    #[test]
    fn an_endpoint_can_be_gone() {
        assert!(judge(410, None, 0, 0, 0).is_gone);
    }

    proptest! {
        #[test]
        fn any_answer_is_judged(status in any::<u16>(), text in any::<String>(), tries in any::<u32>(), now in any::<i64>(), random in any::<u8>()) {
            let judgement = judge(status, Some(&text), tries, now, random);
            prop_assert!(judgement.tried.again_in.unwrap_or(0) <= 86_400 + 86_400 / 5);
            prop_assert!(judgement.pause.unwrap_or(1) >= 1);
        }
    }
}
