use std::{io, path::Path};

use aws_sdk_s3::{operation::get_object::GetObjectError, primitives::ByteStream};
use bytes::Bytes;
use futures_util::Stream;
use pack_format::Digest;

use super::{Error, staging::chunks};
use crate::records::{PackId, Record};

/// The saved images of quarantined packs, in the same bucket as staged archives. They do not expire. Each quarantine of
/// a pack happens in a different attempt and has its own saved image, so a restore never deletes an image that a later
/// quarantine saved.
#[derive(Debug, Clone)]
pub struct SavedImages {
    client: aws_sdk_s3::Client,
    bucket: String,
}

impl SavedImages {
    pub fn new(client: aws_sdk_s3::Client, bucket: String) -> Self {
        Self { client, bucket }
    }

    /// Returns the saved image manifest, or `None` if no image was saved completely.
    pub async fn manifest(&self, record: &Record) -> Result<Option<Bytes>, Error> {
        let Some(content) = self.get(manifest_key(record)).await? else { return Ok(None) };
        let manifest = content.collect().await.map_err(Error::call("GetObject"))?;
        Ok(Some(manifest.into_bytes()))
    }

    /// Saves the image manifest. Call this last, because it marks the image as completely saved.
    pub async fn put_manifest(&self, record: &Record, manifest: Bytes) -> Result<(), Error> {
        self.put(manifest_key(record), manifest.into()).await
    }

    /// Returns the content of a saved blob, or `None` if it does not exist.
    pub async fn blob(
        &self,
        record: &Record,
        digest: Digest,
    ) -> Result<Option<impl Stream<Item = io::Result<Bytes>> + use<>>, Error> {
        Ok(self.get(blob_key(record, digest)).await?.map(chunks))
    }

    pub async fn put_blob(&self, record: &Record, digest: Digest, file: &Path) -> Result<(), Error> {
        let content = ByteStream::from_path(file).await.map_err(Error::call("PutObject"))?;
        self.put(blob_key(record, digest), content).await
    }

    /// Deletes the image saved in the record's attempt, if it exists. An interrupted call can be repeated.
    pub async fn delete(&self, record: &Record) -> Result<(), Error> {
        self.delete_prefix(image_prefix(record)).await
    }

    /// Deletes every image saved for the pack, in any attempt. An interrupted call can be repeated.
    pub async fn delete_all(&self, pack: PackId) -> Result<(), Error> {
        self.delete_prefix(pack_prefix(pack)).await
    }

    async fn delete_prefix(&self, prefix: String) -> Result<(), Error> {
        let list = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix).send();
        // One page of up to 1,000 objects is enough: an image has three, and restoring a pack deletes its saved image.
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

fn pack_prefix(pack: PackId) -> String {
    format!("quarantine/{pack}/")
}

fn image_prefix(record: &Record) -> String {
    format!("{}{}/", pack_prefix(record.id), record.build.attempt)
}

fn manifest_key(record: &Record) -> String {
    image_prefix(record) + "manifest"
}

fn blob_key(record: &Record, digest: Digest) -> String {
    image_prefix(record) + &digest.to_string().replace(':', "-")
}
