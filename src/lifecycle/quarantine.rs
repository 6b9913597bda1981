use bytes::Bytes;
use tempfile::NamedTempFile;

use super::{Operator, OperatorError, operator::expect_state};
use crate::{
    aws::Lease,
    error_chain::ErrorChain,
    records::{BuildStatus, PackId, QuarantineReason, Record, Timestamp},
    registry::Blob,
};

impl Operator {
    /// Takes a ready pack down: hides it from other orgs, tells its owner the reason, saves its image, and deletes the
    /// image from the registry. Uploads, changes and deletions of the version are rejected from then on.
    ///
    /// # Errors
    /// Returns [`OperatorError::ImageLost`] if the registry does not have the image. Any other error may leave the pack
    /// quarantined but its image in the registry. Repeat the call then.
    pub async fn quarantine(&self, id: PackId, reason: &QuarantineReason) -> Result<Record, OperatorError> {
        let record = self.find(id).await?;
        expect_state(&record.build.status, "ready", may_be_quarantined)?;
        let image = self.image(&record).await?.ok_or(OperatorError::ImageLost)?;
        let begin = async |lease: &Lease, now: Timestamp| {
            self.table.begin_quarantine(&record, reason, lease, &self.actor, now).await
        };
        let lease = self.take_lease(&record, "ready", may_be_quarantined, begin).await?;
        let result = self.take_down(&record, image, &lease).await;
        self.release(&record, &lease).await;
        result.map(|()| record)
    }

    /// Restores a quarantined pack: pushes the saved image, ends the quarantine, and queues a build. The build tags the
    /// image, which has the same digest as before.
    ///
    /// # Errors
    /// Returns [`OperatorError::WrongState`] if the pack is not quarantined. Any other error leaves the pack
    /// quarantined, but may leave its image in the registry. Repeat the call then.
    pub async fn restore(&self, id: PackId) -> Result<Record, OperatorError> {
        let record = self.find(id).await?;
        let begin = async |lease: &Lease, now: Timestamp| self.table.begin_restore(&record, lease, now).await;
        let lease = self.take_lease(&record, "quarantined", is_quarantined, begin).await?;
        let result = self.push_saved(&record, &lease).await;
        // If the quarantine ended, its last write has released the lease.
        if result.is_err() {
            self.release(&record, &lease).await;
        }
        result?;
        self.send_next_build(&record).await;
        if let Err(error) = self.saved_images.delete(&record).await {
            tracing::warn!(pack_id = %id, error = %ErrorChain(&error), "saved image not deleted");
        }
        Ok(record)
    }

    /// Returns the pack's image manifest: the saved one if an interrupted call saved the image, otherwise the one in
    /// the registry.
    async fn image(&self, record: &Record) -> Result<Option<Image>, OperatorError> {
        if let Some(manifest) = self.saved_images.manifest(record).await? {
            return Ok(Some(Image { manifest, is_saved: true }));
        }
        let manifest = self.registry.manifest(&record.release.image_ref, record.release.image_digest).await?;
        Ok(manifest.map(|manifest| Image { manifest, is_saved: false }))
    }

    async fn take_down(&self, record: &Record, image: Image, lease: &Lease) -> Result<(), OperatorError> {
        if !image.is_saved {
            self.save(record, image.manifest).await?;
        }
        self.renew(record, lease).await?;
        self.registry.delete(&record.release.image_ref, record.release.image_digest).await?;
        Ok(())
    }

    /// Saves an image. Writes its manifest last, so that a saved manifest means a complete image.
    async fn save(&self, record: &Record, manifest: Bytes) -> Result<(), OperatorError> {
        for blob in Blob::all_of(&manifest)? {
            let file = NamedTempFile::new()?;
            let out = tokio::fs::File::from_std(file.reopen()?);
            self.registry.pull_blob(&record.release.image_ref, blob, out).await?;
            self.saved_images.put_blob(record, blob.digest, file.path()).await?;
        }
        self.saved_images.put_manifest(record, manifest).await?;
        Ok(())
    }

    async fn push_saved(&self, record: &Record, lease: &Lease) -> Result<(), OperatorError> {
        let image_ref = &record.release.image_ref;
        let manifest = self.saved_images.manifest(record).await?.ok_or(OperatorError::NotSaved)?;
        for blob in Blob::all_of(&manifest)? {
            let content = self.saved_images.blob(record, blob.digest).await?.ok_or(OperatorError::NotSaved)?;
            self.registry.push_blob(image_ref, blob, content).await?;
        }
        self.renew(record, lease).await?;
        self.registry.push_manifest(image_ref, manifest).await?;
        let is_ended = self.table.end_quarantine(record, lease, &self.actor, Timestamp::now()).await?;
        if is_ended { Ok(()) } else { Err(OperatorError::Contested) }
    }
}

/// The image of a pack that is being quarantined.
struct Image {
    manifest: Bytes,
    /// Whether the image is saved completely.
    is_saved: bool,
}

fn may_be_quarantined(status: &BuildStatus) -> bool {
    match status {
        BuildStatus::Ready | BuildStatus::Quarantined { .. } => true,
        BuildStatus::Queued | BuildStatus::Failed { .. } | BuildStatus::Deleting => false,
    }
}

fn is_quarantined(status: &BuildStatus) -> bool {
    matches!(status, BuildStatus::Quarantined { .. })
}
