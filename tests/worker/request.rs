//! The builder of the tests' requests. A request is built step by step, and can be sent several times.

use std::fmt::Display;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::{self, HeaderValue};

use crate::http::{Answer, agent};
use crate::server::{Server, shared};

/// A request to a Worker.
#[derive(Clone)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub body: Vec<u8>,
    headers: Vec<(String, Vec<u8>)>,
}

/// A request without headers and without a body.
pub fn request(method: &str, path: &str) -> Request {
    Request { method: method.to_owned(), path: path.to_owned(), body: Vec::new(), headers: Vec::new() }
}

pub fn get(path: &str) -> Request {
    request("GET", path)
}

pub fn post(path: &str) -> Request {
    request("POST", path)
}

/// The request by which a browser asks what a page of another origin may send to `path`.
pub fn preflight(path: &str) -> Request {
    request("OPTIONS", path)
}

/// `POST /sign-up`, with a password that every setting allows.
pub fn sign_up(username: &str, client_id: &str) -> Request {
    let body = json!({ "username": username, "password": "correct horse", "client_id": client_id });
    post("/sign-up").json(body.to_string())
}

/// `POST /users/`.
pub fn account(username: &str) -> Request {
    post("/users/").header("Username", username)
}

impl Request {
    /// Adds a header. A request may have several of one name.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Adds several headers. An `Option` adds one or none.
    pub fn headers<'a>(self, headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        headers.into_iter().fold(self, |request, (name, value)| request.header(name, value))
    }

    /// Sets the body.
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().into();
        self
    }

    /// Sets the body and announces it as JSON.
    pub fn json(self, body: impl AsRef<[u8]>) -> Self {
        self.header("Content-Type", "application/json").body(body)
    }

    /// Sets a member of the JSON object in the body.
    pub fn member(self, name: &str, value: impl Into<Value>) -> Self {
        let mut body: Value = serde_json::from_slice(&self.body).unwrap();
        body[name] = value.into();
        self.body(body.to_string())
    }

    pub fn password(self, password: &str) -> Self {
        self.member("password", password)
    }

    pub fn privacy(self, privacy: &str) -> Self {
        self.header("Privacy", privacy)
    }

    pub fn key(self, key: &str) -> Self {
        self.header("Idempotency-Key", key)
    }

    /// The client's IP address.
    pub fn address(self, address: &str) -> Self {
        self.header("CF-Connecting-IP", address)
    }

    /// Asks `faults.js` for a fault.
    pub fn fault(self, fault: &str) -> Self {
        self.header("Test-Fault", fault)
    }

    /// Asks `faults.js` for variables, which are a JSON object.
    pub fn vars(self, vars: impl Display) -> Self {
        self.header("Test-Vars", vars.to_string())
    }

    /// Sends the request to the shared server.
    pub fn send(&self) -> Answer {
        self.send_to(shared())
    }

    /// Sends the request to `server`, over a connection of its own.
    pub fn send_to(&self, server: &Server) -> Answer {
        self.send_by(&agent(), server)
    }

    /// Sends the request to `server` over a connection of `agent`.
    pub fn send_by(&self, agent: &Agent, server: &Server) -> Answer {
        self.checked(self.run(agent, &server.url).unwrap())
    }

    /// Sends the request to a server that may die.
    pub fn try_send_to(&self, server: &Server) -> Result<Answer, ureq::Error> {
        Ok(self.checked(self.call(&server.url)?))
    }

    /// Sends the request to the server at `url`, and does not check the answer.
    pub fn call(&self, url: &str) -> Result<Answer, ureq::Error> {
        self.run(&agent(), url)
    }

    fn checked(&self, answer: Answer) -> Answer {
        answer.check(&self.method, &self.path);
        answer
    }

    fn run(&self, agent: &Agent, url: &str) -> Result<Answer, ureq::Error> {
        let mut request = http::Request::builder().method(&*self.method).uri(format!("{url}{}", self.path));
        for (name, value) in &self.headers {
            request = request.header(name, HeaderValue::from_bytes(value).unwrap());
        }
        let mut response = if self.body.is_empty() {
            agent.run(request.body(()).unwrap())?
        } else {
            agent.run(request.body(&*self.body).unwrap())?
        };
        let body = response.body_mut().read_to_string()?;
        Ok(Answer { status: response.status().as_u16(), body, headers: response.headers().clone() })
    }
}

/// Sends bytes that an HTTP library would not send. Gives the answer's first line and its body.
pub fn send_raw(request: &[u8]) -> (String, String) {
    let mut stream = TcpStream::connect(shared().url.strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect(&answer);
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}
