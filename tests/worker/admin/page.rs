//! The page of the admin, in Chromium: `page.js` has the steps.

use std::process::Stdio;

use super::{READ_TOKEN, TOKEN, WEBHOOK_KEY, start};
use crate::server::command;
use crate::webdriver::Browser;

#[test]
fn every_view_of_the_page_works() {
    let Some(browser) = Browser::start() else { return };
    let server = start("admin-page", &[WEBHOOK_KEY]);
    let output = command("node")
        .args(["--no-warnings", "--test", "--test-reporter=spec", "tests/worker/admin/page.js"])
        .env("ADMIN_URL", server.beside("edge-signup-admin"))
        .env("ADMIN_TOKEN", TOKEN)
        .env("ADMIN_READ_TOKEN", READ_TOKEN)
        .env("BROWSER", browser.session())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
