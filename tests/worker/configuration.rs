//! The mistakes in `wrangler.toml` and `.dev.vars` that `make` reports before it serves, builds or deploys, and while
//! it serves.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::can_run;
use crate::deploy::{Project, without_ids};
use crate::request::sign_up;
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
    let known = "docs/operating.md, \"Settings\", and docs/abuse.md have them all";
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
struct Dev {
    url: String,
    printed: Arc<Mutex<String>>,
    /// The process ends when its standard input is closed.
    process: Child,
}

impl Dev {
    fn start(project: &Project) -> Self {
        let mut process = Command::new("make")
            .args(["--silent", "dev", "PORT=0"])
            .current_dir(&project.folder)
            .env_remove("MAKEFLAGS")
            .env("UNTIL_EOF", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (url, lines) = ready(&mut process);
        let printed = Arc::new(Mutex::new(String::new()));
        let all = Arc::clone(&printed);
        thread::spawn(move || lines.for_each(|line| *all.lock().unwrap() += &(line + "\n")));
        Self { url, printed, process }
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
        let expected = format!("password must have at least {length} characters");
        let until = Instant::now() + Duration::from_mins(1);
        loop {
            let answer = sign_up("dev", "dev").password("short").call(&self.url);
            let body = answer.map(|answer| answer.body).unwrap_or_default();
            if body.contains(&expected) {
                return;
            }
            assert!(Instant::now() < until, "{expected}: {body}");
            thread::sleep(Duration::from_millis(200));
        }
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
    let dev = Dev::start(&project);
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
