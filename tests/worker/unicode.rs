//! The Worker's normalisation is V8's; the host's, and so the unit tests', is ICU4X's. They are one.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use edge_signup::unicode::{nfc, nfkc_casefold};
use edge_signup::username::Username;

use crate::http::create_account;
use crate::server::shared;

#[test]
fn the_worker_folds_every_character_as_the_host_does() {
    let changed = |c: &char| {
        let text = c.to_string();
        nfkc_casefold(&text) != text || nfc(&text) != text
    };
    // Marks between letters, so that they meet what they compose with.
    let characters: Vec<char> = ('\u{80}'..=char::MAX).filter(changed).collect();
    assert!(characters.len() > 10_000);
    let mut names = 0;
    for (n, chunk) in characters.chunks(60).enumerate() {
        let raw: String = chunk.iter().flat_map(|c| ['e', *c]).collect();
        let raw: String = raw.chars().filter(|c| edge_signup::unicode::is_graphic(*c)).collect();
        let Ok(name) = Username::parse(&format!("unicode-{n}-{raw}")) else { continue };
        let header =
            format!("UTF-8''{}", utf8_percent_encode(&format!("unicode-{n}-{raw}"), NON_ALPHANUMERIC));
        let answer = create_account(&[("Username", &header)]);
        assert_eq!(answer.status, 201, "{answer:?}");
        let accounts = shared().database().accounts(name.key());
        assert_eq!(accounts.len(), 1, "the key of {raw}");
        assert_eq!(accounts[0].name, name.as_str());
        names += 1;
    }
    assert!(names > 160, "{names}");
}
