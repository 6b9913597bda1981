//! The requests of the OCI distribution API.

use std::sync::Arc;

use bytes::Bytes;
use pack_format::{Digest, image::MANIFEST_MEDIA_TYPE};
use reqwest::{
    Body, Client, Method, RequestBuilder, Response, StatusCode, Url,
    header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, LOCATION},
};

use super::{
    Blob, Error,
    error::{expect_accepted, expect_success},
    session::Session,
};

pub(super) const INDEX_MEDIA_TYPE: &str = "application/vnd.oci.image.index.v1+json";

/// The header with the digest of a manifest.
const CONTENT_DIGEST: &str = "docker-content-digest";

/// A repository of the registry, with the HTTP client and the session for its requests.
pub(super) struct Repository<'a> {
    pub(super) http: Client,
    pub(super) session: Arc<Session>,
    /// The registry's URL, such as `https://registry.example.com`.
    pub(super) registry: String,
    pub(super) name: &'a str,
}

impl Repository<'_> {
    /// Sends a request to `/v2/<name>/<path>`.
    pub(super) async fn send(&self, method: Method, path: &str) -> Result<Response, Error> {
        let request = self.request(&method, path).header(ACCEPT, [INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE].join(", "));
        self.authorized(&method, request).await
    }

    /// Returns the response to a GET request, or `None` if its status is 404.
    pub(super) async fn get(&self, path: &str) -> Result<Option<Response>, Error> {
        self.find(Method::GET, path).await
    }

    pub(super) async fn has_blob(&self, digest: Digest) -> Result<bool, Error> {
        Ok(self.find(Method::HEAD, &format!("blobs/{digest}")).await?.is_some())
    }

    /// Returns the digest of the manifest with this tag or digest, or `None` if it does not exist.
    pub(super) async fn manifest_digest(&self, reference: &str) -> Result<Option<String>, Error> {
        let path = format!("manifests/{reference}");
        let Some(head) = self.find(Method::HEAD, &path).await? else { return Ok(None) };
        if let Some(digest) = content_digest(&head) {
            return Ok(Some(digest));
        }
        let Some(manifest) = self.get(&path).await? else { return Ok(None) };
        Ok(Some(Digest::sha256(&manifest.bytes().await?).to_string()))
    }

    /// Opens an upload session for a blob, and returns its URL (OCI distribution spec, "POST then PUT").
    pub(super) async fn open_upload(&self) -> Result<Url, Error> {
        let request = self.request(&Method::POST, "blobs/uploads/").header(CONTENT_LENGTH, 0);
        let response = expect_accepted(Method::POST, self.authorized(&Method::POST, request).await?).await?;
        let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        location.and_then(|location| response.url().join(location).ok()).ok_or(Error::NoLocation)
    }

    /// Uploads a blob in one request, and ends the upload session. Does not upload in chunks, because ECR loses every
    /// PATCH after the first. The registry verifies the digest.
    pub(super) async fn upload(&self, mut session: Url, blob: Blob, content: impl Into<Body>) -> Result<(), Error> {
        session.query_pairs_mut().append_pair("digest", &blob.digest.to_string());
        let is_own = Url::parse(&self.registry).is_ok_and(|registry| registry.origin() == session.origin());
        let put = self.http.put(session).header(CONTENT_TYPE, "application/octet-stream");
        let put = put.header(CONTENT_LENGTH, blob.size).body(content);
        // A server other than the registry must not receive the registry's credentials.
        let response = if is_own { self.authorized(&Method::PUT, put).await? } else { put.send().await? };
        expect_accepted(Method::PUT, response).await?;
        Ok(())
    }

    /// Uploads a blob that the repository may already have. If the upload fails but the repository has the blob, this
    /// is not an error.
    pub(super) async fn upload_again(&self, session: Url, blob: Blob, content: impl Into<Body>) -> Result<(), Error> {
        let uploaded = self.upload(session, blob, content).await;
        self.unless_it_has(blob, uploaded).await
    }

    /// Returns the result of an upload, or success if the upload failed but the repository has the blob.
    pub(super) async fn unless_it_has(&self, blob: Blob, uploaded: Result<(), Error>) -> Result<(), Error> {
        match uploaded {
            Err(error) if !self.has_blob(blob.digest).await.unwrap_or(false) => Err(error),
            Err(_) | Ok(()) => Ok(()),
        }
    }

    /// Pushes a manifest with a tag or by its digest.
    pub(super) async fn put_manifest(
        &self,
        reference: &str,
        media_type: &str,
        manifest: Bytes,
    ) -> Result<Response, Error> {
        let put = self.request(&Method::PUT, &format!("manifests/{reference}"));
        let put = put.header(CONTENT_TYPE, media_type).body(manifest);
        expect_accepted(Method::PUT, self.authorized(&Method::PUT, put).await?).await
    }

    /// Pushes a manifest by its digest. Returns an error if the response contains a different digest. The response need
    /// not contain one, because the registry verifies the digest itself.
    pub(super) async fn put_by_digest(&self, digest: Digest, manifest: Bytes) -> Result<Response, Error> {
        let response = self.put_manifest(&digest.to_string(), MANIFEST_MEDIA_TYPE, manifest).await?;
        match content_digest(&response) {
            Some(found) if found != digest.to_string() => {
                Err(Error::WrongDigest { found: Some(found), expected: digest })
            }
            _ => Ok(response),
        }
    }

    /// Sends a request. Returns a successful response, `None` for a response with the status 404, and an error for any
    /// other response.
    async fn find(&self, method: Method, path: &str) -> Result<Option<Response>, Error> {
        let response = self.send(method.clone(), path).await?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(None),
            _ => expect_success(method, response).await.map(Some),
        }
    }

    fn request(&self, method: &Method, path: &str) -> RequestBuilder {
        self.http.request(method.clone(), format!("{}/v2/{}/{path}", self.registry, self.name))
    }

    async fn authorized(&self, method: &Method, request: RequestBuilder) -> Result<Response, Error> {
        // All requests of a push have the same scope, so they share one token. Only DELETE requests need a different
        // scope.
        let actions = if method == Method::DELETE { "delete" } else { "pull,push" };
        let scope = format!("repository:{}:{actions}", self.name);
        self.session.send(&self.http, &self.registry, &scope, request).await
    }
}

/// Returns the manifest digest in the response's headers.
pub(super) fn content_digest(response: &Response) -> Option<String> {
    response.headers().get(CONTENT_DIGEST)?.to_str().ok().map(str::to_owned)
}
