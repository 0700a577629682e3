//! The snippets of `docs/abuse.md`: each guard is switched on and tried by its own snippets, on one server that reads
//! its configuration again. The code for a page signs a user up.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

use crate::database;
use crate::documents::blocks;
use crate::guards::limits;
use crate::request::get;
use crate::server::{Server, command, migrated, own_configuration};

const DOCUMENT: &str = include_str!("../../docs/abuse.md");

/// A server with every feature, and the folder of its `wrangler.toml` and `.dev.vars`.
struct Trial {
    server: Server,
    folder: PathBuf,
}

impl Trial {
    fn start() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("trying.configuration");
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("wrangler.toml");
        fs::write(&file, own_configuration()).unwrap();
        fs::write(folder.join(".dev.vars"), "").unwrap();
        let server =
            Server::dev(migrated("trying"), &["tests/worker/full.js", "--config", file.to_str().unwrap()]);
        Self { server, folder }
    }

    /// Puts `secrets` into `.dev.vars`. In `wrangler.toml`, replaces `lines`, which stand there behind a `#`, by
    /// `written`.
    fn configure(&self, lines: &str, written: &str, secrets: &str) {
        let updates =
            || self.server.log().iter().filter(|line| line.contains("Local server updated")).count();
        let before = updates();
        let mut text = own_configuration();
        for (lines, written) in lines.split("\n\n").zip(written.split("\n\n")) {
            let off: String = lines.lines().flat_map(|line| ["# ", line, "\n"]).collect();
            assert!(text.contains(&off), "wrangler.toml should have these lines behind a #:\n{lines}");
            text = text.replacen(&off, &format!("{}\n", written.trim_end()), 1);
        }
        fs::write(self.folder.join(".dev.vars"), secrets).unwrap();
        fs::write(self.folder.join("wrangler.toml"), text).unwrap();
        for _ in 0..600 {
            if updates() > before {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
        panic!("the server should read its configuration again: {:#?}", self.server.log());
    }

    /// Runs the commands of a snippet against the server and its state.
    fn run(&self, code: &str) -> String {
        let local = format!("--local --persist-to '{}'", self.server.state.display());
        let code = code.replace("http://127.0.0.1:8787", &self.server.url).replace("--local", &local);
        text(command("bash").args(["-c", &code]).env("STATE", &self.server.state))
    }
}

/// Runs a command that must succeed, and gives its output.
fn text(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success(), "{command:?} {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// The titles and texts of the document's sections.
fn sections() -> impl Iterator<Item = (&'static str, &'static str)> {
    DOCUMENT.split("\n## ").filter_map(|section| section.split_once('\n'))
}

/// A snippet without its first line, which is a comment that names its file.
fn content(snippet: &str) -> &str {
    snippet.split_once('\n').unwrap().1
}

/// Switches the guard of a section on, with its first settings after `change`, and with its secrets.
fn switch_on(trial: &Trial, section: &str, change: impl Fn(&str) -> String) {
    let settings = blocks(section, "toml").next().map(content).unwrap_or_default();
    let secrets = blocks(section, "sh").find(|block| block.starts_with("# .dev.vars\n")).map(content);
    trial.configure(settings, &change(settings), secrets.unwrap_or_default());
}

#[test]
fn each_guard_is_switched_on_and_tried_as_the_document_says() {
    let trial = Trial::start();
    let mut tried = Vec::new();
    for (title, section) in sections().filter(|(_, section)| section.contains("\n**Try it")) {
        switch_on(&trial, section, str::to_owned);
        if title == "Rate limits" {
            limits::early_in_a_minute();
        }
        let (_, rest) = section.split_once("\n**Try it").unwrap();
        for block in blocks(rest, "sh") {
            let printed = trial.run(block);
            // The block after a command shows the whole answer. An answer does not end with a new line.
            let (_, after) = rest.split_once(block).unwrap();
            if let Some(stated) = after.strip_prefix("```\n\n```\n") {
                let stated = stated.split("```").next().unwrap();
                assert_eq!(printed.replace("}{", "}\n{"), stated.trim_end(), "{title}: {block}");
            }
            if let Some((_, stated)) = block.split_once("    # $") {
                assert!(printed.contains(&format!("${}", stated.trim_end())), "{title}: {printed}");
            }
        }
        tried.push(title);
    }
    let tried_all = [
        "Reserved names",
        "Registered clients",
        "Rate limits",
        "Proof of work",
        "Turnstile",
        "Breached passwords",
        "Sign-up hook",
        "Confusable names",
        "Pepper",
    ];
    assert_eq!(tried, tried_all);

    let (_, section) = sections().find(|(title, _)| *title == "Proof of work").unwrap();
    let code = blocks(section, "js").next().unwrap();
    let call = format!(
        "{code}
         const user = {{ username: process.argv[1], password: 'correct horse', client_id: 'worked' }};
         const answer = await signUp({:?}, user);
         console.log(answer.status, answer.headers.get('X-Error-Reason'));",
        trial.server.url
    );
    let sign_up = |name: &str| text(command("node").args(["--input-type=module", "--eval", &call, name]));
    // Fewer bits make the test faster.
    switch_on(&trial, section, |settings| settings.replace("20", "8"));
    let challenge = || get("/challenge").send_to(&trial.server).status;
    assert_eq!((challenge(), sign_up("with-a-proof").as_str()), (200, "200 null\n"));
    trial.configure("", "", "");
    assert_eq!(challenge(), 404);
    assert_eq!(sign_up("without-one"), "200 null\n");
    assert_eq!(database::open(&trial.server.state).users("worked").len(), 2);
}
