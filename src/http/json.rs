//! JSON: writing a value, and reading the string members of an object
//! ([RFC 8259](https://www.rfc-editor.org/rfc/rfc8259)).
//!
//! It owns the walk over the tokens of an object. The walk does not call itself, because a body may be nested as deep
//! as it is long. `hifijson` reads the tokens. `serde_json` only writes: if it read too, its code for numbers and for
//! their error messages would be a quarter of the Worker. This module must not know what an object is about.

use std::borrow::Cow;

use hifijson::num::Lex as _;
use hifijson::str::{Lex as _, LexAlloc as _, LexWrite as _};
use hifijson::{Read as _, SliceLexer, token::Lex as _};
use serde::Serialize;

/// A value as compact JSON. Serialising fails only on I/O, on keys that are not strings, or on a failing `Serialize`.
/// The types of this service avoid all three.
#[must_use]
pub fn write(value: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// The value of an object's member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Member {
    /// The object does not have the member.
    Missing,
    /// A string of Unicode characters.
    Text(String),
    /// A value of another type, or a string with an unpaired surrogate.
    Other,
}

/// Why the members of a text could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonError {
    /// The text does not begin as an object does.
    NotAnObject,
    /// The text is not JSON.
    Invalid,
    /// The object has a requested member twice.
    Twice,
}

/// Reads the members called `names` of the object in `json`, in the order of `names`. The other members must be valid
/// JSON too, and are ignored.
///
/// # Errors
/// [`JsonError`]: the whole of `json` is not one object, or the object has one of `names` twice.
pub fn members<const N: usize>(json: &str, names: [&str; N]) -> Result<[Member; N], JsonError> {
    let mut members = [const { Member::Missing }; N];
    let mut twice = false;
    let lexer = &mut SliceLexer::new(json.as_bytes());
    if lexer.ws_peek() != Some(b'{') {
        return Err(JsonError::NotAnObject);
    }
    let mut ended = enter(lexer, b'}', &mut Vec::new());
    while !ended {
        let (name, value) = member(lexer).ok_or(JsonError::Invalid)?;
        let known = |(known, _): &(&&str, _)| matches!(&name, Member::Text(name) if name == *known);
        if let Some((_, member)) = names.iter().zip(&mut members).find(known) {
            twice |= *member != Member::Missing;
            *member = value;
        }
        ended = leave(lexer, b'}').ok_or(JsonError::Invalid)?;
    }
    match lexer.ws_peek() {
        Some(_) => Err(JsonError::Invalid),
        None if twice => Err(JsonError::Twice),
        None => Ok(members),
    }
}

// In the functions from here on, `None` means that the text is not JSON.

/// Reads a member: its name and its value.
fn member(lexer: &mut SliceLexer) -> Option<(Member, Member)> {
    let name = name(lexer)?;
    if lexer.ws_peek()? == b'"' {
        Some((name, string(lexer)?))
    } else {
        skip(lexer)?;
        Some((name, Member::Other))
    }
}

/// Reads a member's name and its colon.
fn name(lexer: &mut SliceLexer) -> Option<Member> {
    (lexer.ws_peek()? == b'"').then_some(())?;
    let name = string(lexer)?;
    lexer.expect(SliceLexer::ws_peek, b':')?;
    Some(name)
}

fn string(lexer: &mut SliceLexer) -> Option<Member> {
    let mut raw = <&[u8]>::default();
    lexer.discarded().str_bytes(&mut raw).ok()?;
    let text = SliceLexer::new(&[raw, b"\""].concat()).str_string().map(Cow::into_owned);
    Some(text.map_or(Member::Other, Member::Text))
}

/// Reads a value of any type.
fn skip(lexer: &mut SliceLexer) -> Option<()> {
    // The closing brackets of the arrays and objects around the next value, the innermost last.
    let mut open = Vec::new();
    loop {
        if open.last() == Some(&b'}') {
            name(lexer)?;
        }
        let mut ended = match lexer.ws_peek()? {
            b'[' => enter(lexer, b']', &mut open),
            b'{' => enter(lexer, b'}', &mut open),
            b'"' => lexer.discarded().str_ignore().is_ok().then_some(true)?,
            b'-' | b'0'..=b'9' => lexer.num_ignore().validate().is_ok().then_some(true)?,
            _ => lexer.null_or_bool().map(|_| true)?,
        };
        while ended {
            let Some(&end) = open.last() else { return Some(()) };
            ended = leave(lexer, end)?;
            if ended {
                open.pop();
            }
        }
    }
}

/// Enters an array or object that ends with `end`. Returns `true` if it is empty, and so has ended already.
fn enter(lexer: &mut SliceLexer, end: u8, open: &mut Vec<u8>) -> bool {
    let empty = lexer.discarded().expect(SliceLexer::ws_peek, end).is_some();
    if !empty {
        open.push(end);
    }
    empty
}

/// Reads the comma after a value, or the `end` of the array or object around it. Returns `true` if it was the end.
fn leave(lexer: &mut SliceLexer, end: u8) -> Option<bool> {
    match lexer.ws_peek()? {
        b',' => lexer.take_next().map(|_| false),
        next if next == end => lexer.take_next().map(|_| true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn read(json: &str) -> Result<[Member; 2], JsonError> {
        members(json, ["a", "b"])
    }

    fn text(text: &str) -> Member {
        Member::Text(text.to_owned())
    }

    #[test]
    fn members_are_found_in_any_order_and_spelling() {
        for json in [
            r#"{"a":"1","b":"2"}"#,
            r#" { "b" : "2" , "c" : [ { "a" : "3" } ] , "a" : "1" } "#,
            "\t{\n\"\\u0062\":\"\\u0032\",\r\"\":{},\"\\u0061\":\"1\"}",
            r#"{"A":1,"a":"1","a ":2,"b":"2","\ud800":3}"#,
        ] {
            assert_eq!(read(json), Ok([text("1"), text("2")]), "{json}");
        }
        assert_eq!(read("{}"), Ok([Member::Missing, Member::Missing]));
        assert_eq!(
            read(r#"{"b":"\\\"\/\b\f\n\r\t\ud83d\ude00é"}"#),
            Ok([Member::Missing, text("\\\"/\u{8}\u{c}\n\r\t😀é")])
        );
    }

    #[test]
    fn a_value_that_is_not_text_is_other() {
        for value in [
            "null",
            "true",
            "false",
            "-1.5e+9",
            "1e999",
            "[]",
            "[\"a\"]",
            "{}",
            r#""\ud800""#,
            r#""\udc00\ud800""#,
        ] {
            assert_eq!(
                read(&format!(r#"{{"a":{value},"b":"2"}}"#)),
                Ok([Member::Other, text("2")]),
                "{value}"
            );
        }
    }

    #[test]
    fn a_member_that_is_there_twice_is_refused_and_others_may_be() {
        for json in [r#"{"a":"1","a":"1"}"#, r#"{"a":null,"a":"1"}"#, r#"{"a":"1","b":"2","\u0061":"1"}"#] {
            assert_eq!(read(json), Err(JsonError::Twice), "{json}");
        }
        assert!(read(r#"{"c":1,"c":2,"d":{"a":1,"a":2}}"#).is_ok());
        // A text that is not JSON is refused as such first.
        assert_eq!(read(r#"{"a":"1","a":"1""#), Err(JsonError::Invalid));
    }

    #[test]
    fn a_value_may_be_nested_as_deep_as_the_text_is_long() {
        for (begin, end) in [("[", "]"), (r#"{"a":"#, "}"), (r#"[0,{"":"#, "}]")] {
            let nested = |ends| format!(r#"{{"c":{}1{}}}"#, begin.repeat(50_000), end.repeat(ends));
            assert!(read(&nested(50_000)).is_ok());
            assert_eq!(read(&nested(49_999)), Err(JsonError::Invalid));
        }
    }

    #[test]
    fn a_value_ends_only_with_its_own_bracket() {
        for json in
            [r#"{"c":[1}}"#, r#"{"c":[1;]}"#, r#"{"c":{"d":1]}"#, r#"{"c":1]"#, r#"{"a":"1";"b":"2"}"#]
        {
            assert_eq!(read(json), Err(JsonError::Invalid), "{json}");
        }
    }

    /// JSON of every kind, spaced at random.
    fn json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        let value = leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[ab]|.{0,3}", inner, 0..4)
                    .prop_map(|members| members.into_iter().collect()),
            ]
        });
        (value, any::<bool>())
            .prop_map(|(value, spaced)| if spaced { format!("{value:#}") } else { value.to_string() })
    }

    proptest! {
        #[test]
        fn any_json_is_read_as_serde_json_reads_it(json in json()) {
            let value: Value = serde_json::from_str(&json).unwrap();
            let expected = value.as_object().map(|object| {
                ["a", "b"].map(|name| match object.get(name) {
                    None => Member::Missing,
                    Some(Value::String(value)) => text(value),
                    Some(_) => Member::Other,
                })
            });
            prop_assert_eq!(read(&json), expected.ok_or(JsonError::NotAnObject));
        }

        #[test]
        fn a_damaged_text_is_json_if_serde_json_takes_it(json in json(), at in any::<prop::sample::Index>(), with in "[]\\[{}:,\"0-9eE+.tnull\\\\u -]{0,2}") {
            let mut characters: Vec<char> = format!("{{\"c\":{json}}}").chars().collect();
            let at = at.index(characters.len());
            characters.splice(at..=at, with.chars());
            let damaged: String = characters.into_iter().collect();
            let sound = serde_json::from_str::<&serde_json::value::RawValue>(&damaged).is_ok();
            let taken = !matches!(read(&damaged), Err(JsonError::Invalid | JsonError::NotAnObject));
            prop_assert_eq!(taken, sound && damaged.trim_start_matches([' ', '\n', '\r', '\t']).starts_with('{'), "{}", damaged);
        }

        #[test]
        fn any_text_is_read_or_refused(json in any::<String>()) {
            let _ = read(&json);
        }
    }
}
