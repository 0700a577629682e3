//! The pages: both are readable at any size and in both colour schemes, the reference is complete, and the files are
//! served with their headers.

use std::fs;

use serde_json::{Value, json};

use crate::console::{ACCOUNT, SIGN_UP, answer_to, on_each_screen, set_scheme};
use crate::request::get;
use crate::server::shared;

#[test]
fn both_pages_are_readable_at_each_size_in_light_and_dark() {
    for path in ["/", "/reference"] {
        on_each_screen(path, |page, (_, width, _, is_touched)| {
            if path == "/" {
                // Both forms show an answer, and one of them a long value and an error.
                page.fill("#username", &"w".repeat(255));
                answer_to(page, SIGN_UP, ".primary");
                page.fill("#name", "pages");
                answer_to(page, ACCOUNT, ".primary");
            } else {
                page.wait_until("document.querySelector('.operation')");
                page.run(
                    "document.querySelectorAll('details').forEach((node) => (node.open = true))",
                    &json!([]),
                );
            }
            for scheme in ["light", "dark"] {
                set_scheme(page, scheme);
                let minimum = if is_touched { 44 } else { 24 };
                let faults = page.run(include_str!("pages.js"), &json!([width, minimum]));
                assert_eq!(faults, json!([]), "{path} at {width} px, {scheme}");
            }
        });
    }
}

#[test]
fn the_reference_shows_all_that_openapi_json_says() {
    let file = fs::read_to_string("public/openapi.json").unwrap();
    let api: Value = serde_json::from_str(&file).unwrap();
    on_each_screen("/reference", |page, _| {
        page.wait_until("document.querySelector('.operation')");
        let text = page.text("main");
        for unwanted in ["undefined", "[object", "#/components"] {
            assert!(!text.contains(unwanted), "{unwanted}");
        }
        for (path, item) in api["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
                let id = format!("#{method}-{}", words.collect::<Vec<_>>().join("-"));
                let shown = page.text(&id);
                assert!(shown.contains(&method.to_uppercase()) && shown.contains(path), "{shown}");
                assert!(shown.contains(operation["summary"].as_str().unwrap()), "{shown}");
                for status in operation["responses"].as_object().unwrap().keys() {
                    assert!(shown.contains(status), "{status} of {method} {path}");
                }
            }
        }
        for (operation, field) in [
            ("#post-sign-up", "username"),
            ("#post-sign-up", "password"),
            ("#post-sign-up", "client_id"),
            ("#post-sign-up", "Idempotency-Key"),
            ("#post-users", "Username"),
            ("#post-users", "Privacy"),
            ("#post-users", "Idempotency-Key"),
            ("#post-users", "X-Request-Id"),
        ] {
            let names = page.run(
                "return [...document.querySelectorAll(`${arguments[0]} dt .name`)].map((dt) => dt.textContent)",
                &json!([operation]),
            );
            assert!(names.as_array().unwrap().contains(&field.into()), "{field} in {names}");
        }
    });
}

#[test]
fn a_fragment_shows_its_part_of_the_reference_and_cannot_hide_the_reference() {
    on_each_screen("/reference#%", |page, _| page.wait_until("document.querySelector('.operation')"));
    on_each_screen("/reference#post-users", |page, _| {
        page.wait_until("document.querySelector('.operation')");
        let top = "document.getElementById('post-users').getBoundingClientRect().top";
        page.wait_until(&format!("Math.abs({top}) < 200"));
    });
}

#[test]
fn every_file_is_served_and_with_a_strict_policy() {
    for entry in fs::read_dir("public").unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let path = match file.as_str() {
            "_headers" => continue,
            "index.html" => "",
            _ => file.trim_end_matches(".html"),
        };
        let answer = get(&format!("/{path}")).call(&shared().url).unwrap();
        assert_eq!(answer.status, 200, "{file} needs its path in wrangler.toml");
        for (name, value) in [
            (
                "Content-Security-Policy",
                "default-src 'none'; script-src 'self' https://challenges.cloudflare.com; \
                 frame-src https://challenges.cloudflare.com; style-src 'self'; connect-src 'self'; img-src 'self'; \
                 base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            ),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{name} of {file}");
        }
        assert_eq!(answer.body, fs::read_to_string(format!("public/{file}")).unwrap());
    }
}
