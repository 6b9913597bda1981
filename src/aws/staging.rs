use std::{collections::BTreeMap, io, time::Duration};

use aws_sdk_s3::{operation::get_object::GetObjectError, presigning::PresigningConfig, primitives::ByteStream};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::{Stream, stream};
use pack_format::Digest;
use ulid::Ulid;

use super::{Attestations, Error};
use crate::records::{OrgId, UploadId};

/// The staged archives, in a bucket whose lifecycle rules delete them after [`Self::EXPIRES_AFTER`].
#[derive(Debug, Clone)]
pub struct Staging {
    client: aws_sdk_s3::Client,
    bucket: String,
}

/// A signed request that uploads one archive to the bucket. It needs no other credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresignedPut {
    /// The URL, including the signature.
    pub url: String,
    /// The signed headers, which the client must send.
    pub headers: BTreeMap<String, String>,
}

impl Staging {
    /// The key prefixes of staged archives, the only objects that expire.
    pub const EXPIRING: [&str; 2] = ["staging", "uploads"];

    /// The age at which the bucket's lifecycle rules delete staged archives and unfinished multipart uploads. It must
    /// exceed the time for which a build may be retried; a test checks this.
    pub const EXPIRES_AFTER: Duration = Duration::from_secs(7 * 24 * 3_600);

    pub fn new(client: aws_sdk_s3::Client, bucket: String) -> Self {
        Self { client, bucket }
    }

    /// Returns the attestations, which are in the same bucket.
    pub fn attestations(&self) -> Attestations {
        let Self { client, bucket } = self.clone();
        Attestations { client, bucket }
    }

    /// Generates a unique key for an archive that is sent in the request: `staging/<org id>/<ULID>.tar.gz`.
    pub fn new_key(org: OrgId) -> String {
        format!("staging/{org}/{}.tar.gz", Ulid::generate())
    }

    /// Returns the key of an archive that the client sends to S3: `uploads/<org id>/<upload id>.tar.gz`.
    pub fn upload_key(org: OrgId, upload: UploadId) -> String {
        format!("uploads/{org}/{upload}.tar.gz")
    }

    /// Signs a request that uploads an archive to `key`. S3 accepts only an archive with this SHA-256 and this size in
    /// bytes. The client must start sending it within [`UploadId::SEND_WITHIN`]. Signing does not call S3.
    pub async fn presign_put(&self, key: &str, size: u64, sha256: Digest) -> Result<PresignedPut, Error> {
        let size = i64::try_from(size).map_err(|error| Error::Sign(error.into()))?;
        let within = PresigningConfig::expires_in(UploadId::SEND_WITHIN).map_err(|error| Error::Sign(error.into()))?;
        let put = self.client.put_object().bucket(&self.bucket).key(key).content_type("application/gzip");
        let put = put.content_length(size).checksum_sha256(STANDARD.encode(sha256.as_bytes()));
        let request = put.presigned(within).await.map_err(|error| Error::Sign(error.into()))?;
        let headers = request.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok(PresignedPut { url: request.uri().to_owned(), headers })
    }

    /// Stages an archive under `key`. The SDK sends a checksum, which S3 verifies. The request's signature does not
    /// cover the archive, because computing its SHA-256 a second time would be slow, and TLS already protects it.
    pub async fn put(&self, key: &str, archive: Bytes) -> Result<(), Error> {
        let put = self.client.put_object().bucket(&self.bucket).key(key).content_type("application/gzip");
        let put = put.body(ByteStream::from(archive)).customize().disable_payload_signing();
        put.send().await.map_err(Error::call("PutObject"))?;
        Ok(())
    }

    /// Returns the archive staged under `key`, or `None` if it does not exist. The stream ends with an error if the
    /// transfer is interrupted or the checksum does not match.
    ///
    /// The credentials must allow `s3:ListBucket`, because S3 otherwise returns 403 instead of 404 if the object does
    /// not exist.
    pub async fn get(&self, key: &str) -> Result<Option<impl Stream<Item = io::Result<Bytes>> + use<>>, Error> {
        match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(object) => Ok(Some(chunks(object.body))),
            Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => Ok(None),
            Err(error) => Err(Error::call("GetObject")(error)),
        }
    }

    /// Deletes the archive staged under `key`, if it exists.
    pub async fn delete(&self, key: &str) -> Result<(), Error> {
        self.client.delete_object().bucket(&self.bucket).key(key).send().await.map_err(Error::call("DeleteObject"))?;
        Ok(())
    }
}

/// Returns the content of an object as a stream, which ends with an error if the transfer is interrupted or the
/// checksum does not match.
pub(super) fn chunks(body: ByteStream) -> impl Stream<Item = io::Result<Bytes>> + use<> {
    stream::unfold(body, async |mut body| {
        let chunk = body.next().await?.map_err(io::Error::other);
        Some((chunk, body))
    })
}
