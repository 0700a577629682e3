//! Makes the list of breached passwords: reads passwords, one a line, and writes the list in the Worker's form.
//!
//! `data/README.md` says how the list in `data/` was made with it.

use std::io::{Read, Write, stdin, stdout};

use edge_signup::guards::BreachedList;

fn main() -> std::io::Result<()> {
    let mut passwords = String::new();
    stdin().read_to_string(&mut passwords)?;
    stdout().write_all(BreachedList::new(passwords.lines()).as_bytes())
}
