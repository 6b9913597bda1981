use std::time::Duration;

use pack_format::{Digest, Escaped};
use serde_json::Value;

use super::Reference;
use crate::http;

#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("`PACKS_REGISTRY_PASSWORD` is not set; `--username` needs it")]
    NoPassword,
    #[error("no such image: {0}")]
    NoImage(Reference),
    #[error("no response from {url}: {source}")]
    Connection { url: String, source: Box<ureq::Error> },
    #[error("the response from {url} does not have the digest {digest}")]
    WrongContent { url: String, digest: Digest },
    #[error("the response from {url} is not an index or a manifest")]
    InvalidManifest { url: String },
    /// A response with a status other than 200 and 404.
    #[error("{url}: {message} (status {status})")]
    Rejected { url: String, status: u16, message: String, retry_after: Option<Duration> },
}

/// Returns the first message of an error response (OCI distribution spec, "Error Codes"), escaped and shortened.
pub(super) fn message(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let message = body["errors"][0]["message"].as_str()?;
    Some(Escaped::new(message).to_string())
}

impl http::Failure for RegistryError {
    fn is_transient(&self) -> bool {
        match self {
            Self::Connection { source, .. } => http::is_transient(source),
            Self::Rejected { status, .. } => http::is_transient_status(*status),
            Self::NoPassword | Self::NoImage(_) | Self::WrongContent { .. } | Self::InvalidManifest { .. } => false,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        if let Self::Rejected { retry_after, .. } = self { *retry_after } else { None }
    }
}
