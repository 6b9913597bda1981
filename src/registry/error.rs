use oci_client::errors::{OciDistributionError, OciEnvelope, OciErrorCode};
use pack_format::Digest;
use reqwest::StatusCode;

/// Why an image could not be pushed, read, tagged or deleted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The registry will never accept this image, for the reason given.
    #[error("the registry rejected the image: {0}")]
    Rejected(String),
    #[error("the registry did not finish in time")]
    TimedOut,
    /// The image reference names a different registry, which must not receive the credentials of the configured one.
    #[error("{0} is not an image in the configured registry")]
    ForeignReference(String),
    /// After the tag was written, it points to a different image or does not exist.
    #[error("the tag points to {}, not to the pushed image {pushed}", found.as_deref().unwrap_or("no image"))]
    WrongDigest {
        /// The digest that the registry returned, or `None` if the tag does not exist.
        found: Option<String>,
        pushed: Digest,
    },
    #[error("a call to the registry failed")]
    Registry(#[source] OciDistributionError),
    #[error("a request to the registry failed")]
    Http(#[from] reqwest::Error),
    #[error("the registry responded {status} to {request}: {body}")]
    Status {
        status: StatusCode,
        /// The method and the URL.
        request: String,
        body: String,
    },
    #[error("the registry's list of referrers is not valid")]
    Referrers(#[source] serde_json::Error),
    #[error("the image manifest is not valid")]
    Manifest(#[source] serde_json::Error),
    /// The registry responded 405 to the deletion of a manifest by digest.
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

impl Error {
    /// Returns a closure for `map_err` that wraps an error in [`Error::Aws`].
    pub(super) fn aws<E: Into<aws_sdk_ecr::error::BoxError>>(operation: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Aws { operation, source: source.into() }
    }
}

impl From<OciDistributionError> for Error {
    /// Distinguishes rejected images from all other errors. Errors that an operator can fix, such as wrong credentials,
    /// and transfer errors, such as a digest mismatch, are not rejections.
    fn from(error: OciDistributionError) -> Self {
        match &error {
            OciDistributionError::ServerError { code, message, .. } => match rejection(*code, message) {
                Some(reason) => Self::Rejected(reason),
                None => Self::Registry(error),
            },
            OciDistributionError::AuthenticationFailure(_)
            | OciDistributionError::ConfigConversionError(_)
            | OciDistributionError::DigestError(_)
            | OciDistributionError::GenericError(_)
            | OciDistributionError::HeaderValueError(_)
            | OciDistributionError::ImageManifestNotFoundError(_)
            | OciDistributionError::ImageIndexParsingNoPlatformResolverError
            | OciDistributionError::IncompatibleLayerMediaTypeError(_)
            | OciDistributionError::IoError(_)
            | OciDistributionError::JsonError(_)
            | OciDistributionError::ManifestEncodingError(_)
            | OciDistributionError::ManifestParsingError(_)
            | OciDistributionError::PushNoDataError
            | OciDistributionError::PushLayerNoDataError
            | OciDistributionError::PullNoLayersError
            | OciDistributionError::RegistryError { .. }
            | OciDistributionError::RegistryNoDigestError
            | OciDistributionError::RegistryNoLocationError
            | OciDistributionError::RegistryTokenDecodeError(_)
            | OciDistributionError::RequestError(_)
            | OciDistributionError::SpecViolationError(_)
            | OciDistributionError::UnauthorizedError { .. }
            | OciDistributionError::UrlParseError(_)
            | OciDistributionError::UnsupportedMediaTypeError(_)
            | OciDistributionError::UnsupportedSchemaVersionError(_)
            | OciDistributionError::VersionedParsingError(_) => Self::Registry(error),
        }
    }
}

/// Returns the reason if a response with this status and body rejects the image itself. The cause may be its name, its
/// size, its manifest or an immutable tag (`TAG_INVALID` in ECR).
fn rejection(status: u16, body: &str) -> Option<String> {
    if !(400..500).contains(&status) {
        return None;
    }
    let reason = envelope(body).and_then(|envelope| {
        envelope.errors.into_iter().find(|error| is_permanent(&error.code)).map(|error| error.message)
    });
    reason.or_else(|| (status == 413).then(|| "it is too large".to_owned()))
}

fn is_permanent(code: &OciErrorCode) -> bool {
    match code {
        OciErrorCode::NameInvalid | OciErrorCode::TagInvalid | OciErrorCode::ManifestInvalid => true,
        OciErrorCode::BlobUnknown
        | OciErrorCode::BlobUploadInvalid
        | OciErrorCode::BlobUploadUnknown
        | OciErrorCode::DigestInvalid
        | OciErrorCode::ManifestBlobUnknown
        | OciErrorCode::ManifestUnknown
        | OciErrorCode::ManifestUnverified
        | OciErrorCode::NameUnknown
        | OciErrorCode::NotFound
        | OciErrorCode::SizeInvalid
        | OciErrorCode::Unauthorized
        | OciErrorCode::Denied
        | OciErrorCode::Unsupported
        | OciErrorCode::Toomanyrequests
        | OciErrorCode::Other(_) => false,
    }
}

/// Returns whether the error says that the repository does not exist.
pub(super) fn is_repository_unknown(error: &OciDistributionError) -> bool {
    has_code(error, &[OciErrorCode::NameUnknown])
}

/// Returns whether the error says that the manifest or its repository does not exist.
pub(super) fn is_manifest_unknown(error: &OciDistributionError) -> bool {
    matches!(error, OciDistributionError::ServerError { code: 404, .. })
        || has_code(error, &[OciErrorCode::ManifestUnknown, OciErrorCode::NotFound, OciErrorCode::NameUnknown])
}

fn has_code(error: &OciDistributionError, codes: &[OciErrorCode]) -> bool {
    let OciDistributionError::RegistryError { envelope, .. } = error else { return false };
    envelope.errors.iter().any(|error| codes.contains(&error.code))
}

/// Parses the errors in a response's body (OCI distribution spec, "Error Codes").
fn envelope(body: &str) -> Option<OciEnvelope> {
    serde_json::from_str(body).ok()
}
