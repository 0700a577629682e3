//! The ready-made packages of `dist/`, on a machine without Rust and a C compiler: from nothing to a served Worker, and
//! the upgrade of an older package.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::operators::text_of;
use crate::request::{get, post, sign_up};
use crate::server::ready;

/// The folder that can serve as a template repository.
const TEMPLATE: &str = "dist/edge-signup";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The npm package.
fn package() -> PathBuf {
    root().join(format!("dist/create-edge-signup-{}.tgz", env!("CARGO_PKG_VERSION")))
}

/// A machine with an empty home, and with these programs alone on its PATH.
struct Machine {
    folder: PathBuf,
}

impl Machine {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("bin")).unwrap();
        fs::create_dir_all(folder.join("home")).unwrap();
        for program in ["env", "git", "node", "npm", "sh", "tail", "uname"] {
            // The first Node of the PATH may be the one of this project's npm packages.
            let all = std::env::var_os("PATH").unwrap();
            let found = std::env::split_paths(&all)
                .filter(|folder| !folder.ends_with("node_modules/.bin"))
                .map(|folder| folder.join(program))
                .find(|file| file.is_file());
            symlink(found.expect(program), folder.join("bin").join(program)).unwrap();
        }
        Self { folder }
    }

    /// A command in a folder of this machine.
    fn command(&self, folder: &str, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.folder.join("bin").join(program));
        command
            .args(arguments)
            .current_dir(self.folder.join(folder))
            .env_clear()
            .env("PATH", self.folder.join("bin"))
            .env("HOME", self.folder.join("home"))
            .envs([("GIT_AUTHOR_NAME", "ada"), ("GIT_AUTHOR_EMAIL", "ada@example.com")])
            .envs([("GIT_COMMITTER_NAME", "ada"), ("GIT_COMMITTER_EMAIL", "ada@example.com")]);
        // The registry of npm may be behind a proxy.
        let proxies = std::env::vars().filter(|(name, _)| name.to_lowercase().ends_with("_proxy"));
        command.envs(proxies);
        command
    }

    /// Runs a command. Gives whether it succeeded, and its output.
    fn run(&self, folder: &str, program: &str, arguments: &[&str]) -> (bool, String) {
        let Output { status, stdout, stderr } = self.command(folder, program, arguments).output().unwrap();
        (status.success(), String::from_utf8([stdout, stderr].concat()).unwrap())
    }

    /// Runs a command that must succeed, and gives its output.
    fn succeeds(&self, folder: &str, program: &str, arguments: &[&str]) -> String {
        let (succeeded, text) = self.run(folder, program, arguments);
        assert!(succeeded, "{program} {arguments:?}: {text}");
        text
    }
}

#[test]
fn a_machine_without_rust_serves_the_packed_worker_which_keeps_the_contract() {
    let machine = Machine::new("package-new");
    assert!(!machine.run(".", "sh", &["-c", "command -v cargo || command -v rustc || command -v cc"]).0);
    let package = format!("--package={}", package().display());
    let text =
        machine.succeeds(".", "npm", &["exec", "--yes", &package, "--", "create-edge-signup", "My Sign-up"]);
    assert!(text.contains("with the Worker my-sign-up"), "{text}");
    let folder = "My Sign-up";
    machine.succeeds(folder, "npm", &["install"]);

    let dev = |state: &str| {
        let mut dev = machine.command(folder, "npm", &["run", "dev"]);
        let dev = dev.env("PORT", "0").env("UNTIL_EOF", "1").env("STATE", state).stdin(Stdio::piped());
        let mut server = dev.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let (url, lines) = ready(&mut server);
        std::thread::spawn(move || lines.for_each(drop));
        (server, url)
    };
    let (mut server, url) = dev("own");

    let text = machine.succeeds(folder, "npm", &["run", "verify", "--", &url]);
    assert!(text.contains("failed 0, not run 0"), "{text}");

    let status = || post("/users/").address("198.51.100.77").call(&url).unwrap().status;
    assert_eq!(status(), 400);
    let here = ["--state", "own"];
    let run = |command: &str, arguments: &[&str]| {
        machine.succeeds(folder, "npm", &[&["run", "--silent", command, "--"], &here[..], arguments].concat())
    };
    assert_eq!(run("block", &["198.51.100.77", "--ttl", "60"]), "Blocked: 198.51.100.77\n");
    assert_eq!(status(), 403);
    assert!(run("blocked", &[]).starts_with("198.51.100.77\tuntil 20"));
    assert_eq!(run("unblock", &["198.51.100.77"]), "Unblocked: 198.51.100.77\n");
    assert_eq!(status(), 400);
    let id = run("client", &["shop", "--origins", "https://shop.example"]);
    assert_eq!(run("clients", &[]), format!("{}\tenabled\thttps://shop.example\tshop\n", id.trim_end()));

    // The admin is on the next port, and has the same users.
    let (host, port) = url.rsplit_once(':').unwrap();
    let admin = format!("{host}:{}", port.parse::<u16>().unwrap() + 1);
    let read = |file: &str| fs::read_to_string(machine.folder.join(folder).join(file)).unwrap();
    let hash = "$2b$10$eRFoBc/FJPErdZGPHEeCxuwqjbXPEd.8.uDiL3gOjd19nMFwbY4eG";
    let line = format!(r#"{{"client_id":"shop","username":"ada","password_hash":"{hash}"}}"#);
    fs::write(machine.folder.join(folder).join("users.ndjson"), line).unwrap();
    let text = machine.succeeds(folder, "npm", &["run", "import", "--", "users.ndjson", "--url", &admin]);
    assert!(text.contains("Stored: 1\n"), "{text}");
    assert_eq!(sign_up("Ada", "shop").call(&url).unwrap().status, 409);
    let bearer = format!("Bearer {}", read(".admin-token").trim_end());
    let answer = get("/users?client_id=shop").header("Authorization", bearer).call(&admin).unwrap();
    assert!(answer.status == 200 && answer.body.contains("\"hash\":\"bcrypt\""), "{}", answer.body);
    assert_eq!(get("/uplot.js").call(&admin).unwrap().status, 200);

    drop(server.stdin.take());
    server.wait().unwrap();

    // The Worker with the table of look-alike characters is chosen by the setting.
    let upload = || {
        let text = machine.succeeds(folder, "npm", &["run", "deploy", "--", "--dry"]);
        let (public, admin) = text.split_once("==> Deploying the admin").expect(&text);
        assert!(admin.contains("env.DB (my-sign-up)") && admin.contains("--dry-run: exiting now"), "{text}");
        let (_, size) = public.split_once("gzip: ").expect(&text);
        size.split('.').next().unwrap().parse::<u32>().unwrap()
    };
    let plain = upload();
    let settings = machine.folder.join(folder).join("wrangler.toml");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, text.replace("# CONFUSABLES", "CONFUSABLES")).unwrap();
    assert!(plain < 103 && upload() > plain + 50, "{plain} KB");
    let (mut server, url) = dev("confusables");
    for (name, status) in [("admin", 200), ("\u{430}dmin", 409)] {
        assert_eq!(sign_up(name, "shop").call(&url).unwrap().status, status, "{name}");
    }
    drop(server.stdin.take());
    server.wait().unwrap();
    assert!(read("admin/wrangler.toml").contains("\nname = \"my-sign-up-admin\"\n"));
    // The zeros of a package are not ids.
    let (succeeded, text) = machine.run(folder, "npm", &["run", "deploy"]);
    assert!(!succeeded && text.contains("no id of the database: run npm run provision first"), "{text}");
}

/// The template as an older version packed it: without the last migration and without a setting, and with another
/// Worker.
fn older(machine: &Machine) -> PathBuf {
    let folder = machine.folder.join("older");
    let copied = Command::new("cp").arg("-R").arg(root().join(TEMPLATE)).arg(&folder).status().unwrap();
    assert!(copied.success());
    fs::remove_file(folder.join("migrations/0005_skeletons.sql")).unwrap();
    fs::write(folder.join("public/gone.js"), "// a page that the newer version no longer has\n").unwrap();
    fs::write(folder.join("build/index.js"), "// an older Worker\n").unwrap();
    let change = |file: &str, from: &str, to: &str| {
        let text = fs::read_to_string(folder.join(file)).unwrap();
        assert!(text.contains(from), "{file}: {from}");
        fs::write(folder.join(file), text.replacen(from, to, 1)).unwrap();
    };
    for file in ["wrangler.toml", "wrangler.example.toml"] {
        change(file, "# PROOF_OF_WORK = \"20\"\n", "");
    }
    for file in ["admin/wrangler.toml", "admin/wrangler.example.toml"] {
        change(file, "# ACCESS_TEAM = \"acme\"\n", "");
    }
    change("package.json", env!("CARGO_PKG_VERSION"), "0.0.1");
    change("public/dom.js", "\n", "\n// older\n");
    change(".gitignore", "/.admin-token\n", "");
    sum_up(&folder);
    folder
}

/// Writes the checksums of a package anew.
fn sum_up(folder: &Path) {
    let sums = "rm SHA256SUMS; find . -type f -not -path './.git/*' -printf '%P\\n' | sort | xargs sha256sum > ../sums && \
                mv ../sums SHA256SUMS";
    assert!(Command::new("sh").args(["-c", sums]).current_dir(folder).status().unwrap().success());
}

#[test]
fn an_older_package_is_upgraded_and_the_operators_own_lines_stay() {
    let machine = Machine::new("package-older");
    let folder = older(&machine);
    let read = |file: &str| fs::read_to_string(folder.join(file)).unwrap();
    let write = |file: &str, text: &str| fs::write(folder.join(file), text).unwrap();
    let package = package();
    let upgrade = ["scripts/edge-signup.js", "upgrade", "--from", package.to_str().unwrap()];

    // The operator's own: a setting, a script, a page, and a change of a page.
    let settings =
        read("wrangler.toml").replace("PASSWORD_MIN_LENGTH = \"1\"", "PASSWORD_MIN_LENGTH = \"8\"");
    write("wrangler.toml", &settings);
    let settings_of_admin =
        read("admin/wrangler.toml").replace("[vars]\n", "[vars]\nACCESS_AUD = \"0123\"\n");
    write("admin/wrangler.toml", &settings_of_admin);
    write(
        "package.json",
        &read("package.json").replace("\"scripts\": {", "\"scripts\": {\n    \"mine\": \"true\","),
    );
    write("public/mine.js", "// mine\n");
    write("public/console.css", "/* mine */\n");
    write("public/dom.js", "// mine\n");

    let refused = |reason: &str| {
        let (succeeded, text) = machine.run("older", "node", &upgrade);
        assert!(!succeeded && text.contains(reason), "{text}");
    };
    refused("is not under git, so an upgrade could not be undone: run git init");
    machine.succeeds("older", "git", &["init", "--quiet"]);
    machine.succeeds("older", "git", &["add", "--all"]);
    write("public/later.js", "// later\n");
    machine.succeeds("older", "git", &["commit", "--quiet", "-m", "Before"]);
    refused("Some files are not committed");
    fs::remove_file(folder.join("public/later.js")).unwrap();

    let text = machine.succeeds("older", "node", &upgrade);
    let version = env!("CARGO_PKG_VERSION");
    for line in [
        &format!("Upgraded from 0.0.1 to {version}"),
        "New migrations, which npm run dev and npm run deploy apply:\n  migrations/0005_skeletons.sql",
        "Changed files:\n  admin/wrangler.example.toml\n  build/index.js\n",
        "Removed files:\n  public/gone.js",
        "Replaced, though you had changed them; git diff shows your lines:\n  public/dom.js",
        "Kept as you changed them:\n  public/console.css",
        "The packed wrangler.toml has other lines than before.",
        "\n+# PROOF_OF_WORK = \"20\"",
        "The packed admin/wrangler.toml has other lines than before.",
        "\n+# ACCESS_TEAM = \"acme\"",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert_eq!(read("wrangler.toml"), settings);
    assert_eq!(read("admin/wrangler.toml"), settings_of_admin);
    assert!(read(".gitignore").contains("\n/.admin-token\n"));
    assert_eq!(read("public/mine.js"), "// mine\n");
    assert_eq!(read("public/console.css"), "/* mine */\n");
    for file in ["build/index.js", "migrations/0005_skeletons.sql", "public/dom.js", "SHA256SUMS"] {
        assert!(
            fs::read(folder.join(file)).unwrap() == fs::read(root().join(TEMPLATE).join(file)).unwrap(),
            "{file}"
        );
    }
    let package = read("package.json");
    assert!(
        package.contains("\"mine\": \"true\"") && package.contains(&format!("\"version\": \"{version}\""))
    );

    // The printed line undoes it all.
    let undo = text.lines().last().unwrap();
    machine.succeeds("older", "sh", &["-c", undo]);
    assert_eq!(machine.succeeds("older", "git", &["status", "--porcelain"]), "");

    // A package from before the admin gets one, which has the name of the Worker.
    for file in ["admin", "build/admin"] {
        fs::remove_dir_all(folder.join(file)).unwrap();
    }
    sum_up(&folder);
    write("wrangler.toml", &settings.replace("name = \"edge-signup\"", "name = \"shop\""));
    machine.succeeds("older", "git", &["add", "--all"]);
    machine.succeeds("older", "git", &["commit", "--quiet", "-m", "Without the admin"]);
    let text = machine.succeeds("older", "node", &upgrade);
    for file in ["admin/index.js", "admin/wrangler.toml", "build/admin/index_bg.wasm"] {
        assert!(text.contains(&format!("\n  {file}\n")), "{file}\n{text}");
    }
    assert!(read("admin/wrangler.toml").contains("\nname = \"shop-admin\"\n"));
    machine.succeeds("older", "sh", &["-c", text.lines().last().unwrap()]);
    assert_eq!(machine.succeeds("older", "git", &["status", "--porcelain"]), "");
}

#[test]
fn a_package_holds_what_was_built_and_a_second_packing_gives_the_same_bytes() {
    let sums = Command::new("sha256sum")
        .args(["--check", "--quiet", "SHA256SUMS"])
        .current_dir(root().join(TEMPLATE))
        .output()
        .unwrap();
    assert!(sums.status.success(), "{}", text_of(&sums));
    let same = |built: &str, packed: &str| {
        assert!(
            fs::read(root().join(built)).unwrap() == fs::read(root().join(TEMPLATE).join(packed)).unwrap(),
            "{packed}"
        );
    };
    for file in ["index.js", "index_bg.wasm"] {
        same(&format!("build/{file}"), &format!("build/{file}"));
        same(&format!("target/confusables/{file}"), &format!("build/confusables/{file}"));
        same(&format!("build/admin/{file}"), &format!("build/admin/{file}"));
    }
    for folder in ["public", "admin/public", "admin/public/views"] {
        let entries = fs::read_dir(root().join(folder)).unwrap().map(Result::unwrap);
        for entry in entries.filter(|entry| entry.path().is_file()) {
            let file = format!("{folder}/{}", entry.file_name().display());
            same(&file, &file);
        }
    }
    for file in ["wrangler.toml", "admin/wrangler.toml"] {
        let settings = fs::read_to_string(root().join(TEMPLATE).join(file)).unwrap();
        assert!(!settings.contains("[build]") && !settings.contains("make "), "{settings}");
    }
    // The deploy button asks for every secret that is not commented out.
    let secrets = fs::read_to_string(root().join(TEMPLATE).join(".dev.vars.example")).unwrap();
    assert!(
        secrets.contains("\n# ADMIN_TOKEN=\n") && secrets.lines().all(|l| l.is_empty() || l.starts_with('#'))
    );
    // Each command has a script.
    let scripts = fs::read_to_string(root().join(TEMPLATE).join("package.json")).unwrap();
    for entry in fs::read_dir(root().join("scripts/commands")).unwrap().map(Result::unwrap) {
        let name = entry.path().file_stem().unwrap().display().to_string();
        assert!(scripts.contains(&format!("\"{name}\": \"node scripts/edge-signup.js {name}\"")), "{name}");
    }

    // A copy of the project, whose files have other times.
    let copy = crate::server::fresh("package-again");
    for entry in fs::read_dir(root()).unwrap().map(Result::unwrap) {
        if !["dist", "target", ".git"].iter().any(|own| entry.file_name() == *own) {
            symlink(entry.path(), copy.join(entry.file_name())).unwrap();
        }
    }
    fs::create_dir(copy.join("target")).unwrap();
    symlink(root().join("target/confusables"), copy.join("target/confusables")).unwrap();
    let packed = Command::new("node")
        .arg("packages/create/assemble.js")
        .env("SOURCE_DATE_EPOCH", "1000000000")
        .current_dir(&copy)
        .output()
        .unwrap();
    assert!(packed.status.success(), "{}", text_of(&packed));
    let name = package().file_name().unwrap().to_owned();
    let is_equal = fs::read(package()).unwrap() == fs::read(copy.join("dist").join(name)).unwrap();
    assert!(is_equal, "two packages of one commit differ");
}
