//! A server on this machine that stands in for one on the internet. The crate `tiny_http` will not do: it refuses a
//! header in raw UTF-8, which `make verify` sends through an edge, and it adds its own headers to an answer.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// A request that the server received.
pub struct Question {
    /// Method and path.
    pub line: String,
    /// The headers, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// The answer to a question.
pub enum Reply {
    /// A status and a body.
    Answer(u16, String),
    /// A status, these headers and no others, and a body that ends with the connection.
    Whole(u16, Vec<(String, String)>, String),
    /// A body that never ends.
    Half(String),
    /// No answer: the connection stays open.
    Never,
    /// No answer: the connection is closed.
    Lost,
}

impl Question {
    /// The value of the header `name`, which is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// Starts a server that answers with `reply` until the tests end. Gives its `http://127.0.0.1:…`.
pub fn start(reply: impl Fn(&Question) -> Reply + Send + Sync + Clone + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, reply) = (stream.unwrap(), reply.clone());
            thread::spawn(move || serve(stream, reply));
        }
    });
    url
}

/// A URL where no server listens.
pub fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn serve(mut stream: TcpStream, reply: impl Fn(&Question) -> Reply) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut lines = reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    // A browser may open a connection and not use it.
    let Some(line) = lines.next() else { return };
    let headers = lines.filter_map(|line| {
        line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()))
    });
    let mut question =
        Question { line: line.replace(" HTTP/1.1", ""), headers: headers.collect(), body: Vec::new() };
    let length = question.header("content-length").map_or(0, |length| length.parse().unwrap());
    reader.take(length).read_to_end(&mut question.body).unwrap();
    let length = |length: usize| ("Content-Length".to_owned(), length.to_string());
    let (status, mut headers, body, is_all) = match reply(&question) {
        Reply::Answer(status, body) => (status, vec![length(body.len())], body, true),
        Reply::Half(body) => (200, vec![length(body.len() + 1)], body, false),
        Reply::Whole(status, headers, body) => (status, headers, body, true),
        Reply::Never => return hold(stream),
        Reply::Lost => return,
    };
    if status == 307 {
        headers.push(("Location".to_owned(), "/elsewhere".to_owned()));
    }
    let headers: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!("HTTP/1.1 {status} Some\r\n{}Connection: close\r\n\r\n", headers.concat());
    // The client may have gone.
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
    if !is_all {
        hold(stream);
    }
}

/// Leaves a connection open until the other side has closed it.
fn hold(mut stream: TcpStream) {
    let _ = stream.set_read_timeout(Some(Duration::from_mins(1)));
    let _ = stream.read(&mut [0]);
}
