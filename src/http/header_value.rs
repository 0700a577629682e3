//! Text in a request header.
//!
//! It owns the reading of its two forms: raw UTF-8, and the extended form that browsers can send. It must not know
//! which header it reads.

use percent_encoding::percent_decode_str;

/// Reads a header's value as text. An extended value `UTF-8''…` of
/// [RFC 8187](https://www.rfc-editor.org/rfc/rfc8187#section-3.2) is decoded; any other value is the text itself.
///
/// Returns `None` for a broken escape and for bytes that are not UTF-8. In a raw value the platform has replaced such
/// bytes by U+FFFD.
#[must_use]
pub fn decode(raw: &str) -> Option<String> {
    match extended(raw) {
        Some(encoded) => {
            let well_formed =
                encoded.is_ascii() && encoded.split('%').skip(1).all(begins_with_two_hex_digits);
            let text = percent_decode_str(encoded).decode_utf8().ok()?;
            well_formed.then(|| text.into_owned())
        }
        // `str::contains` with a character beyond ASCII would add 4 KB of search code to the Worker.
        None => raw.chars().all(|c| c != char::REPLACEMENT_CHARACTER).then(|| raw.to_owned()),
    }
}

/// The text after `UTF-8'language'`. A client may write the charset in any case, and may leave the language out.
fn extended(raw: &str) -> Option<&str> {
    let (charset, rest) = raw.split_once('\'')?;
    let (_language, encoded) = rest.split_once('\'')?;
    charset.eq_ignore_ascii_case("utf-8").then_some(encoded)
}

fn begins_with_two_hex_digits(text: &str) -> bool {
    matches!(text.as_bytes(), [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn raw_text_stays_as_it_is() {
        for raw in ["", "Ada", "☃", "100%", "O'Brien", "utf-8", "UTF-8'", "ISO-8859-1''%A3", "a'b'c"] {
            assert_eq!(decode(raw).as_deref(), Some(raw));
        }
    }

    #[test]
    fn the_extended_form_is_decoded() {
        for (raw, text) in [
            ("UTF-8''%E2%98%83", "☃"),
            ("utf-8'en'na%C3%AFve%20rates", "naïve rates"),
            ("UTF-8''plain", "plain"),
            ("UTF-8''", ""),
            ("UTF-8''O'Brien", "O'Brien"),
            ("UTF-8''%EF%BF%BD", "\u{fffd}"),
            ("UTF-8''UTF-8''%41", "UTF-8''A"),
        ] {
            assert_eq!(decode(raw).as_deref(), Some(text), "{raw}");
        }
    }

    #[test]
    fn broken_values_are_refused() {
        for raw in [
            "UTF-8''%",
            "UTF-8''%4",
            "UTF-8''%ZZ",
            "UTF-8''a%4",
            "UTF-8''%E2%98",
            "UTF-8''%FF",
            "UTF-8''%C0%80",
            "UTF-8''%ED%A0%80",
            "UTF-8''☃",
            "a\u{fffd}b",
        ] {
            assert_eq!(decode(raw), None, "{raw}");
        }
    }

    proptest! {
        #[test]
        fn any_text_survives_the_extended_form(text in any::<String>()) {
            let raw = format!("UTF-8''{}", utf8_percent_encode(&text, NON_ALPHANUMERIC));
            prop_assert_eq!(decode(&raw), Some(text));
        }

        #[test]
        fn any_header_is_taken_or_refused(raw in any::<String>()) {
            let _ = decode(&raw);
            let _ = decode(&format!("UTF-8''{raw}"));
        }
    }
}
