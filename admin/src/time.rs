//! Times, as the admin's JSON has them.
//!
//! It owns the forms of a time. It writes RFC 3339 in UTC, with whole seconds, and reads every offset and fraction, and
//! the zones of RFC 9557 too.

use jiff::Timestamp;

/// A time in seconds since 1970, as `2026-11-24T10:00:00Z`. A time that no calendar has is given as a number.
#[must_use]
pub fn written(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}

/// Reads a time with its offset, such as `2026-11-24T10:00:00Z` or `2026-11-24T11:00:00.5+01:00[Europe/Berlin]`, of at
/// most 40 bytes. Gives the seconds since 1970, without the fraction.
#[must_use]
pub fn read(text: &str) -> Option<i64> {
    if text.len() > 40 {
        return None;
    }
    text.parse::<Timestamp>().ok().map(Timestamp::as_second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_time_is_written_in_utc() {
        assert_eq!(written(0), "1970-01-01T00:00:00Z");
        assert_eq!(written(1_764_410_400), "2025-11-29T10:00:00Z");
        assert_eq!(read("2025-11-29T11:00:00.9+01:00"), Some(1_764_410_400));
        for text in ["", "2025-11-29", "2025-11-29T10:00:00", "1764410400", &"9".repeat(100)] {
            assert_eq!(read(text), None, "{text}");
        }
        let longest = "2025-11-29T11:00:00+01:00[Europe/Berlin]";
        assert_eq!((longest.len(), read(longest)), (40, Some(1_764_410_400)));
        assert_eq!(read(&longest.replace("+01:00", ".0+01:00")), None);
    }

    proptest! {
        #[test]
        fn a_time_comes_back_as_it_was(seconds in 0..253_402_207_200_i64) {
            prop_assert_eq!(read(&written(seconds)), Some(seconds));
        }
    }
}
