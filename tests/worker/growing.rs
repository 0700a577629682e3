//! The commands by which a service grows over many databases: on a stand-in for Cloudflare's API, and on this machine.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::configuration::Dev;
use crate::deploy::{
    DATABASE, Fault, NAMESPACE, Project, STAGING_DATABASE, STAGING_NAMESPACE, staging, with_ids, without_ids,
};
use crate::request::{account, sign_up};
use crate::server::{fresh, shared};

/// The first id of a database, less one.
const fn before_first(number: i64) -> i64 {
    number << 40
}

/// Makes an account with a database that has all migrations.
fn with_database(project: &Project, id: &str, name: &str, jurisdiction: &Value) {
    let mut account = project.account();
    account.databases.push(json!({"uuid": id, "name": name, "jurisdiction": jurisdiction}));
    migrate(account.content(id));
}

fn migrate(content: &Connection) {
    content.execute_batch("CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY, name TEXT UNIQUE)").unwrap();
    let mut files: Vec<_> = fs::read_dir("migrations").unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        content.execute_batch(&fs::read_to_string(&file).unwrap()).unwrap();
        let name = file.file_name().unwrap().to_str().unwrap();
        content.execute("INSERT INTO d1_migrations (name) VALUES (?)", [name]).unwrap();
    }
}

/// A project with one database, which is deployed.
fn project(name: &str) -> Project {
    let project = Project::new(name);
    project.configure(&with_ids(Some(DATABASE), Some(NAMESPACE)));
    with_database(&project, DATABASE, "edge-signup", &Value::Null);
    project
}

/// The place of a database as the Worker asks for it, and its next ids.
fn place(content: &Connection) -> String {
    let sql = "SELECT number || ' ' || generation || ' ' || position || ' ' || size || ' ' || placing || ' ' || service FROM place";
    content.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn value<T: rusqlite::types::FromSql>(content: &Connection, sql: &str) -> T {
    content.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn service(project: &Project, id: &str) -> String {
    value(project.account().content(id), "SELECT service FROM place")
}

/// Runs a command that must be refused with `sentence`, and must change nothing.
fn refused(project: &Project, arguments: &[&str], sentence: &str) {
    let before = project.configuration();
    project.changes();
    let (succeeded, text) = project.make(arguments);
    assert!(!succeeded && text.contains(sentence), "{arguments:?}: {text}");
    let own: Vec<_> = text.lines().filter(|line| !line.starts_with("make")).collect();
    assert_eq!(own.len(), 1, "{arguments:?}: {text}");
    assert_eq!(project.configuration(), before);
    assert_eq!(project.changes(), [""; 0]);
}

/// The table of the last lines of `make shards`: its rows, and the sentence about the next step.
fn table(text: &str) -> (Vec<Vec<&str>>, &str) {
    let lines = text.lines().skip_while(|line| !line.starts_with("database "));
    let mut rows: Vec<Vec<_>> =
        lines.map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()).collect();
    let next = rows.pop().unwrap()[0];
    rows.pop();
    (rows, next)
}

/// The entry of database number `number` with this id.
fn entry(env: &str, name: &str, number: usize, id: &str) -> String {
    format!(
        "\n[[{env}d1_databases]]\nbinding = \"DB_{number}\"\ndatabase_name = \"{name}-{number}\"\n\
         database_id = \"{id}\"\nmigrations_dir = \"migrations\"\n"
    )
}

/// A project with a second generation of two databases, which is not deployed. Gives the ids of the two.
fn grown(name: &str) -> (Project, [&'static str; 2]) {
    let project = project(name);
    let service = service(&project, DATABASE);
    let ids = ["second", "third"];
    for (id, number) in ids.into_iter().zip(1..) {
        with_database(&project, id, &format!("edge-signup-{number}"), &Value::Null);
        let sql = format!(
            "UPDATE place SET number = {number}, generation = 1, position = {number} - 1, size = 2, service = '{service}';
             INSERT INTO sqlite_sequence (name, seq) VALUES ('users', {number} << 40), ('accounts', {number} << 40)"
        );
        project.account().content(id).execute_batch(&sql).unwrap();
    }
    project.configure(&configuration(&service, &ids));
    (project, ids)
}

/// The configuration after a growth by databases of these ids. The entries stand below the first database, the
/// variables in the place of their comments, and the rest is as before.
fn configuration(service: &str, ids: &[&str]) -> String {
    let first = "migrations_dir = \"migrations\"\n";
    let before = with_ids(Some(DATABASE), Some(NAMESPACE));
    assert!(before.matches(first).count() == 1, "{before}");
    let entries: String =
        ids.iter().zip(1..).map(|(id, number)| entry("", "edge-signup", number, id)).collect();
    let names: Vec<_> = (1..=ids.len()).map(|number| format!("DB_{number}")).collect();
    let names = names.join(" ");
    before
        .replace(first, &format!("{first}{entries}"))
        .replace("# SHARDS = \"DB\"\n", &format!("SHARDS = \"DB; {names}\"\n"))
        .replace("# SERVICE_ID = \"0123456789abcdef\"\n", &format!("SERVICE_ID = \"{service}\"\n"))
}

#[test]
fn a_growth_makes_migrates_and_numbers_databases_and_a_repeat_changes_nothing() {
    let project = project("growing");
    let service = service(&project, DATABASE);
    refused(
        &project,
        &["freeze"],
        "Generation 0 is the last one, which takes the sign-ups: make grow N=4 comes first",
    );

    let (succeeded, text) = project.make(&["grow", "N=2", "LOCATION=weur"]);
    let next = "\nNext: make deploy, which deploys the Worker with the databases of generation 1\n";
    assert!(succeeded && text.ends_with(next), "{text}");
    // Each database is made where it should be, then migrated, then numbered.
    let migrations = fs::read_dir("migrations").unwrap().count();
    let changes = project.changes();
    let (made, changes) = changes.split_at(2);
    assert_eq!(made, [1, 2].map(|number| format!("database \"edge-signup-{number}\" \"weur\" null")));
    let (migrated, numbered) = changes.split_at(2 * migrations);
    assert!(migrated.iter().all(|change| change.starts_with("migrate ")), "{migrated:?}");
    let mut numbered = numbered.to_vec();
    numbered.sort();
    assert_eq!(numbered, ["write edge-signup-1", "write edge-signup-2"]);
    for number in [1, 2] {
        let mut account = project.account();
        let content = account.content_of(&format!("edge-signup-{number}"));
        assert_eq!(place(content), format!("{number} 1 {} 2 name {service}", number - 1));
        for table in ["users", "accounts"] {
            let sql = format!("SELECT seq FROM sqlite_sequence WHERE name = '{table}'");
            assert_eq!(value::<i64>(content, &sql), before_first(number));
        }
    }
    let ids: Vec<_> = project.account().databases[1..]
        .iter()
        .map(|found| found["uuid"].as_str().unwrap().to_owned())
        .collect();
    let grown = configuration(&service, &[&*ids[0], &*ids[1]]);
    assert_eq!(project.configuration(), grown);

    let (succeeded, text) = project.make(&["grow", "N=2"]);
    assert!(
        succeeded && text.starts_with("Generation 1, of 2 databases, is there\nNext: make deploy,"),
        "{text}"
    );
    assert_eq!((project.changes(), project.configuration()), (Vec::new(), grown));
    refused(
        &project,
        &["grow", "N=3"],
        "The last growth, by 2 databases, is not deployed yet: make deploy comes first",
    );
}

#[test]
fn a_deployed_generation_takes_the_place_of_a_frozen_one() {
    let (project, ids) = grown("growing-freeze");
    let sentence = "Generation 1, of 2 databases, is not deployed yet: make deploy comes first";
    refused(&project, &["freeze"], sentence);

    // The time of the deployment is not noted at first, and then it is, for the last generation only.
    project.account().fault = Fault::With("deployed_at = coalesce", "");
    let (succeeded, text) = project.make(&["deploy"]);
    assert!(!succeeded && text.contains("run make deploy again"), "{text}");
    project.account().fault = Fault::None;
    project.account().content(ids[1]).execute_batch("UPDATE place SET deployed_at = 7").unwrap();
    let (succeeded, text) = project.make(&["deploy", &format!("URL={}", shared().url)]);
    assert!(succeeded && text.contains("failed 0, not run 0"), "{text}");
    assert!(text.ends_with("Next: make freeze, after which generation 1 takes the sign-ups\n"), "{text}");
    let removals = ["DB", "DB_1", "DB_2"]
        .map(|binding| format!("\nnpx wrangler d1 execute {binding} --remote --command"));
    assert!(removals.iter().all(|removal| text.contains(removal)), "{text}");
    for uploaded in project.uploads() {
        let has_all = [DATABASE, ids[0], ids[1]].iter().all(|id| uploaded.contains(id));
        assert!(has_all && uploaded.contains("DB; DB_1 DB_2"), "{uploaded}");
    }
    let deployed =
        |id: &str| -> Option<i64> { value(project.account().content(id), "SELECT deployed_at FROM place") };
    assert!(deployed(DATABASE).is_none() && deployed(ids[0]).is_some());
    assert_eq!(deployed(ids[1]), Some(7));
    let sentence =
        "Generation 0 still takes sign-ups, although generation 1 is there: make freeze comes first";
    refused(&project, &["grow", "N=2"], sentence);

    // Each database of the new generation learns which servers are told of events.
    let wanted = "INSERT INTO subscriptions (type, client_id, webhook_id) VALUES ('user.created', 'it''s', 'wh_1234567')";
    project.account().content(DATABASE).execute_batch(wanted).unwrap();
    project.account().fault = Fault::With("frozen_at = coalesce", "");
    let (succeeded, text) = project.make(&["freeze"]);
    assert!(
        !succeeded && text.contains("Generation 0 may be frozen in part: run make freeze again"),
        "{text}"
    );
    project.account().fault = Fault::None;
    project.changes();
    let (succeeded, text) = project.make(&["freeze"]);
    assert!(succeeded && text.starts_with("Generation 0 is frozen since 20"), "{text}");
    let next =
        "make shards shows all databases\nNext: make grow N=4, before a database of generation 1 has 8 GB\n";
    // wrangler's warnings about a file of statements come after the standard output.
    assert!(text.split(['\u{1b}', '▲']).next().unwrap().ends_with(next), "{text}");
    let frozen = "SELECT strftime('%Y-%m-%dT%H:%M:%SZ', frozen_at, 'unixepoch') FROM place";
    let frozen: String = value(project.account().content(DATABASE), frozen);
    assert_eq!(project.changes(), ["write edge-signup"]);
    for id in ids {
        let subscribed =
            "SELECT group_concat(type || ' ' || client_id || ' ' || webhook_id) FROM subscriptions";
        assert_eq!(
            value::<String>(project.account().content(id), subscribed),
            "user.created it's wh_1234567"
        );
    }
    let sentence = format!("Generation 0 is frozen since {frozen}, and generation 1 is the last one");
    refused(&project, &["freeze"], &sentence);

    for (id, table, seq) in [
        (DATABASE, "users", 12),
        (DATABASE, "accounts", 3),
        (ids[0], "users", before_first(1) + 30),
        (ids[1], "accounts", before_first(2) + 10),
    ] {
        let sql = format!(
            "DELETE FROM sqlite_sequence WHERE name = '{table}'; INSERT INTO sqlite_sequence VALUES ('{table}', {seq})"
        );
        project.account().content(id).execute_batch(&sql).unwrap();
    }
    project.account().content(ids[1]).execute_batch("UPDATE place SET deployed_at = NULL").unwrap();
    let (succeeded, text) = project.make(&["shards"]);
    let (rows, next) = table(&text);
    let size = rows[1][4];
    assert!(succeeded && size.ends_with(" kB") && next.starts_with("Next: make deploy"), "{text}");
    assert_eq!(
        rows,
        [
            ["database", "generation", "frozen since", "rows", "size", "share of sign-ups"],
            ["DB", "0", &frozen, "15", size, "100.0%"],
            ["DB_1", "1", "open", "30", size, "75.0%"],
            ["DB_2", "1", "waiting", "10", size, "25.0%"],
        ]
    );
    assert_eq!(project.changes(), [""; 0]);
}

#[test]
fn a_growth_that_was_interrupted_is_completed_by_a_repeat() {
    let project = project("growing-interrupted");
    for fault in [
        Fault::With("POST", "edge-signup-2"),
        Fault::With("INSERT INTO \\\"d1_migrations", "0006_place"),
        Fault::With("UPDATE place", "number = 2"),
    ] {
        project.account().fault = fault;
        let (succeeded, text) = project.make(&["grow", "N=2"]);
        assert!(!succeeded && text.contains("run make grow N=2 again"), "{text}");
        // The service works as before.
        assert!(!project.configuration().contains("\nSHARDS = "), "{text}");
        let (succeeded, text) = project.make(&["settings"]);
        assert!(succeeded, "{text}");
    }
    // The growth may also become another one. The first database has another place then.
    project.account().fault = Fault::None;
    let (succeeded, text) = project.make(&["grow", "N=1"]);
    assert!(succeeded, "{text}");
    assert!(project.configuration().contains("\nSHARDS = \"DB; DB_1\"\n"), "{text}");
    assert_eq!(project.account().databases.len(), 3, "no database was made twice");
    let service = service(&project, DATABASE);
    assert_eq!(place(project.account().content_of("edge-signup-1")), format!("1 1 0 1 name {service}"));
}

#[test]
fn a_list_of_databases_without_sense_is_refused() {
    let project = project("growing-refused");
    let good = project.configuration();
    let with = |lines: &str| good.replace("# SHARDS = \"DB\"\n", &format!("{lines}\n"));
    let many: Vec<_> = (0..4097).map(|number| format!("DB_{number}")).collect();
    for (lines, problem) in [
        (
            r#"SHARDS = "DB; DB_1""#,
            "SHARDS names DB_1, which no database has: it needs a [[d1_databases]] with that binding",
        ),
        (r#"SHARDS = "DB DB""#, "SHARDS names DB twice"),
        (
            r#"SHARDS = "DB;;DB_1""#,
            "SHARDS is \"DB;;DB_1\": it must be generations of at least one database each",
        ),
        (r#"SHARDS = """#, "SHARDS is \"\": it must be generations of at least one database each"),
        (&format!("SHARDS = \"{}\"", many.join(" ")), "SHARDS names more than 4096 databases"),
        ("SHARDS = [\"DB\"]", "SHARDS must be one text, such as \"DB; DB_1 DB_2\""),
        ("SERVICE_ID = \"A'\"", "SERVICE_ID is \"A'\": it must be 1 to 64 digits and small letters"),
    ] {
        project.configure(&with(lines));
        for command in [["settings"].as_slice(), &["grow", "N=1"], &["deploy"], &["freeze"], &["shards"]] {
            if command == ["settings"] || lines == r#"SHARDS = "DB DB""# {
                refused(&project, command, &format!("wrangler.toml: [vars]: {problem}"));
            }
        }
    }
    // An environment has its own databases and variables.
    project.configure(&good.replace("[env.other]", "[env.other.vars]\nSHARDS = \"DB DB_1\"\n\n[env.other]"));
    refused(
        &project,
        &["settings"],
        "wrangler.toml: [env.other.vars]: SHARDS names DB_1, which no database has: it needs a [[env.other.d1_databases]]",
    );

    project.configure(&good);
    for (arguments, sentence) in [
        (["grow"].as_slice(), "N is \"\": it must be the number of databases, such as N=4"),
        (&["grow", "N=0"], "N is \"0\": it must be the number of databases"),
        (&["grow", "N=2.5"], "N is \"2.5\": it must be the number of databases"),
        (&["grow", "N=4096"], "SHARDS names more than 4096 databases"),
        (&["grow", "N=1", "LOCATION=weur", "JURISDICTION=eu"], "Give LOCATION or JURISDICTION"),
    ] {
        refused(&project, arguments, sentence);
    }
    let variables = project.folder.join(".dev.vars");
    fs::write(&variables, "SHARDS=DB\n").unwrap();
    refused(
        &project,
        &["grow", "N=1"],
        ".dev.vars has SHARDS, which must stand in wrangler.toml, beside the databases",
    );
    fs::remove_file(variables).unwrap();
    project.configure(&without_ids());
    refused(&project, &["grow", "N=1"], "wrangler.toml has no id of the database: run make provision first");
    // The variables cannot be added to a table within a line.
    let (head, rest) = good.split_once("\n[vars]\n").unwrap();
    let (_, tail) = rest.split_once("\n[observability]\n").unwrap();
    project.configure(&format!("vars = {{ CLIENTS = \"any\" }}\n{head}\n[observability]\n{tail}"));
    let before = project.configuration();
    let (succeeded, text) = project.make(&["grow", "N=1"]);
    assert!(!succeeded && text.contains("written in a form that this program cannot edit"), "{text}");
    assert_eq!((project.configuration(), project.changes()), (before, Vec::new()));
}

#[test]
fn a_database_in_another_place_is_refused() {
    let project = project("growing-misplaced");
    // A database of the account has the name of the new one, and users that are placed otherwise.
    with_database(&project, "theirs", "edge-signup-1", &Value::Null);
    let sql = "INSERT INTO accounts (name, name_key, privacy, request_key) VALUES ('a', 'a', 'Public', 'k'); DELETE FROM accounts";
    project.account().content("theirs").execute_batch(sql).unwrap();
    let before = place(project.account().content("theirs"));
    let (succeeded, text) = project.make(&["grow", "N=1"]);
    assert!(
        !succeeded
            && text.contains("The database edge-signup-1 has another place already, and users or accounts"),
        "{text}"
    );
    assert!(!project.configuration().contains("\nSHARDS = "), "{text}");
    assert_eq!(place(project.account().content("theirs")), before);
    assert_eq!(project.changes(), [""; 0]);

    // The two databases are exchanged.
    let text = with_ids(Some(DATABASE), Some(NAMESPACE))
        .replace("# SHARDS = \"DB\"\n", "SHARDS = \"DB; DB_1\"\n")
        .replace(
            "migrations_dir = \"migrations\"\n",
            &format!("migrations_dir = \"migrations\"\n{}", entry("", "edge-signup", 1, "theirs")),
        );
    project.configure(&text);
    for command in ["deploy", "grow", "freeze", "shards"] {
        let (succeeded, text) = project.make(&[command, "N=1"]);
        let sentence = "DB_1 has another place (number 0, generation 0, position 0, size 1, service ";
        assert!(!succeeded && text.contains(sentence), "{text}");
        assert!(text.contains("than SHARDS gives it (number 1, generation 1, position 0, size 1)"), "{text}");
    }
    assert_eq!(project.changes(), [""; 0]);
    // A database of another name has the binding that the next database needs.
    project.configure(&with_ids(Some(DATABASE), Some(NAMESPACE)).replace(
        "migrations_dir = \"migrations\"\n",
        &format!("migrations_dir = \"migrations\"\n{}", entry("", "hats", 1, "hats")),
    ));
    refused(
        &project,
        &["grow", "N=1"],
        "wrangler.toml has a database hats-1 with binding = \"DB_1\", which edge-signup-1 needs",
    );
}

#[test]
fn an_environment_grows_by_itself_and_stays_in_its_jurisdiction() {
    let project = Project::new("growing-environment");
    let own = staging()
        .replace("\"DB\"\n", &format!("\"DB\"\ndatabase_id = \"{STAGING_DATABASE}\"\n"))
        .replace("\"BLOCKLIST\"\n", &format!("\"BLOCKLIST\"\nid = \"{STAGING_NAMESPACE}\"\n"))
        .replace("PASSWORD_MIN_LENGTH", "CONFUSABLES = \"deny\"\nPASSWORD_MIN_LENGTH");
    let top = with_ids(Some(DATABASE), Some(NAMESPACE));
    project.configure(&format!("{top}{own}"));
    with_database(&project, STAGING_DATABASE, "edge-signup-staging", &json!("eu"));
    let service = service(&project, STAGING_DATABASE);
    // A database that was made before must be in the jurisdiction too.
    with_database(&project, "theirs", "edge-signup-staging-1", &Value::Null);
    refused(
        &project,
        &["grow", "N=2", "ENV=staging"],
        "edge-signup-staging-1 already, outside of the jurisdiction eu",
    );
    project.account().databases.pop();

    let (succeeded, text) = project.make(&["grow", "N=2", "ENV=staging"]);
    assert!(succeeded && text.contains("Next: make deploy ENV=staging"), "{text}");
    let changes = project.changes();
    assert_eq!(
        changes[..2],
        [1, 2].map(|number| format!("database \"edge-signup-staging-{number}\" null \"eu\""))
    );
    let id = |number: usize| project.account().databases[number]["uuid"].as_str().unwrap().to_owned();
    let first = "migrations_dir = \"migrations\"\n";
    let name = "edge-signup-staging";
    let grown = own
        .replace(
            first,
            &format!(
                "{first}{}{}",
                entry("env.staging.", name, 1, &id(1)),
                entry("env.staging.", name, 2, &id(2))
            ),
        )
        .replace(
            "ARGON2_ITERATIONS = \"2\"\n",
            &format!("ARGON2_ITERATIONS = \"2\"\nSHARDS = \"DB; DB_1 DB_2\"\nSERVICE_ID = \"{service}\"\n"),
        );
    assert_eq!(project.configuration(), format!("{top}{grown}"));
    assert_eq!(
        place(project.account().content_of("edge-signup-staging-2")),
        format!("2 1 1 2 skeleton {service}")
    );
    let (succeeded, text) = project.make(&["shards", "ENV=staging"]);
    assert!(succeeded && text.contains("Next: make deploy ENV=staging"), "{text}");
}

/// The databases of this machine in `state`, in the order of their places.
fn local(state: &Path) -> Vec<Connection> {
    let files = fs::read_dir(state.join("v3/d1/miniflare-D1DatabaseObject"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let is_database = |path: &PathBuf| {
        path.extension().is_some_and(|e| e == "sqlite") && !path.ends_with("metadata.sqlite")
    };
    let mut all: Vec<_> = files.filter(is_database).map(|file| Connection::open(file).unwrap()).collect();
    all.sort_by_key(|content| value::<i64>(content, "SELECT number FROM place"));
    all
}

#[test]
fn this_machine_serves_four_databases_without_an_account() {
    let project = Project::new("growing-dev");
    let before = project.configuration();
    let state = fresh("growing-dev-state");
    let in_state = format!("STATE={}", state.display());
    let mut ids = Vec::new();
    for round in 0..2 {
        let dev = Dev::start(&project, &[("STATE", state.to_str().unwrap()), ("DATABASES", "4")]);
        for n in 0..16 {
            let name = format!("ada-{round}-{n}");
            let answer = sign_up(&name, "an-app").call(&dev.url).unwrap();
            assert_eq!(answer.status, 200, "{}", answer.body);
            ids.push(serde_json::from_str::<Value>(&answer.body).unwrap()["user"]["id"].as_i64().unwrap());
            assert_eq!(account(&name).call(&dev.url).unwrap().status, 201);
            assert_eq!(account(&name).call(&dev.url).unwrap().status, 409);
        }
    }
    assert_eq!(project.configuration(), before);
    let all = local(&state);
    assert_eq!(all.len(), 4);
    ids.sort_unstable();
    let stored: Vec<i64> = all
        .iter()
        .flat_map(|content| {
            let mut statement = content.prepare("SELECT id FROM users ORDER BY id").unwrap();
            statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(stored, ids);
    for (number, content) in all.iter().enumerate() {
        let number = i64::try_from(number).unwrap();
        for table in ["users", "accounts"] {
            let first: i64 = value(content, &format!("SELECT min(id) FROM {table}"));
            assert_eq!(first, before_first(number) + 1, "{table} of database {number}");
            assert_eq!(value::<i64>(content, &format!("SELECT max(id) >> 40 FROM {table}")), number);
        }
        let applied: i64 = value(content, "SELECT count(*) FROM d1_migrations");
        assert_eq!(applied, i64::try_from(fs::read_dir("migrations").unwrap().count()).unwrap());
    }
    drop(all);

    // wrangler finds nothing left to do.
    let listed = crate::server::command("wrangler")
        .args(["d1", "migrations", "list", "DB", "--local", "--persist-to"])
        .arg(&state)
        .current_dir(&project.folder)
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&listed.stdout).contains("No migrations to apply"), "{listed:?}");

    let (succeeded, text) = project.make(&["shards", "LOCAL=1", "DATABASES=4", &in_state]);
    let (rows, _) = table(&text);
    assert!(succeeded, "{text}");
    assert_eq!(rows[1..].iter().map(|row| row[0]).collect::<Vec<_>>(), ["DB", "DB_1", "DB_2", "DB_3"]);
    // A sign-up under a taken name uses an id too.
    assert!(rows[1..].iter().map(|row| row[3].parse::<u32>().unwrap()).sum::<u32>() >= 64, "{text}");
    let (succeeded, text) = project.make(&["skeletons", "DATABASES=4", &in_state]);
    assert!(succeeded && text.ends_with("Names with a skeleton: 64\n"), "{text}");
    for content in local(&state) {
        assert_eq!(value::<i64>(&content, "SELECT count(*) FROM users WHERE username_skeleton IS NULL"), 0);
    }
    // The same users cannot be placed in another number of databases.
    for (arguments, sentence) in [
        (["dev", "DATABASES=3"].as_slice(), "are placed otherwise"),
        (&["dev"], "are placed otherwise"),
        (&["dev", "DATABASES=four"], "DATABASES is \"four\": it must be the number of databases"),
        (
            &["shards", "LOCAL=1"],
            "if make dev DATABASES=… made this state, give this command the same DATABASES",
        ),
        (&["skeletons"], "if make dev DATABASES=… made this state, give this command the same DATABASES"),
    ] {
        let (succeeded, text) = project.make(&[arguments, &[&in_state, "PORT=0"]].concat());
        assert!(!succeeded && text.contains(sentence), "{arguments:?}: {text}");
    }
}

#[test]
fn the_generations_of_this_machine_are_served_frozen_and_listed() {
    let project = Project::new("growing-local");
    let text = without_ids();
    let second = "migrations_dir = \"migrations\"\n\n[[d1_databases]]\nbinding = \"DB_1\"\ndatabase_name = \"b\"\nmigrations_dir = \"migrations\"\n";
    let state = fresh("growing-local-state");
    let in_state = format!("STATE={}", state.display());
    let variables = [("STATE", state.to_str().unwrap())];
    let (succeeded, text_of) = project.make(&["shards", "LOCAL=1", &in_state]);
    assert!(!succeeded && text_of.contains("make dev comes first"), "{text_of}");
    {
        let dev = Dev::start(&project, &variables);
        assert_eq!(account("first").call(&dev.url).unwrap().status, 201);
    }
    // The new generation learns which servers are told of events before it takes a row.
    let wanted = "INSERT INTO subscriptions (type, client_id, webhook_id) VALUES ('account.created', '', 'wh_1234567'), \
                  ('user.created', 'it''s', 'wh_1234567')";
    local(&state)[0].execute_batch(wanted).unwrap();
    // SERVICE_ID is another than that of this machine's database.
    project.configure(
        &text
            .replacen("migrations_dir = \"migrations\"\n", second, 1)
            .replace("# SHARDS = \"DB\"\n", "SHARDS = \"DB; DB_1\"\nSERVICE_ID = \"k3\"\n"),
    );
    let (succeeded, text) = {
        let dev = Dev::start(&project, &variables);
        assert_eq!(account("second").call(&dev.url).unwrap().status, 201);
        // A frozen database is noticed by the running service.
        let frozen = project.make(&["freeze", "LOCAL=1", &in_state]);
        assert_eq!(account("third").call(&dev.url).unwrap().status, 201);
        assert_eq!(account("first").call(&dev.url).unwrap().status, 409);
        frozen
    };
    assert!(succeeded && text.starts_with("Generation 0 is frozen since 20"), "{text}");
    let all = local(&state);
    assert_eq!(
        all.iter().map(|content| value(content, "SELECT count(*) FROM accounts")).collect::<Vec<i64>>(),
        [2, 1]
    );
    assert_eq!(place(&all[1]), "1 1 0 1 name k3");
    let subscribed =
        "SELECT group_concat(type || ' ' || client_id || ' ' || webhook_id, ', ') FROM subscriptions";
    assert_eq!(
        value::<String>(&all[1], subscribed),
        "account.created  wh_1234567, user.created it's wh_1234567"
    );
    assert_eq!(value::<i64>(&all[1], "SELECT count(*) FROM deliveries"), 1);
    let (succeeded, text) = project.make(&["freeze", "LOCAL=1", &in_state]);
    assert!(!succeeded && text.contains("generation 1 is the last one"), "{text}");
    let (succeeded, text) = project.make(&["shards", "LOCAL=1", &in_state]);
    let (rows, _) = table(&text);
    assert!(succeeded && rows[1][2].starts_with("20") && rows[2][2] == "open", "{text}");
    assert_eq!([rows[1][3], rows[2][3]], ["2", "1"]);
}
