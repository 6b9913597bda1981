use aws_sdk_s3::{operation::get_object::GetObjectError, primitives::ByteStream};
use bytes::Bytes;
use pack_format::Digest;

use super::Error;
use crate::records::Release;

/// The S3 key prefix of the public keys.
const KEYS: &str = "attestation-keys/";

/// The attestation bundles, and the public keys that verify them. They are in the same bucket as the staged archives
/// but never expire.
#[derive(Debug, Clone)]
pub struct Attestations {
    pub(super) client: aws_sdk_s3::Client,
    pub(super) bucket: String,
}

impl Attestations {
    /// Returns a version's bundle, or `None` if there is none. The bundle may attest an earlier attempt, or a pack that
    /// has since been replaced.
    pub async fn get(&self, release: &Release) -> Result<Option<Bytes>, Error> {
        self.get_object(&Self::key(release)).await
    }

    /// Stores a version's bundle, replacing any earlier one. The caller must hold the lease on the version.
    pub async fn put(&self, release: &Release, bundle: Bytes) -> Result<(), Error> {
        self.put_object(Self::key(release), "application/json", bundle).await
    }

    /// Deletes a version's bundle if it exists. The caller must hold the lease on the version.
    pub async fn delete(&self, release: &Release) -> Result<(), Error> {
        let delete = self.client.delete_object().bucket(&self.bucket).key(Self::key(release));
        delete.send().await.map_err(Error::call("DeleteObject"))?;
        Ok(())
    }

    /// Stores a public key in PEM form. `digest` is the digest of the key's DER form. [`Self::keys`] returns the key
    /// until its object is deleted.
    pub async fn publish_key(&self, digest: Digest, pem: String) -> Result<(), Error> {
        let key = format!("{KEYS}{}.pem", hex::encode(digest.as_bytes()));
        self.put_object(key, "application/x-pem-file", pem.into()).await
    }

    /// Returns all public keys in PEM form, each with the S3 key of its object. Lists a single page of up to 1,000
    /// objects, which is enough because there is only one object for each signing key ever used.
    pub async fn keys(&self) -> Result<Vec<(String, Bytes)>, Error> {
        let list = self.client.list_objects_v2().bucket(&self.bucket).prefix(KEYS);
        let list = list.send().await.map_err(Error::call("ListObjectsV2"))?;
        let mut keys = Vec::new();
        for object in list.contents() {
            let key = object.key().unwrap_or_default();
            keys.extend(self.get_object(key).await?.map(|pem| (key.to_owned(), pem)));
        }
        Ok(keys)
    }

    /// Returns the S3 key of a version's bundle. The key omits the pack's id so that a replaced pack leaves no bundle
    /// behind: the replacement's build overwrites the bundle, or the replacement's purge deletes it.
    pub(crate) fn key(release: &Release) -> String {
        let Release { org_id, manifest, .. } = release;
        format!("attestations/{org_id}/{}/{}", manifest.name, manifest.version)
    }

    async fn get_object(&self, key: &str) -> Result<Option<Bytes>, Error> {
        let failed = "GetObject";
        match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(object) => Ok(Some(object.body.collect().await.map_err(Error::call(failed))?.into_bytes())),
            Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => Ok(None),
            Err(error) => Err(Error::call(failed)(error)),
        }
    }

    async fn put_object(&self, key: String, media_type: &str, content: Bytes) -> Result<(), Error> {
        let put = self.client.put_object().bucket(&self.bucket).key(key).content_type(media_type);
        put.body(ByteStream::from(content)).send().await.map_err(Error::call("PutObject"))?;
        Ok(())
    }
}
