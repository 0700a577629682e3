//! Who gets in: tokens, and the JWTs of Cloudflare Access.

use std::io::Write;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::{
    INTERNAL, NO_PATH, READ_ONLY, READ_TOKEN, Setting, TOKEN, UNAUTHORIZED, admin, audited, get, server,
    variant,
};
use crate::guards::limits;
use crate::request::{self, Request, request};
use crate::server::{Server, command};
use crate::stand_in::{self, Reply};

const TOO_MANY: &str =
    r#"{"description":"Too many wrong tokens came from this network: try again in a minute","code":"429"}"#;
const NOT_CONFIGURED: &str = r#"{"description":"The admin has no credentials: set the secret ADMIN_TOKEN, or ACCESS_TEAM and ACCESS_AUD","code":"503"}"#;
const OTHER_ORIGIN: &str =
    r#"{"description":"Only a page of the admin's own origin may change something","code":"403"}"#;
const UNAVAILABLE: &str =
    r#"{"description":"The service is unavailable for the moment, try again later","code":"503"}"#;

const READS: [&str; 16] = [
    "/session",
    "/users",
    "/users/1",
    "/accounts",
    "/accounts/1",
    "/blocks",
    "/clients",
    "/exports/users",
    "/exports/users?hashes=0",
    "/exports/accounts",
    "/statistics",
    "/audit",
    "/shards",
    "/webhooks",
    "/webhooks/1",
    "/events",
];

const WRITES: [(&str, &str); 15] = [
    ("DELETE", "/users/1"),
    ("PUT", "/users/1/password"),
    ("DELETE", "/accounts/1"),
    ("PATCH", "/accounts/1"),
    ("PUT", "/blocks/203.0.113.7"),
    ("DELETE", "/blocks/203.0.113.7"),
    ("POST", "/clients"),
    ("PATCH", "/clients/any"),
    ("POST", "/imports"),
    ("POST", "/webhooks"),
    ("PATCH", "/webhooks/1"),
    ("DELETE", "/webhooks/1"),
    ("POST", "/webhooks/1/secret"),
    ("POST", "/webhooks/1/test"),
    ("POST", "/webhooks/1/resend"),
];

fn everything() -> impl Iterator<Item = Request> {
    let reads = READS.into_iter().map(|path| ("GET", path));
    reads.chain(WRITES).map(|(method, path)| request(method, path))
}

#[test]
fn without_a_token_nothing_is_answered() {
    for request in everything() {
        let answer = request.ask();
        answer.is_refusal(401, "unauthorized", UNAUTHORIZED);
        assert_eq!(answer.header("WWW-Authenticate"), Some("Bearer"));
    }
}

#[test]
fn a_wrong_token_is_refused() {
    for authorization in [
        "Bearer".to_owned(),
        "Bearer x".to_owned(),
        format!("Bearer {}", &TOKEN[1..]),
        format!("Bearer {}", &TOKEN[..TOKEN.len() - 1]),
        format!("Bearer {TOKEN}x"),
        format!("Bearer {}", TOKEN.to_uppercase()),
        format!("Bearer {TOKEN} {TOKEN}"),
        format!("Basic {TOKEN}"),
        TOKEN.to_owned(),
    ] {
        let request =
            request::get("/session").header("Authorization", &authorization).address("203.0.113.11");
        request.ask().is_refusal(401, "unauthorized", UNAUTHORIZED);
    }
    get(&format!("/session?token={TOKEN}"))
        .ask()
        .is(200, r#"{"actor":"admin-token","write":true,"version":"0.1.0"}"#);
    request::get(&format!("/session?token={TOKEN}")).ask().is(401, UNAUTHORIZED);
    assert!(!server().log().concat().contains(TOKEN));
}

#[test]
fn the_reading_token_reads_and_changes_nothing() {
    let session = request::get("/session").bearer(READ_TOKEN).ask();
    session.is(200, r#"{"actor":"read-token","write":false,"version":"0.1.0"}"#);
    for path in READS {
        let status = request::get(path).bearer(READ_TOKEN).ask().status;
        assert!(status == 200 || (status == 404 && path.ends_with("/1")), "{path}: {status}");
    }
    for (method, path) in WRITES.into_iter().chain([("GET", "/exports/users?hashes=1")]) {
        let request = request(method, path).bearer(READ_TOKEN).json("{}");
        request.ask().is_refusal(403, "read_only", READ_ONLY);
    }
}

#[test]
fn a_page_of_another_origin_changes_nothing() {
    let from = |request: Request, site: &str| request.header("Sec-Fetch-Site", site).ask();
    for (method, path) in WRITES {
        for site in ["cross-site", "same-site"] {
            let answer = from(request(method, path).bearer(TOKEN).json("{}"), site);
            answer.is_refusal(403, "origin_refused", OTHER_ORIGIN);
        }
    }
    for site in ["same-origin", "none"] {
        assert_eq!(from(admin("POST", "/webhooks/1/secret"), site).status, 404, "{site}");
    }
    assert_eq!(from(get("/session"), "cross-site").status, 200);
    // A sender who may only read learns only this.
    let answer = from(request("POST", "/webhooks/1/secret").bearer(READ_TOKEN), "cross-site");
    answer.is_refusal(403, "read_only", READ_ONLY);
}

#[test]
fn a_path_and_a_method_are_judged_before_the_token() {
    for path in ["/user", "/users/", "/users/0", "/users/x", "/users/9007199254740992", "/users/1/name"] {
        request("POST", path).ask().is_refusal(404, "not_found", NO_PATH);
    }
    for (method, path, allowed) in [
        ("PUT", "/users", "GET"),
        ("OPTIONS", "/users", "GET"),
        ("HEAD", "/session", "GET"),
        ("POST", "/users/1", "GET, DELETE"),
        ("GET", "/users/1/password", "PUT"),
        ("PUT", "/accounts/1", "GET, PATCH, DELETE"),
        ("GET", "/blocks/203.0.113.7", "PUT, DELETE"),
        ("DELETE", "/clients", "GET, POST"),
        ("GET", "/clients/any", "PATCH"),
        ("GET", "/imports", "POST"),
    ] {
        let answer = request(method, path).ask();
        assert_eq!((answer.status, answer.header("Allow")), (405, Some(allowed)), "{method} {path}");
        assert_eq!(answer.header("X-Error-Reason"), Some("method_not_allowed"));
        let body = format!(r#"{{"description":"This path takes {allowed} only","code":"405"}}"#);
        assert_eq!(answer.body, if method == "HEAD" { "" } else { &body });
    }
}

#[test]
fn too_many_wrong_tokens_of_a_network_have_to_wait() {
    limits::early_in_a_minute();
    let wrong = |address: &str| request::get("/session").bearer("wrong").address(address).ask();
    for n in 0..20 {
        assert_eq!(wrong(&format!("2001:db8:71:1::{n}")).status, 401, "{n}");
    }
    let answer = wrong("2001:db8:71:1:f::f");
    answer.is_refusal(429, "rate_limited", TOO_MANY);
    assert_eq!(answer.header("Retry-After"), Some("60"));
    assert_eq!(wrong("2001:db8:71:2::1").status, 401);
    let network = |request: Request| request.address("2001:db8:71:1::1").ask().status;
    assert_eq!(network(get("/session")), 200, "a right token still passes");
    assert_eq!(network(request::get("/session").bearer(READ_TOKEN)), 200);
    assert_eq!(network(request::get("/session")), 401, "a request without a token is not counted");
}

#[test]
fn without_credentials_and_with_wrong_settings_nobody_gets_in() {
    let token = ("ADMIN_TOKEN", TOKEN);
    let all: [(&str, Vec<Setting>, &str); 8] = [
        ("short", vec![("ADMIN_TOKEN", "s3cret")], "ADMIN_TOKEN must be 32 to 256 visible ASCII characters"),
        ("read", vec![token, ("ADMIN_READ_TOKEN", "s3cret")], "ADMIN_READ_TOKEN must be 32 to 256"),
        ("same", vec![token, ("ADMIN_READ_TOKEN", TOKEN)], "ADMIN_TOKEN and ADMIN_READ_TOKEN are the same"),
        ("alone", vec![token, ("ACCESS_TEAM", "s3cret")], "ACCESS_AUD is missing, but ACCESS_TEAM is there"),
        ("aud", vec![token, ("ACCESS_AUD", "s3cret")], "ACCESS_TEAM is missing, but ACCESS_AUD is there"),
        (
            "team",
            vec![token, ("ACCESS_TEAM", "http://s3cret.example"), ("ACCESS_AUD", "tag")],
            "ACCESS_TEAM must be the name of a team",
        ),
        ("peppers", vec![token, ("PASSWORD_PEPPERS", "2025:s3cret")], "PASSWORD_PEPPERS must have peppers"),
        ("firebase", vec![token, ("FIREBASE_SCRYPT", "s3cret")], "FIREBASE_SCRYPT must be Firebase's"),
    ];
    let files: Vec<_> =
        all.iter().map(|(name, vars, _)| variant(name, vars)).chain([variant("none", &[])]).collect();
    let files = files.iter().map(|file| file.to_str().unwrap()).chain(["admin/wrangler.toml"]);
    let arguments: Vec<_> = files.flat_map(|file| ["--beside", file]).collect();
    let server = Server::start("admin-settings", &arguments);

    for request in everything() {
        let request = request.bearer(TOKEN);
        request.ask_url(server.beside("none")).is_refusal(503, "not_configured", NOT_CONFIGURED);
    }
    // The page and the description have no data.
    let description = request::get("/openapi.json").call(server.beside("edge-signup-admin")).unwrap();
    description.is(200, include_str!("../../../admin/public/openapi.json"));
    for (name, _, cause) in all {
        let answer = get("/session").ask_url(server.beside(name));
        answer.is_refusal(500, "internal_error", INTERNAL);
        let line = server.log_line(answer.id());
        assert!(line["cause"].as_str().is_some_and(|text| text.starts_with(cause)), "{name}: {line}");
    }
    let log = server.log().concat();
    assert!(!log.contains(TOKEN) && !log.contains("s3cret"));
}

/// A JWT: changes of the head and the claims of a good one, and the key that signs it.
type Changes = (&'static str, Value, Value, Value);

/// Two admins of a team: one whose keys are there, and one whose keys cannot be had. `changes` are the JWTs, and `asked`
/// counts the requests for the keys.
fn team(now: u64, changes: Vec<Changes>, nobody: &str, asked: &'static AtomicUsize) -> (Server, Value) {
    let keys: Arc<OnceLock<Value>> = Arc::default();
    let served = Arc::clone(&keys);
    let url = stand_in::start(move |question| {
        assert_eq!(question.line, "GET /cdn-cgi/access/certs");
        asked.fetch_add(1, Ordering::Relaxed);
        // The team has the first key only.
        Reply::Answer(200, json!({ "keys": [served.get().unwrap()[0]] }).to_string())
    });
    let mut wanted = json!({});
    for (name, head, claims, key) in changes {
        let mut jwt = json!({
            "head": { "alg": "RS256", "kid": "key-0", "typ": "JWT" },
            "claims": { "aud": ["the-tag"], "email": "ada@example.com", "exp": now + 300, "iat": now, "iss": url },
            "key": key,
        });
        for (part, change) in [("head", head), ("claims", claims)] {
            jwt[part].as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        }
        wanted[name] = jwt;
    }
    let mut node = command("node");
    node.arg("tests/worker/admin/keys.js").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut node = node.spawn().unwrap();
    node.stdin.take().unwrap().write_all(wanted.to_string().as_bytes()).unwrap();
    let mut made: Value = serde_json::from_slice(&node.wait_with_output().unwrap().stdout).unwrap();
    keys.set(made["keys"].take()).unwrap();

    let team = |url| [("ADMIN_TOKEN", TOKEN), ("ACCESS_TEAM", url), ("ACCESS_AUD", "the-tag")];
    let files = [variant("access", &team(&url)), variant("access-down", &team(nobody))];
    let arguments: Vec<_> = files.iter().flat_map(|file| ["--beside", file.to_str().unwrap()]).collect();
    (Server::start("admin-access", &arguments), made["tokens"].take())
}

#[test]
fn a_jwt_of_cloudflare_access_is_verified() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let none = || json!({});
    let nobody = stand_in::nobody();
    let wrong = [
        ("expired", none(), json!({ "exp": now - 120 }), json!(0), "the JWT has expired"),
        ("early", none(), json!({ "nbf": now + 120 }), json!(0), "the JWT is not valid yet"),
        ("audience", none(), json!({ "aud": ["another"] }), json!(0), "the JWT is for another audience"),
        (
            "issuer",
            none(),
            json!({ "iss": "https://evil.example" }),
            json!(0),
            "the JWT is from another issuer",
        ),
        (
            "unsigned",
            json!({ "alg": "none" }),
            none(),
            json!("none"),
            "the algorithm of the JWT is not RS256",
        ),
        ("empty", none(), none(), json!("none"), "the JWT is not of its form"),
        (
            "symmetric",
            json!({ "alg": "HS256" }),
            none(),
            json!("text"),
            "the algorithm of the JWT is not RS256",
        ),
        ("confused", none(), none(), json!("text"), "the signature of the JWT does not hold"),
        ("forged", none(), none(), json!(1), "the signature of the JWT does not hold"),
        (
            "unknown",
            json!({ "kid": "key-1" }),
            none(),
            json!(1),
            "the key of the JWT is not one of the team's",
        ),
        ("nameless", none(), json!({ "email": "" }), json!(0), "the JWT does not say who sent it"),
        ("reserved", none(), json!({ "email": "admin-token" }), json!(0), "the JWT does not say who sent it"),
    ];
    let mut changes: Vec<Changes> = vec![
        ("good", none(), none(), json!(0)),
        ("service", none(), json!({ "email": null, "common_name": "a-program" }), json!(0)),
        ("down", none(), json!({ "iss": nobody }), json!(0)),
    ];
    changes.extend(
        wrong.iter().map(|(name, head, claims, key, _)| (*name, head.clone(), claims.clone(), key.clone())),
    );
    let (server, tokens) = team(now, changes, &nobody, &ASKED);
    let with = |request: Request, name: &str| {
        let address = "203.0.113.12";
        request.header("Cf-Access-Jwt-Assertion", tokens[name].as_str().unwrap()).address(address)
    };
    let session = || request::get("/session");
    let url = server.beside("access");

    with(session(), "good")
        .ask_url(url)
        .is(200, r#"{"actor":"ada@example.com","write":true,"version":"0.1.0"}"#);
    with(session(), "service")
        .ask_url(url)
        .is(200, r#"{"actor":"a-program","write":true,"version":"0.1.0"}"#);
    for (name, _, _, _, cause) in wrong {
        let answer = with(session(), name).ask_url(url);
        answer.is_refusal(401, "unauthorized", UNAUTHORIZED);
        let line = server.log_line(answer.id());
        assert!(line["cause"].as_str().is_some_and(|text| text.starts_with(cause)), "{name}: {line}");
    }
    let tampered = tokens["good"].as_str().unwrap().replacen('.', ".e30", 1);
    session().header("Cf-Access-Jwt-Assertion", tampered).ask_url(url).is(401, UNAUTHORIZED);
    assert_eq!(with(get("/session"), "expired").ask_url(url).json()["actor"], "admin-token");
    assert_eq!(with(session().bearer("wrong"), "good").ask_url(url).json()["actor"], "ada@example.com");
    // A key that is unknown is looked for once, because the first answer may be old.
    assert!(ASKED.load(Ordering::Relaxed) <= 2, "{ASKED:?}");

    let block = request("PUT", "/blocks/203.0.113.13").json("{}");
    assert_eq!(with(block, "good").ask_url(url).status, 200);
    assert_eq!(audited(&server, "203.0.113.13"), ["ada@example.com address_blocked"]);

    let down = server.beside("access-down");
    with(session(), "down").ask_url(down).is_refusal(503, "unavailable", UNAVAILABLE);
    with(session(), "good").ask_url(down).is_refusal(401, "unauthorized", UNAUTHORIZED);
    get("/session").ask_url(down).is(200, r#"{"actor":"admin-token","write":true,"version":"0.1.0"}"#);
}
