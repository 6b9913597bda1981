//! A server that sends fixed responses. It acts as the service, S3 or a registry, and can cause faults that a real
//! server cannot cause on demand.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::Command,
    sync::{Arc, Mutex},
    thread,
};

use serde_json::Value;

use crate::support::{Printed, Work, packs};

/// The API key that [`Server::command`] sets.
const KEY: &str = "sk_01JACME0000000000000000000_thisIsNotAKeyOfAnyone";

/// What the server does with one request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// Responds with a status, headers and a body.
    Respond(u16, &'static str, String),
    /// Reads the headers and half of the body, and then closes the connection.
    Close,
    /// Reads the request, and waits until the client closes the connection.
    Hold,
}

#[derive(Debug, Clone)]
pub(crate) struct Received {
    /// The method, and the path with the query.
    pub(crate) line: String,
    /// Each as `name: value`, with the name in lower case.
    pub(crate) headers: Vec<String>,
    pub(crate) body: Vec<u8>,
}

pub(crate) struct Server {
    pub(crate) url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

pub(crate) fn json(status: u16, body: &Value) -> Reply {
    Reply::Respond(status, "", body.to_string())
}

/// Returns an error response from the service, with a `Retry-After` of 0 seconds.
pub(crate) fn error(status: u16, code: &str, details: Value) -> Reply {
    let error = serde_json::json!({ "code": code, "message": "a message", "request_id": "r1", "details": details });
    Reply::Respond(status, "Retry-After: 0\r\n", serde_json::json!({ "error": error }).to_string())
}

impl Server {
    /// Starts a server that sends each reply once, in order.
    pub(crate) fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let (replies, log): (Vec<Reply>, _) = (replies.into_iter().collect(), Arc::clone(&received));
        thread::spawn(move || {
            for reply in replies {
                let (stream, _) = listener.accept().unwrap();
                // Ignore errors, because a client may give up while it sends a body.
                if let Ok(request) = read(&stream, &reply) {
                    log.lock().unwrap().push(request);
                    let _ = respond(stream, &reply);
                }
            }
        });
        Self { url, received }
    }

    /// Returns the requests so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Returns the [`line`](Received::line) of each request so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.received().into_iter().map(|request| request.line).collect()
    }

    /// Returns a command that runs `packs` with this server as the service.
    pub(crate) fn command(&self, work: &Work, arguments: &[&str]) -> Command {
        let mut command = packs(&work.path(""));
        // Add a slash, to test that the address may end with one.
        command.args(arguments).env("PACKS_URL", format!("{}/", self.url)).env("EVERSHELL_API_KEY", KEY);
        command
    }

    /// Runs `packs` with this server as the service. Fails if the output contains the API key.
    pub(crate) fn packs(&self, work: &Work, arguments: &[&str]) -> Printed {
        let printed = work.run(&mut self.command(work, arguments));
        assert!(!printed.out.contains(KEY) && !printed.err.contains(KEY), "{printed:?}");
        printed
    }
}

impl Received {
    /// Returns whether the request has any credential.
    pub(crate) fn has_credentials(&self) -> bool {
        self.headers.iter().any(|header| header.starts_with("authorization:"))
    }

    /// Returns whether the request has the API key.
    pub(crate) fn is_authenticated(&self) -> bool {
        self.headers.contains(&format!("authorization: Bearer {KEY}"))
    }
}

fn read(stream: &TcpStream, reply: &Reply) -> io::Result<Received> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let line = lines.remove(0).trim_end_matches(" HTTP/1.1").to_owned();
    let lower = |line: String| match line.split_once(": ") {
        Some((name, value)) => format!("{}: {value}", name.to_lowercase()),
        None => line,
    };
    let headers: Vec<String> = lines.into_iter().map(lower).collect();
    let length = headers.iter().find_map(|header| header.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; if matches!(reply, Reply::Close) { length / 2 } else { length }];
    reader.read_exact(&mut body)?;
    Ok(Received { line, headers, body })
}

fn respond(mut stream: TcpStream, reply: &Reply) -> io::Result<()> {
    let (status, headers, body) = match reply {
        Reply::Respond(status, headers, body) => (status, headers, body),
        Reply::Close => return Ok(()),
        Reply::Hold => return stream.read(&mut [0]).map(drop),
    };
    let length = body.len();
    let head = format!("HTTP/1.1 {status} Status\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())
}
