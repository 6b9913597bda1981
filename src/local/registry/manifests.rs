//! Manifests (OCI distribution spec, "Pulling manifests", "Pushing Manifests", "Deleting Manifests").

use std::{io, path::Path};

use axum::{
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use pack_format::Digest;
use serde::{Deserialize, Serialize};
use tokio::fs;
use ulid::Ulid;

use super::{
    Error, Registry,
    blobs::CONTENT_DIGEST,
    endpoint::{Name, Reference},
    store::found,
};

/// The header with the digest of a pushed manifest's subject. It tells clients that the registry lists referrers (OCI
/// distribution spec, "Pushing Manifests with Subject").
const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
/// The maximum size of a manifest, in bytes. Registries should support at least this size (OCI distribution spec,
/// "Pushing Manifests").
const MAX_MANIFEST_BYTES: usize = 4 << 20;

/// A descriptor (OCI image spec, "Content Descriptors").
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    pub(super) media_type: String,
    pub(super) digest: Digest,
}

/// The descriptors in an image manifest or an image index. Each except `subject` must refer to existing content (OCI
/// image spec, "Image Manifest", "Image Index").
#[derive(Deserialize)]
struct Manifest {
    subject: Option<Descriptor>,
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

impl Registry {
    pub(super) async fn manifest(&self, name: Name<'_>, reference: Reference<'_>) -> Result<Response, Error> {
        let descriptor = self.descriptor(name, reference).await?.ok_or(Error::ManifestUnknown)?;
        self.content(descriptor.digest, descriptor.media_type).await?.ok_or(Error::ManifestUnknown)
    }

    /// Deletes a tag, or a manifest and all tags that point to it.
    pub(super) async fn delete_manifest(&self, name: Name<'_>, reference: Reference<'_>) -> Result<Response, Error> {
        if let Reference::Digest(digest) = reference {
            for tag in self.store.tags(name).await? {
                let tag = Reference::Tag(&tag);
                if self.descriptor(name, tag).await?.is_some_and(|descriptor| descriptor.digest == digest) {
                    found(fs::remove_file(self.store.descriptor(name, tag)).await)?;
                }
            }
        }
        found(fs::remove_file(self.store.descriptor(name, reference)).await)?.ok_or(Error::ManifestUnknown)?;
        Ok(StatusCode::ACCEPTED.into_response())
    }

    pub(super) async fn descriptor(
        &self,
        name: Name<'_>,
        reference: Reference<'_>,
    ) -> Result<Option<Descriptor>, Error> {
        let Some(descriptor) = found(fs::read(self.store.descriptor(name, reference)).await)? else { return Ok(None) };
        Ok(Some(serde_json::from_slice(&descriptor).map_err(io::Error::from)?))
    }

    pub(super) async fn put_manifest(
        &self,
        name: Name<'_>,
        reference: Reference<'_>,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Response, Error> {
        let content = to_bytes(body, MAX_MANIFEST_BYTES).await.map_err(Error::ManifestUnreadable)?;
        let digest = Digest::sha256(&content);
        if matches!(reference, Reference::Digest(expected) if expected != digest) {
            return Err(Error::DigestInvalid);
        }
        let manifest: Manifest = serde_json::from_slice(&content).map_err(Error::ManifestInvalid)?;
        let subject = manifest.subject.as_ref().map(|subject| subject.digest);
        self.check(manifest).await?;
        let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.ok_or(Error::NoMediaType)?.split(';').next().unwrap_or_default().trim();
        let descriptor = Descriptor { media_type: media_type.to_owned(), digest };
        let descriptor = Bytes::from(serde_json::to_vec(&descriptor).map_err(io::Error::from)?);

        // Write only what is missing: a manifest is often pushed by its digest first, and then with a tag.
        if !fs::try_exists(self.store.blob(digest)).await? {
            self.write(content, &self.store.blob(digest)).await?;
        }
        let by_digest = self.store.descriptor(name, Reference::Digest(digest));
        if found(fs::read(&by_digest).await)?.is_none_or(|found| found != descriptor) {
            self.write(descriptor.clone(), &by_digest).await?;
        }
        if let Reference::Tag(_) = reference {
            self.write(descriptor, &self.store.descriptor(name, reference)).await?;
        }
        let location = format!("/v2/{name}/manifests/{digest}");
        let headers = [(header::LOCATION, location), (CONTENT_DIGEST, digest.to_string())];
        let mut response = (StatusCode::CREATED, headers).into_response();
        if let Some(subject) = subject {
            response
                .headers_mut()
                .insert(SUBJECT, HeaderValue::from_str(&subject.to_string()).map_err(io::Error::other)?);
        }
        Ok(response)
    }

    /// Checks that the registry contains the config, the layers and the manifests that a manifest lists.
    async fn check(&self, Manifest { config, layers, manifests, .. }: Manifest) -> Result<(), Error> {
        for Descriptor { digest, .. } in config.into_iter().chain(layers).chain(manifests) {
            if !fs::try_exists(self.store.blob(digest)).await? {
                return Err(Error::ManifestBlobUnknown(digest));
            }
        }
        Ok(())
    }

    async fn write(&self, content: Bytes, path: &Path) -> Result<(), Error> {
        let mut file = self.store.partial_file(Ulid::generate());
        file.append(Body::from(content)).await?;
        Ok(file.persist(path).await?)
    }
}
