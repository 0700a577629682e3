//! The outline of a name, which places the name in one of several databases.
//!
//! It owns the outline and its version. It must not know how many databases there are.
//!
//! The unique indexes of one database decide whether a name is taken, so names that look alike must share a database.
//! Names look alike if they share one of three skeletons, and a name can share one skeleton with a first name and
//! another skeleton with a second name. So a single skeleton cannot place a name. The outline is coarser than all
//! three: names that share a skeleton have the same outline, and so have names with the same key. Names with the same
//! outline need not look alike. The outline only chooses a database and never decides whether a name is taken.
//!
//! The outline is made of the folded skeleton: each character becomes a short text, whatever stands beside it. Three
//! rules make the outlines of look-alike names equal. The tests check the rules for every character that a name may
//! have. Here a character's outline is the outline of its key's skeleton:
//!
//! 1. The outline of a character is the outlines of the characters in its written skeleton, one after the other. So
//!    names with the same written skeleton have the same outline.
//! 2. The outline of a character can also be read from its skeleton in capitals. So names with the same skeleton in
//!    capitals have the same outline.
//! 3. Marks may change places when a text is normalised. So a mark has no outline, except for the marks whose outline
//!    is that of `s`, once or more, and then their order does not matter.
//!
//! Chains of look-alikes make the groups large. The Cyrillic `г` looks like `r`, its capital `Г` looks like the Greek
//! `Γ`, and the small letter of that, `γ`, looks like `y`. So `r` and `y` have the same outline.
//!
//! The home of a stored name depends on its outline, so the outline of a stored name must never change. A database
//! knows by the word of its place, `skeleton`, that these outlines place its names. A changed outline needs another
//! word, and databases of another generation beside those that have names already.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::Skeletons;
use crate::unicode;

/// A text, and the characters of a folded skeleton that become this text. A letter, a number or a symbol that is not
/// listed becomes itself; any other character that is not listed becomes nothing.
///
/// A text of two letters comes from a look-alike of two letters: `M` looks like `rn`. `β` looks like `ß`, which is `ss`
/// in a key, and in capitals it looks like `B`. `º` is `o` in a key and looks like a ring, so the ring above a letter
/// becomes the text of `o`. `𞹤` looks like `ol` and is `o` in a key, so `l` becomes nothing.
const GROUPS: [(&str, &str); 56] = [
    ("2", "2ƨჷⴧꝛᒾ₂➁"),
    ("4", "4𑣏➃"),
    ("8", "8➇"),
    ("9", "9➈"),
    ("=", "=ᙿ"),
    ("a", "aAᴀ"),
    ("d", "dDᴅ∂"),
    ("e", "ertuy7ERTUYʀʈʉᴇᴛⱦꜫꞓ𐓜𐓺®ƐΓᣴ➆ꓤꞒ"),
    ("en", "Mʍμϻ"),
    ("g", "gGɢ"),
    ("j", "j3Jȝɜʓʝვᴊ➂"),
    ("k", "kKĸⱪꝁ"),
    ("n", "nhvHNVɴʜⱨⴙ𐓵Ոቡ"),
    ("p", "pPᴘ𐓬Þᣖ℗"),
    ("q", "qQ"),
    ("s", "sf5FSϝϼտⴝ𑣛Քᣵ➄"),
    ("ss", "bco6BCOßƅƈʃʙςюẟⲇ©°Ʃ\u{30a}Δᒼᛜ₀∇➅➉🄍"),
    ("w", "wWѠ"),
    ("x", "xXχҳ"),
    ("z", "zZζ𑣉ᙆ"),
    ("Ɔ", "Ɔɔ"),
    ("Ǝ", "Ǝǝ"),
    ("ƕ", "ƕԋ"),
    ("Ʊ", "Ʊʊ"),
    ("ɐ", "ɐⱯ"),
    ("ɒ", "ɒ𐑇"),
    ("ɰ", "ɰጣ"),
    ("ɸ", "ɸփΦ"),
    ("ʇ", "ʇꓕ"),
    ("ʘ", "ʘꙩ"),
    ("ˁ", "ˁ꟎"),
    ("ͱ", "ͱⱶⱵ"),
    ("Ξ", "Ξξ≡"),
    ("Π", "Ππ"),
    ("Ψ", "Ψψ"),
    ("Ω", "Ωω"),
    ("Ϙ", "Ϙϙ"),
    ("Ж", "Жж"),
    ("И", "Иᴎ"),
    ("Э", "Ээ"),
    ("Я", "Яᴙ"),
    ("ӄ", "ӄ𐓤"),
    ("Ӿ", "Ӿӿ"),
    ("ի", "իኮ"),
    ("մ", "մሆ"),
    ("ب", "بن"),
    ("ج", "جخ"),
    ("و", "وۅ"),
    ("ᛦ", "ᛦ𐓸"),
    ("Ⅎ", "Ⅎⅎ"),
    ("ⴀ", "ⴀꞇ"),
    ("ꓶ", "ꓶ𐐹"),
    ("Ꙙ", "Ꙙꙙ"),
    ("ꚛ", "ꚛ𐊨"),
    ("Ꝃ", "Ꝃꝃ"),
    ("", "il+~ˇˉﾞﾟL^ɂʌʟλлỻꭋ𐳥𑣒Ʌٴॱᣳ₁⌇⏜⏝⏞⏟⏠⏡➀ⵗー𖻅"),
];

static TEXTS: LazyLock<BTreeMap<char, &str>> = LazyLock::new(|| {
    GROUPS.iter().flat_map(|&(text, group)| group.chars().map(move |c| (c, text))).collect()
});

impl Skeletons {
    /// The outline of the name. It can be empty, and it can be longer than the name.
    #[must_use]
    pub fn outline(&self) -> String {
        outline(&self.folded)
    }
}

fn outline(folded: &str) -> String {
    let mut outline = String::with_capacity(folded.len());
    for c in folded.chars() {
        match TEXTS.get(&c) {
            Some(text) => outline.push_str(text),
            None if stands_for_itself(c) => outline.push(c),
            None => (),
        }
    }
    outline
}

/// Whether `c` is a letter, a number or a symbol.
fn stands_for_itself(c: char) -> bool {
    unicode::is_graphic(c) && !unicode::is_mark(c) && !unicode::is_punctuation(c)
}

#[cfg(test)]
mod tests {
    use super::super::skeleton;
    use super::*;
    use crate::fields::username::Username;
    use crate::unicode::Bounded;
    use icu_properties::CodePointMapData;
    use icu_properties::props::CanonicalCombiningClass;
    use proptest::{collection, prelude::*, sample};
    use sha2::{Digest, Sha256};
    use std::fmt::Write;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// The skeletons of a part of a name, which need not be a name.
    fn of(part: &str) -> Skeletons {
        Skeletons::of(part, &unicode::nfkc_casefold(Bounded::new(part, Bounded::MAX).unwrap()))
    }

    fn outline_of(part: &str) -> String {
        of(part).outline()
    }

    /// The outlines of the characters of `text`, one after the other.
    fn outlines(text: &str) -> String {
        text.chars().map(|c| outline_of(c.encode_utf8(&mut [0; 4]))).collect()
    }

    /// Each character that a name in NFC may have.
    static CHARACTERS: LazyLock<Vec<char>> = LazyLock::new(|| {
        let is_nfc = |c: char| unicode::nfc(Bounded::new(&c.to_string(), 1).unwrap()).chars().eq([c]);
        ('\0'..=char::MAX).filter(|&c| unicode::is_graphic(c) && is_nfc(c)).collect()
    });

    #[test]
    fn names_that_look_alike_have_one_outline() {
        for (outline, alike) in [
            ("adenn", &["admin", "ADMIN", "аdmin", "ＡDМIN", "adrnin", "ADM|N", "ꓮꓓꓟꓲꓠ"][..]),
            ("paepa", &["paypal", "PAYPAL", "paypaI", "раураl", "payра1"]),
            ("essen", &["TOM", "tom", "ТОМ", "tоrn"]),
            ("ssssssss", &["bobo", "BOBO", "B0B0", "b0bo", "ВОВО"]),
            ("名前🥰", &["名前🥰", "名-前\u{301}🥰"]),
        ] {
            for name in alike {
                let name = Username::parse(name).unwrap();
                assert_eq!(Skeletons::of(name.as_str(), name.key()).outline(), outline, "{}", name.as_str());
            }
        }
    }

    #[test]
    fn names_keep_what_tells_them_apart() {
        for (name, other) in
            [("ada", "adam"), ("admin", "damin"), ("名前", "前名"), ("мама", "папа"), ("🥰", "☃")]
        {
            assert_ne!(outline_of(name), outline_of(other));
        }
    }

    #[test]
    fn no_character_is_in_two_groups() {
        assert_eq!(TEXTS.len(), GROUPS.iter().map(|(_, group)| group.chars().count()).sum::<usize>());
    }

    #[cfg(not(target_arch = "wasm32"))] // the host is faster, and the digest below compares the two
    #[test]
    fn every_character_obeys_the_first_two_rules() {
        for c in CHARACTERS.iter().map(char::to_string) {
            let skeletons = of(&c);
            assert_eq!(outlines(&skeletons.written), skeletons.outline(), "the written skeleton of {c}");
            assert_eq!(outline(&skeletons.capitals), skeletons.outline(), "the skeleton in capitals of {c}");
        }
    }

    #[test]
    fn every_mark_that_may_change_places_obeys_the_third_rule() {
        let classes = CodePointMapData::<CanonicalCombiningClass>::new();
        let moves = |c: &char| classes.get(*c) != CanonicalCombiningClass::NotReordered;
        for c in ('\0'..=char::MAX).filter(moves).map(String::from) {
            for text in [outline(&c), outline(&skeleton(&c))] {
                assert!(text.chars().all(|letter| letter == 's'), "{c:?} {text}");
            }
        }
    }

    #[test]
    fn the_form_stays_as_it_is() {
        let mut form = String::new();
        for &c in CHARACTERS.iter() {
            let outline = outline_of(c.encode_utf8(&mut [0; 4]));
            // A new character of Unicode mostly stands for itself, and then the digest stays the same.
            if !outline.chars().eq([c]) {
                writeln!(form, "{c} {outline}").unwrap();
            }
        }
        assert_eq!(
            base16ct::lower::encode_string(&Sha256::digest(form)),
            "c1e46586d5141c03a22c24dc4b3fb1e18b5ef8742b42cebe02d0105fe82522c1",
            "the outline of a character changed: databases whose names were placed by the old outline must be told \
             apart by another word in their place (the word may stay if only new characters came)"
        );
    }

    /// The texts with the same `form`, where they differ in the `other` form: characters, and the form itself.
    fn classes(form: impl Fn(&str) -> String, other: impl Fn(&str) -> String) -> Vec<Vec<String>> {
        let mut classes = BTreeMap::<_, Vec<String>>::new();
        for c in CHARACTERS.iter().map(char::to_string) {
            classes.entry(form(&c)).or_default().push(c);
        }
        for (shared, class) in &mut classes {
            if !class.contains(shared) && form(shared) == *shared {
                class.push(shared.clone());
            }
        }
        let differ = |class: &Vec<String>| {
            let mut others = class.iter().map(|text| other(text));
            class.len() > 1 && others.next().is_some_and(|first| others.any(|next| next != first))
        };
        classes.into_values().filter(differ).collect()
    }

    /// The classes of the characters that share the written skeleton, the skeleton in capitals, or the key.
    static ALIKE: LazyLock<[Vec<Vec<String>>; 3]> = LazyLock::new(|| {
        let key = |text: &str| unicode::nfkc_casefold(Bounded::new(text, Bounded::MAX).unwrap());
        [
            classes(|text| of(text).written, |text| of(text).folded),
            classes(|text| of(text).capitals, |text| of(text).folded),
            classes(key, |text| of(text).written),
        ]
    });

    fn any_mark() -> impl Strategy<Value = char> {
        static MARKS: LazyLock<Vec<char>> =
            LazyLock::new(|| CHARACTERS.iter().copied().filter(|&c| unicode::is_mark(c)).collect());
        sample::select(&**MARKS)
    }

    /// Two texts that share a skeleton or the key in most cases, with the same marks between.
    fn pair() -> impl Strategy<Value = (String, String)> {
        sample::select(&ALIKE[..]).prop_flat_map(move |classes| {
            let two = sample::select(classes)
                .prop_flat_map(|class| (sample::select(class.clone()), sample::select(class)));
            // A mark may not be first.
            collection::vec(
                prop_oneof![3 => two, 1 => any_mark().prop_map(|c| (c.to_string(), c.to_string()))],
                1..12,
            )
            .prop_map(|pairs| pairs.into_iter().unzip())
            .prop_map(|(one, other): (String, String)| (format!("x{one}"), format!("x{other}")))
        })
    }

    proptest! {
        #[test]
        fn look_alikes_and_spellings_have_one_outline((one, other) in pair()) {
            let (Ok(one), Ok(other)) = (Username::parse(&one), Username::parse(&other)) else {
                return Err(TestCaseError::reject("no names"));
            };
            let skeletons = [&one, &other].map(|name| Skeletons::of(name.as_str(), name.key()));
            prop_assume!(one.key() == other.key() || skeletons[0].are_like(&skeletons[1]));
            prop_assert_eq!(skeletons[0].outline(), skeletons[1].outline());
        }

        #[test]
        fn an_outline_is_made_character_by_character(text in collection::vec(prop_oneof![any_mark(), sample::select(&**CHARACTERS)], 1..12)) {
            let name = unicode::nfc(Bounded::new(&text.iter().collect::<String>(), Bounded::MAX).unwrap());
            prop_assert_eq!(outline_of(&name), outlines(&name));
        }
    }
}
