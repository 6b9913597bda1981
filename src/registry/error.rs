use std::io;

use pack_format::Digest;
use reqwest::{Method, Response, StatusCode};
use serde::Deserialize;

/// How much of the body of an error response is kept, in bytes.
const MAX_ERROR_BODY: usize = 4_096;

/// Why an image could not be pushed, read, tagged or deleted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The registry will never accept this image, for the reason given.
    #[error("the registry rejected the image: {0}")]
    Rejected(String),
    #[error("the registry operation did not finish in time; a push includes reading the archive")]
    TimedOut,
    /// The image reference names a different registry, which must not receive the credentials of the configured one.
    #[error("{0} is not an image in the configured registry")]
    ForeignReference(String),
    /// The registry contains content that differs from what was pushed, or sent content that differs from what was
    /// requested.
    #[error("expected {expected} in the registry, but found {}", found.as_deref().unwrap_or("nothing"))]
    WrongDigest {
        /// The digest of what the registry has, or `None` if it has nothing.
        found: Option<String>,
        expected: Digest,
    },
    #[error("a request to the registry failed")]
    Http(#[source] reqwest::Error),
    #[error("the registry responded with {status} to {request}: {body}")]
    Status {
        status: StatusCode,
        /// The method and the URL without its query.
        request: String,
        body: String,
    },
    #[error("the registry did not say where to upload the blob")]
    NoLocation,
    #[error("the registry answered before it received the whole layer")]
    Unfinished,
    #[error("a blob from the registry could not be written")]
    Write(#[source] io::Error),
    /// The pack's layer does not have the digest that its image names.
    #[error("the layer has the digest {found}, not {expected}")]
    WrongLayer { found: Digest, expected: Digest },
    #[error("the registry's list of referrers is not valid")]
    Referrers(#[source] serde_json::Error),
    #[error("the image manifest is not valid")]
    Manifest(#[source] serde_json::Error),
    /// The registry responded with 405 to the deletion of a manifest by digest.
    #[error(
        "the registry does not allow deletion; docker-registry allows it with REGISTRY_STORAGE_DELETE_ENABLED=true"
    )]
    DeletionDisabled,
    /// An AWS call to get credentials, create a repository or delete an image failed.
    #[error("{operation} failed")]
    Aws {
        /// The name of the API operation.
        operation: &'static str,
        source: aws_sdk_ecr::error::BoxError,
    },
}

/// Why an image could not be pushed.
#[derive(Debug, thiserror::Error)]
pub enum PushError<E> {
    #[error(transparent)]
    Registry(#[from] Error),
    #[error("the layer could not be written")]
    Layer(#[source] E),
}

impl Error {
    /// Returns a closure for `map_err` that wraps an error in [`Error::Aws`].
    pub(super) fn aws<E: Into<aws_sdk_ecr::error::BoxError>>(operation: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Aws { operation, source: source.into() }
    }

    /// Returns whether the registry said that the repository does not exist.
    pub(super) fn is_repository_unknown(&self) -> bool {
        matches!(self, Self::Status { body, .. } if errors(body).iter().any(|error| error.code == Code::NameUnknown))
    }
}

impl From<reqwest::Error> for Error {
    /// Removes the query of the URL, which may authorize an upload.
    fn from(mut error: reqwest::Error) -> Self {
        if let Some(url) = error.url_mut() {
            url.set_query(None);
        }
        Self::Http(error)
    }
}

/// Returns the response if its status is a success.
///
/// # Errors
/// Returns [`Error::Status`] for any other response.
pub(super) async fn expect_success(method: Method, response: Response) -> Result<Response, Error> {
    if response.status().is_success() {
        return Ok(response);
    }
    let (status, mut url) = (response.status(), response.url().clone());
    url.set_query(None);
    let mut body = response.text().await?;
    body.truncate(body.floor_char_boundary(MAX_ERROR_BODY));
    Err(Error::Status { status, request: format!("{method} {url}"), body })
}

/// Returns the response to a request that pushes a part of an image, if its status is a success.
///
/// # Errors
/// Returns [`Error::Rejected`] if the response rejects the image itself: its name, its size, its manifest or its tag,
/// which may be immutable (`TAG_INVALID` in ECR). Returns [`Error::Status`] for all other unsuccessful responses,
/// because their cause may be temporary. Errors that an operator can fix, such as wrong credentials, and transfer
/// errors, such as a digest mismatch, are not rejections.
pub(super) async fn expect_accepted(method: Method, response: Response) -> Result<Response, Error> {
    let result = expect_success(method, response).await;
    match &result {
        Err(Error::Status { status, body, .. }) => match rejection(*status, body) {
            Some(reason) => Err(Error::Rejected(reason)),
            None => result,
        },
        _ => result,
    }
}

fn rejection(status: StatusCode, body: &str) -> Option<String> {
    if !status.is_client_error() {
        return None;
    }
    let reason = errors(body).into_iter().find(|error| error.code.is_permanent()).map(|error| error.message);
    reason.or_else(|| (status == StatusCode::PAYLOAD_TOO_LARGE).then(|| "it is too large".to_owned()))
}

/// An error in the body of a response (OCI distribution spec, "Error Codes").
#[derive(Deserialize)]
struct BodyError {
    code: Code,
    #[serde(default)]
    message: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Code {
    ManifestInvalid,
    NameInvalid,
    NameUnknown,
    TagInvalid,
    #[serde(other)]
    Other,
}

impl Code {
    fn is_permanent(self) -> bool {
        match self {
            Self::ManifestInvalid | Self::NameInvalid | Self::TagInvalid => true,
            Self::NameUnknown | Self::Other => false,
        }
    }
}

/// Returns the errors in a response's body. Returns an empty list if the body has a different format.
fn errors(body: &str) -> Vec<BodyError> {
    #[derive(Deserialize)]
    struct Body {
        errors: Vec<BodyError>,
    }
    serde_json::from_str(body).map_or_else(|_| Vec::new(), |Body { errors }| errors)
}
