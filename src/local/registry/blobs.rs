//! Blobs and upload sessions (OCI distribution spec, "Pulling blobs", "Pushing blobs").

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

use super::{Error, PartialFile, Registry, endpoint::Name, store::found};

pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
/// The size of the buffer for reading files, in bytes.
const BUFFER_BYTES: usize = 1 << 17;

/// The query of the request that closes an upload session.
#[derive(Deserialize)]
struct CloseQuery {
    digest: Digest,
}

impl Registry {
    pub(super) async fn blob(&self, digest: Digest) -> Result<Response, Error> {
        self.content(digest, "application/octet-stream".to_owned()).await?.ok_or(Error::BlobUnknown)
    }

    /// Returns a response that streams a blob, or `None` if the blob does not exist.
    pub(super) async fn content(&self, digest: Digest, media_type: String) -> Result<Option<Response>, Error> {
        let Some(file) = found(File::open(self.store.blob(digest)).await)? else { return Ok(None) };
        let headers = [
            (header::CONTENT_LENGTH, file.metadata().await?.len().to_string()),
            (header::CONTENT_TYPE, media_type),
            (CONTENT_DIGEST, digest.to_string()),
        ];
        let body = Body::from_stream(ReaderStream::with_capacity(file, BUFFER_BYTES));
        Ok(Some((headers, body).into_response()))
    }

    pub(super) fn open_session(&self, name: Name) -> Response {
        let id = Ulid::generate();
        self.sessions().insert(id, self.store.partial_file(id));
        session_response(StatusCode::ACCEPTED, name, id, 0)
    }

    pub(super) fn session_status(&self, name: Name, id: Ulid) -> Result<Response, Error> {
        let size = self.sessions().get(&id).ok_or(Error::BlobUploadUnknown)?.size();
        Ok(session_response(StatusCode::NO_CONTENT, name, id, size))
    }

    /// Appends a chunk. If this fails, the session is discarded, and the client must start again.
    pub(super) async fn append_chunk(
        &self,
        name: Name<'_>,
        id: Ulid,
        headers: &HeaderMap,
        chunk: Body,
    ) -> Result<Response, Error> {
        let mut file = self.take_session(id, headers)?;
        file.append(chunk).await?;
        let response = session_response(StatusCode::ACCEPTED, name, id, file.size());
        self.sessions().insert(id, file);
        Ok(response)
    }

    /// Appends the final chunk, which may be the entire blob, and stores the blob if its digest matches.
    pub(super) async fn close_session(
        &self,
        name: Name<'_>,
        id: Ulid,
        uri: &Uri,
        headers: &HeaderMap,
        chunk: Body,
    ) -> Result<Response, Error> {
        let Query(CloseQuery { digest }) = Query::try_from_uri(uri).map_err(|_| Error::DigestInvalid)?;
        let mut file = self.take_session(id, headers)?;
        file.append(chunk).await?;
        if file.digest() != digest {
            return Err(Error::DigestInvalid);
        }
        file.persist(&self.store.blob(digest)).await?;
        let location = format!("/v2/{name}/blobs/{digest}");
        Ok((StatusCode::CREATED, [(header::LOCATION, location), (CONTENT_DIGEST, digest.to_string())]).into_response())
    }

    /// Removes a session from the map for the duration of a request. Fails if the request's chunk does not start where
    /// the session's data ends.
    fn take_session(&self, id: Ulid, headers: &HeaderMap) -> Result<PartialFile, Error> {
        let mut sessions = self.sessions();
        let Entry::Occupied(session) = sessions.entry(id) else { return Err(Error::BlobUploadUnknown) };
        match headers.get(header::CONTENT_RANGE) {
            Some(range) if range_start(range) != Some(session.get().size()) => Err(Error::ChunkOutOfOrder),
            _ => Ok(session.remove()),
        }
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<Ulid, PartialFile>> {
        self.sessions.lock().expect("no code panics while it holds the lock")
    }
}

/// Returns a response with the URL of a session, and the range of bytes received.
fn session_response(status: StatusCode, name: Name, id: Ulid, size: u64) -> Response {
    let location = format!("/v2/{name}/blobs/uploads/{id}");
    let range = format!("0-{}", size.saturating_sub(1));
    (status, [(header::LOCATION, location), (header::RANGE, range)]).into_response()
}

/// Parses the start of a `Content-Range`, which has the form `<start>-<end>` in this API.
fn range_start(range: &HeaderValue) -> Option<u64> {
    range.to_str().ok()?.split_once('-')?.0.parse().ok()
}
