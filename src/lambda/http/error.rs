use std::error::Error;

use lambda_http::{
    Body,
    http::{
        HeaderValue, Method, Response, StatusCode,
        header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE},
    },
};
use pack_format::{Digest, Limit, Problems};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::error::Elapsed;
use upload_form::UPLOAD_ID;

use crate::{
    aws,
    error_chain::ErrorChain,
    identity::{Scope, UploadDenied},
    records::PackId,
    upload::UploadError,
};

/// How many seconds a client is asked to wait before it repeats a request that met a failing dependency.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("2");

/// How archives are uploaded that are too large for a request.
const LARGER_REQUEST: &str = "POST /v1/packs/uploads";

/// Why a request was not granted. This is the one place where an error becomes HTTP: its `Display` is what the client
/// may know, [`ApiError::cause`] what the log must.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    #[error("the request is not valid; details.fields has the problems{}", unlisted(.0))]
    Validation(Problems),
    #[error(
        "a valid credential is required; send an API key or a session token in the Authorization header, \
         as `Bearer <credential>`"
    )]
    Unauthenticated { cause: String },
    #[error("a URL is no place for a credential, since URLs are logged; send it in the Authorization header")]
    CredentialInUrl,
    #[error("the credential lacks the scope {scope}")]
    PermissionDenied { scope: Scope },
    #[error("this host is not the one of the credential's org, which is {host}")]
    WrongHost { host: String },
    #[error("there is no such pack")]
    PackNotFound,
    #[error("there is no such route")]
    RouteNotFound,
    #[error("this route takes {allow} only")]
    MethodNotAllowed { allow: Method },
    #[error(
        "this name and version are those of a pack with other content or another visibility; \
         a version does not change, so raise it"
    )]
    StateConflict { pack_id: PackId, image_digest: Digest },
    #[error("{limit}{}", by_another_way(*.larger))]
    PayloadTooLarge { limit: Limit, larger: Option<u64> },
    #[error("the body must be {expected}")]
    UnsupportedMediaType { expected: &'static str },
    #[error("the org's billing does not permit uploads: it is overdue, ended, or its trial has expired")]
    BillingInactive,
    #[error("something went wrong on the server's side")]
    Panicked,
    #[error("something went wrong on the server's side")]
    Internal(#[source] Box<dyn Error + Send + Sync>),
    #[error("a service that this one needs did not do its part; trying again is safe")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

/// The one shape that errors have.
#[derive(Serialize)]
struct Envelope<'a> {
    error: EnvelopeError<'a>,
}

#[derive(Serialize)]
struct EnvelopeError<'a> {
    code: &'static str,
    message: String,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Value>,
}

impl ApiError {
    /// The error's code, of a closed set.
    pub(super) fn code(&self) -> &'static str {
        self.kind().1
    }

    /// The status of its response.
    pub(super) fn status(&self) -> StatusCode {
        self.kind().0
    }

    fn kind(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Validation(_) => (StatusCode::BAD_REQUEST, "validation_error"),
            Self::Unauthenticated { .. } | Self::CredentialInUrl => (StatusCode::UNAUTHORIZED, "unauthenticated"),
            Self::PermissionDenied { .. } | Self::WrongHost { .. } => (StatusCode::FORBIDDEN, "permission_denied"),
            Self::PackNotFound => (StatusCode::NOT_FOUND, "pack_not_found"),
            Self::RouteNotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::MethodNotAllowed { .. } => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::StateConflict { .. } => (StatusCode::CONFLICT, "state_conflict"),
            Self::PayloadTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large"),
            Self::UnsupportedMediaType { .. } => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type"),
            Self::BillingInactive => (StatusCode::LOCKED, "billing_inactive"),
            Self::Panicked | Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal_error"),
            Self::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        }
    }

    /// What the log must know and the client need not.
    pub(super) fn cause(&self) -> Option<String> {
        match self {
            Self::Unauthenticated { cause } => Some(cause.clone()),
            _ => self.source().map(|error| ErrorChain(error).to_string()),
        }
    }

    fn details(&self) -> Option<Value> {
        match self {
            Self::Validation(problems) if problems.unlisted() == 0 => Some(json!({ "fields": problems.by_field() })),
            Self::Validation(problems) => {
                Some(json!({ "fields": problems.by_field(), "unlisted_problems": problems.unlisted() }))
            }
            Self::StateConflict { pack_id, image_digest } => {
                Some(json!({ "pack_id": pack_id, "image_digest": image_digest }))
            }
            Self::PayloadTooLarge { limit, larger } => {
                let mut details = json!({ "limit": { "name": limit.name(), "value": limit.value() } });
                if let Some(value) = larger {
                    details["larger"] = json!({ "request": LARGER_REQUEST, "value": value });
                }
                Some(details)
            }
            _ => None,
        }
    }

    /// The response.
    pub(super) fn into_response(self, request_id: &str) -> Response<Body> {
        let error = EnvelopeError { code: self.code(), message: self.to_string(), request_id, details: self.details() };
        let mut response = super::json(self.status(), &Envelope { error });
        let header = match self {
            Self::Unauthenticated { .. } | Self::CredentialInUrl => {
                Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")))
            }
            Self::MethodNotAllowed { allow } => HeaderValue::try_from(allow.as_str()).ok().map(|allow| (ALLOW, allow)),
            Self::Unavailable(_) => Some((RETRY_AFTER, RETRY_AFTER_SECONDS)),
            _ => None,
        };
        response.headers_mut().extend(header);
        response
    }
}

impl From<aws::Error> for ApiError {
    fn from(error: aws::Error) -> Self {
        match error {
            aws::Error::Corrupt { .. } | aws::Error::EncodeItem(_) | aws::Error::EncodeJob(_) => {
                Self::Internal(error.into())
            }
            aws::Error::Call { .. }
            | aws::Error::Sign(_)
            | aws::Error::MissingRecord { .. }
            | aws::Error::MissingClaim => Self::Unavailable(error.into()),
        }
    }
}

impl From<UploadDenied> for ApiError {
    fn from(denied: UploadDenied) -> Self {
        match denied {
            UploadDenied::MissingScope(scope) => Self::PermissionDenied { scope },
            UploadDenied::BillingInactive => Self::BillingInactive,
        }
    }
}

impl From<Elapsed> for ApiError {
    fn from(elapsed: Elapsed) -> Self {
        Self::Unavailable(elapsed.into())
    }
}

impl From<UploadError> for ApiError {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Invalid(problems) => Self::Validation(problems),
            UploadError::TooLarge { limit, larger } => Self::PayloadTooLarge { limit, larger },
            UploadError::NotSent => {
                let mut problems = Problems::default();
                problems.add(UPLOAD_ID, error);
                Self::Validation(problems)
            }
            UploadError::Conflict { pack_id, image_digest } => Self::StateConflict { pack_id, image_digest },
            UploadError::Storage(error) => error.into(),
            UploadError::Io(_) | UploadError::TimedOut(_) | UploadError::Contested => Self::Unavailable(error.into()),
        }
    }
}

/// The end of a message on a limit that has this greater value by another way.
fn by_another_way(larger: Option<u64>) -> String {
    larger.map_or_else(String::new, |value| format!("; {value} are allowed by way of `{LARGER_REQUEST}`"))
}

/// The end of a message whose details do not list everything.
fn unlisted(problems: &Problems) -> String {
    match problems.unlisted() {
        0 => String::new(),
        more => format!(", and there are {more} more"),
    }
}
