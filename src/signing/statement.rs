use attestation::Statement;

use crate::records::{Record, Timestamp};

/// Returns the statement about the image that `record`'s current attempt builds.
pub fn new_statement(record: &Record, started_on: Timestamp, finished_on: Timestamp) -> Statement {
    let release = &record.release;
    let repository = release.image_ref.rsplit_once(':').map_or(&*release.image_ref, |(repository, _)| repository);
    Statement {
        repository: repository.to_owned(),
        image_digest: release.image_digest,
        org_id: release.org_id.to_string(),
        name: release.manifest.name.clone(),
        version: release.manifest.version.clone(),
        pack_id: record.id.to_string(),
        attempt: record.build.attempt,
        image_format: release.image_format.into(),
        archive_sha256: release.archive_sha256,
        layer_digest: release.layer_digest,
        builder_version: env!("CARGO_PKG_VERSION").to_owned(),
        started_on: started_on.to_string(),
        finished_on: finished_on.to_string(),
    }
}
