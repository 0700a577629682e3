//! The admin Worker, over HTTP, beside the public one. Most tests share one server, so each test has its own names,
//! clients and addresses, as elsewhere.

mod access;
mod accounts;
mod audit;
mod blocks;
mod clients;
mod entrypoint;
mod exports;
mod faults;
mod imports;
mod page;
mod shards;
mod sign_in;
mod statistics;
mod users;
mod volume;
mod webhooks;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use std::{fs, thread};

use serde_json::{Value, json};

use crate::http::{Answer, assert_uuid_v4};
use crate::openapi;
use crate::request::{self, Request, request, sign_up};
use crate::server::{Server, own_configuration};

pub const TOKEN: &str = "an-admin-token-of-the-tests-0123456789";
pub const READ_TOKEN: &str = "a-reading-token-of-the-tests-012345678";

/// The key of Google's example, with which one of the hashes was made.
const FIREBASE: &str =
    "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==:Bw==";

/// The variable with which events can be signed.
const WEBHOOK_KEY: &str = "WEBHOOK_KEY:a-key-of-the-tests-of-32-characters";

pub const PASSWORD: &str = "correct horse battery staple";

/// A hash of [`PASSWORD`].
const BCRYPT: &str = "$2b$04$LSAt.KRc.4TG.UxAFtBciu5GClRW6duPqNnv5oSPiaOQ2pwF32DU.";

const UNAUTHORIZED: &str = r#"{"description":"The request needs the header Authorization: Bearer with the admin's token","code":"401"}"#;
const READ_ONLY: &str = r#"{"description":"These credentials can only read","code":"403"}"#;
const INTERNAL: &str = r#"{"description":"Internal error","code":"500"}"#;
const NO_PARAMETERS: &str = r#"{"description":"This path takes no parameters","code":"400"}"#;
const NO_PATH: &str =
    r#"{"description":"The path does not exist: openapi.json describes the paths","code":"404"}"#;
const NO_USER: &str = r#"{"description":"There is no such user","code":"404"}"#;
const WRONG_LIMIT: &str =
    r#"{"description":"limit must be a number from 1 to 200","code":"400","field":"limit"}"#;
const WRONG_AFTER: &str =
    r#"{"description":"after must be the next of a page","code":"400","field":"after"}"#;

static SERVER: LazyLock<Server> = LazyLock::new(|| start("admin", &[]));

/// The server that most tests share.
fn server() -> &'static Server {
    &SERVER
}

/// Starts the public Worker with the admin beside it, and two Workers that use the admin's entry point. All of them
/// get these variables, such as `NAME:value`.
fn start(name: &str, vars: &[&str]) -> Server {
    start_with(name, vars, |_| {})
}

/// Starts them likewise, after `prepare` has put something into the database.
fn start_with(name: &str, vars: &[&str], prepare: impl FnOnce(&Path)) -> Server {
    with_arguments(vars, |arguments| Server::start_with(name, arguments, prepare))
}

/// Starts them likewise on several databases, after `prepare` has put something into them.
fn start_scaled(name: &str, generations: &[usize], vars: &[&str], prepare: impl FnOnce(&Path)) -> Server {
    with_arguments(vars, |arguments| Server::start_scaled(name, generations, arguments, prepare))
}

/// Starts them likewise, with more Workers beside them, each of which has a configuration.
fn start_beside(name: &str, vars: &[&str], others: &[&Path]) -> Server {
    with_arguments(vars, |arguments| {
        let others = others.iter().flat_map(|file| ["--beside", file.to_str().unwrap()]);
        Server::start(name, &arguments.iter().copied().chain(others).collect::<Vec<_>>())
    })
}

fn with_arguments(vars: &[&str], start: impl FnOnce(&[&str]) -> Server) -> Server {
    let own = [
        format!("ADMIN_TOKEN:{TOKEN}"),
        format!("ADMIN_READ_TOKEN:{READ_TOKEN}"),
        format!("FIREBASE_SCRYPT:{FIREBASE}"),
        "SESSION_SECRET:a-secret-of-the-tests".to_owned(),
    ];
    let besides = ["admin/wrangler.toml", "tests/worker/admin/caller.toml", "examples/sign-in/wrangler.toml"];
    let besides = besides.into_iter().flat_map(|file| ["--beside", file]);
    let vars = own.iter().map(String::as_str).chain(vars.iter().copied()).flat_map(|var| ["--var", var]);
    start(&besides.chain(vars).collect::<Vec<_>>())
}

/// A variable with its value.
pub type Setting<'a> = (&'a str, &'a str);

/// The configuration of another admin called `name`, which has only these variables beside those of the public Worker.
pub fn variant(name: &str, vars: &[Setting]) -> PathBuf {
    let main = Path::new(env!("CARGO_MANIFEST_DIR")).join("admin/index.js");
    let vars: Vec<_> = vars.iter().map(|(name, value)| format!("{name} = {value:?}\n")).collect();
    let text = own_configuration()
        .replace("name = \"edge-signup\"\n", &format!("name = \"{name}\"\n"))
        .replace("worker/index.js", main.to_str().unwrap())
        .replace("[vars]\n", &format!("[vars]\n{}", vars.concat()));
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.toml"));
    fs::write(&file, text).unwrap();
    file
}

/// The same for the admin of `faulty.js`, whose database misbehaves.
pub fn faulty(name: &str, vars: &[Setting]) -> PathBuf {
    let file = variant(name, vars);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("admin/index.js", "tests/worker/admin/faulty.js")).unwrap();
    file
}

/// Waits until `is_so`.
pub fn until(is_so: impl Fn() -> bool, what: &str) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_mins(2), "there should be {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

impl Request {
    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", format!("Bearer {token}"))
    }

    /// Sends the request to the admin that most tests share.
    fn ask(&self) -> Answer {
        self.ask_at(server())
    }

    /// Sends the request to the admin of `server`.
    pub fn ask_at(&self, server: &Server) -> Answer {
        self.ask_url(server.beside("edge-signup-admin"))
    }

    /// Sends the request to the admin at `url`, and checks the answer for everything that all answers share.
    pub fn ask_url(&self, url: &str) -> Answer {
        let answer = self.call(url).unwrap();
        assert_uuid_v4(answer.id());
        for name in answer.headers.keys() {
            assert!(!name.as_str().starts_with("access-control"), "{answer:?}");
        }
        assert_eq!(answer.header("Cache-Control"), Some("no-store"));
        let reason = answer.header("X-Error-Reason");
        assert_eq!(reason.is_some(), answer.status >= 400, "{answer:?}");
        openapi::ADMIN.assert_described(&self.method, &self.path, &answer);
        answer
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{self:?} should be JSON"))
    }

    /// The lines of a stream.
    fn lines(&self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{self:?}");
        self.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Asserts the status, the word of `X-Error-Reason` and the body.
    pub fn is_refusal(&self, status: u16, reason: &str, body: &str) {
        self.is(status, body);
        assert_eq!(self.header("X-Error-Reason"), Some(reason));
    }
}

/// A request with the admin's token.
pub fn admin(method: &str, path: &str) -> Request {
    request(method, path).bearer(TOKEN)
}

fn get(path: &str) -> Request {
    admin("GET", path)
}

/// A request with a body of JSON.
pub fn send(method: &str, path: &str, body: &Value) -> Request {
    admin(method, path).json(body.to_string())
}

/// The JSON of the answer to a request for `path` that must be good.
fn read(path: &str) -> Value {
    let answer = get(path).ask();
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.json()
}

/// Signs a user up at the public Worker. Gives the id.
fn signed_up(name: &str, client_id: &str) -> u64 {
    signed_up_at(server(), name, client_id)
}

fn signed_up_at(server: &Server, name: &str, client_id: &str) -> u64 {
    let answer = sign_up(name, client_id).password(PASSWORD).send_to(server);
    answer.json()["user"]["id"].as_u64().unwrap_or_else(|| panic!("{answer:?}"))
}

/// A line of an import.
fn line(name: &str, client_id: &str, hash: &str) -> Value {
    json!({ "client_id": client_id, "username": name, "password_hash": hash })
}

/// Imports lines. Gives the lines of the answer.
fn import(lines: &[Value]) -> Vec<Value> {
    import_at(server(), lines)
}

fn import_at(server: &Server, lines: &[Value]) -> Vec<Value> {
    import_request("/imports", &text_of(lines)).ask_at(server).lines()
}

/// The body of an import.
fn text_of(lines: &[Value]) -> String {
    lines.iter().map(|line| line.to_string() + "\n").collect()
}

fn import_request(path: &str, text: &str) -> Request {
    admin("POST", path).header("Content-Type", "application/x-ndjson").body(text)
}

/// Imports one user with a hash of bcrypt. Gives the id.
fn imported(name: &str, client_id: &str) -> u64 {
    let answer = import(&[line(name, client_id, BCRYPT)]);
    assert_eq!(answer[0]["status"], "stored", "{answer:?}");
    answer[0]["id"].as_u64().unwrap()
}

/// Calls a method of the entry point `Users`.
fn call(method: &str, input: &Value) -> Value {
    call_at(server(), method, input)
}

fn call_at(server: &Server, method: &str, input: &Value) -> Value {
    let request = request::post(&format!("/{method}")).json(input.to_string());
    let answer = request.call(server.beside("caller")).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// Whether the entry point takes `password` for that of a user.
fn verifies(server: &Server, client_id: &str, username: &str, password: &str) -> bool {
    let input = json!({ "client_id": client_id, "username": username, "password": password });
    let verdict = call_at(server, "verify", &input);
    verdict["ok"].as_bool().unwrap_or_else(|| panic!("{verdict}"))
}

/// The hash that a user brought along, if there is one.
fn imported_hash(server: &Server, id: u64) -> Option<String> {
    let sql = "SELECT hash FROM imported_hashes WHERE user_id = ?";
    server.database().texts(sql, &id.to_string()).pop()
}

/// The hash in the row of a user.
fn stored_hash(server: &Server, id: u64) -> Option<String> {
    server.database().texts("SELECT password_hash FROM users WHERE id = ?", &id.to_string()).pop()
}

/// The time of a row, as the admin gives it.
fn created_at(table: &str, id: u64) -> String {
    let sql =
        format!("SELECT strftime('%Y-%m-%dT%H:%M:%SZ', created_at, 'unixepoch') FROM {table} WHERE id = ?");
    server().database().texts(&sql, &id.to_string()).remove(0)
}

/// The actor and the action of each entry of the audit about `subject`.
pub fn audited(server: &Server, subject: &str) -> Vec<String> {
    server.database().texts("SELECT actor || ' ' || action FROM audit WHERE subject = ? ORDER BY id", subject)
}

/// The values of a member of each row of a page.
fn column(page: &Value, rows: &str, member: &str) -> Vec<Value> {
    page[rows].as_array().unwrap().iter().map(|row| row[member].clone()).collect()
}
