use std::borrow::Cow;

use lambda_http::http::{HeaderMap, header::CONTENT_TYPE};
use pack_format::Quoted;
use strum::Display;

/// The media type that a request's body must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display)]
pub(super) enum MediaType {
    #[strum(serialize = "multipart/form-data")]
    Form,
    #[strum(serialize = "application/json")]
    Json,
}

#[derive(Debug, thiserror::Error)]
#[error("the Content-Type header {}; it must be `{expected}`{}", received(.content_type), hint(*.expected, .content_type))]
pub(super) struct UnsupportedMediaType {
    content_type: String,
    expected: MediaType,
}

impl MediaType {
    /// Returns the `Content-Type` header if it has this media type. The comparison ignores case and parameters (RFC
    /// 9110, section 8.3.1).
    pub(super) fn check(self, headers: &HeaderMap) -> Result<Cow<'_, str>, UnsupportedMediaType> {
        let content_type = headers.get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let content_type = content_type.unwrap_or_default();
        if essence(&content_type).eq_ignore_ascii_case(&self.to_string()) {
            Ok(content_type)
        } else {
            Err(UnsupportedMediaType { content_type: content_type.into_owned(), expected: self })
        }
    }
}

/// Returns a media type without its parameters.
fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

fn received(content_type: &str) -> String {
    match essence(content_type) {
        "" => "is missing".to_owned(),
        other => format!("is {}", Quoted::new(other)),
    }
}

/// Returns the part of the message that explains how to send a form with a file. Returns an empty string unless a form
/// is expected and the body is URL-encoded.
fn hint(expected: MediaType, content_type: &str) -> &'static str {
    let is_urlencoded = essence(content_type).eq_ignore_ascii_case("application/x-www-form-urlencoded");
    match expected {
        MediaType::Form if is_urlencoded => {
            "; send the archive as a file, with `--form archive=@pack.tar.gz` in curl or \
             `files={\"archive\": file}` in Python's requests"
        }
        MediaType::Form | MediaType::Json => "",
    }
}
