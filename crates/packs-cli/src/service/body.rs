use std::{
    fs::File,
    io::{Cursor, Read, Seek},
};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use ureq::{
    Agent, Error, SendBody,
    http::{Response, header, request::Builder},
};

/// A request body that can be sent more than once.
#[derive(Debug)]
pub enum Body<'a> {
    Empty,
    Json(Value),
    /// A `multipart/form-data` form with the visibility, and either an archive or the id of an upload.
    Form {
        upload: Upload<'a>,
        visibility: &'a str,
    },
    /// The first `size` bytes of a file, without a form.
    File {
        file: &'a File,
        size: u64,
    },
}

#[derive(Debug)]
pub enum Upload<'a> {
    Archive { file: &'a File, size: u64 },
    Id(&'a str),
}

impl Body<'_> {
    /// Adds this body to a request and sends it.
    pub(super) fn send(&self, request: Builder, agent: &Agent) -> Result<Response<ureq::Body>, Error> {
        match self {
            Self::Empty => agent.run(request.body(())?),
            Self::Json(json) => {
                let request = request.header(header::CONTENT_TYPE, "application/json");
                agent.run(request.body(json.to_string())?)
            }
            Self::Form { upload, visibility } => {
                let boundary = format!("packs-{:032x}", fastrand::u128(..));
                let start = |name: &str| format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"");
                let end = format!("\r\n{}\r\n\r\n{visibility}\r\n--{boundary}--\r\n", start("visibility"));
                let content_type = format!("multipart/form-data; boundary={boundary}");
                let request = request.header(header::CONTENT_TYPE, content_type);
                match upload {
                    Upload::Id(id) => agent.run(request.body(format!("{}\r\n\r\n{id}{end}", start("upload_id")))?),
                    Upload::Archive { file, size } => {
                        let start = format!(
                            "{}; filename=\"pack.tar.gz\"\r\nContent-Type: application/gzip\r\n\r\n",
                            start("archive")
                        );
                        stream(request, agent, start, file, *size, end)
                    }
                }
            }
            Self::File { file, size } => stream(request, agent, String::new(), file, *size, String::new()),
        }
    }
}

/// Sends `before`, the file and `after` as one body. Shows a progress bar if standard error is a terminal.
fn stream(
    request: Builder,
    agent: &Agent,
    before: String,
    mut file: &File,
    size: u64,
    after: String,
) -> Result<Response<ureq::Body>, Error> {
    file.rewind()?;
    let length = before.len() as u64 + size + after.len() as u64;
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    let bar = ProgressBar::new(length).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let body = Cursor::new(before).chain(file.take(size)).chain(Cursor::new(after));
    let mut body = bar.wrap_read(body);
    let request = request.header(header::CONTENT_LENGTH, length).body(SendBody::from_reader(&mut body))?;
    let response = agent.run(request);
    bar.finish_and_clear();
    response
}
