use std::collections::BTreeMap;

use attestation::{BUNDLE_MEDIA_TYPE, Bundle, PREDICATE_TYPE, PublicKey, Statement};
use bytes::Bytes;

use super::{BuildError, Builder};
use crate::{
    aws::Lease,
    records::{Record, Timestamp},
    registry::{Referrer, ReferrerUploads},
    signing::{Signer, new_statement},
};

impl Builder {
    /// Attests an image: signs its provenance, and pushes the resulting bundle as a referrer of the image. `uploads`
    /// are the open upload sessions for the referrer, if any. Returns the record with the referrer's digest. If signing
    /// is off, returns the record unchanged. If a new bundle is needed but this build can no longer publish the
    /// version, returns `None` and leaves the stored bundle unchanged.
    ///
    /// The bundle is stored before it is pushed, so that the next try of the attempt pushes the same bundle instead of
    /// adding a second referrer. If the signing key was replaced in the meantime, that try signs again.
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
        let statement = new_statement(record, began_at, Timestamp::now());
        let stored = self.attestations.get(&record.release).await?;
        let is_current = |bundle: &Bytes| is_current(bundle, &key, &statement);
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

    /// Publishes the public key and then signs a statement. Because of this order, anyone who can see a bundle can also
    /// get its key, at the latest when the keys cached by `api` expire.
    async fn sign(&self, signer: &Signer, key: &PublicKey, statement: &Statement) -> Result<Bytes, BuildError> {
        self.attestations.publish_key(key.digest(), key.to_pem()).await?;
        Ok(signer.sign(statement).await?)
    }
}

/// Returns whether a stored bundle names `key` and is about the same build as `statement`. Does not verify the bundle.
fn is_current(bundle: &[u8], key: &PublicKey, statement: &Statement) -> bool {
    Bundle::from_json(bundle).is_ok_and(|bundle| {
        bundle.hint == key.hint()
            && Statement::from_json(&bundle.payload).is_ok_and(|found| found.is_same_build(statement))
    })
}

/// Returns the annotations by which cosign finds bundles with provenance (sigstore/cosign, `specs/BUNDLE_SPEC.md`).
fn annotations() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([
        ("dev.sigstore.bundle.content", "dsse-envelope"),
        ("dev.sigstore.bundle.predicateType", PREDICATE_TYPE),
    ])
}
