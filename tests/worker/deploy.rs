//! `make provision` and `make deploy`, with the wrangler that is installed here and a stand-in for Cloudflare's API.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::types::ValueRef;
use rusqlite::{Batch, Connection};
use serde_json::{Map, Value, json};

use crate::server::shared;
use crate::stand_in::{self, Question, Reply};

/// An account at Cloudflare: its resources, and the changes that were made to it, in order.
#[derive(Default)]
pub struct Account {
    /// The databases as the API lists them.
    pub databases: Vec<Value>,
    namespaces: Vec<Value>,
    /// The contents of the databases, by their ids.
    contents: HashMap<String, Connection>,
    /// The uploaded files of statements, by the checksums that wrangler gives them.
    files: HashMap<String, String>,
    /// The applied migrations: each with the id of its database, and its name.
    migrations: Vec<(String, String)>,
    /// The last upload of the public Worker.
    uploaded: String,
    /// The last upload of the admin.
    uploaded_admin: String,
    is_deployed: bool,
    is_admin_deployed: bool,
    changes: Vec<String>,
    /// The failure that the account has at the moment.
    pub fault: Fault,
}

#[derive(Default, Clone, Copy, PartialEq)]
pub enum Fault {
    #[default]
    None,
    /// The account may not make a namespace.
    Namespaces,
    /// A migration's statement is an error.
    Migrations,
    /// A request fails whose line or body has both texts.
    With(&'static str, &'static str),
    /// A migration fails inside an answer of success, and wrangler ends as if the migration had been applied.
    MigrationsInside,
}

impl Account {
    /// Answers as Cloudflare's API does, with the members that wrangler reads. Gives the status and the result.
    fn answer(&mut self, question: &Question) -> (u16, Value) {
        let body: Value = serde_json::from_slice(&question.body).unwrap_or_default();
        if let Fault::With(one, other) = self.fault {
            let text = question.line.clone() + &String::from_utf8_lossy(&question.body);
            if text.contains(one) && text.contains(other) {
                return (400, Value::Null);
            }
        }
        let (line, query) = question.line.split_once('?').unwrap_or((&question.line, ""));
        // The list of changes names the admin and the environment `staging`.
        let is_admin = line.contains("/edge-signup-admin");
        let of = [(" admin", is_admin), (" staging", line.contains("-staging"))];
        let of: String = of.iter().filter(|(_, is)| *is).map(|(name, _)| *name).collect();
        let mut line = line.replace("/accounts/account", "");
        for name in ["-admin-staging", "-admin", "-staging", ""] {
            line = line.replace(&format!("/edge-signup{name}"), "/W");
        }
        let is_deployed = if is_admin { self.is_admin_deployed } else { self.is_deployed };
        // All lists fit on one page, and wrangler asks for further pages until one is empty.
        if query.split('&').any(|part| part.starts_with("page=") && part != "page=1") {
            return (200, json!([]));
        }
        match line.as_str() {
            "GET /user/tokens/verify" => (200, json!({"id": "token", "status": "active"})),
            "GET /user" => (200, json!({"id": "user", "email": "ada@example.com"})),
            "GET /accounts" => (200, json!([{"id": "account", "name": "account"}])),
            "GET /memberships" => (200, json!([])),
            "GET /d1/database" => (200, self.databases.clone().into()),
            "POST /d1/database" => {
                let [name, hint, law] =
                    ["name", "primary_location_hint", "jurisdiction"].map(|key| &body[key]);
                self.changes.push(format!("database {name} {hint} {law}"));
                let id = match name.as_str().unwrap() {
                    "edge-signup" => DATABASE.to_owned(),
                    "edge-signup-staging" => STAGING_DATABASE.to_owned(),
                    _ => format!("00000000-0000-4000-8000-{:012}", self.databases.len()),
                };
                let database = json!({"uuid": id, "name": name, "jurisdiction": law});
                self.databases.push(database.clone());
                (200, database)
            }
            "GET /storage/kv/namespaces" => (200, self.namespaces.clone().into()),
            "POST /storage/kv/namespaces" if self.fault == Fault::Namespaces => (403, Value::Null),
            "POST /storage/kv/namespaces" => {
                let title = &body["title"];
                self.changes.push(format!("namespace {title}"));
                let id = if title == "edge-signup-staging-blocklist" { STAGING_NAMESPACE } else { NAMESPACE };
                let namespace = json!({"id": id, "title": title});
                self.namespaces.push(namespace.clone());
                (200, namespace)
            }
            _ if line.ends_with("/query") => {
                let database = line.rsplit('/').nth(1).unwrap();
                self.query(database, body["sql"].as_str().unwrap())
            }
            _ if line.ends_with("/import") => self.import(question, &line, &body),
            _ if line.starts_with("PUT /files/") => {
                let checksum = line.rsplit('/').next().unwrap().to_owned();
                self.files.insert(checksum, String::from_utf8(question.body.clone()).unwrap());
                (200, Value::Null)
            }
            // If the Worker exists already, wrangler uploads a version and then deploys it.
            "PUT /workers/scripts/W" | "POST /workers/scripts/W/deployments" => {
                self.changes.push(format!("deploy{of}"));
                if line.starts_with("PUT") {
                    self.keep(is_admin, question);
                }
                *(if is_admin { &mut self.is_admin_deployed } else { &mut self.is_deployed }) = true;
                (200, json!({"id": "00000000-0000-4000-8000-000000000001", "deployment_id": "0".repeat(32)}))
            }
            "POST /workers/scripts/W/versions" => {
                self.keep(is_admin, question);
                let resources = json!({"script": {"etag": "etag"}});
                (200, json!({"id": "00000000-0000-4000-8000-000000000001", "resources": resources}))
            }
            "GET /workers/services/W" if is_deployed => {
                let script = json!({"last_deployed_from": "wrangler", "tag": "tag", "tags": []});
                (200, json!({"default_environment": {"environment": "production", "script": script}}))
            }
            "GET /workers/scripts/W/deployments" if is_deployed => (200, json!({"deployments": []})),
            "GET /workers/scripts/W/settings" if is_deployed => (200, json!({"bindings": []})),
            "GET /workers/scripts/W/secrets" if is_deployed => (200, json!([])),
            "PATCH /workers/scripts/W/script-settings" => (200, json!({})),
            "GET /workers/subdomain" => (200, json!({"subdomain": "example"})),
            "GET /workers/workers/W" => (
                200,
                json!({"subdomain": {"enabled": true, "previews_enabled": true, "url": "https://localhost"}}),
            ),
            "POST /workers/scripts/W/subdomain" if is_admin => {
                // The admin must not get an address.
                if body["enabled"] != false {
                    self.changes.push(format!("address{of}"));
                }
                (200, body)
            }
            "POST /workers/scripts/W/subdomain" => (200, json!({"enabled": true, "previews_enabled": true})),
            "PUT /workers/scripts/W/schedules" => (200, json!({"schedules": body})),
            "PUT /workers/scripts/W/domains/records" => (200, json!([])),
            "POST /workers/scripts/W/assets-upload-session" => (200, json!({"jwt": "jwt", "buckets": []})),
            _ => (404, Value::Null),
        }
    }

    /// Keeps an upload of the public Worker or of the admin.
    fn keep(&mut self, is_admin: bool, question: &Question) {
        let place = if is_admin { &mut self.uploaded_admin } else { &mut self.uploaded };
        *place = String::from_utf8_lossy(&question.body).into_owned();
    }

    /// The steps by which D1 runs a file of statements: it gives an address for the upload, and then runs the file.
    fn import(&mut self, question: &Question, line: &str, body: &Value) -> (u16, Value) {
        let checksum = body["etag"].as_str().unwrap();
        if body["action"] == "init" {
            let url = format!("http://{}/files/{checksum}", question.header("host").unwrap());
            return (200, json!({"success": true, "filename": checksum, "upload_url": url}));
        }
        let sql = self.files[checksum].clone();
        let (status, answer) = self.query(line.rsplit('/').nth(1).unwrap(), &sql);
        if status != 200 {
            return (status, answer);
        }
        let meta = json!({"duration": 0, "rows_read": 0, "rows_written": 0, "size_after": 0});
        let result = json!({"num_queries": 1, "final_bookmark": "", "meta": meta});
        (200, json!({"success": true, "status": "complete", "messages": [], "result": result}))
    }

    /// D1's answers to statements.
    fn query(&mut self, database: &str, sql: &str) -> (u16, Value) {
        let migration = sql.split_once("INSERT INTO \"d1_migrations\" (name)\nvalues ('");
        let migration = migration.and_then(|(_, name)| name.split('\'').next());
        match self.fault {
            Fault::Migrations if migration.is_some() => return (400, Value::Null),
            Fault::MigrationsInside if migration.is_some() => {
                return (200, json!([{"results": [], "success": false, "meta": {}}]));
            }
            _ => {}
        }
        let name = self.name(database);
        let content = self.content(database);
        let before = content.total_changes();
        let answers = match run(content, sql) {
            Ok(answers) => answers,
            Err(error) => return (400, json!(error.to_string())),
        };
        let has_changed = content.total_changes() > before;
        if let Some(migration) = migration {
            let of = if database == STAGING_DATABASE { " staging" } else { "" };
            self.changes.push(format!("migrate {migration}{of}"));
            self.migrations.push((database.to_owned(), migration.to_owned()));
        } else if has_changed {
            self.changes.push(format!("write {name}"));
        }
        (200, answers)
    }

    /// The name of the database with this id.
    fn name(&self, id: &str) -> String {
        let found = self.databases.iter().find(|database| database["uuid"] == id);
        found.and_then(|database| database["name"].as_str()).unwrap_or(id).to_owned()
    }

    /// The content of a database.
    pub fn content(&mut self, id: &str) -> &Connection {
        self.contents.entry(id.to_owned()).or_insert_with(|| Connection::open_in_memory().unwrap())
    }

    /// The content of the database with this name.
    pub fn content_of(&mut self, name: &str) -> &Connection {
        let found = self.databases.iter().find(|database| database["name"] == name).expect(name);
        let id = found["uuid"].as_str().unwrap().to_owned();
        self.content(&id)
    }
}

/// Runs statements in a transaction, as D1 does, and gives their answers.
fn run(content: &Connection, sql: &str) -> rusqlite::Result<Value> {
    let transaction = content.unchecked_transaction()?;
    let size: i64 = content.query_row(
        "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
        [],
        |row| row.get(0),
    )?;
    let mut answers = Vec::new();
    let mut batch = Batch::new(content, sql);
    while let Some(mut statement) = batch.next()? {
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut rows = statement.query([])?;
        let mut results = Vec::new();
        while let Some(row) = rows.next()? {
            let mut result = Map::new();
            for (at, column) in columns.iter().enumerate() {
                let value = match row.get_ref(at)? {
                    ValueRef::Null => Value::Null,
                    ValueRef::Integer(number) => number.into(),
                    ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
                    other => panic!("{other:?}"),
                };
                result.insert(column.clone(), value);
            }
            results.push(result);
        }
        answers.push(json!({"results": results, "success": true, "meta": {"size_after": size}}));
    }
    transaction.commit()?;
    Ok(answers.into())
}

/// A copy of the project with its own `wrangler.toml`, migrations and account.
pub struct Project {
    /// The folder of the copy.
    pub folder: PathBuf,
    account: Arc<Mutex<Account>>,
    api: String,
}

impl Project {
    /// Makes a project in a folder called `name`, without ids in its configuration.
    pub fn new(name: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("migrations")).unwrap();
        for entry in fs::read_dir(root).unwrap().map(Result::unwrap) {
            let name = entry.file_name();
            let own = [
                "admin",
                "migrations",
                "wrangler.toml",
                ".admin-token",
                ".dev.vars",
                ".wrangler",
                ".wrangler.dev.json",
                ".git",
            ];
            if !own.iter().any(|own| name == *own) {
                symlink(entry.path(), folder.join(name)).unwrap();
            }
        }
        fs::create_dir(folder.join("admin")).unwrap();
        for name in ["index.js", "streams.js", "public", "src", "Cargo.toml"] {
            symlink(root.join("admin").join(name), folder.join("admin").join(name)).unwrap();
        }
        for entry in fs::read_dir(root.join("migrations")).unwrap().map(Result::unwrap) {
            fs::copy(entry.path(), folder.join("migrations").join(entry.file_name())).unwrap();
        }
        let account = Arc::new(Mutex::new(Account::default()));
        let answering = Arc::clone(&account);
        let api = stand_in::start(move |question| {
            let (status, result) = answering.lock().unwrap().answer(question);
            let message = result.as_str().unwrap_or("no");
            let errors = if status == 200 { json!([]) } else { json!([{"code": 10007, "message": message}]) };
            let body = json!({"success": status == 200, "errors": errors, "messages": [], "result": result});
            let json = ("Content-Type".to_owned(), "application/json".to_owned());
            // The answer to an uploaded file repeats the file's checksum.
            let etag = question.line.strip_prefix("PUT /files/");
            let headers =
                etag.map(|etag| ("ETag".to_owned(), format!("\"{etag}\""))).into_iter().chain([json]);
            Reply::Whole(status, headers.collect(), body.to_string())
        });
        let project = Self { folder, account, api };
        project.configure(&without_ids());
        project.configure_admin("", "", "");
        project
    }

    /// Replaces the project's `wrangler.toml`.
    pub fn configure(&self, text: &str) {
        fs::write(self.folder.join("wrangler.toml"), text).unwrap();
    }

    /// Replaces the project's `admin/wrangler.toml`: it has `lines` above its tables, `vars` under `[vars]`, and `tables`
    /// after its own.
    pub fn configure_admin(&self, lines: &str, vars: &str, tables: &str) {
        let text = include_str!("../../admin/wrangler.toml");
        // The own settings of a fork that was deployed already are left out.
        let own = ["name = \"edge", "routes", "workers_dev", "ACCESS_", "OUTCOMES_"];
        let is_own = |line: &str| own.iter().any(|own| line.starts_with(own));
        let text: String = text.split_inclusive('\n').filter(|line| !is_own(line)).collect();
        let text = text.replace("\n[vars]\n", &format!("\n[vars]\n{vars}\n"));
        let text = format!("name = \"edge-signup-admin\"\nworkers_dev = false\n{lines}{text}\n{tables}");
        fs::write(self.folder.join("admin/wrangler.toml"), text).unwrap();
    }

    /// The project's `wrangler.toml`.
    pub fn configuration(&self) -> String {
        fs::read_to_string(self.folder.join("wrangler.toml")).unwrap()
    }

    /// Runs `make` in the project, which takes the build for tested. Gives whether it succeeded, and its output.
    pub fn make(&self, arguments: &[&str]) -> (bool, String) {
        let output = Command::new("make")
            // The variables of `make test` are not meant for this `make`.
            .env_remove("MAKEFLAGS")
            .env_remove("FEATURES")
            .args(["--silent", "--old-file=.tools/tested", "WAIT=0"])
            .args(arguments)
            .current_dir(&self.folder)
            .env("CLOUDFLARE_API_BASE_URL", &self.api)
            .env("CLOUDFLARE_API_TOKEN", "token")
            .env("CLOUDFLARE_ACCOUNT_ID", "account")
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    }

    /// Runs `make` for all these commands, each of which must stop at the check of the settings. Gives the output.
    pub fn refused(&self, commands: &[&str], arguments: &[&str]) -> String {
        let (succeeded, text) = self.make(&[&["--keep-going"], commands, arguments].concat());
        assert!(!succeeded, "{text}");
        for command in commands {
            // make says the one where a prerequisite failed, and the other where the command itself did.
            let is_refused = text.contains(&format!("{command}' not remade because of errors"))
                || text.contains(&format!(": {command}] Error 1"));
            assert!(is_refused, "{command}: {text}");
        }
        text
    }

    /// The account.
    pub fn account(&self) -> std::sync::MutexGuard<'_, Account> {
        self.account.lock().unwrap()
    }

    /// The last uploads of both Workers.
    pub fn uploads(&self) -> [String; 2] {
        let account = self.account();
        [account.uploaded.clone(), account.uploaded_admin.clone()]
    }

    /// The changes to the account since the last call.
    pub fn changes(&self) -> Vec<String> {
        std::mem::take(&mut self.account().changes)
    }
}

/// The project's configuration without ids, and with another environment that has its ids already.
pub fn without_ids() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("wrangler.toml")).unwrap();
    let (head, tables) = text.split_at(text.find("[build]").unwrap());
    // A fork that was deployed already has its own environments, names, ids and addresses. The tests leave them out.
    let mut is_own = false;
    let tables: String = tables
        .split_inclusive('\n')
        .filter(|line| {
            is_own =
                if line.starts_with('[') { line.trim_start_matches('[').starts_with("env.") } else { is_own };
            !is_own
        })
        .collect();
    let without = |part: &str, keys: &[&str]| {
        let lines = part.split_inclusive('\n').filter(|line| !keys.iter().any(|key| line.starts_with(key)));
        lines.collect::<String>()
    };
    let head = without(head, &["name =", "routes", "workers_dev", "preview_urls"]);
    let tables = without(&tables, &["database_name", "database_id", "id ="])
        .replace("[[d1_databases]]\n", "[[d1_databases]]\ndatabase_name = \"edge-signup\"\n");
    let other = "[env.other]\nroutes = []\n\n[[env.other.d1_databases]]\nbinding = \"DB\"\ndatabase_name = \"other\"\ndatabase_id = \"other\"\n\n\
                 [[env.other.kv_namespaces]]\nbinding = \"BLOCKLIST\"\nid = \"other\"\n\n";
    format!("name = \"edge-signup\"\n{head}{other}{tables}")
}

/// The configuration of [`without_ids`], with these ids below the bindings at the top level.
pub fn with_ids(database: Option<&str>, namespace: Option<&str>) -> String {
    let mut text = without_ids();
    for (table, binding, line) in [
        ("\n[[d1_databases]]", "binding = \"DB\"\n", database.map(|id| format!("database_id = \"{id}\"\n"))),
        ("\n[[kv_namespaces]]", "binding = \"BLOCKLIST\"\n", namespace.map(|id| format!("id = \"{id}\"\n"))),
    ] {
        let table = text.find(table).unwrap();
        let end = table + text[table..].find(binding).unwrap() + binding.len();
        text.insert_str(end, &line.unwrap_or_default());
    }
    text
}

/// The ids of the databases and namespaces.
pub const DATABASE: &str = "11111111-2222-4333-8444-555555555555";
pub const NAMESPACE: &str = "0123456789abcdef0123456789abcdef";
pub const STAGING_DATABASE: &str = "66666666-7777-4888-8999-aaaaaaaaaaaa";
pub const STAGING_NAMESPACE: &str = "fedcba9876543210fedcba9876543210";

#[test]
fn provision_makes_what_is_missing_and_writes_its_id_once() {
    let project = Project::new("provision");
    project.account().fault = Fault::Namespaces;
    let (succeeded, text) = project.make(&["provision", "LOCATION=weur"]);
    assert!(!succeeded && text.contains("run make provision again"), "{text}");
    assert_eq!(project.changes(), [r#"database "edge-signup" "weur" null"#]);
    assert_eq!(project.configuration(), with_ids(Some(DATABASE), None));

    project.account().fault = Fault::None;
    let (succeeded, text) = project.make(&["provision", "LOCATION=weur"]);
    assert!(succeeded, "{text}");
    assert_eq!(project.changes(), [r#"namespace "edge-signup-blocklist""#]);
    assert_eq!(project.configuration(), with_ids(Some(DATABASE), Some(NAMESPACE)));

    let (succeeded, text) = project.make(&["provision", "LOCATION=weur"]);
    assert!(succeeded && text.contains(DATABASE) && text.contains(NAMESPACE), "{text}");
    assert_eq!(project.changes(), [""; 0]);
    assert_eq!(project.configuration(), with_ids(Some(DATABASE), Some(NAMESPACE)));
}

#[test]
fn provision_takes_the_resources_of_the_account_unless_the_jurisdiction_differs() {
    let project = Project::new("provision-existing");
    project.account().databases = [("other", "other", Value::Null), ("edge-signup", "mine", json!("eu"))]
        .map(|(name, id, law)| json!({"uuid": id, "name": name, "jurisdiction": law}))
        .to_vec();
    project.account().namespaces = vec![
        json!({"id": "theirs", "title": "other"}),
        json!({"id": "ours", "title": "edge-signup-blocklist"}),
    ];

    let (succeeded, text) = project.make(&["provision", "JURISDICTION=us"]);
    assert!(!succeeded && text.contains("outside of the jurisdiction us"), "{text}");
    let (succeeded, text) = project.make(&["provision", "JURISDICTION=us", "LOCATION=weur"]);
    assert!(!succeeded && text.contains("Give LOCATION or JURISDICTION"), "{text}");
    assert_eq!(project.configuration(), without_ids());

    let (succeeded, text) = project.make(&["provision", "JURISDICTION=eu"]);
    assert!(succeeded && text.contains("has a database edge-signup already"), "{text}");
    assert_eq!(project.configuration(), with_ids(Some("mine"), Some("ours")));
    assert_eq!(project.changes(), [""; 0]);
}

#[test]
fn provision_says_which_line_to_write_where_it_cannot() {
    let project = Project::new("provision-inline");
    // The databases are a list within a line, and a text looks like their table.
    let inline = "d1_databases = [{ binding = \"DB\", database_name = \"edge-signup\" }]\n".to_owned()
        + &without_ids().replace(
            "\n[[d1_databases]]\n",
            "\n[other]\ntext = \"\"\"\n[[d1_databases]]\nbinding = \"DB\"\n\"\"\"\n",
        );
    project.configure(&inline);
    let (succeeded, text) = project.make(&["provision", "JURISDICTION=fedramp"]);
    assert!(!succeeded && text.contains(&format!("put database_id = \"{DATABASE}\" below")), "{text}");
    assert_eq!(project.configuration(), inline);
    assert_eq!(project.changes(), [r#"database "edge-signup" null "fedramp""#]);
}

#[test]
fn deploy_refuses_to_run_without_ids() {
    let project = Project::new("deploy-without-ids");
    for (configuration, missing) in [
        (without_ids(), "no id of the database: run make provision"),
        (with_ids(Some(DATABASE), None), "no id of the block list: run make provision"),
    ] {
        project.configure(&configuration);
        let (succeeded, text) = project.make(&["deploy"]);
        assert!(!succeeded && text.contains(missing), "{text}");
        assert_eq!(project.changes(), [""; 0]);
        assert_eq!(project.configuration(), configuration);
    }
}

#[test]
fn deploy_migrates_first_and_ends_with_verify() {
    let project = Project::new("deploy");
    let (succeeded, text) = project.make(&["provision"]);
    assert!(succeeded, "{text}");
    project.changes();
    let configuration = project.configuration();

    let (succeeded, text) = project.make(&["deploy", &format!("URL={}", shared().url)]);
    assert!(succeeded && text.contains("failed 0, not run 0"), "{text}");
    let migrations = fs::read_dir(project.folder.join("migrations")).unwrap();
    let mut expected: Vec<_> =
        migrations.map(|entry| format!("migrate {}", entry.unwrap().file_name().display())).collect();
    expected.sort();
    expected.extend(["deploy", "deploy admin"].map(str::to_owned));
    assert_eq!(project.changes(), expected);
    assert_eq!(project.configuration(), configuration);

    // The next two go to addresses that wrangler names, where no server answers.
    let domain = "routes = [{ pattern = \"127.0.0.1\", custom_domain = true }]\n";
    for (n, (more, target)) in
        [("", "https://localhost"), (domain, "https://127.0.0.1")].into_iter().enumerate()
    {
        project.configure(&(more.to_owned() + &configuration));
        fs::write(project.folder.join(format!("migrations/999{n}_later.sql")), "SELECT 1;\n").unwrap();
        let (succeeded, text) = project.make(&["deploy"]);
        assert!(!succeeded && text.contains(&format!("==> Deployed to {target}\n")), "{text}");
        assert!(text.contains("Deployed, but it does not answer as it should"), "{text}");
        let migrated = format!("migrate 999{n}_later.sql");
        assert_eq!(project.changes(), [&*migrated, "deploy", "deploy admin"]);
    }
}

/// The description of an uploaded Worker.
fn metadata(uploaded: &str) -> Value {
    let (_, rest) = uploaded.split_once("name=\"metadata\"").expect(uploaded);
    let start = rest.find('{').unwrap();
    serde_json::Deserializer::from_str(&rest[start..]).into_iter().next().unwrap().unwrap()
}

#[test]
fn the_admin_is_deployed_with_the_databases_and_settings_of_the_service_and_no_secret_of_this_machine() {
    let project = Project::new("deploy-admin");
    project.configure(&with_ids(Some(DATABASE), Some(NAMESPACE)));
    project.configure_admin("", "ACCESS_TEAM = \"acme\"", "");
    let token = "a-token-of-this-machine-0123456789";
    fs::write(project.folder.join(".dev.vars"), format!("ADMIN_TOKEN={token}\n")).unwrap();
    fs::write(project.folder.join(".admin-token"), format!("{token}\n")).unwrap();
    let verified = &format!("URL={}", shared().url);
    let (succeeded, text) = project.make(&["deploy", verified]);
    assert!(succeeded && text.contains("==> Deploying the admin\n"), "{text}");
    assert!(project.changes().ends_with(&["deploy".to_owned(), "deploy admin".to_owned()]));

    let [public, uploaded] = project.uploads();
    assert!(!uploaded.contains(token), "{uploaded}");
    let metadata = metadata(&uploaded);
    let bindings = metadata["bindings"].as_array().unwrap();
    let binding = |name: &str| bindings.iter().find(|binding| binding["name"] == name).expect(name).clone();
    let text = |name: &str, text: &str| {
        assert_eq!(binding(name), json!({"name": name, "type": "plain_text", "text": text}));
    };
    assert_eq!(binding("DB")["id"], DATABASE);
    assert_eq!(binding("BLOCKLIST")["namespace_id"], NAMESPACE);
    assert_eq!(binding("WRONG_TOKENS")["simple"], json!({"limit": 20, "period": 60}));
    text("ARGON2_ITERATIONS", "2");
    text("ACCESS_TEAM", "acme");
    assert!(!bindings.iter().any(|binding| binding["name"] == "ADMIN_TOKEN"), "{bindings:?}");
    assert_eq!(metadata["observability"], json!({"enabled": true, "logs": {"invocation_logs": false}}));

    // The public Worker has none of what belongs to the admin.
    assert!(!["WRONG_TOKENS", "ACCESS_TEAM", token].iter().any(|own| public.contains(own)), "{public}");

    let (succeeded, text) = project.make(&["deploy", verified, "ADMIN=no"]);
    assert!(succeeded && !text.contains("Deploying the admin"), "{text}");
    assert_eq!(project.changes(), ["deploy"]);

    project.account().fault = Fault::With("/workers/scripts/edge-signup-admin/versions", "");
    let (succeeded, text) = project.make(&["deploy", verified]);
    let sentence = "The service is deployed, but not its admin: fix the problem that wrangler reports";
    assert!(!succeeded && text.contains(sentence), "{text}");
    assert_eq!(project.changes(), ["deploy"]);
}

#[test]
fn deploy_stops_where_a_migration_fails() {
    let project = Project::new("deploy-stops");
    project.configure(&with_ids(Some(DATABASE), Some(NAMESPACE)));
    for is_deployed in [false, true] {
        for fault in [Fault::Migrations, Fault::MigrationsInside] {
            *project.account() = Account { is_deployed, fault, ..Account::default() };
            let (succeeded, text) = project.make(&["deploy"]);
            assert!(!succeeded && text.contains("Nothing was deployed"), "{text}");
            assert_eq!(project.changes(), [""; 0]);
        }
    }
}

#[test]
fn a_deployment_that_fails_after_the_upload_says_that_the_worker_may_be_deployed() {
    let project = Project::new("deploy-in-part");
    let domain = "routes = [{ pattern = \"127.0.0.1\", custom_domain = true }]\n";
    project.configure(&(domain.to_owned() + &with_ids(Some(DATABASE), Some(NAMESPACE))));
    project.account().fault = Fault::With("PUT ", "/domains/records");
    let (succeeded, text) = project.make(&["deploy"]);
    let sentence =
        "The Worker may be deployed: fix the problem that wrangler reports, and run make deploy again";
    assert!(!succeeded && text.contains(sentence) && !text.contains("Nothing was deployed"), "{text}");
    assert_eq!(project.changes().last().unwrap(), "deploy");
}

/// The environment `staging`, copied from docs/operating.md.
pub fn staging() -> String {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operating.md")).unwrap();
    let start = text.find("```toml\n[env.staging]").expect("an example") + "```toml".len();
    let end = start + text[start..].find("```").unwrap();
    text[start..end].to_owned()
}

#[test]
fn an_environment_has_its_own_database_namespace_and_worker() {
    let project = Project::new("environments");
    let names = |account: &Account| account.migrations.iter().map(|(of, _)| of.clone()).collect::<Vec<_>>();
    project.configure(&(without_ids() + &staging()));
    let migrations = fs::read_dir(project.folder.join("migrations")).unwrap().count();

    let (succeeded, text) = project.make(&["deploy", "ENV=staging"]);
    assert!(!succeeded && text.contains("no id of the database of staging: run make provision ENV=staging"));

    for (env, changes, database, namespace, others) in [
        (
            "ENV=staging",
            [
                r#"database "edge-signup-staging" null null"#,
                r#"namespace "edge-signup-staging-blocklist""#,
                "deploy admin staging",
            ],
            STAGING_DATABASE,
            STAGING_NAMESPACE,
            [DATABASE, NAMESPACE],
        ),
        (
            "ENV=",
            [r#"database "edge-signup" null null"#, r#"namespace "edge-signup-blocklist""#, "deploy admin"],
            DATABASE,
            NAMESPACE,
            [STAGING_DATABASE, STAGING_NAMESPACE],
        ),
    ] {
        let (succeeded, text) = project.make(&["provision", env]);
        assert!(succeeded, "{text}");
        assert_eq!(project.changes(), changes[..2]);

        // The Worker of this environment is not deployed yet.
        project.account().is_deployed = false;
        project.account().is_admin_deployed = false;
        project.account().migrations.clear();
        let (succeeded, text) = project.make(&["deploy", env, &format!("URL={}", shared().url)]);
        assert!(succeeded && text.contains("failed 0, not run 0"), "{text}");
        assert!(!text.contains("Multiple environments"), "{text}");
        assert_eq!(text.contains("npx wrangler d1 execute DB --remote --env staging"), env == "ENV=staging");
        assert_eq!(names(&project.account()), vec![database; migrations]);
        assert_eq!(project.changes().last().unwrap(), changes[2]);
        for uploaded in project.uploads() {
            assert!(uploaded.contains(database) && uploaded.contains(namespace), "{uploaded}");
            assert!(!others.iter().any(|other| uploaded.contains(other)), "{uploaded}");
        }
    }
    // Each id is a line below its own binding, and the rest is unchanged.
    let written = with_ids(Some(DATABASE), Some(NAMESPACE))
        + &staging()
            .replace("\"DB\"\n", &format!("\"DB\"\ndatabase_id = \"{STAGING_DATABASE}\"\n"))
            .replace("\"BLOCKLIST\"\n", &format!("\"BLOCKLIST\"\nid = \"{STAGING_NAMESPACE}\"\n"));
    assert_eq!(project.configuration(), written);

    // The commands on the storage also belong to an environment.
    let (succeeded, text) = project.make(&["block", "IP=192.0.2.7", "ENV=staging"]);
    assert!(succeeded, "{text}");
    assert!(project.make(&["blocked", "ENV=staging"]).1.contains("192.0.2.7\tfor good"));
    assert!(project.make(&["blocked"]).1.ends_with("Nothing is blocked\n"));
}

#[test]
fn a_dry_run_of_an_environment_needs_no_account() {
    let project = Project::new("environments-dry");
    project.configure(&(without_ids() + &staging()));
    // An environment of the admin has the limits of the top level, and these variables.
    project.configure_admin("", "", "[env.staging.vars]\nACCESS_TEAM = \"acme-staging\"\n");
    let (succeeded, text) = project.make(&["deploy", "ENV=staging", "DRY=1"]);
    assert!(succeeded && text.matches("--dry-run: exiting now").count() == 2, "{text}");
    assert!(text.matches("env.DB (edge-signup-staging)").count() == 2, "{text}");
    assert!(!text.contains("env.DB (edge-signup)"), "{text}");
    let (public, admin) = text.split_once("==> Deploying the admin to staging").expect(&text);
    for own in ["env.WRONG_TOKENS", "env.ACCESS_TEAM (\"acme-staging\")"] {
        assert!(admin.contains(own) && !public.contains(own), "{text}");
    }
    let (succeeded, text) = project.make(&["deploy", "ENV=staging", "DRY=1", "ADMIN=no"]);
    assert!(succeeded && text.matches("--dry-run: exiting now").count() == 1, "{text}");
    assert_eq!(project.changes(), [""; 0]);
}

#[test]
fn an_unknown_environment_is_refused_with_the_known_ones() {
    let project = Project::new("environments-unknown");
    for (configuration, known) in
        [(without_ids() + &staging(), "ENV may be other, staging, or left out"), (without_ids(), "other")]
    {
        project.configure(&configuration);
        let commands =
            ["provision", "deploy", "verify", "block", "unblock", "blocked", "clients", "skeletons"];
        let text = project.refused(&commands, &["ENV=stagging", "REMOTE=1", "IP=192.0.2.1"]);
        assert!(text.contains("has no environment \"stagging\"") && text.contains(known), "{text}");
    }
    assert_eq!(project.changes(), [""; 0]);
}
