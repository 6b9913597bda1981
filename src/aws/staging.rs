use bytes::Bytes;

use super::Error;

/// The bucket in which uploaded archives wait for their build. Objects expire after 7 days by the bucket's lifecycle.
#[derive(Debug, Clone)]
pub struct Staging {
    client: aws_sdk_s3::Client,
    bucket: String,
}

impl Staging {
    /// The bucket of this name.
    pub fn new(client: aws_sdk_s3::Client, bucket: String) -> Self {
        Self { client, bucket }
    }

    /// Stages an archive under `key`.
    pub async fn put(&self, _key: &str, _archive: Bytes) -> Result<(), Error> {
        todo!("{:?} {}", self.client, self.bucket)
    }

    /// The archive staged under `key`, unless it has expired.
    pub async fn get(&self, _key: &str) -> Result<Option<Bytes>, Error> {
        todo!()
    }
}
