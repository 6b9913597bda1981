use bytes::Bytes;
use tempfile::NamedTempFile;

use super::{
    Operator, OperatorError,
    operator::{expect_state, is_quarantined},
};
use crate::{
    aws::Lease,
    error_chain::ErrorChain,
    records::{BuildState, BuildStatus, PackId, QuarantineReason, Record, Timestamp},
    registry::Blob,
};

impl Operator {
    /// Quarantines a ready pack, or repeats an interrupted quarantine: hides the pack from other orgs, shows its owner
    /// the reason, saves its image, and deletes the image from the registry. From then on, the owner's uploads, changes
    /// and deletions of the version are rejected.
    ///
    /// # Errors
    /// Returns [`OperatorError::WrongState`] if the pack is neither ready nor quarantined. Returns
    /// [`OperatorError::ImageLost`] if the registry does not contain the image of a ready pack, and
    /// [`OperatorError::NotSaved`] if the image of a quarantined pack is neither saved nor in the registry. After any
    /// other error, the pack may be quarantined while its image is still in the registry, so repeat the call.
    pub async fn quarantine(&self, id: PackId, reason: &QuarantineReason) -> Result<Record, OperatorError> {
        let record = self.find(id).await?;
        expect_state(&record.build.status, "ready", may_be_quarantined)?;
        let image = self.image(&record).await?;
        let begin = async |lease: &Lease, now: Timestamp| {
            self.table.begin_quarantine(&record, reason, lease, &self.actor, now).await
        };
        let lease = self.take_lease(&record, "ready", may_be_quarantined, begin).await?;
        let result = self.save_and_delete(&record, image, &lease).await;
        self.release(&record, &lease).await;
        result.map(|()| record)
    }

    /// Restores a quarantined pack: pushes the saved image, ends the quarantine, and queues a build. The build tags the
    /// image, which has the same digest as before. If an interrupted quarantine saved no image, uses the one in the
    /// registry.
    ///
    /// # Errors
    /// Returns [`OperatorError::WrongState`] if the pack is not quarantined, and [`OperatorError::NotSaved`] if its
    /// image is lost. After any other error, the pack may still be quarantined while its image is in the registry, so
    /// repeat the call.
    pub async fn restore(&self, id: PackId) -> Result<Record, OperatorError> {
        let record = self.find(id).await?;
        let begin = async |lease: &Lease, now: Timestamp| self.table.begin_restore(&record, lease, now).await;
        let lease = self.take_lease(&record, "quarantined", is_quarantined, begin).await?;
        let result = self.restore_image(&record, &lease).await;
        // The write that ends a quarantine also releases the lease.
        if result.is_err() {
            self.release(&record, &lease).await;
        }
        result?;
        self.send_next_build(&record).await;
        if let Err(error) = self.saved_images.delete(&record).await {
            tracing::warn!(pack_id = %id, error = %ErrorChain(&error), "cannot delete the saved image");
        }
        Ok(record)
    }

    /// Returns the pack's image manifest: the saved one if the image is saved, otherwise the one in the registry.
    async fn image(&self, record: &Record) -> Result<Image, OperatorError> {
        if let Some(manifest) = self.saved_images.manifest(record).await? {
            return Ok(Image { manifest, is_saved: true });
        }
        match self.registry.manifest(&record.release.image_ref, record.release.image_digest).await? {
            Some(manifest) => Ok(Image { manifest, is_saved: false }),
            None if is_quarantined(&record.build.status) => Err(OperatorError::NotSaved),
            None => Err(OperatorError::ImageLost),
        }
    }

    /// Saves the image, unless it is already saved, and deletes it from the registry.
    async fn save_and_delete(&self, record: &Record, image: Image, lease: &Lease) -> Result<(), OperatorError> {
        let save = async {
            if !image.is_saved {
                self.save(record, image.manifest).await?;
            }
            self.extend_quarantined(record, lease).await
        };
        if let Err(error) = save.await {
            self.discard_saved(record).await?;
            return Err(error);
        }
        self.registry.delete(&record.release.image_ref, record.release.image_digest).await?;
        Ok(())
    }

    /// Deletes the saved image unless the pack is still quarantined in this attempt. Without this, the saved image of a
    /// deleted pack could remain.
    async fn discard_saved(&self, record: &Record) -> Result<(), OperatorError> {
        let is_needed =
            self.table.record(record.id).await?.is_some_and(|found| {
                is_quarantined(&found.build.status) && found.build.attempt == record.build.attempt
            });
        if !is_needed {
            self.saved_images.delete(record).await?;
        }
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

    /// Ensures that the image is in the registry, and ends the quarantine.
    async fn restore_image(&self, record: &Record, lease: &Lease) -> Result<(), OperatorError> {
        let image = self.image(record).await?;
        if image.is_saved {
            self.push_saved(record, image.manifest, lease).await?;
        }
        if self.table.end_quarantine(record, lease, &self.actor, Timestamp::now()).await? {
            return Ok(());
        }
        // Either the lease was lost, or the pack is being deleted while this command still holds the lease. In the
        // second case, delete the image, which only the holder of the lease may do.
        if self.extend(record, BuildState::Deleting, lease).await? {
            self.registry.delete(&record.release.image_ref, record.release.image_digest).await?;
        }
        Err(OperatorError::Contested)
    }

    /// Pushes the saved image. Extends the lease before each blob and before the image manifest, because a push may
    /// take longer than the lease.
    async fn push_saved(&self, record: &Record, manifest: Bytes, lease: &Lease) -> Result<(), OperatorError> {
        let image_ref = &record.release.image_ref;
        for blob in Blob::all_of(&manifest)? {
            self.extend_quarantined(record, lease).await?;
            let content = self.saved_images.blob(record, blob.digest).await?.ok_or(OperatorError::NotSaved)?;
            self.registry.push_blob(image_ref, blob, content).await?;
        }
        self.extend_quarantined(record, lease).await?;
        self.registry.push_manifest(image_ref, manifest).await?;
        Ok(())
    }
}

/// The image of a pack that is being quarantined or restored.
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
