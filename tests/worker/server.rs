//! A Worker in workerd with fresh state. It ends with the test binary.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use std::{env, fs, thread, time};

use crate::block_list;
use crate::database::{self, Database};
use crate::{log, report};

/// A running Worker.
pub struct Server {
    /// `http://127.0.0.1:…`
    pub url: String,
    /// The names and addresses of the Workers beside it.
    others: Vec<(String, String)>,
    /// The folder of its D1 and KV.
    pub state: PathBuf,
    arguments: Vec<String>,
    log: Arc<Mutex<Vec<String>>>,
    /// Its standard input is a pipe, so the server ends when this process ends or crashes.
    process: Child,
}

static SHARED: LazyLock<Server> = LazyLock::new(|| Server::start_with("shared", &[], block_list::seed));

/// The Worker as it is configured, with the block list of [`block_list`].
pub fn shared() -> &'static Server {
    &SHARED
}

impl Server {
    /// Starts a Worker with `arguments` for `serve.js`, its state in a fresh folder called `name`.
    pub fn start(name: &str, arguments: &[&str]) -> Self {
        Self::start_with(name, arguments, |_| {})
    }

    /// Starts a Worker likewise, after `prepare` has put something into the folder.
    pub fn start_with(name: &str, arguments: &[&str], prepare: impl FnOnce(&Path)) -> Self {
        if env::var("TEST_SHARDS").is_ok_and(|shards| shards == "1+4") {
            return Self::start_scaled(name, &[1, 4], arguments, |state| {
                prepare(state);
                database::freeze(state, 0);
            });
        }
        let state = migrated(name);
        prepare(&state);
        Self::serve(state, arguments)
    }

    /// Starts a Worker likewise, with these numbers of databases in its generations. Names place the rows, or skeletons
    /// if an argument denies confusable names.
    pub fn start_scaled(
        name: &str,
        generations: &[usize],
        arguments: &[&str],
        prepare: impl FnOnce(&Path),
    ) -> Self {
        let placing = if arguments.contains(&"CONFUSABLES:deny") { "skeleton" } else { "name" };
        let state = scaled(name, generations, placing);
        prepare(&state);
        let shards = format!("SHARDS:{}", database::shards(generations));
        Self::serve(state, &[arguments, &["--var", &shards]].concat())
    }

    /// Starts a Worker on `state` as `make dev ADMIN=no` does, with `arguments` for `wrangler dev`. It applies the
    /// migrations, and takes in a later change of its configuration.
    pub fn dev(state: PathBuf, arguments: &[&str]) -> Self {
        let mut program = command("node");
        program.args(["scripts/edge-signup.js", "dev", "--"]).args(arguments);
        Self::run(program.envs([("PORT", "0"), ("UNTIL_EOF", "1"), ("ADMIN", "no")]), state)
    }

    /// Kills the server without a warning, as if its machine were lost.
    pub fn kill(&self) {
        // The server's processes, and no others, have its folder in their environment.
        let state = format!("STATE={}\0", self.state.display());
        for process in fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path()) {
            if fs::read(process.join("environ")).is_ok_and(|e| String::from_utf8_lossy(&e).contains(&state)) {
                let id = process.file_name().unwrap();
                Command::new("kill").arg("-KILL").arg(id).stderr(Stdio::null()).status().unwrap();
            }
        }
    }

    /// Starts a server again on its state, after it was killed.
    pub fn restart(mut self) -> Self {
        self.process.wait().unwrap();
        let arguments: Vec<&str> = self.arguments.iter().map(|argument| &**argument).collect();
        Self::serve(self.state.clone(), &arguments)
    }

    fn serve(state: PathBuf, arguments: &[&str]) -> Self {
        let server = Self::run(command("node").arg("tests/worker/serve.js").args(arguments), state);
        Self { arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(), ..server }
    }

    fn run(command: &mut Command, state: PathBuf) -> Self {
        let mut process =
            command.env("STATE", &state).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (url, others, lines) = ready_with_others(&mut process);
        let log = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&log);
        thread::spawn(move || {
            for line in lines {
                if let Some(problem) = log::fault(&line) {
                    report(&format!("The Worker must not log this, because {problem}: {line}"));
                    std::process::exit(101);
                }
                kept.lock().unwrap().push(line);
            }
        });
        Self { url, others, state, arguments: Vec::new(), log, process }
    }

    /// The Worker's database, as it is on disk.
    pub fn database(&self) -> Database {
        database::open(&self.state)
    }

    /// The address of the Worker `name` beside this one.
    pub fn beside(&self, name: &str) -> &str {
        let other = self.others.iter().find(|(known, _)| known == name);
        &other.expect("a Worker of this name should be beside").1
    }

    /// The lines that the server has printed so far.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// The log line of the request `id`.
    pub fn log_line(&self, id: &str) -> serde_json::Value {
        let of_request = |line: &String| {
            // To parse each of the thousands of lines would take long.
            if !line.contains(id) {
                return None;
            }
            let line: serde_json::Value = serde_json::from_str(line).ok()?;
            (line["id"] == id).then_some(line)
        };
        // The line comes through wrangler, after the answer.
        for _ in 0..200 {
            let found: Vec<_> = self.log.lock().unwrap().iter().filter_map(of_request).collect();
            if let [line] = found.as_slice() {
                return line.clone();
            }
            assert!(found.is_empty(), "a request should have one line: {found:?}");
            thread::sleep(time::Duration::from_millis(50));
        }
        panic!("the log should have a line for the request {id}");
    }
}

/// A command that finds the programs that `make` installs, so that the tests also work with plain `cargo test`. It does
/// not use the network.
pub fn command(program: &str) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = ["node_modules/.bin", ".tools/bin"].map(|folder| root.join(folder));
    let is_installed = own[0].join("wrangler").exists() && root.join("target/full/index.js").exists();
    assert!(
        is_installed,
        "the tests need programs and builds that are missing: run `make test` once, which installs and builds them"
    );
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(own.into_iter().chain(env::split_paths(&path))).unwrap();
    let mut command = Command::new(program);
    command.env("PATH", path).envs([
        ("WRANGLER_SEND_METRICS", "false"),
        ("WRANGLER_HIDE_BANNER", "true"),
        ("CLOUDFLARE_CF_FETCH_ENABLED", "false"),
    ]);
    command
}

/// Waits until a server is ready. Gives its URL and the lines that it prints from then on.
pub fn ready(process: &mut Child) -> (String, impl Iterator<Item = String> + Send + use<>) {
    let (url, _, lines) = ready_with_others(process);
    (url, lines)
}

/// The same, with the names and URLs of the Workers beside it, which are printed first.
fn ready_with_others(
    process: &mut Child,
) -> (String, Vec<(String, String)>, impl Iterator<Item = String> + Send + use<>) {
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut others = Vec::new();
    let url = lines
        .find_map(|line| {
            let (name, url) = line.strip_prefix("==> ")?.split_once(" on ")?;
            let url = url.split(' ').next()?.to_owned();
            if name == "Ready" {
                return Some(url);
            }
            others.push((name.to_owned(), url));
            None
        })
        .expect("the server should print that it is ready");
    (url, others, lines)
}

/// The project's `wrangler.toml` for another folder. It has no command that builds the Worker, because the Worker is
/// built.
pub fn own_configuration() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = fs::read_to_string(root.join("wrangler.toml")).unwrap();
    // A path in the file is relative to the file's folder.
    let at_root = |path: &str| format!("\"{}\"", root.join(path).display());
    own.replace("\"public\"", &at_root("public")).replace("make --silent build", "true")
}

/// An empty folder called `name`. It is in memory if `make test` has found enough memory, because on a disk every
/// sign-up waits until it is written.
pub fn fresh(name: &str) -> PathBuf {
    let all = env::var_os("TEST_STATE").unwrap_or_else(|| env!("CARGO_TARGET_TMPDIR").into());
    let folder = Path::new(&all).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Storage in a folder called `name`, with empty tables. It is a copy, because wrangler takes seconds to make the
/// tables.
pub fn migrated(name: &str) -> PathBuf {
    static ORIGINAL: LazyLock<PathBuf> = LazyLock::new(|| {
        let state = fresh("migrated");
        wrangler(&state, &["d1", "migrations", "apply", "DB"]);
        state
    });
    copy(&ORIGINAL, name)
}

/// The same with these numbers of databases in its generations. `placing` says whether names or skeletons place the
/// rows. It is a copy too, because a Node and a workerd make the files.
fn scaled(name: &str, generations: &[usize], placing: &'static str) -> PathBuf {
    type Kind = (Vec<usize>, &'static str);
    static ORIGINALS: Mutex<BTreeMap<Kind, PathBuf>> = Mutex::new(BTreeMap::new());
    let mut originals = ORIGINALS.lock().unwrap();
    let kind = (generations.to_vec(), placing);
    let original = originals.entry(kind).or_insert_with(|| {
        let numbers: Vec<_> = generations.iter().map(usize::to_string).collect();
        let state = migrated(&format!("migrated-{}-{placing}", numbers.join("+")));
        database::scale(&state, generations, placing);
        state
    });
    let original = original.clone();
    drop(originals);
    copy(&original, name)
}

fn copy(original: &Path, name: &str) -> PathBuf {
    let state = fresh(name);
    let copied = Command::new("cp").arg("-R").arg(original.join("v3")).arg(&state).status().unwrap();
    assert!(copied.success());
    state
}

/// Runs a wrangler command on the local storage in `state`.
pub fn wrangler(state: &Path, arguments: &[&str]) {
    let output = command("wrangler")
        .args(arguments)
        .args(["--local", "--persist-to"])
        .arg(state)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The one SQLite file of a kind of local storage.
pub fn sqlite_file(state: &Path, kind: &str) -> PathBuf {
    let [file] = sqlite_files(state, kind).try_into().expect("the storage should have one file");
    file
}

/// The SQLite files of a kind of local storage.
pub fn sqlite_files(state: &Path, kind: &str) -> Vec<PathBuf> {
    fs::read_dir(state.join("v3").join(kind))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "sqlite") && !path.ends_with("metadata.sqlite"))
        .collect()
}
