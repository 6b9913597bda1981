//! Turns the errors of the use cases and of storage into errors for the client.

use pack_format::Problems;
use tokio::time::error::Elapsed;
use upload_form::UPLOAD_ID;

use super::error::ApiError;
use crate::{
    aws,
    identity::Denied,
    lifecycle::{ChangeError, DeleteError},
    rates::RateError,
    upload::UploadError,
};

impl From<aws::Error> for ApiError {
    fn from(error: aws::Error) -> Self {
        match error {
            aws::Error::Corrupt { .. }
            | aws::Error::EncodeItem(_)
            | aws::Error::EncodeJob(_)
            | aws::Error::EncodeEvent(_) => Self::Internal(error.into()),
            aws::Error::Call { .. }
            | aws::Error::Sign(_)
            | aws::Error::MissingRecord { .. }
            | aws::Error::ConcurrentWrites => Self::Unavailable(error.into()),
        }
    }
}

impl From<Denied> for ApiError {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::MissingPermission(permission) => Self::PermissionDenied { permission },
            Denied::BillingInactive => Self::BillingInactive,
        }
    }
}

impl From<RateError> for ApiError {
    fn from(error: RateError) -> Self {
        match error {
            RateError::Exceeded { exceeded, retry_after } => Self::RateLimited { exceeded, retry_after },
            RateError::Storage(error) => error.into(),
        }
    }
}

impl From<Elapsed> for ApiError {
    fn from(elapsed: Elapsed) -> Self {
        Self::Unavailable(elapsed.into())
    }
}

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::SecretsFound(secrets) => {
                let mut problems = Problems::default();
                for secret in secrets {
                    let message = format_args!("{secret}; upload a version without it and make that a community pack");
                    problems.add("visibility", message);
                }
                Self::Validation(problems)
            }
            ChangeError::Quarantined(quarantine) => Self::PackQuarantined(quarantine),
            ChangeError::Storage(error) => error.into(),
        }
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
            UploadError::VersionExists(existing) => Self::VersionExists(existing),
            UploadError::VersionDeleted { layer_digest } => Self::VersionDeleted { layer_digest },
            UploadError::Quarantined(quarantine) => Self::PackQuarantined(quarantine),
            UploadError::Exceeds(exceeded) => Self::QuotaExceeded(exceeded),
            UploadError::Storage(error) => error.into(),
            UploadError::Io(_)
            | UploadError::TimedOut(_)
            | UploadError::BeingDeleted
            | UploadError::ConcurrentUploads => Self::Unavailable(error.into()),
        }
    }
}

impl From<DeleteError> for ApiError {
    fn from(error: DeleteError) -> Self {
        match error {
            DeleteError::NotFound => Self::PackNotFound,
            DeleteError::InUse { references } => Self::PackInUse { references },
            DeleteError::Quarantined(quarantine) => Self::PackQuarantined(quarantine),
            DeleteError::Storage(error) => error.into(),
        }
    }
}
