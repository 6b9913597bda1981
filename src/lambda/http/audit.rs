use std::sync::OnceLock;

use super::ApiError;
use crate::{
    identity::Caller,
    lifecycle::Deletion,
    records::{OrgId, Record, Release, Timestamp},
    telemetry::AUDIT,
};

/// A writer of the audit lines for one request. docs/runbook.md describes the fields.
#[derive(Debug)]
pub(super) struct Audit {
    request_id: String,
    caller: OnceLock<CallerId>,
}

#[derive(Debug)]
struct CallerId {
    org_id: OrgId,
    credential_id: String,
}

macro_rules! log {
    ($audit:ident, $event_type:literal, $message:literal, $($field:tt)*) => {
        let caller = $audit.caller.get();
        tracing::info!(
            target: AUDIT,
            event_type = $event_type,
            actor = caller.map(|caller| caller.credential_id.as_str()),
            org_id = caller.map(|caller| tracing::field::display(caller.org_id)),
            request_id = $audit.request_id,
            at = %Timestamp::now(),
            $($field)*
            $message
        )
    };
}

impl Audit {
    pub(super) fn new(request_id: String) -> Self {
        Self { request_id, caller: OnceLock::new() }
    }

    /// Adds the caller to all later lines. Call this as soon as the caller is authenticated.
    pub(super) fn set_caller(&self, caller: &Caller) {
        let caller = CallerId { org_id: caller.org.id, credential_id: caller.credential_id.clone() };
        self.caller.get_or_init(|| caller);
    }

    /// Logs an accepted upload. `outcome` is `created`, `existing` or `queued_again`.
    pub(super) fn uploaded(&self, outcome: &'static str, record: &Record) {
        let Release { manifest, visibility, image_digest, .. } = &record.release;
        log!(
            self, "pack.upload", "upload accepted",
            outcome,
            pack_id = %record.id,
            pack_name = manifest.name.as_str(),
            pack_version = manifest.version.as_str(),
            visibility = %visibility,
            image_digest = %image_digest,
        );
    }

    pub(super) fn visibility_set(&self, record: &Record) {
        let Release { manifest, visibility, .. } = &record.release;
        log!(
            self, "pack.set_visibility", "visibility set",
            pack_id = %record.id,
            pack_name = manifest.name.as_str(),
            pack_version = manifest.version.as_str(),
            visibility = %visibility,
        );
    }

    /// Logs a deletion that has begun. In the line, `outcome` is `deleted`, or `pending` if the purge has not finished.
    pub(super) fn deleted(&self, Deletion { record, is_complete }: &Deletion) {
        let Release { manifest, image_digest, .. } = &record.release;
        log!(
            self, "pack.delete", "pack deleted",
            outcome = if *is_complete { "deleted" } else { "pending" },
            pack_id = %record.id,
            pack_name = manifest.name.as_str(),
            pack_version = manifest.version.as_str(),
            image_digest = %image_digest,
        );
    }

    /// Logs the rejection of a request, unless its caller is unknown.
    pub(super) fn rejected(&self, error: &ApiError) {
        if self.caller.get().is_none() {
            return;
        }
        let code: &str = error.code().into();
        log!(self, "request.reject", "request rejected", code, reason = %error,);
    }
}
