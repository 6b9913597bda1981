use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use test_support::event;

/// The largest event that Lambda delivers, in bytes (AWS Lambda developer guide, "Lambda quotas": invocation payload).
const LARGEST: usize = 6_291_456;
/// What separates the parts of the form, by the event's Content-Type.
const BOUNDARY: &str = "------------------------d74496d66958873e";

/// The event of an archive's upload.
pub(crate) fn upload(archive: &[u8]) -> Value {
    after(0, archive)
}

/// The same, as large as an event may be: the form has that much of a preamble (RFC 2046, section 5.1.1).
pub(crate) fn largest_upload(archive: &[u8]) -> Value {
    let left = LARGEST - upload(archive).to_string().len();
    // Base64 makes four bytes of three.
    after(left / 4 * 3, archive)
}

/// The event by which the upload of an archive is begun that goes by way of S3.
pub(crate) fn begin(archive: &[u8]) -> Value {
    let mut event = event("upload-http-api");
    event["rawPath"] = json!("/v1/packs/uploads");
    event["headers"]["content-type"] = json!("application/json");
    let body = json!({"size_bytes": archive.len(), "sha256": hex::encode(Sha256::digest(archive))});
    event["body"] = json!(STANDARD.encode(body.to_string()));
    event
}

/// The event by which it is submitted once the archive was sent.
pub(crate) fn submit(upload_id: &str) -> Value {
    form(0, "upload_id", upload_id.as_bytes())
}

fn after(preamble: usize, archive: &[u8]) -> Value {
    form(preamble, "archive\"; filename=\"pack.tar.gz", archive)
}

/// The event of a form with one part, of this name and what may follow it, and with a preamble of this many bytes.
fn form(preamble: usize, name: &str, content: &[u8]) -> Value {
    let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
    let end = format!("\r\n--{BOUNDARY}--\r\n");
    let preamble = if preamble < 2 { Vec::new() } else { [vec![b' '; preamble - 2], b"\r\n".to_vec()].concat() };
    let body = [&preamble[..], head.as_bytes(), content, end.as_bytes()].concat();
    let mut event = event("upload-http-api");
    event["body"] = json!(STANDARD.encode(body));
    event
}
