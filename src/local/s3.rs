use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use axum::{Router, error_handling::HandleError, http::StatusCode};
use s3s::{S3, S3ErrorCode, S3Request, S3Response, S3Result, auth::SimpleAuth, dto, service::S3ServiceBuilder};
use s3s_fs::FileSystem;
use tokio::sync::{Mutex, MutexGuard};
use tokio_util::sync::CancellationToken;

use super::clients;

/// S3 on a folder: s3s-fs, with two of its faults mended. Its conditional writes are not atomic, and a body that does
/// not match its digest leaves an object behind. Checksums of the parts of a multipart upload stay unchecked.
struct Store {
    files: FileSystem,
    /// Writers of one key wait for each other; which lock a key has follows from its hash.
    writers: [Mutex<()>; 64],
}

impl Store {
    async fn lock(&self, bucket: &str, key: &str) -> MutexGuard<'_, ()> {
        let hash = bucket
            .bytes()
            .chain(key.bytes())
            .fold(5381_usize, |hash, byte| hash.wrapping_mul(33).wrapping_add(usize::from(byte)));
        self.writers[hash % self.writers.len()].lock().await
    }
}

/// Implements the operations named as the file system does, and those written out besides.
macro_rules! store {
    ($($operation:ident($input:ident) -> $output:ident;)* { $($written_out:tt)* }) => {
        #[async_trait::async_trait]
        impl S3 for Store {
            $(async fn $operation(&self, request: S3Request<dto::$input>) -> S3Result<S3Response<dto::$output>> {
                self.files.$operation(request).await
            })*
            $($written_out)*
        }
    };
}

store! {
    create_bucket(CreateBucketInput) -> CreateBucketOutput;
    head_bucket(HeadBucketInput) -> HeadBucketOutput;
    list_buckets(ListBucketsInput) -> ListBucketsOutput;
    get_object(GetObjectInput) -> GetObjectOutput;
    head_object(HeadObjectInput) -> HeadObjectOutput;
    delete_object(DeleteObjectInput) -> DeleteObjectOutput;
    list_objects_v2(ListObjectsV2Input) -> ListObjectsV2Output;
    create_multipart_upload(CreateMultipartUploadInput) -> CreateMultipartUploadOutput;
    upload_part(UploadPartInput) -> UploadPartOutput;
    list_parts(ListPartsInput) -> ListPartsOutput;
    abort_multipart_upload(AbortMultipartUploadInput) -> AbortMultipartUploadOutput;
    {
        async fn put_object(
            &self,
            request: S3Request<dto::PutObjectInput>,
        ) -> S3Result<S3Response<dto::PutObjectOutput>> {
            let (bucket, key) = (request.input.bucket.clone(), request.input.key.clone());
            let _writing = self.lock(&bucket, &key).await;
            let result = self.files.put_object(request).await;
            if result.as_ref().is_err_and(|error| *error.code() == S3ErrorCode::BadDigest) {
                let input = dto::DeleteObjectInput { bucket, key, ..Default::default() };
                self.files.delete_object(internal_request(input)).await?;
            }
            result
        }

        async fn complete_multipart_upload(
            &self,
            request: S3Request<dto::CompleteMultipartUploadInput>,
        ) -> S3Result<S3Response<dto::CompleteMultipartUploadOutput>> {
            let _writing = self.lock(&request.input.bucket, &request.input.key).await;
            self.files.complete_multipart_upload(request).await
        }
    }
}

/// A request of our own, which came by no HTTP.
fn internal_request<T>(input: T) -> S3Request<T> {
    S3Request {
        input,
        method: Default::default(),
        uri: Default::default(),
        headers: Default::default(),
        extensions: Default::default(),
        credentials: None,
        region: None,
        service: None,
        trailing_headers: None,
    }
}

/// The API on the buckets in this folder.
pub(super) fn router(folder: &Path) -> Result<Router, s3s_fs::Error> {
    let store = Store { files: FileSystem::new(folder)?, writers: std::array::from_fn(|_| Mutex::default()) };
    let mut builder = S3ServiceBuilder::new(store);
    builder.set_auth(SimpleAuth::from_single(clients::ACCESS_KEY_ID, clients::SECRET_ACCESS_KEY));
    let service = HandleError::new(builder.build(), async |error: s3s::HttpError| {
        tracing::error!(?error, "the S3 backend failed");
        StatusCode::INTERNAL_SERVER_ERROR
    });
    Ok(Router::new().fallback_service(service))
}

/// Deletes what was written longer than `age` ago, as the lifecycle rules of a bucket do: objects, their metadata, and
/// the parts of multipart uploads that were never completed.
fn sweep(folder: &Path, age: Duration) -> io::Result<()> {
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                folders.push(entry.path());
            } else if SystemTime::now().duration_since(metadata.modified()?).is_ok_and(|since| since > age) {
                fs::remove_file(entry.path())?;
            }
        }
    }
    Ok(())
}

/// Sweeps at once and then regularly, until `stop` is cancelled.
pub(super) async fn sweep_regularly(folder: PathBuf, age: Duration, period: Duration, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(period);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let folder = folder.clone();
        match tokio::task::spawn_blocking(move || sweep(&folder, age)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "staged objects could not be looked through"),
            Err(error) => tracing::error!(%error, "looking through staged objects panicked"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_takes_what_is_old_and_nothing_else() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let bucket = folder.path().join("bucket");
        fs::create_dir_all(bucket.join("acme"))?;
        for (name, hours) in [("acme/old", 2), ("acme/new", 0), ("../.upload_id-1.part-1", 2)] {
            let file = fs::File::create(bucket.join(name))?;
            file.set_modified(SystemTime::now() - Duration::from_secs(hours * 3_600))?;
        }
        sweep(folder.path(), Duration::from_secs(3_600))?;
        assert!(!bucket.join("acme/old").exists());
        assert!(bucket.join("acme/new").exists());
        assert!(!folder.path().join(".upload_id-1.part-1").exists());
        Ok(())
    }
}
