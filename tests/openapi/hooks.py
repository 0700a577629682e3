"""The rules that the description has in words and not in patterns, and the forms of a text in a header.

A text can match a pattern and still break the words beside it. The strategies below draw names and
passwords that obey both. A text that does not match the pattern is sent as it was drawn. Python's
Unicode is older than the Worker's, so a letter of Python's is also a letter of the Worker's.
"""

import json
from pathlib import Path
from unicodedata import category, normalize
from urllib.parse import quote

import schemathesis
from hypothesis import strategies as st
from jsonschema_rs import validator_for

COMPONENTS = json.loads((Path(__file__).parents[2] / "public/openapi.json").read_text("utf-8"))["components"]
NAME_PATTERN = validator_for(COMPONENTS["schemas"]["Username"])
PRIVACY_PATTERN = validator_for(COMPONENTS["parameters"]["Privacy"]["schema"])
LONGEST_NAME = COMPONENTS["schemas"]["Username"]["maxLength"]
LONGEST_PASSWORD = COMPONENTS["schemas"]["SignUp"]["properties"]["password"]["maxLength"]


def characters(*ranges):
    return {chr(c) for first, last in ranges for c in range(first, last + 1)}


# Invisible characters: not a name on their own, never allowed in a password.
INVISIBLE = characters(
    (0x34F, 0x34F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x3164, 0x3164),
    (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xE0100, 0xE01EF),
)  # fmt: skip
# OpaqueString refuses them, or takes them only beside certain others (RFC 8264, section 9).
RESTRICTED = characters(
    (0xB7, 0xB7), (0x375, 0x375), (0x5F3, 0x5F4), (0x640, 0x640), (0x6F0, 0x6F9), (0x7FA, 0x7FA),
    (0x1100, 0x11FF), (0x302E, 0x302F), (0x3031, 0x3035), (0x303B, 0x303B), (0x30FB, 0x30FB),
    (0xA960, 0xA97C), (0xD7B0, 0xD7FB),
)  # fmt: skip


def is_name(text):
    nfc = normalize("NFC", text)
    return (
        1 <= len(nfc) <= LONGEST_NAME
        and all(category(c)[0] in "LMNPS" for c in nfc)
        and category(nfc[0])[0] != "M"
        and not INVISIBLE.issuperset(nfc)
    )


def is_password(text):
    nfc = normalize("NFC", text)
    return (
        1 <= len(nfc.encode()) <= LONGEST_PASSWORD
        and all(category(c)[0] in "LMNPS" or category(c) == "Zs" for c in nfc)
        and (INVISIBLE | RESTRICTED).isdisjoint(nfc)
    )


def short_or_longest(categories, length):
    """A short text of any script, or such a text repeated up to the largest length."""
    short = st.text(st.characters(categories=categories), min_size=1, max_size=16)
    return short | short.map(lambda text: (text * length)[:length])


NAMES = short_or_longest(["L", "M", "N", "P", "S"], LONGEST_NAME).filter(is_name)
PASSWORDS = short_or_longest(["L", "M", "N", "P", "S", "Zs"], LONGEST_PASSWORD // 4).filter(is_password)


def sent(text):
    """Each form that `text` can have in a header."""
    extended = f"UTF-8''{quote(text, safe='')}"  # RFC 8187
    only_extended = text.lower().startswith("utf-8'") or "\ufffd" in text
    return st.just(extended) if only_extended else st.sampled_from([utf_8(text), extended])


def utf_8(text):
    """The bytes of the text as characters up to U+00FF, because the client sends such a character as one byte."""
    return text.encode().decode("latin-1")


@schemathesis.hook
def flatmap_headers(context, headers):
    """Replaces a valid name, which is ASCII as drawn, by a name of any script, and encodes each text for a header."""

    def value_of(name, value):
        if name == "Username" and NAME_PATTERN.is_valid(value):
            return (NAMES | st.just(value).filter(is_name)).flatmap(sent)
        if name == "Privacy" and PRIVACY_PATTERN.is_valid(value):
            return sent(value)
        return st.just(utf_8(value) if isinstance(value, str) else value)

    return st.fixed_dictionaries({name: value_of(name, value) for name, value in (headers or {}).items()})


schemathesis.openapi.format("username", NAMES)
schemathesis.openapi.format("password", PASSWORDS)
