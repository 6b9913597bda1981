//! Blobs, and the uploads that become blobs (OCI distribution spec, "Pulling blobs", "Pushing blobs").

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::MutexGuard,
};

use axum::{
    body::Body,
    extract::Query,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use pack_format::Digest;
use serde::Deserialize;
use tokio::fs::File;
use tokio_util::io::ReaderStream;
use ulid::Ulid;

use super::{Error, Registry, Upload, endpoint::Name, store::found};

/// The header that says what digest a content has.
pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
/// How much of a file is read at once, in bytes.
const PIECE: usize = 1 << 17;

/// The query of the request that ends an upload.
#[derive(Deserialize)]
struct End {
    digest: Digest,
}

impl Registry {
    pub(super) async fn blob(&self, digest: Digest) -> Result<Response, Error> {
        self.content(digest, "application/octet-stream".to_owned()).await?.ok_or(Error::BlobUnknown)
    }

    /// The answer that sends a content, piece by piece, if it is there.
    pub(super) async fn content(&self, digest: Digest, media_type: String) -> Result<Option<Response>, Error> {
        let Some(file) = found(File::open(self.store.blob(digest)).await)? else { return Ok(None) };
        let headers = [
            (header::CONTENT_LENGTH, file.metadata().await?.len().to_string()),
            (header::CONTENT_TYPE, media_type),
            (CONTENT_DIGEST, digest.to_string()),
        ];
        let body = Body::from_stream(ReaderStream::with_capacity(file, PIECE));
        Ok(Some((headers, body).into_response()))
    }

    pub(super) fn begin(&self, name: Name) -> Response {
        let id = Ulid::generate();
        let answer = progress(StatusCode::ACCEPTED, name, id, 0);
        self.uploads().insert(id, self.store.upload(id));
        answer
    }

    pub(super) fn progress(&self, name: Name, id: Ulid) -> Result<Response, Error> {
        let size = self.uploads().get(&id).ok_or(Error::BlobUploadUnknown)?.size();
        Ok(progress(StatusCode::NO_CONTENT, name, id, size))
    }

    /// Takes a chunk of an upload in. One that breaks off ends the upload: it would have to be sent again anyway.
    pub(super) async fn append(
        &self,
        name: Name<'_>,
        id: Ulid,
        headers: &HeaderMap,
        chunk: Body,
    ) -> Result<Response, Error> {
        let mut upload = self.take(id, headers)?;
        upload.append(chunk).await?;
        let answer = progress(StatusCode::ACCEPTED, name, id, upload.size());
        self.uploads().insert(id, upload);
        Ok(answer)
    }

    /// Takes the last chunk of an upload in, or all of it, and makes it a blob if the digest is right.
    pub(super) async fn finish(
        &self,
        name: Name<'_>,
        id: Ulid,
        uri: &Uri,
        headers: &HeaderMap,
        chunk: Body,
    ) -> Result<Response, Error> {
        let Query(End { digest }) = Query::try_from_uri(uri).map_err(|_| Error::DigestInvalid)?;
        let mut upload = self.take(id, headers)?;
        upload.append(chunk).await?;
        if upload.digest() != digest {
            return Err(Error::DigestInvalid);
        }
        upload.keep(&self.store.blob(digest)).await?;
        let location = format!("/v2/{name}/blobs/{digest}");
        Ok((StatusCode::CREATED, [(header::LOCATION, location), (CONTENT_DIGEST, digest.to_string())]).into_response())
    }

    /// Takes an upload out of those that are waiting, if the chunk of this request continues it.
    fn take(&self, id: Ulid, headers: &HeaderMap) -> Result<Upload, Error> {
        let mut uploads = self.uploads();
        let Entry::Occupied(upload) = uploads.entry(id) else { return Err(Error::BlobUploadUnknown) };
        match headers.get(header::CONTENT_RANGE) {
            Some(range) if range_start(range) != Some(upload.get().size()) => Err(Error::ChunkOutOfOrder),
            _ => Ok(upload.remove()),
        }
    }

    fn uploads(&self) -> MutexGuard<'_, HashMap<Ulid, Upload>> {
        self.uploads.lock().expect("nothing panics while it holds the uploads")
    }
}

/// Says where an upload goes on, and up to which byte it has come.
fn progress(status: StatusCode, name: Name, id: Ulid, size: u64) -> Response {
    let location = format!("/v2/{name}/blobs/uploads/{id}");
    let range = format!("0-{}", size.saturating_sub(1));
    (status, [(header::LOCATION, location), (header::RANGE, range)]).into_response()
}

/// The first byte of `<first>-<last>`, which is how this API writes `Content-Range`.
fn range_start(range: &HeaderValue) -> Option<u64> {
    range.to_str().ok()?.split_once('-')?.0.parse().ok()
}
