//! Values in the text of a statement, because `wrangler d1 execute` cannot bind values.

use base16ct::lower;

/// An SQL expression whose value is `text`. The text is in hexadecimal digits, so a shell, a tool or the database
/// cannot take any of it for code.
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
