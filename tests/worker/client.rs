//! The client of `packages/client` on every platform: Node, Deno, Bun, workerd, and Chromium on a page of the service
//! and on pages of another origin. Each makes the calls of `client/scenarios.js`, over networks that misbehave.

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex, mpsc};
use std::time::Duration;
use std::{env, fs};

use serde_json::{Value, json};

use crate::can_run;
use crate::documents::{blocks, run};
use crate::faults;
use crate::guards::proof_of_work::{ON, signed};
use crate::guards::sign_up_hook;
use crate::request::{get, request};
use crate::server::{Server, command, fresh, shared};
use crate::stand_in::{self, Question, Reply};
use crate::webdriver::Browser;

const SECRET: &str = "0123456789-0123456789-0123456789";
/// The most bytes of the built client after gzip -9.
const SIZE_LIMIT: usize = 6000;
/// The sentence of a name that is taken.
const TAKEN: &str = "Username already in use";

/// The page of a server that is not the service.
const HTML: &str = "<!doctype html><title>Not the service</title>";

/// A request that a network has seen.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    line: String,
    key: Option<String>,
    proof: Option<String>,
    code: Option<String>,
    body: String,
}

/// The requests that each network has seen, by the platform and the kind of the network.
static SEEN: Mutex<Option<HashMap<Network, Vec<Seen>>>> = Mutex::new(None);

/// A platform and the kind of its network.
type Network = (String, String);

/// The address of the networks before the service of `faults.js`. A path begins with a platform and a kind.
static EDGE: LazyLock<String> = LazyLock::new(|| stand_in::start(pass));

/// The requests of `method` that the network has seen.
fn seen(platform: &str, kind: &str, method: &str) -> Vec<Seen> {
    let all = SEEN.lock().unwrap();
    let of_kind = all.iter().flatten().filter(|((p, k), _)| p == platform && k == kind);
    of_kind.flat_map(|(_, seen)| seen).filter(|seen| seen.line.starts_with(method)).cloned().collect()
}

/// A page or an answer of a server that is not the service. Pages of other origins may read it.
fn foreign(status: u16, headers: &[(&str, &str)], body: &str) -> Reply {
    let open = [
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Expose-Headers", "X-Error-Reason, Retry-After"),
    ];
    let headers = open.iter().chain(headers).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Reply::Whole(status, headers.collect(), body.to_owned())
}

/// The answer that a kind of network gives in the place of the service, which does not see the request.
fn instead(kind: &str, line: &str, times: usize, is_call: bool) -> Option<Reply> {
    let reply = match kind {
        "down" => Reply::Lost,
        "never" if is_call => Reply::Never,
        "down-503" if is_call => foreign(503, &[("Retry-After", "60")], HTML),
        "page" if is_call => foreign(403, &[("Content-Type", "text/html")], HTML),
        "limited" if is_call => {
            let headers = [("X-Error-Reason", "rate_limited"), ("Retry-After", "60")];
            foreign(429, &headers, r#"{"description":"A sentence"}"#)
        }
        "dated" if is_call => {
            let headers =
                [("X-Error-Reason", "rate_limited"), ("Retry-After", "Mon, 01 Oct 2096 00:00:00 GMT")];
            foreign(429, &headers, r#"{"description":"Too many","code":"429"}"#)
        }
        "work-refused" if line.starts_with("POST ") => {
            foreign(400, &[("X-Error-Reason", "proof_invalid")], "{}")
        }
        "work-expired" if line == "GET /challenge" && times == 0 => {
            let challenge =
                json!({ "challenge": signed(6, 1_700_000_000, SECRET), "bits": 4, "expires_in": 600 });
            foreign(200, &[], &challenge.to_string())
        }
        _ => return None,
    };
    Some(reply)
}

/// Passes a request on to the service, as the kind of the network says.
fn pass(question: &Question) -> Reply {
    let (method, path) = question.line.split_once(' ').unwrap();
    let mut parts = path.splitn(4, '/').skip(1).map(str::to_owned);
    let (platform, kind, mut path) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    if let Some(rest) = path.strip_prefix("once/") {
        path = rest.to_owned();
    }
    let line = format!("{method} /{path}");
    let this = Seen {
        line: line.clone(),
        key: question.header("idempotency-key").map(str::to_owned),
        proof: question.header("proof-of-work").map(str::to_owned),
        code: question.header("sign-up-code").map(str::to_owned),
        body: String::from_utf8(question.body.clone()).unwrap(),
    };
    // Whether the network sees this request for the first time, and how often it has seen its line.
    let (is_first, times) = {
        let mut all = SEEN.lock().unwrap();
        let before = all.get_or_insert_default().entry((platform.clone(), kind.clone())).or_default();
        let is_same = |seen: &&Seen| {
            (&seen.line, &seen.body, seen.proof.is_some()) == (&line, &this.body, this.proof.is_some())
        };
        let counts =
            (!before.iter().any(|seen| is_same(&seen)), before.iter().filter(|s| s.line == line).count());
        before.push(this.clone());
        counts
    };

    let mut vars = json!({});
    // The guard is switched off after it has given a challenge.
    let given = if path == "challenge" { times } else { seen(&platform, &kind, "GET /challenge").len() };
    let is_off = kind == "work-off" && given > 0;
    if kind.starts_with("work") && !is_off {
        vars = ON.parse().unwrap();
    }
    if kind == "work-hard" {
        vars["PROOF_OF_WORK"] = json!(26);
    }
    if kind == "captcha" && method == "OPTIONS" {
        vars = sign_up_hook::settings("allow", &[("TURNSTILE_SECRET", "0x4AAA-secret")]).parse().unwrap();
    }
    let own = ["host", "connection", "content-length", "accept-encoding"];
    let headers = question.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let mut forwarded = request(method, &format!("/{path}"))
        .headers(headers.filter(|(name, _)| !own.contains(name)))
        .vars(vars)
        .body(&question.body);
    let is_call = method == "POST" && (!kind.starts_with("work") || this.proof.is_some());
    let is_first_call = is_call && is_first;
    if kind == "blocked" {
        forwarded = forwarded.address("198.51.100.7");
    }
    if kind.ends_with("busy") && is_first_call {
        forwarded = forwarded.fault("db-overloaded");
    }
    if let Some(reply) = instead(&kind, &line, times, is_call) {
        return reply;
    }

    let answer = forwarded.call(&faults::server().url).unwrap();
    let mut body = answer.body;
    match kind.as_str() {
        "lost" | "work-lost" if is_first_call => return Reply::Lost,
        "stored-never" if is_first_call && body.contains("again") => return Reply::Never,
        "gateway" if is_first_call => return foreign(502, &[("Content-Type", "text/html")], HTML),
        "portal" if is_first_call => return foreign(200, &[("Content-Type", "text/html")], HTML),
        "work-stale" if line == "GET /challenge" && times == 0 => body = body.replace("600}", "0}"),
        // The first challenge comes twice.
        "work-spent" if line == "GET /challenge" => {
            static FIRST: Mutex<Option<HashMap<String, String>>> = Mutex::new(None);
            let mut first = FIRST.lock().unwrap();
            let first = first.get_or_insert_default().entry(platform).or_insert_with(|| body.clone());
            if times < 2 {
                body.clone_from(first);
            }
        }
        _ => {}
    }
    let length = if kind == "cut" && is_first_call { body.len() + 1 } else { body.len() };
    let is_kept = |name: &str| !["connection", "content-length", "retry-after"].contains(&name);
    let kept = answer.headers.iter().filter(|(name, _)| is_kept(name.as_str()));
    let mut headers: Vec<_> =
        kept.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    if answer.status != 204 {
        headers.push(("Content-Length".to_owned(), length.to_string()));
    }
    if answer.status == 503 {
        // The service asks for five seconds.
        headers.push(("Retry-After".to_owned(), "1".to_owned()));
    }
    Reply::Whole(answer.status, headers, body)
}

/// A failure without its key.
fn failure(reason: &str, detail: &str, field: Option<&str>, message: &str) -> Value {
    let mut failure = json!({ "ok": false, "reason": reason, "detail": detail, "message": message });
    if let Some(field) = field {
        failure["field"] = field.into();
    }
    failure
}

/// The results of all calls on `platform`.
fn expected(platform: &str, has_thread: bool) -> Value {
    let user = |name: &str| json!({ "ok": true, "user": { "username": name } });
    let account =
        |name: &str, privacy: &str| json!({ "ok": true, "account": { "name": name, "privacy": privacy } });
    let mut limited = failure("limited", "rate_limited", None, "A sentence");
    limited["retryAfter"] = 60.into();
    let mut limited_until = failure("limited", "rate_limited", None, "Too many");
    limited_until["retryAfter"] = true.into();
    let mut impatient = failure(
        "unavailable",
        "unreadable_answer",
        None,
        "The service did not answer; another server did in its place",
    );
    let foreign = impatient.clone();
    impatient["retryAfter"] = 60.into();
    let rules: Value = get(crate::rules::PATH).send_to(faults::server()).body.parse().unwrap();
    let mut expected = json!({
        "success": user("Ada"),
        "taken": failure("taken", "username_taken", Some("username"), TAKEN),
        "account": account(&format!("Zoë-☃-'(*)-{platform}"), "Private"),
        "encodedAccount": account(&format!("UTF-8''%41-{platform}"), "Public"),
        "accountTaken": failure("taken", "username_taken", Some("name"), TAKEN),
        "invalidName": failure("invalid", "username_characters", Some("name"), "Username was invalid"),
        "halfACharacter": failure("invalid", "username_encoding", Some("name"), "Username was invalid"),
        "invalidPrivacy": failure("invalid", "privacy_invalid", Some("privacy"), "Privacy was invalid"),
        "invalidUsername": failure("invalid", "username_characters", Some("username"),
            "username must consist of letters, marks, numbers, punctuation and symbols, and U+0020 is none of them"),
        "invalidClient": failure("invalid", "client_id_invalid", Some("clientId"),
            "client_id must be 1 to 128 visible ASCII characters"),
        "blocked": failure("blocked", "address_blocked", None, "Your IP address was blocked."),
        "limited": limited,
        "limitedUntil": limited_until,
        "lost": user("lost"),
        "lostAccount": account(&format!("lost-{platform}"), "Public"),
        "cut": user("cut"),
        "busy": user("busy"),
        "gateway": user("gateway"),
        "portal": user("portal"),
        "page": foreign,
        "unreachable": failure("unavailable", "no_answer", None, "The service could not be reached"),
        "impatient": impatient,
        "silent": failure("unavailable", "no_answer", None, "The service could not be reached"),
        "rules": { "ok": true, "rules": rules },
        "rulesOnce": true,
    });
    // The macro cannot make one object of all.
    let more = json!({
        "unprepared": user("unprepared"),
        "prepared": user("prepared"),
        "preparing": account(&format!("preparing-{platform}"), "Public"),
        "kept": ["invalid", true, "taken", true],
        "lostWork": user("lost-work"),
        "busyWork": user("busy-work"),
        "expired": user("expired"),
        "stale": user("stale"),
        "spent": [user("spent"), user("spent-2")],
        "refusedWork": failure("refused", "proof_invalid", None, "The service answered proof_invalid"),
        "switchedOff": user("switched-off"),
        "tooHard": failure("unavailable", "timed_out", None, "The service took too long"),
        "aborted": [true, true, true, true],
        "abortedAndRepeated": ["AbortError", user("again")],
        "misuse": vec!["TypeError"; 22],
        "captcha": account(&format!("captcha-{platform}"), "Public"),
        "hasThread": if has_thread { json!(["challenge 10:4mep", 3]) } else { json!(null) },
    });
    expected.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    expected
}

/// Asserts the results of a platform, and what the networks have seen of it.
fn assert_calls(platform: &str, mut results: Value, has_thread: bool) {
    let expected = expected(platform, has_thread);
    if !has_thread {
        // Without a thread, each slice of time reports.
        let [solution, reports] =
            ["/hasThread/0", "/hasThread/1"].map(|at| results.pointer(at).unwrap().clone());
        assert_eq!(solution, "challenge 10:4mep");
        assert!(reports.as_u64().unwrap() >= 215_665 / 4096, "{reports}");
        results["hasThread"] = Value::Null;
    }
    let calls = expected.as_object().unwrap().iter();
    let wrong: Vec<_> = calls.filter(|(call, result)| results[call] != **result).collect();
    let of_call = |(call, _): &(&String, &Value)| results[*call].clone();
    assert!(
        wrong.is_empty(),
        "{platform} gave {:#?} instead of {wrong:#?}",
        wrong.iter().map(of_call).collect::<Vec<_>>()
    );
    assert_eq!(results.as_object().unwrap().len(), expected.as_object().unwrap().len());

    let posts = |kind: &str| seen(platform, kind, "POST");
    let proofs = |kind: &str| -> Vec<_> { posts(kind).into_iter().map(|seen| seen.proof).collect() };
    // Each repeat is the same request with the same key.
    for kind in ["lost", "cut", "busy", "gateway", "portal"] {
        let (accounts, users): (Vec<_>, Vec<_>) =
            posts(kind).into_iter().partition(|seen| seen.line == "POST /users/");
        for repeats in [users, accounts].iter().filter(|repeats| !repeats.is_empty()) {
            assert_eq!(repeats.len(), 2, "{kind}: {repeats:?}");
            assert_eq!(repeats[0], repeats[1], "{kind}");
            assert!(repeats[0].key.is_some());
        }
    }
    for kind in ["work-lost", "work-busy"] {
        let [none, first, second] = posts(kind).try_into().unwrap();
        assert_eq!((none.proof, &first.proof.is_some()), (None, &true));
        assert_eq!(first, second, "{kind} on {platform}: a repeat should have the same proof");
        assert_eq!(none.key, first.key);
    }
    // These answers are final.
    for kind in ["page", "limited", "dated", "down-503"] {
        assert!(
            posts(kind).iter().map(|seen| &seen.key).collect::<HashSet<_>>().len() == posts(kind).len(),
            "{kind}"
        );
    }
    let keys: HashSet<_> = posts("plain").into_iter().map(|seen| seen.key).collect();
    assert_eq!(keys.len(), posts("plain").len(), "each call should have a key of its own");
    assert_eq!(seen(platform, "plain", "GET").len(), 2, "the rules should be kept");

    assert!(proofs("work-early").iter().all(Option::is_some), "prepared work should spare the first refusal");
    let kept = proofs("work-kept");
    let [first, second, third, fourth] = kept.try_into().unwrap();
    assert_eq!(first, second, "a proof should be kept after an invalid name");
    assert_eq!([&second, &third, &fourth].into_iter().collect::<HashSet<_>>().len(), 3);
    let challenges = |kind: &str| seen(platform, kind, "GET /challenge").len();
    assert_eq!((challenges("work-expired"), proofs("work-expired").iter().flatten().count()), (2, 2));
    assert_eq!((challenges("work-stale"), proofs("work-stale").iter().flatten().count()), (2, 1));
    assert_eq!((challenges("work-spent"), proofs("work-spent").iter().flatten().count()), (3, 3));
    assert_eq!((challenges("work-refused"), posts("work-refused").len()), (3, 4));
    let captcha = posts("captcha");
    assert!(captcha.iter().any(|seen| seen.body.contains(r#""captcha_token":"token""#)), "{captcha:?}");
    assert!(captcha.iter().all(|seen| seen.code.as_deref() == Some("a-code")), "{captcha:?}");

    let users = faults::server().database().users(&format!("client-{platform}"));
    for name in ["lost", "cut", "busy", "gateway", "portal", "lost-work", "busy-work", "again"] {
        assert_eq!(users.iter().filter(|user| user.username == name).count(), 1, "{name}");
    }
}

/// Runs the calls in a program, whose arguments begin with `arguments`.
fn calls_in(program: &Path, arguments: &[&str], platform: &str) -> Value {
    crate::request::account("☃").send_to(faults::server());
    let output = command(program.to_str().unwrap())
        .args(arguments)
        .args(["tests/worker/client/run.js", &EDGE, platform])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{platform}: {text}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn it_works_in_every_node_that_is_installed() {
    // One of them comes with the npm packages.
    let path = env::var_os("PATH").unwrap_or_default();
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("node_modules/.bin");
    let mut versions = HashSet::new();
    for folder in env::split_paths(&path).chain([own]) {
        let node = folder.join("node");
        let Ok(output) = Command::new(&node).arg("--version").output() else { continue };
        let version = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        if versions.insert(version.clone()) {
            let platform = format!("node-{version}");
            assert_calls(&platform, calls_in(&node, &[], &platform), true);
        }
    }
    assert!(!versions.is_empty());
}

/// The path of a runtime that only these tests need.
fn package(name: &str) -> Option<PathBuf> {
    let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/client/node_modules/.bin").join(name);
    let runs = command(program.to_str().unwrap()).arg("--version").output().is_ok_and(|o| o.status.success());
    can_run(runs, name, "the client's tests").then_some(program)
}

#[test]
fn it_works_in_deno() {
    let Some(deno) = package("deno") else { return };
    // The client asks for the network, and for nothing else.
    let arguments = ["run", "--no-config", "--no-lock", "--no-prompt", "--allow-net"];
    assert_calls("deno", calls_in(&deno, &arguments, "deno"), true);
}

#[test]
fn it_works_in_bun() {
    let Some(bun) = package("bun") else { return };
    assert_calls("bun", calls_in(&bun, &[], "bun"), true);
}

#[test]
fn it_works_in_a_worker() {
    crate::request::account("☃").send_to(faults::server());
    let server = Server::start("client", &["tests/worker/client/worker.js"]);
    let answer = get(&format!("/run?edge={}", *EDGE)).call(&server.url).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_calls("worker", answer.body.parse().unwrap(), false);
}

/// Opens a page of another origin, with a policy of its own, which runs `script` with the client. Gives its report.
fn report_of_page(browser: &Browser, policy: &str, script: &str) -> Value {
    let (sender, receiver) = mpsc::channel();
    let (policy, script) = (policy.to_owned(), script.to_owned());
    let sender = std::sync::Arc::new(Mutex::new(sender));
    let origin = stand_in::start(move |question: &Question| {
        let (kind, body) = match question.line.as_str() {
            "GET /" => ("text/html", "<script type=module src=/page.js></script>".to_owned()),
            "GET /page.js" => ("text/javascript", script.clone()),
            "GET /scenarios.js" => {
                ("text/javascript", fs::read_to_string("tests/worker/client/scenarios.js").unwrap())
            }
            "GET /solver.js" => ("text/javascript", fs::read_to_string("public/solver.js").unwrap()),
            "POST /" => {
                sender.lock().unwrap().send(serde_json::from_slice(&question.body).unwrap()).unwrap();
                ("text/plain", String::new())
            }
            _ => ("text/plain", String::new()),
        };
        let mut headers = vec![("Content-Type".to_owned(), kind.to_owned())];
        if !policy.is_empty() {
            headers.push(("Content-Security-Policy".to_owned(), policy.clone()));
        }
        Reply::Whole(200, headers, body)
    });
    browser.open(&origin);
    receiver.recv_timeout(Duration::from_mins(2)).expect("the page should report within two minutes")
}

#[test]
fn it_works_on_a_page_of_another_origin() {
    let Some(browser) = Browser::start() else { return };
    crate::request::account("☃").send_to(faults::server());
    let script = format!(
        "import * as client from '{service}/client.js';
         import {{ run }} from '/scenarios.js';
         const results = await run(client, '{edge}', 'page').catch(String);
         await fetch('/', {{ method: 'POST', body: JSON.stringify(results) }});",
        service = faults::server().url,
        edge = *EDGE,
    );
    let results = report_of_page(&browser, "", &script);
    assert_calls("page", results, true);
}

#[test]
fn a_page_that_forbids_workers_of_a_blob_solves_in_slices() {
    let Some(browser) = Browser::start() else { return };
    let script = format!(
        "import {{ createClient, solve }} from '{service}/client.js';
         let reports = 0;
         const solution = await solve({{ challenge: 'challenge 10', bits: 18 }}, {{ onProgress: () => reports++ }});
         const client = createClient({{ url: '{edge}/strict/work', clientId: 'client-strict' }});
         const {{ ok }} = await client.signUp({{ username: 'Ada', password: 'correct horse' }});
         // With a copy of the script on the page's own origin, the page has a thread.
         let own = 0;
         const worker = () => new Worker('/solver.js');
         const again = await solve({{ challenge: 'challenge 10', bits: 18 }}, {{ onProgress: () => own++, worker }});
         const report = [solution, reports >= 215665 / 4096, ok, again, own];
         await fetch('/', {{ method: 'POST', body: JSON.stringify(report) }});",
        service = faults::server().url,
        edge = *EDGE,
    );
    let policy = format!("default-src 'self' {} {}", faults::server().url, *EDGE);
    let report = report_of_page(&browser, &policy, &script);
    assert_eq!(report, json!(["challenge 10:4mep", true, true, "challenge 10:4mep", 3]));
}

#[test]
fn a_page_of_the_service_needs_no_address() {
    let Some(browser) = Browser::start() else { return };
    browser.open(&shared().url);
    let report = browser.run_async(
        "const done = arguments[0];
         (async () => {
           const { createClient } = await import('/client.js');
           const client = createClient({ clientId: 'client-own' });
           const { ok, user } = await client.signUp({ username: 'Ada', password: 'correct horse' });
           const { rules } = await client.rules();
           return [ok, user.username, rules.username.max_characters];
         })().then(done, (error) => done(String(error)));",
    );
    assert_eq!(report, json!([true, "Ada", 254]));
}

/// Runs the text of a module in Node, below the client's folder. Gives what it prints, as JSON.
fn in_node(module: &str) -> Value {
    let mut node = command("node")
        .args(["--input-type=module"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let client =
        format!("import * as client from '{}/packages/client/dist/client.js';", env!("CARGO_MANIFEST_DIR"));
    node.stdin.take().unwrap().write_all(format!("{client}\n{module}").as_bytes()).unwrap();
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_package_of_npm_runs_the_examples_of_the_documents() {
    let folder = fresh("client-package");
    let modules = folder.join("node_modules/@edge-signup/client");
    fs::create_dir_all(&modules).unwrap();
    let mut npm = command("npm");
    npm.args(["pack", "--json", "--pack-destination"]).arg(&folder).current_dir("packages/client");
    // The variables of `make test` are not meant for the `make` that npm runs.
    let packed: Value = serde_json::from_str(&run(npm.env_remove("MAKEFLAGS"))).unwrap();
    let tarball = folder.join(packed[0]["filename"].as_str().unwrap());
    run(Command::new("tar").args(["-xzf"]).arg(tarball).args(["--strip-components=1", "-C"]).arg(&modules));
    for file in ["README.md", "LICENSE-MIT", "LICENSE-APACHE", "dist/client.d.ts", "dist/solver.js"] {
        assert!(modules.join(file).exists(), "the package should have {file}");
    }
    let manifest: Value =
        serde_json::from_str(&fs::read_to_string(modules.join("package.json")).unwrap()).unwrap();
    assert_eq!(manifest["version"], env!("CARGO_PKG_VERSION"));
    assert!(manifest.get("dependencies").is_none());

    for document in [include_str!("../../README.md"), include_str!("../../packages/client/README.md")] {
        for example in blocks(document, "js").filter(|block| block.contains("@edge-signup/client")) {
            let here = example
                .replace("http://127.0.0.1:8787", &shared().url)
                .replace("https://sign-up.example", &shared().url);
            let file = folder.join("example.mjs");
            fs::write(&file, here).unwrap();
            let (_, stated) = example.rsplit_once(" // ").unwrap();
            assert_eq!(run(command("node").arg(&file)).trim(), stated.lines().next().unwrap(), "{example}");
        }
    }
}

#[test]
fn a_slice_is_short_by_the_clock_and_where_the_clock_stands_still() {
    let solved = in_node(
        "// Node has threads, but not without this function.
         process.getBuiltinModule = undefined;
         const results = [];
         for (const tick of [1, 0]) {
           let now = 0, most = 0, before = 0;
           performance.now = () => (now += tick);
           const onProgress = (progress) => {
             const tries = Math.round(-Math.log(1 - progress) * 2 ** 18);
             most = Math.max(most, tries - before);
             before = tries;
           };
           await client.solve({ challenge: 'challenge 10', bits: 18 }, { onProgress });
           results.push(most);
         }
         console.log(JSON.stringify(results));",
    );
    // The clock is asked every 32 tries, and a slice takes 6 milliseconds.
    let [ticking, still] = [0, 1].map(|at| solved[at].as_u64().unwrap());
    assert!(ticking <= 6 * 32, "{ticking}");
    assert_eq!(still, 4096);
}

#[test]
fn every_word_of_the_service_has_its_reason() {
    let api: Value = serde_json::from_str(&fs::read_to_string("public/openapi.json").unwrap()).unwrap();
    let headers = api["components"]["headers"].as_object().unwrap();
    let described: HashSet<_> = headers
        .iter()
        .filter(|(name, _)| name.starts_with("X-Error-Reason"))
        .flat_map(|(_, header)| header["schema"]["oneOf"].as_array().unwrap())
        .map(|word| word["const"].as_str().unwrap())
        .filter(|word| *word != "unavailable")
        .chain(["method_not_allowed", "username_longer", "invite_missing"])
        .collect();
    let answers = in_node(&format!(
        "const results = {{}};
         for (const word of {words}) {{
           const fetch = async () => Response.json({{ description: 'A sentence' }}, {{ status: 400, headers: {{ 'X-Error-Reason': word }} }});
           const own = client.createClient({{ url: 'https://sign-up.example', clientId: 'words', fetch }});
           const {{ ok, reason, detail, field, message }} = await own.signUp({{ username: 'Ada', password: 'x' }});
           results[word] = [ok, reason, detail, field ?? null, message];
         }}
         for (const status of [403, 404, 409, 429, 500]) {{
           const fetch = async () => new Response('null', {{ status, headers: {{ 'X-Error-Reason': 'a_new_word' }} }});
           const own = client.createClient({{ url: 'https://sign-up.example', fetch }});
           const {{ reason, detail, message }} = await own.createAccount({{ name: 'Ada' }});
           results[status] = [reason, detail, message];
         }}
         console.log(JSON.stringify(results));",
        words = json!(described),
    ));
    for word in &described {
        let field = ["username", "password", "client_id", "privacy", "captcha_token", "idempotency_key"]
            .into_iter()
            .find(|field| word.starts_with(&format!("{field}_")));
        let reason = match *word {
            "username_taken" => "taken",
            "rate_limited" => "limited",
            "internal_error" | "body_incomplete" => "unavailable",
            "client_id_unknown" | "client_id_denied" | "hook_denied" | "origin_refused" | "not_found"
            | "method_not_allowed" | "invite_missing" => "refused",
            _ if word.starts_with("address_") => "blocked",
            _ if word.starts_with("proof_") || word.starts_with("captcha_token_") => "refused",
            _ => "invalid",
        };
        let field = field.map(|field| match field {
            "client_id" => "clientId",
            "captcha_token" => "captchaToken",
            "idempotency_key" => "idempotencyKey",
            _ => field,
        });
        assert_eq!(answers[*word], json!([false, reason, word, field, "A sentence"]));
    }
    for (status, reason) in
        [("403", "refused"), ("404", "refused"), ("409", "taken"), ("429", "limited"), ("500", "unavailable")]
    {
        assert_eq!(answers[status], json!([reason, "a_new_word", "The service answered a_new_word"]));
    }
}

/// Compiles a project of the client. Gives the compiler's errors.
fn compile(folder: &Path) -> Result<(), String> {
    let output = command("tsc").args(["--noEmit", "--project"]).arg(folder).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    if output.status.success() { Ok(()) } else { Err(text) }
}

#[test]
fn the_compiler_checks_what_an_application_does_with_a_result() {
    assert_eq!(compile(Path::new("tests/client")), Ok(()));
    // An application that forgets a reason does not compile.
    let folder = fresh("client-types");
    let types = fs::read_to_string("tests/client/types.ts").unwrap();
    let case = "    case \"refused\":\n      return result.message;\n";
    assert!(types.contains(case));
    fs::write(folder.join("types.ts"), types.replace(case, "")).unwrap();
    let root = env!("CARGO_MANIFEST_DIR");
    let config = fs::read_to_string("tests/client/tsconfig.json").unwrap();
    fs::write(folder.join("tsconfig.json"), config.replace("\"../..", &format!("\"{root}"))).unwrap();
    let errors = compile(&folder).unwrap_err();
    assert!(errors.contains("lacks ending return statement"), "{errors}");
    assert_eq!(errors.matches("error TS").count(), 1, "{errors}");
}

#[test]
fn a_change_of_the_api_breaks_the_build_of_the_client() {
    let folder = fresh("client-drift");
    fs::create_dir(folder.join("src")).unwrap();
    for entry in fs::read_dir("packages/client/src").unwrap().map(|entry| entry.unwrap().path()) {
        fs::copy(&entry, folder.join("src").join(entry.file_name().unwrap())).unwrap();
    }
    fs::copy("packages/client/tsconfig.json", folder.join("tsconfig.json")).unwrap();
    let api = fs::read_to_string("public/openapi.json").unwrap();
    let word = |name: &str| format!("\"const\": \"{name}\"");
    let taken = word("username_taken");
    let more = format!("{},\"description\": \"reserved\"}}, {{{taken}", word("username_reserved"));
    for (from, to, expected) in [
        ("", "", None),
        // A new word, and a word that is gone.
        (&*taken, &*more, Some("username_reserved")),
        (&word("username_invisible"), &word("username_length"), Some("username_invisible")),
        // Another answer.
        ("\"id\": {", "\"number\": {", Some("'id' does not exist")),
    ] {
        fs::write(folder.join("openapi.json"), api.replace(from, to)).unwrap();
        let generated = command("openapi-typescript")
            .arg(folder.join("openapi.json"))
            .arg("--output")
            .arg(folder.join("src/openapi.ts"))
            .output()
            .unwrap();
        assert!(generated.status.success(), "{generated:?}");
        match (compile(&folder), expected) {
            (result, None) => assert_eq!(result, Ok(())),
            (result, Some(expected)) => {
                let errors = result.unwrap_err();
                assert!(errors.contains(expected), "{expected} should be in {errors}");
            }
        }
    }
}

#[test]
fn it_is_small_and_pages_of_every_origin_may_load_it() {
    let answer = get("/client.js").call(&shared().url).unwrap();
    for (name, value) in [
        ("Access-Control-Allow-Origin", "*"),
        ("Cross-Origin-Resource-Policy", "cross-origin"),
        ("Content-Type", "text/javascript; charset=utf-8"),
    ] {
        assert_eq!(answer.header(name), Some(value));
    }
    let mut gzip =
        Command::new("gzip").arg("-9c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    gzip.stdin.take().unwrap().write_all(answer.body.as_bytes()).unwrap();
    let size = gzip.wait_with_output().unwrap().stdout.len();
    assert!(size > 1000 && size <= SIZE_LIMIT, "/client.js takes {size} bytes after gzip -9");
}
