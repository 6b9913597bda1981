use std::collections::BTreeMap;

use bytes::Bytes;

use super::{BuildError, Builder};
use crate::{
    aws::Lease,
    records::{Record, Timestamp},
    registry::{Referrer, ReferrerUploads},
    signing::{self, BUNDLE_MEDIA_TYPE, PREDICATE_TYPE, PublicKey, Signer, Statement},
};

impl Builder {
    /// Signs the provenance of an image, and pushes it as a referrer of the image, with the upload sessions if any. Returns the record with the
    /// referrer's digest. If signing is off, returns the record unchanged. If this build can no longer
    /// publish the version, returns `None` and leaves the stored bundle unchanged.
    ///
    /// A retry of the attempt pushes the same bundle again, which changes nothing in the registry. This is why the
    /// bundle is stored before it is pushed. If the signing key was replaced in the meantime, the retry signs again.
    pub(super) async fn attest(
        &self,
        record: &Record,
        lease: &Lease,
        image_manifest: &[u8],
        uploads: Option<ReferrerUploads>,
        began_at: Timestamp,
    ) -> Result<Option<Record>, BuildError> {
        let Some(signer) = &self.signer else { return Ok(Some(record.clone())) };
        let key = signer.public_key().await?;
        let statement = Statement::new(record, began_at, Timestamp::now());
        let stored = self.attestations.get(&record.release).await?;
        let is_current = |bundle: &Bytes| {
            signing::is_signed_with(bundle, &key)
                && signing::read_statement(bundle).is_some_and(|found| found.is_same_build(&statement))
        };
        let bundle = match stored.filter(is_current) {
            Some(bundle) => bundle,
            None => {
                let bundle = self.sign(signer, &key, &statement).await?;
                if !self.may_publish(record, lease).await? {
                    return Ok(None);
                }
                self.attestations.put(&record.release, bundle.clone()).await?;
                bundle
            }
        };
        let referrer = Referrer { media_type: BUNDLE_MEDIA_TYPE, annotations: annotations(), blob: bundle };
        let image_ref = &record.release.image_ref;
        let digest = self.registry.push_referrer(image_ref, image_manifest, &referrer, uploads).await?;
        Ok(Some(Record { attestation_digest: Some(digest), ..record.clone() }))
    }

    /// Publishes the public key and signs a statement. This order ensures that everyone who can see a bundle can also
    /// get its key, once `api` no longer uses its cached keys.
    async fn sign(&self, signer: &Signer, key: &PublicKey, statement: &Statement) -> Result<Bytes, BuildError> {
        self.attestations.publish_key(key.digest(), key.to_pem()).await?;
        Ok(signer.sign(statement).await?)
    }
}

/// Returns the annotations by which cosign finds bundles with provenance (sigstore/cosign, `specs/BUNDLE_SPEC.md`).
fn annotations() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([
        ("dev.sigstore.bundle.content", "dsse-envelope"),
        ("dev.sigstore.bundle.predicateType", PREDICATE_TYPE),
    ])
}
