//! The pages of `examples/`, which `make examples` builds.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::*;

#[test]
fn the_examples_build_and_sign_users_up() {
    let output = Command::new("make").args(["--silent", "examples"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let Some(browser) = Browser::start() else { return };
    let service = plain("{}");
    for name in ["react", "vue", "svelte"] {
        let folder = Path::new("examples").join(name).join("dist");
        let address = service.clone();
        let site = stand_in::start(move |question| {
            let path = question.line.trim_start_matches("GET /");
            let path = if path.is_empty() { "index.html" } else { path };
            let Ok(text) = fs::read_to_string(folder.join(path)) else { return reply(404, &[], "") };
            let kind = match path.rsplit_once('.').unwrap().1 {
                "html" => "text/html",
                "css" => "text/css",
                _ => "text/javascript",
            };
            // The page names the service of `make dev`.
            let text = text.replace("http://127.0.0.1:8787", &address);
            Reply::Whole(200, vec![("Content-Type".to_owned(), kind.to_owned())], text)
        });
        browser.open(&site);
        wait_for_form(&browser);
        fill(&browser, &format!("element-{name}"), PASSWORD);
        press(&browser);
        browser.wait_until("document.querySelector('main h1')");
        assert_eq!(browser.text("main h1"), format!("Hello element-{name}!"));
    }
    let users = faults::server().database().users("demo");
    assert_eq!(users.iter().filter(|user| user.username.starts_with("element-")).count(), 3);
    // Each use of the tag has five lines at most.
    for file in ["react/SignUp.jsx", "vue/SignUp.vue", "svelte/SignUp.svelte"] {
        let text = fs::read_to_string(Path::new("examples").join(file)).unwrap();
        let from = text
            .find("function SignUp")
            .or_else(|| text.find("<template>"))
            .or_else(|| text.find("{#if"))
            .unwrap();
        assert!(text[from..].lines().filter(|line| !line.is_empty()).count() <= 5, "{file}");
    }
}
