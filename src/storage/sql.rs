//! Values in SQL text, for the operators' tools.
//!
//! It owns the form of a value in a statement's text. `wrangler d1 execute` cannot bind values; the Worker binds all of
//! its values and does not use this module. It must not know the tables.

use base16ct::lower;

/// An SQL expression whose value is `text`. The text is in hexadecimal digits, so a shell, a tool or the database
/// cannot take any of it for code.
#[must_use]
pub fn literal(text: &str) -> String {
    format!("CAST(x'{}' AS TEXT)", lower::encode_string(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_holds_nothing_but_hexadecimal_digits_of_its_text() {
        assert_eq!(literal("it's"), "CAST(x'69742773' AS TEXT)");
        assert_eq!(literal("☃"), "CAST(x'e29883' AS TEXT)");
        assert_eq!(literal(""), "CAST(x'' AS TEXT)");
    }
}
