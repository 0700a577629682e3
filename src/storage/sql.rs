//! Values in SQL text, for the tools of operators: `wrangler d1 execute` binds none. The Worker binds all of its values.

use base16ct::lower;

/// An expression that is `text`. It stands there in hexadecimal, so that no shell, no tool and no database can take it
/// for anything but text.
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
