//! Parses forms. A form that an HTTP client could have sent must yield its parts. Any other body must not cause a
//! panic, and an archive found in it must be part of the body.

#![no_main]

use futures_util::FutureExt;
use libfuzzer_sys::{fuzz_target, arbitrary::{self, Arbitrary}};
use pack_format::{Limit, Limits, Problems};
use upload_form::Form;

const COMPRESSED_BYTES: u64 = 1000;

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    boundary: &'a str,
    parts: Vec<Part<'a>>,
    /// The Content-Type to send instead of the form's own.
    content_type: Option<&'a str>,
    /// The position of the bytes to overwrite in the body, and the bytes to write there.
    damage: Option<(u16, &'a [u8])>,
}

#[derive(Debug, Arbitrary)]
struct Part<'a> {
    name: Name<'a>,
    filename: Option<&'a str>,
    has_content_type: bool,
    content: &'a [u8],
}

#[derive(Debug, Arbitrary)]
enum Name<'a> {
    Archive,
    UploadId,
    Visibility,
    Other(&'a str),
}

fuzz_target!(|input: Input| {
    let boundary = boundary(input.boundary);
    let delimiter = format!("\r\n--{boundary}");
    let contains_delimiter = |part: &Part| position(part.content, delimiter.as_bytes()).is_some();
    if input.parts.iter().any(contains_delimiter) {
        return;
    }
    let mut body = body(&input.parts, &boundary);
    if let Some((start, bytes)) = input.damage {
        let start = usize::from(start).min(body.len());
        let end = (start + bytes.len()).min(body.len());
        body.splice(start..end, bytes.iter().copied());
    }
    let content_type = format!("multipart/form-data; boundary=\"{boundary}\"");
    let Ok(found_boundary) = upload_form::boundary(input.content_type.unwrap_or(&content_type)) else {
        assert!(input.content_type.is_some());
        return;
    };
    let limits = Limits { compressed_bytes: COMPRESSED_BYTES, ..Limits::default() };
    let mut problems = Problems::default();
    let reading = Form::read(found_boundary.clone(), body.clone().into(), &limits, &mut problems);
    let form = reading.now_or_never().expect("the body is in memory, so parsing never waits");
    if input.damage.is_none() && input.content_type.is_none() {
        assert_eq!(found_boundary, boundary);
        assert_parts(&input.parts, &form, &problems);
    }
    if let Ok(Form { archive, upload_id, .. }) = form {
        assert!(archive.is_some() || upload_id.is_some() || !problems.is_empty());
        if let Some(archive) = archive {
            let part = [b"\r\n\r\n", archive.as_ref(), b"\r\n--", found_boundary.as_bytes()].concat();
            assert!(position(&body, &part).is_some());
        }
    }
});

/// Returns the first 70 characters of `text` that are allowed in a boundary (RFC 2046, section 5.1.1), or `x` if there
/// are none.
fn boundary(text: &str) -> String {
    let is_allowed = |char: &char| char.is_ascii_alphanumeric() || "'()+_,-./:=?".contains(*char);
    let boundary: String = text.chars().filter(is_allowed).take(70).collect();
    if boundary.is_empty() { "x".to_owned() } else { boundary }
}

impl Name<'_> {
    fn text(&self) -> String {
        match self {
            Self::Archive => "archive".to_owned(),
            Self::UploadId => "upload_id".to_owned(),
            Self::Visibility => "visibility".to_owned(),
            Self::Other(name) => without_escapes(name),
        }
    }
}

/// Replaces the characters that clients escape, because not all clients escape them in the same way.
fn without_escapes(text: &str) -> String {
    text.replace(|char: char| char.is_control() || matches!(char, '"' | '\\'), "_")
}

fn body(parts: &[Part], boundary: &str) -> Vec<u8> {
    let mut body = Vec::new();
    for part in parts {
        body.extend(format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"", part.name.text()).bytes());
        if let Some(filename) = part.filename {
            body.extend(format!("; filename=\"{}\"", without_escapes(filename)).bytes());
        }
        if part.has_content_type {
            body.extend(b"\r\nContent-Type: application/gzip");
        }
        body.extend(b"\r\n\r\n");
        body.extend(part.content);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{boundary}--\r\n").bytes());
    body
}

fn assert_parts(parts: &[Part], form: &Result<Form, Limit>, problems: &Problems) {
    let contents = |name: &str| {
        let named: Vec<_> = parts.iter().filter(|part| part.name.text() == name).map(|part| part.content).collect();
        named
    };
    let (archives, upload_ids, visibilities) = (contents("archive"), contents("upload_id"), contents("visibility"));
    if archives.iter().any(|archive| archive.len() as u64 > COMPRESSED_BYTES) {
        let limit = form.as_ref().unwrap_err();
        assert_eq!((limit.name(), limit.value()), ("compressed_bytes", COMPRESSED_BYTES));
        return;
    }
    let form = form.as_ref().expect("no part is too large");
    assert_eq!(form.archive.as_deref(), archives.first().copied());
    let text = |contents: &[&[u8]]| {
        contents.first().map(|text| String::from_utf8_lossy(&text[..text.len().min(256)]).into_owned())
    };
    assert_eq!((&form.upload_id, &form.visibility), (&text(&upload_ids), &text(&visibilities)));
    let sources = archives.len() + upload_ids.len();
    let is_valid = sources == 1 && visibilities.len() <= 1 && sources + visibilities.len() == parts.len();
    assert_eq!(problems.is_empty(), is_valid);
}

fn position(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}
