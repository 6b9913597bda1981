use super::ApiError;
use crate::{
    records::{Record, Release},
    telemetry::AUDIT,
};

/// Logs an accepted upload. `outcome` is `created`, `existing` or `queued_again`. The request's span has the caller and
/// the pack's id.
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
        "upload accepted"
    );
}

/// Logs a change of a pack's visibility. The request's span has the caller and the pack's id.
pub(super) fn visibility_set(record: &Record) {
    let Release { manifest, visibility, .. } = &record.release;
    tracing::info!(
        target: AUDIT,
        action = "pack.set_visibility",
        pack_name = manifest.name.as_str(),
        pack_version = manifest.version.as_str(),
        visibility = %visibility,
        "visibility set"
    );
}

/// Logs the rejection of a request whose caller is known. The request's span has the caller, the method and the route.
pub(super) fn rejected(error: &ApiError) {
    let code: &str = error.code().into();
    tracing::info!(target: AUDIT, action = "request.reject", code, reason = %error, "request rejected");
}
