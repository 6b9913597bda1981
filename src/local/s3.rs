use std::{
    fs, io, mem,
    path::{Component, Path, PathBuf},
    sync::{
        self, Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use axum::{Router, error_handling::HandleError, http::StatusCode};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use s3s::{
    S3, S3ErrorCode, S3Request, S3Response, S3Result, auth::SimpleAuth, checksum::ChecksumHasher, dto, s3_error,
    service::S3ServiceBuilder,
};
use s3s_fs::FileSystem;
use tokio::{
    fs::File,
    sync::{Mutex, MutexGuard},
};
use tokio_util::{io::ReaderStream, sync::CancellationToken};

use super::sdk;
use crate::aws::Staging;

/// How many bytes of an object to read at a time.
const CHUNK: usize = 256 << 10;

/// An S3 server that stores its objects in a directory, based on s3s-fs. It works around two bugs in s3s-fs:
/// conditional writes are not atomic, and a body that does not match its checksum replaces the object. The
/// second workaround does not cover the parts of a multipart upload.
struct Store {
    files: FileSystem,
    directory: PathBuf,
    /// Locks that serialize writes to the same key. The hash of a key selects its lock.
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

/// Implements [`S3`]: delegates the listed operations to s3s-fs, and adds the methods in the block.
macro_rules! store {
    ($($operation:ident($input:ident) -> $output:ident;)* { $($method:tt)* }) => {
        #[async_trait::async_trait]
        impl S3 for Store {
            $(async fn $operation(&self, request: S3Request<dto::$input>) -> S3Result<S3Response<dto::$output>> {
                self.files.$operation(request).await
            })*
            $($method)*
        }
    };
}

store! {
    create_bucket(CreateBucketInput) -> CreateBucketOutput;
    head_bucket(HeadBucketInput) -> HeadBucketOutput;
    list_buckets(ListBucketsInput) -> ListBucketsOutput;
    head_object(HeadObjectInput) -> HeadObjectOutput;
    delete_object(DeleteObjectInput) -> DeleteObjectOutput;
    list_objects_v2(ListObjectsV2Input) -> ListObjectsV2Output;
    create_multipart_upload(CreateMultipartUploadInput) -> CreateMultipartUploadOutput;
    upload_part(UploadPartInput) -> UploadPartOutput;
    list_parts(ListPartsInput) -> ListPartsOutput;
    abort_multipart_upload(AbortMultipartUploadInput) -> AbortMultipartUploadOutput;
    {
        /// Streams the file instead of the body that s3s-fs returns: s3s-fs reads 4 KiB at a time, each time on another
        /// thread, which takes longer than validating an archive.
        async fn get_object(
            &self,
            request: S3Request<dto::GetObjectInput>,
        ) -> S3Result<S3Response<dto::GetObjectOutput>> {
            let (bucket, key) = (request.input.bucket.clone(), request.input.key.clone());
            let mut response = self.files.get_object(request).await?;
            // A key may contain `..`, which s3s-fs resolves inside the directory.
            let is_plain = Path::new(&key).components().all(|component| matches!(component, Component::Normal(_)));
            if is_plain && let Ok(file) = File::open(self.directory.join(bucket).join(key)).await {
                let size = file.metadata().await.ok().and_then(|metadata| i64::try_from(metadata.len()).ok());
                // The size differs if only a range was requested, or if the object was replaced in the meantime.
                if size.is_some() && size == response.output.content_length {
                    response.output.body = Some(dto::StreamingBlob::wrap(ReaderStream::with_capacity(file, CHUNK)));
                }
            }
            Ok(response)
        }

        async fn put_object(
            &self,
            mut request: S3Request<dto::PutObjectInput>,
        ) -> S3Result<S3Response<dto::PutObjectOutput>> {
            let (bucket, key) = (request.input.bucket.clone(), request.input.key.clone());
            let mismatch = check_body(&mut request.input);
            let _lock = self.lock(&bucket, &key).await;
            let result = self.files.put_object(request).await;
            if mismatch.load(Ordering::Relaxed) {
                return Err(s3_error!(BadDigest, "The body does not match its checksum."));
            }
            // s3s-fs compares Content-MD5 and a checksum in a trailer only after it has written the object, so delete
            // the object if either does not match.
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
            let _lock = self.lock(&request.input.bucket, &request.input.key).await;
            self.files.complete_multipart_upload(request).await
        }
    }
}

fn hash_state(hasher: &sync::Mutex<ChecksumHasher>) -> sync::MutexGuard<'_, ChecksumHasher> {
    hasher.lock().expect("no code panics while it holds the lock")
}

/// Verifies the body against the checksums in the headers while the body is read. On a mismatch, the stream ends with
/// an error and the returned flag is set. s3s-fs verifies these checksums only after it has replaced the object.
fn check_body(input: &mut dto::PutObjectInput) -> Arc<AtomicBool> {
    let expected = dto::Checksum {
        checksum_crc32: input.checksum_crc32.clone(),
        checksum_crc32c: input.checksum_crc32c.clone(),
        checksum_crc64nvme: input.checksum_crc64nvme.clone(),
        checksum_sha1: input.checksum_sha1.clone(),
        checksum_sha256: input.checksum_sha256.clone(),
        ..Default::default()
    };
    let hasher = Arc::new(sync::Mutex::new(ChecksumHasher {
        crc32: expected.checksum_crc32.as_ref().map(|_| Default::default()),
        crc32c: expected.checksum_crc32c.as_ref().map(|_| Default::default()),
        crc64nvme: expected.checksum_crc64nvme.as_ref().map(|_| Default::default()),
        sha1: expected.checksum_sha1.as_ref().map(|_| Default::default()),
        sha256: expected.checksum_sha256.as_ref().map(|_| Default::default()),
    }));
    let mismatch = Arc::new(AtomicBool::new(false));
    let (hashing, mismatching) = (Arc::clone(&hasher), Arc::clone(&mismatch));
    let check = async move {
        if mem::take(&mut *hash_state(&hasher)).finalize() == expected {
            return Ok(Bytes::new());
        }
        mismatching.store(true, Ordering::Relaxed);
        Err(io::Error::other("the body does not match its checksum"))
    };
    input.body = input.body.take().map(|chunks| {
        let chunks = chunks.map_err(io::Error::other).inspect_ok(move |chunk| hash_state(&hashing).update(chunk));
        dto::StreamingBlob::wrap(chunks.chain(stream::once(check)))
    });
    mismatch
}

/// Returns a request for calling s3s-fs directly, without HTTP.
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

/// Returns a router that serves a directory through the S3 API. Each bucket is a subdirectory.
pub(super) fn router(directory: &Path) -> Result<Router, s3s_fs::Error> {
    let store = Store {
        files: FileSystem::new(directory)?,
        directory: directory.to_owned(),
        writers: std::array::from_fn(|_| Mutex::default()),
    };
    let mut builder = S3ServiceBuilder::new(store);
    builder.set_auth(SimpleAuth::from_single(sdk::ACCESS_KEY_ID, sdk::SECRET_ACCESS_KEY));
    let service = HandleError::new(builder.build(), async |error: s3s::HttpError| {
        tracing::error!(?error, "the S3 backend failed");
        StatusCode::INTERNAL_SERVER_ERROR
    });
    Ok(Router::new().fallback_service(service))
}

/// Deletes files older than `age`, as a bucket's lifecycle rules do: objects whose key has a prefix in
/// [`Staging::EXPIRING`], and the parts of incomplete multipart uploads. Also deletes the old metadata files of all
/// objects, even of those that do not expire.
fn sweep(root: &Path, age: Duration) -> io::Result<()> {
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        let is_bucket = directory.parent() == Some(root);
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            let expires = !is_bucket || Staging::EXPIRING.iter().any(|prefix| entry.file_name() == *prefix);
            if metadata.is_dir() {
                if expires {
                    directories.push(entry.path());
                }
            } else if SystemTime::now().duration_since(metadata.modified()?).is_ok_and(|since| since > age) {
                fs::remove_file(entry.path())?;
            }
        }
    }
    Ok(())
}

/// Sweeps immediately and then periodically, until `stop` is canceled.
pub(super) async fn sweep_periodically(directory: PathBuf, age: Duration, period: Duration, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(period);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let directory = directory.clone();
        match tokio::task::spawn_blocking(move || sweep(&directory, age)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "cannot delete expired staged objects"),
            Err(error) => tracing::error!(%error, "the deletion of expired staged objects panicked"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_deletes_only_old_archives_and_upload_parts() -> io::Result<()> {
        let directory = tempfile::tempdir()?;
        let files = [
            ("bucket/staging/acme/old", 2, false),
            ("bucket/staging/acme/new", 0, true),
            ("bucket/uploads/acme/old", 2, false),
            ("bucket/attestations/old", 2, true),
            ("bucket/quarantine/old", 2, true),
            (".upload_id-1.part-1", 2, false),
        ];
        for (name, hours, _) in files {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().ok_or(io::ErrorKind::NotFound)?)?;
            fs::File::create(path)?.set_modified(SystemTime::now() - Duration::from_secs(hours * 3_600))?;
        }
        sweep(directory.path(), Duration::from_secs(3_600))?;
        for (name, _, exists) in files {
            assert_eq!(directory.path().join(name).exists(), exists, "{name}");
        }
        Ok(())
    }
}
