use std::{collections::BTreeMap, io, time::Duration};

use aws_sdk_s3::{operation::get_object::GetObjectError, presigning::PresigningConfig, primitives::ByteStream};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::{Stream, stream};
use pack_format::Digest;
use ulid::Ulid;

use super::Error;
use crate::records::{OrgId, UploadId};

/// The bucket in which uploaded archives wait for their build.
#[derive(Debug, Clone)]
pub struct Staging {
    client: aws_sdk_s3::Client,
    bucket: String,
}

/// A request that puts one archive into the bucket, signed for whoever is given it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresignedPut {
    /// The URL, which holds the signature.
    pub url: String,
    /// The headers that were signed and must be sent.
    pub headers: BTreeMap<String, String>,
}

impl Staging {
    /// How old a staged object, or an unfinished multipart upload, becomes by the bucket's lifecycle: older than any build
    /// that is not given up (a test ties the two).
    pub const EXPIRES_AFTER: Duration = Duration::from_secs(7 * 24 * 3_600);

    /// The bucket of this name.
    pub fn new(client: aws_sdk_s3::Client, bucket: String) -> Self {
        Self { client, bucket }
    }

    /// A key that no other upload has: `staging/<org id>/<ULID>.tar.gz`.
    pub fn new_key(org: OrgId) -> String {
        format!("staging/{org}/{}.tar.gz", Ulid::generate())
    }

    /// The key of the archive of an upload that comes by way of S3: `uploads/<org id>/<upload id>.tar.gz`.
    pub fn upload_key(org: OrgId, upload: UploadId) -> String {
        format!("uploads/{org}/{upload}.tar.gz")
    }

    /// Signs the put of an archive under `key`: of this size in bytes, and with this SHA-256, to be begun within
    /// [`UploadId::SEND_WITHIN`]. Signing asks nobody but the credentials' provider.
    ///
    /// # Errors
    /// When there are no credentials to sign with.
    pub async fn presign_put(&self, key: &str, size: u64, sha256: Digest) -> Result<PresignedPut, Error> {
        let failed = "PutObject";
        let size = i64::try_from(size).map_err(Error::of(failed))?;
        let within = PresigningConfig::expires_in(UploadId::SEND_WITHIN).map_err(Error::of(failed))?;
        let put = self.client.put_object().bucket(&self.bucket).key(key).content_type("application/gzip");
        let put = put.content_length(size).checksum_sha256(STANDARD.encode(sha256.as_bytes()));
        let request = put.presigned(within).await.map_err(Error::of(failed))?;
        let headers = request.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok(PresignedPut { url: request.uri().to_owned(), headers })
    }

    /// Stages an archive under `key`. The SDK sends a checksum along, which S3 verifies.
    ///
    /// # Errors
    /// When S3 did not confirm it.
    pub async fn put(&self, key: &str, archive: Bytes) -> Result<(), Error> {
        let put = self.client.put_object().bucket(&self.bucket).key(key).content_type("application/gzip");
        put.body(ByteStream::from(archive)).send().await.map_err(Error::of("PutObject"))?;
        Ok(())
    }

    /// The archive staged under `key`, unless it has expired. The stream ends with an error where S3 breaks off the
    /// transfer, or the checksum is wrong. S3 tells an object that is not there from one that may not be read only to
    /// callers with `s3:ListBucket`.
    ///
    /// # Errors
    /// When S3 fails.
    pub async fn get(&self, key: &str) -> Result<Option<impl Stream<Item = io::Result<Bytes>> + use<>>, Error> {
        match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(object) => Ok(Some(stream::unfold(object.body, async |mut body| {
                let chunk = body.next().await?.map_err(io::Error::other);
                Some((chunk, body))
            }))),
            Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => Ok(None),
            Err(error) => Err(Error::of("GetObject")(error)),
        }
    }
}
