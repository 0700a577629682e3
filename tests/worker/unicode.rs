//! The Worker takes its normalisation and scripts from V8, and the host takes them from ICU4X, as the unit tests do.
//! Both must agree.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use edge_signup::fields::password::Password;
use edge_signup::fields::username::Username;
use edge_signup::unicode::{Bounded, nfc, nfkc_casefold};

use crate::request::{account, sign_up};
use crate::server::shared;

#[test]
fn the_worker_folds_every_character_as_the_host_does() {
    let changed = |c: &char| {
        let text = c.to_string();
        let bounded = Bounded::new(&text, 1).unwrap();
        nfkc_casefold(bounded) != text || nfc(bounded) != text
    };
    // An "e" before each character, because a mark composes with a letter.
    let characters: Vec<char> = ('\u{80}'..=char::MAX).filter(changed).collect();
    assert!(
        characters.len() > 10_000,
        "Unicode 17 has over 10,000 characters that change, and the host knows only {}: its tables may be incomplete",
        characters.len()
    );
    let mut names = 0;
    for (n, chunk) in characters.chunks(60).enumerate() {
        let raw: String = chunk.iter().flat_map(|c| ['e', *c]).collect();
        let raw: String = raw.chars().filter(|c| edge_signup::unicode::is_graphic(*c)).collect();
        let Ok(name) = Username::parse(&format!("unicode-{n}-{raw}")) else { continue };
        let header =
            format!("UTF-8''{}", utf8_percent_encode(&format!("unicode-{n}-{raw}"), NON_ALPHANUMERIC));
        let answer = account(&header).send();
        assert_eq!(
            answer.status, 201,
            "the host takes this name, so the Worker should: V8 may normalise or categorise otherwise: {raw} {answer:?}"
        );
        let accounts = shared().database().accounts(name.key());
        assert_eq!(
            accounts.len(),
            1,
            "the Worker should store {raw} under the host's key {}: its NFKC_Casefold differs",
            name.key()
        );
        assert_eq!(
            accounts[0].name,
            name.as_str(),
            "the Worker should store the host's NFC of {raw}: its NFC differs"
        );
        names += 1;
    }
    assert!(
        names > 160,
        "more than 160 names should have been compared, and {names} were: the host may refuse more characters now"
    );
}

#[test]
fn the_worker_knows_the_scripts_that_the_host_knows() {
    // Characters that a password may contain only beside a certain script, with letters of that script or of another.
    for (n, (taken, password)) in [
        (true, "\u{375}α\u{375}ϗ\u{375}\u{1f00}\u{375}\u{10140}"),
        (false, "\u{375}a"),
        (false, "\u{375}я"),
        (false, "α\u{375}"),
        (true, "א\u{5f3}ת\u{5f4}"),
        (false, "α\u{5f3}"),
        (false, "\u{661}\u{5f4}"),
        (true, "ぁ\u{30fb}"),
        (true, "\u{1b001}\u{30fb}"),
        (true, "\u{30fb}ァ"),
        (true, "\u{30fb}\u{ff71}"),
        (true, "a\u{30fb}漢"),
        (true, "\u{30fb}\u{20000}"),
        (true, "\u{30fb}々"),
        (false, "a\u{30fb}한"),
        (false, "\u{30fb}ー"),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(
            Password::parse(password, 1).is_ok(),
            taken,
            "whether the host takes the password {password}: the scripts of ICU4X or the rule of RFC 8265 may have changed"
        );
        let answer = sign_up(&format!("script-{n}"), "scripts").password(password).send();
        assert_eq!(
            answer.status,
            if taken { 200 } else { 400 },
            "the Worker should judge the password {password} as the host does: V8's scripts may differ: {answer:?}"
        );
    }
}
