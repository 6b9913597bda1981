use super::ApiError;
use crate::{
    records::{Record, Release},
    telemetry::AUDIT,
};

/// An upload that was accepted: `outcome` is `created`, `existing` or `queued_again`. The request's span says who, and
/// which record.
pub(super) fn uploaded(outcome: &'static str, record: &Record) {
    let Release { manifest, visibility, image_digest, .. } = &record.release;
    tracing::info!(
        target: AUDIT,
        action = "pack.upload",
        outcome,
        pack_name = manifest.name.as_str(),
        pack_version = manifest.version.as_str(),
        visibility = %visibility,
        image_digest = %image_digest,
        "accepted"
    );
}

/// A request that was refused to a caller who is known. The request's span says who, and what they wanted.
pub(super) fn refused(error: &ApiError) {
    tracing::info!(target: AUDIT, action = "request.refuse", code = error.code(), reason = %error, "refused");
}
