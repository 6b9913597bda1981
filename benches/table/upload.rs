use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use test_support::event;

/// The largest event that Lambda delivers, in bytes (AWS Lambda developer guide, "Lambda quotas": invocation payload).
const LARGEST: usize = 6_291_456;
/// The form boundary in the `content-type` header of `events/upload-http-api.json`.
const BOUNDARY: &str = "------------------------d74496d66958873e";

/// Returns the event that uploads an archive.
pub(crate) fn upload(archive: &[u8]) -> Value {
    upload_with_preamble(0, archive)
}

/// Like [`upload`], but adds a preamble (RFC 2046, section 5.1.1) so that the event has nearly the maximum size.
pub(crate) fn largest_upload(archive: &[u8]) -> Value {
    let left = LARGEST - upload(archive).to_string().len();
    // Base64 encodes three bytes as four.
    upload_with_preamble(left / 4 * 3, archive)
}

/// Returns the event that requests a presigned URL for an archive.
pub(crate) fn begin(archive: &[u8]) -> Value {
    let mut event = event("upload-http-api");
    event["rawPath"] = json!("/v1/packs/uploads");
    event["headers"]["content-type"] = json!("application/json");
    let body = json!({"size_bytes": archive.len(), "sha256": hex::encode(Sha256::digest(archive))});
    event["body"] = json!(STANDARD.encode(body.to_string()));
    event
}

/// Returns the event that submits an archive after it was sent to S3.
pub(crate) fn submit(upload_id: &str) -> Value {
    form(0, "upload_id", upload_id.as_bytes())
}

fn upload_with_preamble(preamble: usize, archive: &[u8]) -> Value {
    form(preamble, "archive\"; filename=\"pack.tar.gz", archive)
}

/// Returns the event that sends a form with one part after a preamble of `preamble` bytes. `name` is inserted between
/// the quotes in the part's header, so it can add more parameters.
fn form(preamble: usize, name: &str, content: &[u8]) -> Value {
    let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
    let end = format!("\r\n--{BOUNDARY}--\r\n");
    let preamble = if preamble < 2 { Vec::new() } else { [vec![b' '; preamble - 2], b"\r\n".to_vec()].concat() };
    let body = [&preamble[..], head.as_bytes(), content, end.as_bytes()].concat();
    let mut event = event("upload-http-api");
    event["body"] = json!(STANDARD.encode(body));
    event
}
