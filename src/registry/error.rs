use oci_client::errors::{OciDistributionError, OciEnvelope, OciErrorCode};
use pack_format::Digest;

/// An image was not pushed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The registry will never take this image: its reason.
    #[error("the registry refuses the image: {0}")]
    Refused(String),
    /// The push was not done in time.
    #[error("the push took too long")]
    TimedOut,
    /// The image's reference is not one of this registry, whose credentials are not for others.
    #[error("{0} is not a reference of the configured registry")]
    ForeignReference(String),
    /// After the push the tag points at another image.
    #[error("the tag points at {found}, not at the pushed {pushed}")]
    WrongDigest {
        /// What the registry says.
        found: String,
        /// What was pushed.
        pushed: Digest,
    },
    /// A call to the registry failed.
    #[error("a call to the registry failed")]
    Registry(#[source] OciDistributionError),
    /// A call to AWS, for credentials or for a repository, failed.
    #[error("{operation} failed")]
    Aws {
        /// The API's own name of the call.
        operation: &'static str,
        /// What the SDK, or the reading of its answer, said.
        source: aws_sdk_ecr::error::BoxError,
    },
}

impl Error {
    pub(super) fn aws<E: Into<aws_sdk_ecr::error::BoxError>>(operation: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Aws { operation, source: source.into() }
    }
}

impl From<OciDistributionError> for Error {
    /// Tells what can never succeed from what may pass. Whatever an operator can mend, such as credentials, may pass;
    /// so may damage on the way, such as a digest that does not fit. What is left is the image itself: its size, its
    /// name, its manifest, or a tag that may not be overwritten (ECR says `TAG_INVALID` of an immutable one).
    fn from(error: OciDistributionError) -> Self {
        if let OciDistributionError::ServerError { code, message, .. } = &error {
            let lasting = [OciErrorCode::NameInvalid, OciErrorCode::TagInvalid, OciErrorCode::ManifestInvalid];
            let refusal = envelope(message).and_then(|envelope| {
                envelope.errors.into_iter().find(|error| (400..500).contains(code) && lasting.contains(&error.code))
            });
            if let Some(refusal) = refusal {
                return Self::Refused(refusal.message);
            }
            if *code == 413 {
                return Self::Refused("it is too large".to_owned());
            }
        }
        Self::Registry(error)
    }
}

/// Whether the registry says that there is no such repository.
pub(super) fn is_repository_unknown(error: &OciDistributionError) -> bool {
    has_code(error, &[OciErrorCode::NameUnknown])
}

/// Whether the registry says that there is no such manifest, be it for want of its repository.
pub(super) fn is_manifest_unknown(error: &OciDistributionError) -> bool {
    matches!(error, OciDistributionError::ServerError { code: 404, .. })
        || has_code(error, &[OciErrorCode::ManifestUnknown, OciErrorCode::NotFound, OciErrorCode::NameUnknown])
}

fn has_code(error: &OciDistributionError, codes: &[OciErrorCode]) -> bool {
    match error {
        OciDistributionError::RegistryError { envelope, .. } => {
            envelope.errors.iter().any(|error| codes.contains(&error.code))
        }
        _ => false,
    }
}

/// The errors in an answer's body (OCI distribution spec, "Error Codes").
fn envelope(body: &str) -> Option<OciEnvelope> {
    serde_json::from_str(body).ok()
}
