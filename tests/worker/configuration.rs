//! The mistakes in `wrangler.toml`, `admin/wrangler.toml` and `.dev.vars` that `make` reports before it serves, builds or
//! deploys, and while it serves; and how `make dev` serves both Workers.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::can_run;
use crate::deploy::{Project, without_ids};
use crate::operators::text_of;
use crate::request::{Request, get, request, sign_up};
use crate::server::ready;

/// The configuration with more lines below `[vars]`, and without the two settings that the tests change.
fn with_vars(lines: &str) -> String {
    let text = without_ids();
    let is_set = |line: &&str| line.starts_with("PASSWORD_MIN_LENGTH") || line.starts_with("CONFUSABLES");
    let text: String = text.split_inclusive('\n').filter(|line| !is_set(line)).collect();
    text.replace("\n[vars]\n", &format!("\n[vars]\n{lines}\n"))
}

#[test]
fn every_mistake_is_reported_with_its_place_and_its_correction() {
    let project = Project::new("mistakes");
    let vars = "RESERVED_NAME = \"admin\"\nproof_of_work = \"20\"\nPASSWORD_PEPPER = \"x\"\nSIGN_UP_LIMIT = \"9\"\nHATS = \"1\"";
    let tables = r#"
[observability.logs.more]
PROOF_OF_WORK = "20"
CHALLENGE_SECRETS = "x"

[[ratelimits]]
name = "SIGNUP_LIMIT"
namespace_id = "1001"
simple = { limit = 10, period = 60 }
CLIENTS = "registered"

[env.staging]
BLOCK_LIST_ON_ERROR = "allow"

[env.staging.vars]
TURNSTILE_SECRET = "x"
PASSWORD_MIN_LENGHT = "8"

[[env.staging.ratelimits]]
name = "TEAPOTS"
namespace_id = "1002"
simple = { limit = 10, period = 60 }
"#;
    let domain =
        "ARGON2_ITERATIONS = \"3\"\nroutes = [{ pattern = \"sign-up.example\", custom_domain = true }]\n";
    project.configure(&format!("{domain}{}{tables}", with_vars(vars)));
    fs::write(project.folder.join(".dev.vars"), "TURNSTILE_SECRT=x\nPASSWORD_MIN_LENGTH=9\n").unwrap();
    fs::write(project.folder.join(".dev.vars.staging"), "CLIENT_LIMIT=9\n").unwrap();
    let (succeeded, text) = project.make(&["build"]);
    assert!(!succeeded);
    let known = "docs/operating.md, \"Settings\", docs/abuse.md and docs/admin.md have them all";
    let inherited = "an environment does not inherit it from the top level";
    let said: Vec<_> =
        text.lines().filter(|line| line.contains("wrangler.toml") || line.contains(".dev.vars")).collect();
    let expected = [
        "wrangler.toml: [vars] has RESERVED_NAME, which is not a setting: did you mean RESERVED_NAMES?".to_owned(),
        "wrangler.toml: [vars] has proof_of_work, which is not a setting: did you mean PROOF_OF_WORK?".to_owned(),
        "wrangler.toml: [vars] has PASSWORD_PEPPER, which is a secret: set it by npx wrangler secret put PASSWORD_PEPPER, \
         and for make dev in .dev.vars".to_owned(),
        "wrangler.toml: [vars] has SIGN_UP_LIMIT, which is a rate limit: it belongs in a [[ratelimits]], as name = \
         \"SIGN_UP_LIMIT\"".to_owned(),
        format!("wrangler.toml: [vars] has HATS, which is not a setting: {known}"),
        "wrangler.toml: ARGON2_ITERATIONS stands above the first table, where it does nothing: it belongs under [vars]".to_owned(),
        "wrangler.toml: PROOF_OF_WORK stands in [observability.logs.more], where it does nothing: it belongs under [vars]".to_owned(),
        "wrangler.toml: CHALLENGE_SECRETS stands in [observability.logs.more], where it does nothing: did you mean \
         CHALLENGE_SECRET? Then set it by npx wrangler secret put CHALLENGE_SECRET, and for make dev in .dev.vars".to_owned(),
        "wrangler.toml: CLIENTS stands in [[ratelimits]], where it does nothing: it belongs under [vars]".to_owned(),
        "wrangler.toml: [[ratelimits]] has the name SIGNUP_LIMIT, which the Worker does not know: did you mean SIGN_UP_LIMIT?".to_owned(),
        "wrangler.toml: [env.staging.vars] has TURNSTILE_SECRET, which is a secret: set it by npx wrangler secret put \
         TURNSTILE_SECRET --env staging, and for make dev in .dev.vars".to_owned(),
        "wrangler.toml: [env.staging.vars] has PASSWORD_MIN_LENGHT, which is not a setting: did you mean PASSWORD_MIN_LENGTH?".to_owned(),
        "wrangler.toml: BLOCK_LIST_ON_ERROR stands in [env.staging], where it does nothing: it belongs under [env.staging.vars]".to_owned(),
        "wrangler.toml: [env.staging] would take the domain sign-up.example over: it needs routes of its own, or routes = []".to_owned(),
        "wrangler.toml: [[env.staging.ratelimits]] has the name TEAPOTS, which the Worker does not know: it knows \
         SIGN_UP_LIMIT and CLIENT_LIMIT".to_owned(),
        format!("wrangler.toml has no [[env.staging.d1_databases]] with binding = \"DB\": {inherited}"),
        format!("wrangler.toml has no [[env.staging.kv_namespaces]] with binding = \"BLOCKLIST\": {inherited}"),
        ".dev.vars has TURNSTILE_SECRT, which is not a setting: did you mean TURNSTILE_SECRET?".to_owned(),
        ".dev.vars.staging has CLIENT_LIMIT, which is a rate limit: it belongs in a [[ratelimits]], as name = \
         \"CLIENT_LIMIT\"".to_owned(),
    ];
    for sentence in &expected {
        assert!(said.contains(&sentence.as_str()), "{sentence}\n{text}");
    }
    // The only other line with the name is wrangler's, above its warnings.
    let others = said.iter().filter(|line| !expected.iter().any(|sentence| sentence == *line));
    assert_eq!(
        others.filter(|line| !line.contains("Processing wrangler.toml configuration")).count(),
        0,
        "{text}"
    );
}

#[test]
fn the_names_of_the_admin_belong_to_its_own_file() {
    let project = Project::new("mistakes-admin");
    let limit = |name: &str| {
        format!(
            "\n[[ratelimits]]\nname = \"{name}\"\nnamespace_id = \"1009\"\nsimple = {{ limit = 10, period = 60 }}\n"
        )
    };
    let vars = "ACCESS_TEAM = \"acme\"\nADMIN_TOKEN = \"x\"\nWEBHOOK_KEYS = \"x\"";
    project.configure(&(with_vars(vars) + &limit("WRONG_TOKENS")));
    let tables = "\n[[kv_namespaces]]\nbinding = \"BLOCKLIST\"\n\n[env.stagin.vars]\nADMIN_READ_TOKEN = \"x\"\n\n[env.other.vars]\nACCESS_AUDD = \"x\"\n";
    project.configure_admin(
        "routes = [{ pattern = \"admin.example\", custom_domain = true }]\n",
        "ACCESS_TEM = \"acme\"\nADMIN_TOKEN = \"x\"\nPASSWORD_MIN_LENGTH = \"8\"",
        &(limit("WRONG_TOKEN") + &limit("SIGN_UP_LIMIT") + tables),
    );
    let good = "ADMIN_TOKEN=x\nADMIN_READ_TOKEN=x\nPASSWORD_PEPPERS=x\nFIREBASE_SCRYPT=x\nACCESS_TEAM=x\n";
    fs::write(project.folder.join(".dev.vars"), format!("{good}ADMIN_TOKN=x\n")).unwrap();
    let (succeeded, text) = project.make(&["build"]);
    assert!(!succeeded);
    let put = "set it by npx wrangler secret put";
    let local = "and for make dev in .dev.vars";
    let expected = [
        "wrangler.toml: [vars] has ACCESS_TEAM, which is a setting of the admin: it belongs under [vars] of admin/wrangler.toml".to_owned(),
        format!("wrangler.toml: [vars] has ADMIN_TOKEN, which is a secret of the admin: {put} ADMIN_TOKEN --config admin/wrangler.toml, {local}"),
        format!("wrangler.toml: [vars] has WEBHOOK_KEYS, which is not a setting: did you mean WEBHOOK_KEY? Then {put} WEBHOOK_KEY \
                 --config admin/wrangler.toml, {local}"),
        "wrangler.toml: [[ratelimits]] has WRONG_TOKENS, which is a rate limit of the admin: it belongs in a [[ratelimits]] of \
         admin/wrangler.toml, as name = \"WRONG_TOKENS\"".to_owned(),
        "admin/wrangler.toml: [vars] has ACCESS_TEM, which is not a setting: did you mean ACCESS_TEAM?".to_owned(),
        format!("admin/wrangler.toml: [vars] has ADMIN_TOKEN, which is a secret: {put} ADMIN_TOKEN --config admin/wrangler.toml, {local}"),
        "admin/wrangler.toml: [vars] has PASSWORD_MIN_LENGTH, which is a setting of the public Worker: it belongs under [vars] of \
         wrangler.toml".to_owned(),
        "admin/wrangler.toml: [[ratelimits]] has the name WRONG_TOKEN, which the Worker does not know: did you mean WRONG_TOKENS?".to_owned(),
        "admin/wrangler.toml: [[ratelimits]] has SIGN_UP_LIMIT, which is a rate limit of the public Worker: it belongs in a \
         [[ratelimits]] of wrangler.toml, as name = \"SIGN_UP_LIMIT\"".to_owned(),
        "admin/wrangler.toml: [env.other.vars] has ACCESS_AUDD, which is not a setting: did you mean ACCESS_AUD?".to_owned(),
        "admin/wrangler.toml: [env.other] would take the domain admin.example over: it needs routes of its own, or routes = []".to_owned(),
        "admin/wrangler.toml has an environment \"stagin\", which wrangler.toml does not have".to_owned(),
        "admin/wrangler.toml has kv_namespaces, which do nothing: the admin has those of wrangler.toml".to_owned(),
        ".dev.vars has ADMIN_TOKN, which is not a setting: did you mean ADMIN_TOKEN?".to_owned(),
    ];
    for sentence in &expected {
        assert!(text.lines().any(|line| line == sentence), "{sentence}\n{text}");
    }
    let said = text.lines().filter(|line| line.contains("wrangler.toml") || line.contains(".dev.vars"));
    assert_eq!(said.count(), expected.len(), "{text}");

    project.configure(&without_ids());
    fs::write(project.folder.join(".dev.vars"), good).unwrap();
    project.configure_admin("", "ACCESS_TEAM = \"acme\"", "");
    assert_eq!(project.make(&["build"]), (true, String::new()));
    // A change of the admin's file leads to another check.
    fs::write(project.folder.join("admin/wrangler.toml"), "name = \"x\"\nmain = \n").unwrap();
    for commands in [["build"], ["deploy"]] {
        let text = project.refused(&commands, &[]);
        assert!(text.contains("admin/wrangler.toml, line 2: Invalid TOML document: "), "{text}");
    }
    // A folder without the admin is a service of one Worker.
    fs::remove_file(project.folder.join("admin/wrangler.toml")).unwrap();
    let (succeeded, text) = project.make(&["deploy", "DRY=1"]);
    assert!(succeeded && !text.contains("the admin"), "{text}");
}

#[test]
fn every_command_stops_at_a_mistake() {
    let project = Project::new("mistakes-stop");
    let good = without_ids();
    for (configuration, sentence) in [
        (
            with_vars("CLIENT = \"registered\""),
            "wrangler.toml: [vars] has CLIENT, which is not a setting: did you mean CLIENTS?",
        ),
        (
            good.replace("\"DB\"", "\"D\""),
            "wrangler.toml has no [[d1_databases]] with binding = \"DB\", and the Worker needs it",
        ),
        (format!("{good}\nCLIENTS = [\n"), "Invalid TOML document: "),
        (
            format!("{good}\n[[ratelimits]]\nbinding = \"CLIENT_LIMIT\"\n"),
            "must have a string \"name\" field",
        ),
    ] {
        project.configure(&configuration);
        for (commands, arguments) in [
            (
                ["build", "dev", "deploy", "provision", "blocked"].as_slice(),
                ["PORT=0", "UNTIL_EOF=1"].as_slice(),
            ),
            (&["deploy"], &["DRY=1"]),
        ] {
            let text = project.refused(commands, arguments);
            assert!(text.contains(sentence), "{commands:?}: {text}");
            assert!(!text.contains("igration") && !text.contains("    at "), "{commands:?}: {text}");
        }
    }
    // A syntax error is reported with its line.
    project.configure("name = \"x\"\nmain = \n");
    let (_, text) = project.make(&["build"]);
    assert!(
        text.starts_with("wrangler.toml, line 2: Invalid TOML document: ")
            && text.contains(": fix it there\n"),
        "{text}"
    );
}

#[test]
fn good_settings_are_checked_once_and_a_warning_is_repeated() {
    let project = Project::new("settings-good");
    let checked =
        || fs::metadata(project.folder.join(".wrangler/settings")).and_then(|file| file.modified()).ok();
    project.configure(
        &without_ids().replace("[env.other]", "[env.other.vars]\nCLIENTS = \"any\"\n\n[env.other]"),
    );
    assert_eq!(project.make(&["build"]), (true, String::new()));
    let first = checked().unwrap();
    assert_eq!(project.make(&["build"]), (true, String::new()));
    assert_eq!(checked(), Some(first), "unchanged settings should not be checked again");

    project.configure(&format!("{}\n[observability.sampling]\nrate = 1\n", without_ids()));
    for _ in 0..2 {
        let (succeeded, text) = project.make(&["build"]);
        assert!(
            succeeded && text.contains("Unexpected fields found in observability field: \"sampling\""),
            "{text}"
        );
    }
    // wrangler itself reports the variables that an environment lacks.
    project.configure(&without_ids());
    let (succeeded, text) = project.make(&["build", "ENV=other"]);
    assert!(succeeded && text.contains("\"vars\" is not inherited by environments"), "{text}");
    // A change of the variables leads to another check.
    assert!(project.make(&["build"]).0);
    fs::write(project.folder.join(".dev.vars"), "CLIENT=any\n").unwrap();
    let (succeeded, text) = project.make(&["build"]);
    assert!(!succeeded && text.contains(".dev.vars has CLIENT, which is not a setting"), "{text}");
}

#[test]
fn a_shell_that_reads_a_file_by_env_is_left_alone() {
    let show = |value: &str, argument: &str| {
        let output = Command::new("make")
            .env_remove("MAKEFLAGS")
            .env_remove("CLOUDFLARE_ENV")
            .env("ENV", value)
            .args(["--silent", "--eval=show: ; @echo $$CLOUDFLARE_ENV", "show", argument])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(show("/home/ada/.shrc", "X=1"), "\n");
    assert_eq!(show("staging", "X=1"), "staging\n");
    assert_eq!(show("/home/ada/.shrc", "ENV=a/b"), "a/b\n");
}

#[test]
fn a_first_build_is_announced_as_one_and_confusables_need_another() {
    let project = Project::new("first-build");
    let dry = ["--dry-run", "--always-make", "--old-file=setup", "build/index.js"];
    let (_, text) = project.make(&dry);
    assert!(text.contains("==> Building the Worker\"") && !text.contains("two minutes"), "{text}");
    fs::remove_file(project.folder.join("target")).unwrap();
    let (_, text) = project.make(&dry);
    assert!(text.contains("==> Building the Worker: two minutes the first time"), "{text}");

    for (setting, features) in
        [("", ""), ("CONFUSABLES = \"deny\"", "confusables"), ("CONFUSABLES = 'deny'", "confusables")]
    {
        project.configure(&with_vars(setting));
        let (_, text) = project.make(&["--eval=show: ; @echo $(FEATURES)", "show"]);
        assert_eq!(text, format!("{features}\n"));
    }
}

/// `make dev` in a project.
pub struct Dev {
    /// The address of the public Worker.
    pub url: String,
    printed: Arc<Mutex<String>>,
    /// The process ends when its standard input is closed.
    process: Child,
}

/// `make dev` in a project, with these variables.
fn dev(project: &Project, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new("make");
    command
        .args(["--silent", "dev"])
        .current_dir(&project.folder)
        .env_remove("MAKEFLAGS")
        .env_remove("FEATURES")
        .env_remove("ADMIN_TOKEN")
        .envs([("UNTIL_EOF", "1"), ("PORT", "0")])
        .envs(variables.iter().copied());
    command
}

impl Dev {
    pub fn start(project: &Project, variables: &[(&str, &str)]) -> Self {
        let mut command = dev(project, variables);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let (url, lines) = ready(&mut process);
        let printed = Arc::new(Mutex::new(String::new()));
        let all = Arc::clone(&printed);
        thread::spawn(move || lines.for_each(|line| *all.lock().unwrap() += &(line + "\n")));
        Self { url, printed, process }
    }

    /// The address of the admin and its token, as they are printed.
    pub fn admin(&self) -> (String, String) {
        let text = self.prints(" with the token ");
        let (_, line) = text.split_once("The admin: ").expect(&text);
        let (url, token) = line.lines().next().unwrap().split_once(" with the token ").unwrap();
        (url.to_owned(), token.to_owned())
    }

    /// Waits until `text` is printed. Gives everything that was printed since the last call.
    fn prints(&self, text: &str) -> String {
        let until = Instant::now() + Duration::from_mins(1);
        while !self.printed.lock().unwrap().contains(text) {
            assert!(Instant::now() < until, "{text:?} should be printed: {}", self.printed.lock().unwrap());
            thread::sleep(Duration::from_millis(50));
        }
        std::mem::take(&mut self.printed.lock().unwrap())
    }

    /// Waits until a sign-up is refused because its password has less than `length` characters.
    fn asks_for(&self, length: u32) {
        let sign_up = sign_up("dev", "dev").password("short");
        until(&sign_up, &self.url, &format!("password must have at least {length} characters"));
    }
}

/// Sends a request to `url` until its answer has this text.
fn until(request: &Request, url: &str, expected: &str) {
    let until = Instant::now() + Duration::from_mins(1);
    loop {
        let body = request.call(url).map(|answer| answer.body).unwrap_or_default();
        if body.contains(expected) {
            return;
        }
        assert!(Instant::now() < until, "{expected}: {body}");
        thread::sleep(Duration::from_millis(200));
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().unwrap();
    }
}

#[test]
fn a_running_server_applies_changes_and_reports_mistakes() {
    let project = Project::new("reload");
    let variables = project.folder.join(".dev.vars");
    let set = |lines: &str| project.configure(&with_vars(lines));
    set("PASSWORD_MIN_LENGTH = \"6\"");
    let dev = Dev::start(&project, &[]);
    dev.asks_for(6);

    set("PASSWORD_MIN_LENGTH = \"7\"");
    dev.asks_for(7);
    for length in [8, 9] {
        fs::write(&variables, format!("PASSWORD_MIN_LENGTH={length}\n")).unwrap();
        dev.asks_for(length);
    }
    assert!(dev.prints("Local server updated and ready").contains(".dev.vars changed"));

    fs::write(&variables, "PASSWORD_MIN_LENGHT=9\n").unwrap();
    dev.prints(
        ".dev.vars has PASSWORD_MIN_LENGHT, which is not a setting: did you mean PASSWORD_MIN_LENGTH?",
    );
    dev.asks_for(7);
    fs::remove_file(&variables).unwrap();

    // The server keeps running while the file cannot be read at all.
    project.configure("name = ");
    dev.prints("Invalid TOML document");
    set("PASSWORD_MIN_LENGTH = \"10\"\nCLIENT = \"registered\"");
    dev.prints("wrangler.toml: [vars] has CLIENT, which is not a setting: did you mean CLIENTS?");
    dev.asks_for(10);
}

/// A request of the admin's with a token.
fn with_token(request: Request, token: &str) -> Request {
    request.header("Authorization", format!("Bearer {token}"))
}

#[test]
fn the_admin_is_served_beside_the_service_on_the_same_state() {
    let project = Project::new("dev-admin");
    let file = project.folder.join(".admin-token");
    let port = |url: &str| url.rsplit(':').next().unwrap().parse::<u16>().unwrap();
    let mut tokens = Vec::new();
    for round in 0..2 {
        let dev = Dev::start(&project, &[]);
        let (admin, token) = dev.admin();
        assert_eq!(port(&admin), port(&dev.url) + 1);
        let name = format!("ada-{round}");
        assert_eq!(sign_up(&name, "an-app").call(&dev.url).unwrap().status, 200);
        let users = get(&format!("/users?client_id=an-app&username={name}"));
        let answer = with_token(users.clone(), &token).call(&admin).unwrap();
        assert!(
            answer.status == 200 && answer.body.contains(&format!("\"username\":\"{name}\"")),
            "{}",
            answer.body
        );
        assert_eq!(users.call(&admin).unwrap().status, 401);
        assert_eq!(users.call(&dev.url).unwrap().status, 405);
        let page = get("/").call(&admin).unwrap();
        assert!(page.status == 200 && page.body.contains("page.js"), "{}", page.body);
        // The lines of both Workers are JSON.
        let log = dev.prints("\"status\":401");
        let lines: Vec<Value> = log
            .lines()
            .filter(|line| line.contains("\"id\":"))
            .map(|line| serde_json::from_str(line).expect(line))
            .collect();
        let has = |route: &str| lines.iter().any(|line| line["route"] == route);
        assert!(has("/sign-up") && has("/users"), "{log}");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&file).unwrap(), format!("{token}\n"));
        tokens.push(token);
    }
    assert!(tokens[0] == tokens[1] && tokens[0].len() >= 32, "{tokens:?}");
}

#[test]
fn a_change_of_a_file_reaches_a_running_admin_too() {
    let project = Project::new("reload-admin");
    let variables = project.folder.join(".dev.vars");
    let dev = Dev::start(&project, &[]);
    let (admin, token) = dev.admin();
    let answer = sign_up("ada", "an-app").call(&dev.url).unwrap();
    let user: Value = serde_json::from_str(&answer.body).unwrap();
    let set =
        request("PUT", &format!("/users/{}/password", user["user"]["id"])).json(r#"{"password":"short"}"#);
    let at_least = |length: u32| format!("at least {length} characters");
    project.configure(&with_vars("PASSWORD_MIN_LENGTH = \"7\""));
    until(&with_token(set.clone(), &token), &admin, &at_least(7));

    let other = "another-token-of-this-machine-0123456789";
    fs::write(
        &variables,
        format!("PASSWORD_MIN_LENGTH=9\nADMIN_TOKEN={other}\nPASSWORD_PEPPER=k1k1:{other}\n"),
    )
    .unwrap();
    until(&with_token(set, other), &admin, &at_least(9));
    assert_eq!(with_token(get("/session"), &token).call(&admin).unwrap().status, 401);
    // Neither the token nor the pepper is printed.
    let printed = dev.prints("Local server updated and ready");
    assert!(!printed.contains(other), "{printed}");

    // One of the two settings of Cloudflare Access is a mistake.
    project.configure_admin("", "ACCESS_TEAM = \"acme\"", "");
    until(&with_token(get("/session"), other), &admin, "Internal error");
}

#[test]
fn the_token_and_the_port_of_the_admin_can_be_chosen_and_it_can_be_left_out() {
    let project = Project::new("dev-choices");
    let refused = |variables: &[(&str, &str)], sentence: &str| {
        let output = dev(&project, variables).stdin(Stdio::null()).output().unwrap();
        let text = text_of(&output);
        assert!(!output.status.success() && text.contains(sentence), "{text}");
    };
    refused(
        &[("ADMIN_TOKEN", "short")],
        "ADMIN_TOKEN must have 32 to 256 characters, all of them visible ASCII",
    );
    for port in ["65535", "many"] {
        refused(&[("PORT", port)], &format!("PORT is \"{port}\": it must be a number below 65535"));
    }
    // A port in use whose previous one is free. The system does not give these ports to other tests.
    let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).ok();
    let pair =
        |port: u16| free(port + 1).filter(|_| free(port).is_some()).map(|holder| (holder, port.to_string()));
    let (holder, port) = (20_000..30_000).find_map(pair).unwrap();
    let sentence = format!("Port {} is in use: stop the program", holder.local_addr().unwrap().port());
    refused(&[("PORT", &port)], &sentence);
    assert!(!project.folder.join(".admin-token").exists());

    let token = "a-'token'-of-the-environment-0123456789";
    fs::write(project.folder.join(".dev.vars"), "ADMIN_TOKEN=a-token-of-the-file-01234567890123\n").unwrap();
    let dev = Dev::start(&project, &[("ADMIN_TOKEN", token)]);
    let (admin, printed) = dev.admin();
    assert_eq!(printed, token);
    assert_eq!(with_token(get("/session"), token).call(&admin).unwrap().status, 200);
    drop(dev);

    // The port of the admin may be in use if the admin is left out.
    let dev = Dev::start(&project, &[("ADMIN", "no"), ("PORT", &port)]);
    assert_eq!(sign_up("ada", "an-app").call(&dev.url).unwrap().status, 200);
    let log = dev.prints("\"/sign-up\"");
    assert!(!log.contains("The admin"), "{log}");
}

#[test]
fn the_pipeline_uses_actions_folders_and_commands_that_exist() {
    let python = Path::new(".tools/venv/bin/python");
    if !can_run(python.exists(), "the Python packages", "the tests of docs/deploy.yml") {
        return;
    }
    let read = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open('docs/deploy.yml'))))";
    let output = Command::new(python).args(["-c", read]).output().unwrap();
    let pipeline: Value = serde_json::from_slice(&output.stdout).expect("YAML");
    // For YAML 1.1, `on` is a boolean.
    assert_eq!(pipeline["true"]["push"]["branches"], serde_json::json!(["main"]));

    let steps = pipeline["jobs"]["deploy"]["steps"].as_array().unwrap();
    let makefile = fs::read_to_string("Makefile").unwrap();
    let ignored = fs::read_to_string(".gitignore").unwrap();
    let mut commands = Vec::new();
    for step in steps {
        if let Some(action) = step["uses"].as_str() {
            let (name, version) = action.split_once("@v").expect(action);
            assert!(name.starts_with("actions/") && version.parse::<u32>().is_ok(), "{action}");
        }
        for path in
            step["with"]["path"].as_str().unwrap_or_default().lines().filter(|path| !path.starts_with('~'))
        {
            assert!(
                ignored.lines().any(|line| line == format!("/{path}/")),
                "{path} should be a folder that make installs into, and so in .gitignore"
            );
        }
        let Some(command) = step["run"].as_str() else { continue };
        commands.push(command);
        match command.split(' ').collect::<Vec<_>>().as_slice() {
            ["make", target, variables @ ..] => {
                assert!(makefile.contains(&format!("\n{target}: ")), "make {target}");
                for variable in variables {
                    let (name, value) = variable.split_once('=').unwrap();
                    assert!(makefile.contains(&format!("\t@echo \"{name}={value} ")), "{variable}");
                }
            }
            [program] => assert!(Path::new(program).is_file(), "{program}"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(commands, [".ci/run", "make deploy ENV=staging", "make deploy"]);
}
