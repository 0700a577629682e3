//! A headless Chromium, driven by chromedriver over the [WebDriver](https://www.w3.org/TR/webdriver2/) protocol. The
//! tests need a dozen calls, which `ureq` makes. `fantoccini` would bring 39 more crates and `thirtyfour` 75, and
//! both tokio.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::Request;

use crate::http::agent;
use crate::is_there;

/// Chromium's flags: no window, and no calls to its maker. With the pipe, it ends when chromedriver does.
const FLAGS: [&str; 9] = [
    "--remote-debugging-pipe",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// The key that `WebDriver` calls Tab.
const TAB: &str = "\u{e004}";

/// The longest time that a page may take. It is long, because the tests share the machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// The browsers that no test uses at the moment. Most tests use a browser for a shorter time than it takes to start.
static IDLE: Mutex<Vec<Browser>> = Mutex::new(Vec::new());

/// A browser with one new tab. Another test uses it after this value is dropped, in another tab.
pub struct Browser {
    agent: Agent,
    url: String,
    /// The standard input of this process is a pipe, so the browser ends when the process of the tests ends.
    driver: Option<Child>,
}

impl Browser {
    /// Takes an idle browser, or starts one. If none is installed, reports that and gives `None`; in CI it must be
    /// installed.
    pub fn start() -> Option<Self> {
        if let Some(browser) = IDLE.lock().unwrap().pop() {
            return Some(browser);
        }
        if !["chromium", "chromedriver"].iter().all(|program| is_there(program, "the tests of the pages")) {
            return None;
        }
        // While many tests run, chromedriver sometimes ends before it listens. Then another one starts.
        let (driver, port) = (0..5).find_map(|_| start_driver()).expect("chromedriver should start");
        let url = format!("http://127.0.0.1:{port}/session");
        let mut browser = Self { agent: agent(), url, driver: Some(driver) };
        let session = browser.post(
            "",
            &json!({ "capabilities": { "alwaysMatch": {
                "goog:loggingPrefs": { "browser": "ALL" },
                "goog:chromeOptions": { "args": FLAGS },
            } } }),
        );
        browser.url = format!("{}/{}", browser.url, session["sessionId"].as_str().unwrap());
        Some(browser)
    }

    /// The address of the session, for a test in another language.
    pub fn session(&self) -> &str {
        &self.url
    }

    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        let response = match body {
            Some(body) => self.agent.run(request.body(body.to_string()).unwrap()),
            None => self.agent.run(request.body(()).unwrap()),
        };
        let mut response = response.map_err(|error| error.to_string())?;
        let text = response.body_mut().read_to_string().unwrap();
        let mut answer: Value = serde_json::from_str(&text).unwrap();
        if response.status() == 200 {
            Ok(answer["value"].take())
        } else {
            Err(format!("{path}: {}", answer["value"]["message"]))
        }
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.call("POST", path, Some(body)).unwrap()
    }

    /// Sends a command of the `DevTools` protocol, and gives its result.
    pub fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.post("/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    /// Opens a page and waits until it is loaded.
    pub fn open(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    /// Runs the body of a function in the page, and gives its result.
    pub fn run(&self, script: &str, arguments: &Value) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": arguments }))
    }

    /// Runs the body of a function in the page. Gives the value that it passes to its last argument, a callback.
    pub fn run_async(&self, script: &str) -> Value {
        self.post("/execute/async", &json!({ "script": script, "args": [] }))
    }

    /// Waits until an expression is true in the page.
    pub fn wait_until(&self, expression: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.run(&format!("return !!({expression})"), &json!([])) != true {
            assert!(Instant::now() < deadline, "this should become true: {expression}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The text of the first element that `selector` finds.
    pub fn text(&self, selector: &str) -> String {
        let text = self.run("return document.querySelector(arguments[0]).textContent", &json!([selector]));
        text.as_str().unwrap().to_owned()
    }

    fn element(&self, selector: &str) -> String {
        let found = self.post("/element", &json!({ "using": "css selector", "value": selector }));
        id(&found)
    }

    /// Clicks as a hand would: a hidden or covered element cannot be clicked.
    pub fn click(&self, selector: &str) {
        self.post(&format!("/element/{}/click", self.element(selector)), &json!({}));
    }

    /// Clicks likewise the element that an expression gives. The element may be in a shadow tree.
    pub fn click_on(&self, expression: &str) {
        let found = self.run(&format!("return {expression}"), &json!([]));
        self.post(&format!("/element/{}/click", id(&found)), &json!({}));
    }

    /// Empties a field and types into it.
    pub fn fill(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.post(&format!("/element/{element}/clear"), &json!({}));
        self.post(&format!("/element/{element}/value"), &json!({ "text": text }));
    }

    /// Presses and releases a key.
    pub fn press(&self, key: &str) {
        let press = ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key }));
        self.post("/actions", &json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": press }] }));
    }

    /// Presses Tab, and gives the name that a screen reader has for the focused element, also in a shadow tree.
    pub fn tab(&self) -> String {
        self.press(TAB);
        let script = "let node = document.activeElement;
             while (node.shadowRoot?.activeElement) node = node.shadowRoot.activeElement;
             return node";
        let active = self.run(script, &json!([]));
        let label = self.call("GET", &format!("/element/{}/computedlabel", id(&active)), None).unwrap();
        label.as_str().unwrap().to_owned()
    }

    /// Replaces the tab by a new one, in which nothing is left of the settings of a test.
    fn change_tab(&self) -> Result<(), String> {
        self.call("POST", "/se/log", Some(&json!({ "type": "browser" })))?;
        let new = self.call("POST", "/window/new", Some(&json!({ "type": "tab" })))?;
        self.call("DELETE", "/window", None)?;
        self.call("POST", "/window", Some(&json!({ "handle": new["handle"] })))?;
        Ok(())
    }

    /// The complaints in the browser's console since the last call.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.post("/se/log", &json!({ "type": "browser" }));
        log.as_array().unwrap().iter().map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let Some(mut driver) = self.driver.take() else { return };
        // The browser of a test that failed is not used again.
        if thread::panicking() || self.change_tab().is_err() {
            let _ = self.call("DELETE", "", None);
            drop(driver.stdin.take());
            let _ = driver.wait();
        } else {
            let idle = Self { agent: self.agent.clone(), url: self.url.clone(), driver: Some(driver) };
            IDLE.lock().unwrap().push(idle);
        }
    }
}

/// Starts chromedriver. Gives it with its port, or `None` if it ended at once.
fn start_driver() -> Option<(Child, String)> {
    // chromedriver itself does not notice that its standard input ends. The shell closes its own standard output, so that
    // the pipe ends with chromedriver.
    let mut driver = Command::new("sh")
        .args(["-c", "chromedriver --port=0 & exec >&-; read -r _; kill $!"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let port = BufReader::new(driver.stdout.as_mut().unwrap()).lines().find_map(|line| {
        let line = line.unwrap();
        line.split_once("successfully on port ").map(|(_, port)| port.trim_end_matches('.').to_owned())
    });
    if port.is_none() {
        drop(driver.stdin.take());
        driver.wait().unwrap();
    }
    Some((driver, port?))
}

/// The id of an element. The protocol has this key for it.
fn id(element: &Value) -> String {
    element["element-6066-11e4-a52e-4f735466cecf"].as_str().unwrap().to_owned()
}
