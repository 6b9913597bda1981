//! Pulls and pushes single blobs, and pushes image manifests, to save images from the registry and to restore them.

use std::{io, pin::pin};

use bytes::Bytes;
use futures_util::Stream;
use pack_format::Digest;
use reqwest::{Body, Method};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::{Error, Registry, error::expect_success};

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
    /// Describes a blob with this content.
    pub(super) fn new(content: &[u8]) -> Self {
        Self { digest: Digest::sha256(content), size: content.len() as u64 }
    }

    /// Returns the layers of an image, followed by its config.
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
    /// Pulls a blob and writes its content to `out`. Checks the digest after the last write. Has no timeout.
    pub async fn pull_blob(&self, image_ref: &str, blob: Blob, out: impl AsyncWrite) -> Result<(), Error> {
        let repository = self.repository(self.split(image_ref)?.0).await?;
        let response = repository.send(Method::GET, &format!("blobs/{}", blob.digest)).await?;
        let mut response = expect_success(Method::GET, response).await?;
        let mut hasher = Sha256::new();
        let mut out = pin!(out);
        while let Some(chunk) = response.chunk().await? {
            hasher.update(&chunk);
            out.write_all(&chunk).await.map_err(Error::Write)?;
        }
        out.flush().await.map_err(Error::Write)?;
        let found = Digest::from(hasher);
        if found != blob.digest {
            return Err(Error::WrongDigest { found: Some(found.to_string()), expected: blob.digest });
        }
        Ok(())
    }

    /// Pushes a blob, unless the registry already has it. The registry verifies the blob's digest. Has no timeout.
    pub async fn push_blob(
        &self,
        image_ref: &str,
        blob: Blob,
        content: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Result<(), Error> {
        let repository = self.repository(self.split(image_ref)?.0).await?;
        if repository.has_blob(blob.digest).await? {
            return Ok(());
        }
        let session = repository.open_upload().await?;
        repository.upload(session, blob, Body::wrap_stream(content)).await
    }

    /// Pushes an image manifest by its digest. The tag of `image_ref` does not change.
    pub async fn push_manifest(&self, image_ref: &str, manifest: Bytes) -> Result<(), Error> {
        let push = async {
            let repository = self.repository(self.split(image_ref)?.0).await?;
            repository.put_by_digest(Digest::sha256(&manifest), manifest).await.map(|_| ())
        };
        self.in_time(push).await
    }
}
