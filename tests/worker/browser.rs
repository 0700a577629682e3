//! A page of another origin calls both routes with `fetch` in headless Chromium.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::shared;
use crate::verify::edge;
use crate::webdriver::Browser;

const PAGE: &str = include_str!("browser.html");

#[test]
fn a_page_of_another_origin_calls_both_routes_and_reads_every_answer() {
    let Some(browser) = Browser::start() else { return };
    // Behind this edge, the browser has a blocked address.
    let blocking = edge(shared(), &[("CF-Connecting-IP", "198.51.100.7")], |_, _| {});
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let page = format!("{origin}/?service={}&blocking={}", shared().url, blocking);
    let results = thread::scope(|scope| {
        let report = scope.spawn(|| serve_page_until_it_reports(&listener));
        browser.open(&page);
        report.join().unwrap()
    });

    let readable = json!({ "etag": true, "requestId": true });
    let unreadable = json!({ "etag": false, "requestId": true });
    let user = &shared().database().users("browser")[0];
    for (call, status, body, headers) in [
        ("signUp", 200, json!({ "user": { "id": user.id, "username": "Зоя" } }), &readable),
        (
            "signUpTaken",
            409,
            json!({ "username": "зоя", "code": "409", "description": "Username already in use" }),
            &unreadable,
        ),
        (
            "signUpInvalid",
            400,
            json!({ "description": "username must have 1 to 254 characters", "code": "400", "field": "username" }),
            &unreadable,
        ),
        ("account", 201, json!({ "name": "名前-☃", "privacy": "Private" }), &readable),
        ("accountRepeated", 201, json!({ "name": "名前-☃", "privacy": "Private" }), &readable),
        ("accountTaken", 409, json!({ "name": "名前-☃", "code": "409" }), &unreadable),
        (
            "accountInvalid",
            400,
            json!({ "name": "browser", "privacy": "friends", "code": "400", "description": "Privacy was invalid" }),
            &unreadable,
        ),
        (
            "blocked",
            403,
            json!({ "description": "Your IP address was blocked.", "code": "403" }),
            &unreadable,
        ),
    ] {
        let expected = json!({ "status": status, "body": body, "headers": headers });
        assert_eq!(results[call], expected, "{call}");
    }
    assert_eq!(shared().database().accounts("名前-☃").len(), 1);
}

/// Answers every GET with the page, and gives the report that the page posts.
fn serve_page_until_it_reports(listener: &TcpListener) -> Value {
    let deadline = Instant::now() + Duration::from_mins(2);
    listener.set_nonblocking(true).unwrap();
    while Instant::now() < deadline {
        let Ok((stream, _)) = listener.accept() else {
            thread::sleep(Duration::from_millis(20));
            continue;
        };
        if let Some(report) = answer(stream) {
            return report;
        }
    }
    panic!("the page should report within two minutes");
}

fn answer(mut stream: TcpStream) -> Option<Value> {
    stream.set_nonblocking(false).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let report = head.starts_with("POST ").then(|| {
        let length =
            head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap()];
        reader.read_exact(&mut body).unwrap();
        serde_json::from_slice(&body).unwrap()
    });
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{PAGE}",
        PAGE.len()
    )
    .unwrap();
    report
}
