use std::{fmt, time::Duration};

use serde_json::Value;
use ureq::http::response::Parts;

use crate::http;

#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error("no API key; set `EVERSHELL_API_KEY`")]
    NoKey,
    #[error("`EVERSHELL_API_KEY` is not an API key: it contains whitespace, or a character that is not ASCII")]
    InvalidKey,
    #[error(
        "no service address; set `EVERSHELL_SLUG` to your org's slug, or `PACKS_URL` to the address of the service"
    )]
    NoAddress,
    #[error("`PACKS_URL` must start with `https://` or `http://`")]
    InvalidUrl,
    #[error("`EVERSHELL_SLUG` must contain only letters, digits and hyphens")]
    InvalidSlug,
    #[error("no response from {url}: {source}")]
    Connection { url: String, source: Box<ureq::Error> },
    #[error("the response from {url} was not sent by the service; check `PACKS_URL` and `EVERSHELL_SLUG`")]
    NotTheService { url: String },
    #[error("{0}")]
    Rejected(Box<Rejection>),
}

impl ServiceError {
    /// If this error is a rejection, records how many earlier attempts failed.
    pub(super) fn after(self, failed: usize) -> Self {
        match self {
            Self::Rejected(rejection) => Self::Rejected(Box::new(Rejection { failed_before: failed, ..*rejection })),
            error => error,
        }
    }
}

impl http::Failure for ServiceError {
    fn is_transient(&self) -> bool {
        match self {
            Self::Connection { source, .. } => http::is_transient(source),
            Self::Rejected(rejection) => http::is_transient_status(rejection.status),
            Self::NoKey
            | Self::InvalidKey
            | Self::NoAddress
            | Self::InvalidUrl
            | Self::InvalidSlug
            | Self::NotTheService { .. } => false,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        if let Self::Rejected(rejection) = self { rejection.retry_after } else { None }
    }
}

/// A response with a status of 300 or more.
#[derive(Debug)]
pub struct Rejection {
    pub status: u16,
    /// The `code` of the service's error. `None` if the response is not from the service itself.
    pub code: Option<String>,
    message: String,
    request_id: Option<String>,
    /// The `details` of the service's error.
    pub details: Value,
    server: Option<String>,
    retry_after: Option<Duration>,
    /// How many earlier attempts to send the request failed.
    pub failed_before: usize,
}

impl Rejection {
    /// Returns the rejection for a response. `server` is the URL of the server that sent it, or `None` for the service.
    pub(super) fn new(parts: &Parts, body: &Value, server: Option<String>) -> Self {
        let error = &body["error"];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        // The body of an error from API Gateway has a `message` at the top level. The body of an error from a Lambda
        // function URL has a `Message`.
        let messages = [&error["message"], &body["message"], &body["Message"]];
        let message = messages.into_iter().find_map(text);
        Self {
            status: parts.status.as_u16(),
            code: text(&error["code"]),
            message: message.unwrap_or_else(|| parts.status.canonical_reason().unwrap_or("unknown status").to_owned()),
            request_id: text(&error["request_id"]),
            details: error["details"].clone(),
            server,
            retry_after: http::retry_after(&parts.headers),
            failed_before: 0,
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.server {
            Some(server) => write!(f, "{server} rejected the archive: ")?,
            None if self.status == 401 => {
                f.write_str(
                    "the service does not accept the key in `EVERSHELL_API_KEY`; it may be revoked or expired: ",
                )?;
            }
            None => {}
        }
        write!(f, "{} (status {}", self.message, self.status)?;
        if let Some(id) = &self.request_id {
            write!(f, ", request {id}")?;
        }
        f.write_str(")")
    }
}
