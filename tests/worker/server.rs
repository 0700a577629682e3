//! A Worker under `wrangler dev` with fresh state, ended with the test binary.

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
    /// Where its D1 and KV live.
    pub state: PathBuf,
    log: Arc<Mutex<Vec<String>>>,
    /// Its standard input is a pipe: when this process ends, however it ends, so does the server.
    process: Child,
}

static SHARED: LazyLock<Server> = LazyLock::new(|| Server::start_with("shared", &[], block_list::seed));

/// The Worker as it is configured, with the block list of [`block_list`].
pub fn shared() -> &'static Server {
    &SHARED
}

impl Server {
    /// Starts a Worker with `arguments` for `wrangler dev`, its state in a fresh folder called `name`.
    pub fn start(name: &str, arguments: &[&str]) -> Self {
        Self::start_with(name, arguments, |_| {})
    }

    /// The same, after `prepare` has put something into the folder.
    pub fn start_with(name: &str, arguments: &[&str], prepare: impl FnOnce(&Path)) -> Self {
        let state = migrated(name);
        prepare(&state);
        Self::serve(command("scripts/serve").env("IS_MIGRATED", "1"), state, arguments)
    }

    /// Starts one as `make dev` does, which applies the migrations.
    pub fn start_from_nothing(name: &str) -> Self {
        Self::serve(&mut command("scripts/serve"), fresh(name), &[])
    }

    /// Kills the server without a warning, as a lost machine would.
    pub fn kill(&self) {
        // Its processes, and no others, have its folder in their environment.
        let state = format!("STATE={}\0", self.state.display());
        for process in fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path()) {
            if fs::read(process.join("environ")).is_ok_and(|e| String::from_utf8_lossy(&e).contains(&state)) {
                let id = process.file_name().unwrap();
                Command::new("kill").arg("-KILL").arg(id).stderr(Stdio::null()).status().unwrap();
            }
        }
    }

    /// A server on the state of one that was killed.
    pub fn restart(mut self) -> Self {
        self.process.wait().unwrap();
        Self::serve(command("scripts/serve").env("IS_MIGRATED", "1"), self.state.clone(), &[])
    }

    fn serve(command: &mut Command, state: PathBuf, arguments: &[&str]) -> Self {
        let mut process = command
            .args(arguments)
            .env("PORT", "0")
            .env("STATE", &state)
            .env("UNTIL_EOF", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (url, mut lines) = ready(&mut process);
        lines.next().expect("the curl line");
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
        Self { url, state, log, process }
    }

    /// The Worker's database, as it is on disk.
    pub fn database(&self) -> Database {
        database::open(&self.state)
    }

    /// All that it has printed so far.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// The log line of the request `id`.
    pub fn log_line(&self, id: &str) -> serde_json::Value {
        let of_request = |line: &String| {
            let line: serde_json::Value = serde_json::from_str(line).ok()?;
            (line["id"] == id).then_some(line)
        };
        // The line reaches us after the answer, through wrangler.
        for _ in 0..200 {
            let found: Vec<_> = self.log.lock().unwrap().iter().filter_map(of_request).collect();
            if let [line] = found.as_slice() {
                return line.clone();
            }
            assert!(found.is_empty(), "more than one line for a request: {found:?}");
            thread::sleep(time::Duration::from_millis(50));
        }
        panic!("no line for the request {id}");
    }
}

/// A command that finds the programs which `make` installs, so that plain `cargo test` does too, and asks
/// nothing of the network.
pub fn command(program: &str) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = ["node_modules/.bin", ".tools/bin"].map(|folder| root.join(folder));
    let is_installed = own[0].join("wrangler").exists() && root.join("target/full/index.js").exists();
    assert!(
        is_installed,
        "what the tests need is not all there: run `make test` once, which installs and builds it"
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

/// Waits until a server is ready; gives its URL and the lines that it prints from then on.
pub fn ready(process: &mut Child) -> (String, impl Iterator<Item = String> + Send + use<>) {
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
    let url = lines
        .find_map(|line| line.strip_prefix("==> Ready on ")?.split(' ').next().map(str::to_owned))
        .expect("the server starts");
    (url, lines)
}

/// The Worker's own `wrangler.toml`, to be put elsewhere; it does not build the Worker, which is there.
pub fn own_configuration() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = fs::read_to_string(root.join("wrangler.toml")).unwrap();
    // A path in it starts from the file.
    let at_root = |path: &str| format!("\"{}\"", root.join(path).display());
    own.replace("\"public\"", &at_root("public")).replace("make --silent build", "true")
}

/// A folder called `name` that holds nothing: in memory, where `make test` has found some, because every sign-up waits
/// for a disk to have written it.
pub fn fresh(name: &str) -> PathBuf {
    let all = env::var_os("TEST_STATE").unwrap_or_else(|| env!("CARGO_TARGET_TMPDIR").into());
    let folder = Path::new(&all).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Storage in a folder called `name` that has the tables, and nothing in them. wrangler takes seconds to make them, so
/// it does once, and this is a copy.
pub fn migrated(name: &str) -> PathBuf {
    static ORIGINAL: LazyLock<PathBuf> = LazyLock::new(|| {
        let state = fresh("migrated");
        wrangler(&state, &["d1", "migrations", "apply", "DB"]);
        state
    });
    let state = fresh(name);
    let copied = Command::new("cp").arg("-R").arg(ORIGINAL.join("v3")).arg(&state).status().unwrap();
    assert!(copied.success());
    state
}

/// A wrangler command on the local storage in `state`.
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
    let mut files = fs::read_dir(state.join("v3").join(kind))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "sqlite") && !path.ends_with("metadata.sqlite"));
    let file = files.next().expect("a file");
    assert_eq!(files.next(), None);
    file
}
