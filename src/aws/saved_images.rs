use std::{io, path::Path};

use aws_sdk_s3::{operation::get_object::GetObjectError, primitives::ByteStream};
use bytes::Bytes;
use futures_util::Stream;
use pack_format::Digest;

use super::{Error, staging::chunks};
use crate::records::PackId;

/// The images of quarantined packs, in the same bucket as staged archives. They do not expire.
#[derive(Debug, Clone)]
pub struct SavedImages {
    client: aws_sdk_s3::Client,
    bucket: String,
}

impl SavedImages {
    pub fn new(client: aws_sdk_s3::Client, bucket: String) -> Self {
        Self { client, bucket }
    }

    /// Returns the image manifest of a saved image, or `None` if no image was saved completely.
    pub async fn manifest(&self, pack: PackId) -> Result<Option<Bytes>, Error> {
        let Some(content) = self.get(manifest_key(pack)).await? else { return Ok(None) };
        let manifest = content.collect().await.map_err(Error::call("GetObject"))?;
        Ok(Some(manifest.into_bytes()))
    }

    /// Writes the image manifest of an image whose blobs are saved. The image is then saved completely.
    pub async fn put_manifest(&self, pack: PackId, manifest: Bytes) -> Result<(), Error> {
        self.put(manifest_key(pack), manifest.into()).await
    }

    /// Returns the content of a saved blob, or `None` if it does not exist.
    pub async fn blob(
        &self,
        pack: PackId,
        digest: Digest,
    ) -> Result<Option<impl Stream<Item = io::Result<Bytes>> + use<>>, Error> {
        Ok(self.get(blob_key(pack, digest)).await?.map(chunks))
    }

    /// Saves a blob from a file.
    pub async fn put_blob(&self, pack: PackId, digest: Digest, file: &Path) -> Result<(), Error> {
        let content = ByteStream::from_path(file).await.map_err(Error::call("PutObject"))?;
        self.put(blob_key(pack, digest), content).await
    }

    /// Deletes a saved image. Does nothing if it does not exist. An interrupted call can be repeated.
    pub async fn delete(&self, pack: PackId) -> Result<(), Error> {
        let list = self.client.list_objects_v2().bucket(&self.bucket).prefix(folder(pack)).send();
        // An image has three objects, so one page lists them all.
        let objects = list.await.map_err(Error::call("ListObjectsV2"))?.contents.unwrap_or_default();
        for key in objects.into_iter().filter_map(|object| object.key) {
            let delete = self.client.delete_object().bucket(&self.bucket).key(key);
            delete.send().await.map_err(Error::call("DeleteObject"))?;
        }
        Ok(())
    }

    async fn get(&self, key: String) -> Result<Option<ByteStream>, Error> {
        match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(object) => Ok(Some(object.body)),
            Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => Ok(None),
            Err(error) => Err(Error::call("GetObject")(error)),
        }
    }

    async fn put(&self, key: String, content: ByteStream) -> Result<(), Error> {
        let put = self.client.put_object().bucket(&self.bucket).key(key).body(content);
        put.send().await.map_err(Error::call("PutObject"))?;
        Ok(())
    }
}

fn folder(pack: PackId) -> String {
    format!("quarantine/{pack}/")
}

fn manifest_key(pack: PackId) -> String {
    folder(pack) + "manifest"
}

fn blob_key(pack: PackId, digest: Digest) -> String {
    folder(pack) + &digest.to_string().replace(':', "-")
}
