//! Copies images from and to the registry.

use std::io;

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};
use pack_format::Digest;
use serde::Deserialize;
use tokio::io::AsyncWrite;

use super::{Error, Registry, by_digest, put_manifest};

/// A blob that an image manifest names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Blob {
    pub digest: Digest,
    /// The size in bytes.
    pub size: u64,
}

#[derive(Deserialize)]
struct ImageManifest {
    config: Blob,
    layers: Vec<Blob>,
}

impl Blob {
    /// Returns the config and the layers of an image.
    ///
    /// # Errors
    /// Returns [`Error::Manifest`] if `manifest` is not an image manifest.
    pub fn all_of(manifest: &[u8]) -> Result<Vec<Self>, Error> {
        let ImageManifest { config, mut layers } = serde_json::from_slice(manifest).map_err(Error::Manifest)?;
        layers.push(config);
        Ok(layers)
    }
}

impl Registry {
    /// Writes the content of a blob to `out`, and checks its digest. Has no timeout.
    pub async fn pull_blob(&self, image_ref: &str, blob: Blob, out: impl AsyncWrite) -> Result<(), Error> {
        let reference = self.reference(image_ref)?;
        let client = self.session().await?.client;
        client.pull_blob(&reference, &*blob.digest.to_string(), out).await?;
        Ok(())
    }

    /// Pushes a blob, unless the registry already has it. The registry checks its digest. Has no timeout.
    pub async fn push_blob(
        &self,
        image_ref: &str,
        blob: Blob,
        content: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Result<(), Error> {
        let reference = self.reference(image_ref)?;
        let client = self.session().await?.client;
        let digest = blob.digest.to_string();
        if !client.blob_exists(&reference, &digest).await? {
            client.push_blob_stream(&reference, content.map_err(Into::into), &digest, Some(blob.size)).await?;
        }
        Ok(())
    }

    /// Pushes an image manifest by its digest. The tag of `image_ref` does not change.
    pub async fn push_manifest(&self, image_ref: &str, manifest: Bytes) -> Result<(), Error> {
        let push = async {
            let reference = by_digest(&self.reference(image_ref)?, Digest::sha256(&manifest));
            put_manifest(&self.session().await?.client, &reference, manifest).await
        };
        self.in_time(push).await
    }
}
