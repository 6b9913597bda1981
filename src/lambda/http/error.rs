use std::{error::Error, time::Duration};

use lambda_http::{
    Body,
    http::{
        HeaderValue, Method, Response, StatusCode,
        header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE},
    },
};
use pack_format::{Digest, Limit, Problems, Quoted};
use serde::Serialize;
use serde_json::{Value, json};
use strum::{IntoStaticStr, VariantNames};

use super::media_type::UnsupportedMediaType;
use crate::{
    error_chain::ErrorChain,
    identity::{Exceeded, OrgLimit, Permission},
    records::Quarantine,
    upload::{Difference, ExistingVersion},
};

/// The value of `Retry-After` in 502 and 503 responses, in seconds.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("2");

/// The request that begins an upload whose archive the client sends to S3. Such an archive may be larger.
const LARGER_REQUEST: &str = "POST /v1/packs/uploads";

/// The `code` of an error response. openapi.yaml lists all codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, IntoStaticStr, VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ErrorCode {
    ValidationError,
    Unauthenticated,
    PermissionDenied,
    PackNotFound,
    NotFound,
    MethodNotAllowed,
    VersionExists,
    PackInUse,
    PackQuarantined,
    PayloadTooLarge,
    UnsupportedMediaType,
    BillingInactive,
    RateLimited,
    QuotaExceeded,
    InternalError,
    RegistryCleanupFailed,
    Unavailable,
}

impl ErrorCode {
    fn status(self) -> StatusCode {
        match self {
            Self::ValidationError => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::PermissionDenied => StatusCode::FORBIDDEN,
            Self::PackNotFound | Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::VersionExists | Self::PackInUse | Self::PackQuarantined => StatusCode::CONFLICT,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BillingInactive => StatusCode::LOCKED,
            Self::RateLimited | Self::QuotaExceeded => StatusCode::TOO_MANY_REQUESTS,
            Self::RegistryCleanupFailed => StatusCode::BAD_GATEWAY,
            Self::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// Why a request was rejected or failed. Errors become HTTP responses only here. The client sees the `Display` text,
/// but never [`ApiError::cause`], which is only logged.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    #[error("the request is not valid; details.fields lists the problems{}", unlisted(.0))]
    Validation(Problems),
    #[error(
        "a valid credential is required; send an API key or a session token in the Authorization header, \
         as `Bearer <credential>`"
    )]
    Unauthenticated { cause: String },
    #[error("credentials are not accepted in the URL, because URLs are logged; use the Authorization header")]
    CredentialInUrl,
    #[error("the credential lacks the permission {permission}")]
    PermissionDenied { permission: Permission },
    #[error("this host does not belong to the credential's org; use {host}")]
    WrongHost { host: String },
    #[error("this address accepts only requests from the service's own proxy; use the host of your org")]
    ProxyBypassed,
    #[error("no such pack")]
    PackNotFound,
    #[error("no such route: {}", Quoted::new(&format!("{method} {path}")))]
    RouteNotFound { method: Method, path: String },
    #[error("this path supports only {allow}")]
    MethodNotAllowed {
        /// Every method that the path supports, separated by commas.
        allow: String,
    },
    #[error("{}", version_exists(.0))]
    VersionExists(Box<ExistingVersion>),
    #[error(
        "this version was published with different content and then deleted; \
         the content of a version cannot change, so upload the pack under a new version"
    )]
    VersionDeleted { layer_digest: Digest },
    #[error("the pack is in use; detach it from every role that uses it, then delete it")]
    PackInUse { references: u32 },
    #[error(
        "an operator of this service has quarantined the version, so it cannot be uploaded, changed or deleted: {}",
        .0.reason
    )]
    PackQuarantined(Quarantine),
    #[error("{limit}{}", larger_hint(*.larger))]
    PayloadTooLarge { limit: Limit, larger: Option<u64> },
    #[error(transparent)]
    UnsupportedMediaType(#[from] UnsupportedMediaType),
    #[error("the org cannot upload packs: a payment is overdue, its trial has expired, or it is being shut down")]
    BillingInactive,
    #[error("the org has sent too many requests; the limit `{}` is {}", .exceeded.limit, .exceeded.maximum)]
    RateLimited { exceeded: Exceeded, retry_after: Duration },
    #[error("the org would exceed its limit `{}`, which is {}; {}", .0.limit, .0.maximum, advice(.0.limit))]
    QuotaExceeded(Exceeded),
    #[error(
        "the pack is being deleted, but the registry may still have its image; \
         the deletion continues, and it is safe to repeat this request"
    )]
    RegistryCleanupFailed,
    #[error("an internal error occurred")]
    Panicked,
    #[error("an internal error occurred")]
    Internal(#[source] Box<dyn Error + Send + Sync>),
    #[error("a backend is temporarily unavailable; it is safe to retry")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

/// The body of every error response.
#[derive(Serialize)]
struct Envelope<'a> {
    error: EnvelopeError<'a>,
}

#[derive(Serialize)]
struct EnvelopeError<'a> {
    code: ErrorCode,
    message: String,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Value>,
}

impl ApiError {
    pub(super) fn code(&self) -> ErrorCode {
        match self {
            Self::Validation(_) => ErrorCode::ValidationError,
            Self::Unauthenticated { .. } | Self::CredentialInUrl => ErrorCode::Unauthenticated,
            Self::PermissionDenied { .. } | Self::WrongHost { .. } | Self::ProxyBypassed => ErrorCode::PermissionDenied,
            Self::PackNotFound => ErrorCode::PackNotFound,
            Self::RouteNotFound { .. } => ErrorCode::NotFound,
            Self::MethodNotAllowed { .. } => ErrorCode::MethodNotAllowed,
            Self::VersionExists(_) | Self::VersionDeleted { .. } => ErrorCode::VersionExists,
            Self::PackInUse { .. } => ErrorCode::PackInUse,
            Self::PackQuarantined(_) => ErrorCode::PackQuarantined,
            Self::RegistryCleanupFailed => ErrorCode::RegistryCleanupFailed,
            Self::PayloadTooLarge { .. } => ErrorCode::PayloadTooLarge,
            Self::UnsupportedMediaType(_) => ErrorCode::UnsupportedMediaType,
            Self::BillingInactive => ErrorCode::BillingInactive,
            Self::RateLimited { .. } => ErrorCode::RateLimited,
            Self::QuotaExceeded(_) => ErrorCode::QuotaExceeded,
            Self::Panicked | Self::Internal(_) => ErrorCode::InternalError,
            Self::Unavailable(_) => ErrorCode::Unavailable,
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        self.code().status()
    }

    /// Returns the org's limit that the request would exceed, if any.
    pub(super) fn exceeded(&self) -> Option<Exceeded> {
        match self {
            Self::RateLimited { exceeded, .. } | Self::QuotaExceeded(exceeded) => Some(*exceeded),
            _ => None,
        }
    }

    /// Returns the cause for the log. Responses must not contain it.
    pub(super) fn cause(&self) -> Option<String> {
        match self {
            Self::Unauthenticated { cause } => Some(cause.clone()),
            _ => self.source().map(|error| ErrorChain(error).to_string()),
        }
    }

    fn details(&self) -> Option<Value> {
        match self {
            Self::Validation(problems) => {
                let mut details = json!({ "fields": problems.by_field(), "problems": problems.listed() });
                if problems.unlisted() > 0 {
                    details["unlisted_problems"] = json!(problems.unlisted());
                }
                Some(details)
            }
            Self::VersionExists(existing) => Some(json!(existing)),
            Self::VersionDeleted { layer_digest } => {
                Some(json!({ "layer_digest": layer_digest, "differs": [Difference::Content] }))
            }
            Self::PackInUse { references } => Some(json!({ "references": references })),
            Self::PackQuarantined(quarantine) => Some(json!(quarantine)),
            Self::PayloadTooLarge { limit, larger } => {
                let mut details = json!({ "limit": { "name": limit.name(), "value": limit.value() } });
                if let Some(value) = larger {
                    details["larger"] = json!({ "request": LARGER_REQUEST, "value": value });
                }
                Some(details)
            }
            Self::RateLimited { exceeded: Exceeded { limit, maximum }, .. }
            | Self::QuotaExceeded(Exceeded { limit, maximum }) => {
                Some(json!({ "limit": { "name": limit, "value": maximum } }))
            }
            _ => None,
        }
    }

    pub(super) fn into_response(self, request_id: &str) -> Response<Body> {
        let error = EnvelopeError { code: self.code(), message: self.to_string(), request_id, details: self.details() };
        let mut response = super::json(self.status(), &Envelope { error });
        let header = match self {
            Self::Unauthenticated { .. } | Self::CredentialInUrl => {
                Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")))
            }
            Self::MethodNotAllowed { allow } => HeaderValue::try_from(allow).ok().map(|allow| (ALLOW, allow)),
            Self::Unavailable(_) | Self::RegistryCleanupFailed => Some((RETRY_AFTER, RETRY_AFTER_SECONDS)),
            Self::RateLimited { retry_after, .. } => Some((RETRY_AFTER, seconds(retry_after))),
            Self::QuotaExceeded(exceeded) => Some((RETRY_AFTER, retry_quota_after(exceeded.limit))),
            _ => None,
        };
        response.headers_mut().extend(header);
        response
    }
}

fn version_exists(ExistingVersion { pack_id, differs, .. }: &ExistingVersion) -> String {
    match differs.as_slice() {
        [Difference::Visibility] => format!(
            "this version already exists with the same content and a different visibility; \
             change the visibility with `PATCH /v1/packs/{pack_id}`"
        ),
        differs => {
            let other = if differs.contains(&Difference::Visibility) {
                "different content and a different visibility"
            } else {
                "different content"
            };
            format!(
                "this version already exists with {other}; \
                 the content of a version cannot change, so upload the pack under a new version"
            )
        }
    }
}

/// Returns a `Retry-After` in whole seconds: the duration rounded up, and at least 1.
fn seconds(duration: Duration) -> HeaderValue {
    HeaderValue::from(duration.as_secs_f64().ceil().max(1.0) as u64)
}

/// Returns what a caller can do about a quota that is used up.
fn advice(limit: OrgLimit) -> &'static str {
    match limit {
        OrgLimit::PendingBuilds => "wait until earlier builds have ended",
        OrgLimit::StoredBytes => "delete packs, or ask the operator of this service for more",
        OrgLimit::BegunUploads => {
            "submit the uploads that have begun; an upload that is not submitted is removed within two days"
        }
        OrgLimit::Names | OrgLimit::Versions | OrgLimit::UploadsPerMinute | OrgLimit::ReadsPerSecond => {
            "ask the operator of this service for more"
        }
    }
}

/// Returns the `Retry-After` for a quota, in seconds. Pending builds end soon. The other counters decrease only when a
/// client or an operator acts, or when `requeue` removes a begun upload.
fn retry_quota_after(limit: OrgLimit) -> HeaderValue {
    match limit {
        OrgLimit::PendingBuilds => HeaderValue::from_static("60"),
        OrgLimit::StoredBytes
        | OrgLimit::BegunUploads
        | OrgLimit::Names
        | OrgLimit::Versions
        | OrgLimit::UploadsPerMinute
        | OrgLimit::ReadsPerSecond => HeaderValue::from_static("3600"),
    }
}

/// Returns the part of the message that names the request with the higher limit, or an empty string if there is none.
fn larger_hint(larger: Option<u64>) -> String {
    larger.map_or_else(String::new, |value| format!("; `{LARGER_REQUEST}` allows up to {value}"))
}

/// Returns the part of the message that says how many problems are not listed, or an empty string if all are listed.
fn unlisted(problems: &Problems) -> String {
    match problems.unlisted() {
        0 => String::new(),
        more => format!("; {more} more are not listed"),
    }
}
