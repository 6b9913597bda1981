//! Reads image manifests, and the bundles attached to images, from a registry (OCI distribution spec).

mod error;
mod reference;

use attestation::BUNDLE_MEDIA_TYPE;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use pack_format::{Digest, image::MANIFEST_MEDIA_TYPE};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use ureq::{Agent, http::header};

use self::reference::TagOrDigest;
pub use self::{
    error::RegistryError,
    reference::{InvalidReference, Reference},
};
use crate::http;

const INDEX_MEDIA_TYPE: &str = "application/vnd.oci.image.index.v1+json";
/// The largest manifest or index that is read, in bytes. Registries need not accept larger ones (OCI distribution spec,
/// "Pushing Manifests").
const MAX_MANIFEST: u64 = 4 << 20;
/// The largest bundle that is read, in bytes. A bundle from this service is about 3 KB.
const MAX_BUNDLE: u64 = 1 << 20;
/// The largest error response that is read, in bytes. The message in a larger one is not shown.
const MAX_ERROR: u64 = 64 << 10;
/// The maximum number of bundles that are read for one image.
const MAX_BUNDLES: usize = 100;
/// The maximum number of redirects to follow. Registries may redirect a request for a blob to another server.
const MAX_REDIRECTS: u32 = 5;

/// The repository of an image. It is read over HTTP if the registry is on a loopback address, otherwise over HTTPS.
pub struct Repository<'a> {
    reference: &'a Reference,
    url: String,
    /// The value of the `Authorization` header.
    authorization: Option<SecretString>,
    agent: Agent,
}

impl<'a> Repository<'a> {
    /// If `username` is set, reads the password from `PACKS_REGISTRY_PASSWORD` and uses basic authentication.
    pub fn new(reference: &'a Reference, username: Option<&str>) -> Result<Self, RegistryError> {
        let scheme = if reference.is_loopback() { "http" } else { "https" };
        let url = format!("{scheme}://{}/v2/{}", reference.registry, reference.repository);
        let basic = |username: &str| {
            let password = std::env::var("PACKS_REGISTRY_PASSWORD").map_err(|_| RegistryError::NoPassword)?;
            Ok(format!("Basic {}", STANDARD.encode(format!("{username}:{password}"))).into())
        };
        let authorization = username.map(basic).transpose()?;
        Ok(Self { reference, url, authorization, agent: http::agent(MAX_REDIRECTS) })
    }

    /// Returns the digest of the image, computed from its manifest.
    pub fn image_digest(&self) -> Result<Digest, RegistryError> {
        let manifest = match &self.reference.version {
            TagOrDigest::Tag(tag) => self.get(&format!("manifests/{tag}"), MANIFEST_MEDIA_TYPE, MAX_MANIFEST)?,
            TagOrDigest::Digest(digest) => self.manifest(*digest)?,
        };
        let manifest = manifest.ok_or_else(|| RegistryError::NoImage(self.reference.clone()))?;
        Ok(Digest::sha256(&manifest))
    }

    /// Returns up to 100 Sigstore bundles that are attached to an image: the first layer of each referrer with the
    /// artifact type of a bundle. Skips a referrer whose manifest or layer is no longer in the registry, and one
    /// without a layer.
    pub fn bundles(&self, image: Digest) -> Result<Vec<Vec<u8>>, RegistryError> {
        let referrers = self.referrers(image)?;
        let referrers = referrers["manifests"].as_array().into_iter().flatten();
        let digests = referrers
            .filter(|referrer| referrer["artifactType"] == BUNDLE_MEDIA_TYPE)
            .filter_map(|referrer| referrer["digest"].as_str()?.parse().ok());
        let mut bundles = Vec::new();
        for digest in digests.take(MAX_BUNDLES) {
            bundles.extend(self.bundle(digest)?);
        }
        Ok(bundles)
    }

    /// Returns the index of an image's referrers: from the referrers API, or from the tag that replaces it in
    /// registries without that API (OCI distribution spec, "Listing Referrers"). Returns null if there is no index.
    fn referrers(&self, image: Digest) -> Result<Value, RegistryError> {
        let api = format!("referrers/{image}?artifactType={}", BUNDLE_MEDIA_TYPE.replace('+', "%2B"));
        let tag = format!("manifests/{}", image.to_string().replace(':', "-"));
        for path in [api, tag] {
            if let Some(index) = self.get(&path, INDEX_MEDIA_TYPE, MAX_MANIFEST)? {
                return self.parse(&path, &index);
            }
        }
        Ok(Value::Null)
    }

    fn bundle(&self, referrer: Digest) -> Result<Option<Vec<u8>>, RegistryError> {
        let Some(manifest) = self.manifest(referrer)? else { return Ok(None) };
        let manifest = self.parse(&format!("manifests/{referrer}"), &manifest)?;
        let digest = manifest["layers"][0]["digest"].as_str().and_then(|digest| digest.parse().ok());
        let Some(digest) = digest else { return Ok(None) };
        self.get_content(&format!("blobs/{digest}"), digest, "*/*", MAX_BUNDLE)
    }

    fn manifest(&self, digest: Digest) -> Result<Option<Vec<u8>>, RegistryError> {
        self.get_content(&format!("manifests/{digest}"), digest, MANIFEST_MEDIA_TYPE, MAX_MANIFEST)
    }

    /// Gets content and verifies its digest. Returns `None` if the registry does not have the content.
    fn get_content(
        &self,
        path: &str,
        digest: Digest,
        accept: &str,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        match self.get(path, accept, limit)? {
            Some(content) if Digest::sha256(&content) != digest => {
                Err(RegistryError::WrongContent { url: self.url(path), digest })
            }
            content => Ok(content),
        }
    }

    /// Sends a GET request. Returns `None` if the status is 404.
    fn get(&self, path: &str, accept: &str, limit: u64) -> Result<Option<Vec<u8>>, RegistryError> {
        http::retry(|_| self.attempt(path, accept, limit))
    }

    fn attempt(&self, path: &str, accept: &str, limit: u64) -> Result<Option<Vec<u8>>, RegistryError> {
        let mut request = self.agent.get(format!("{}/{path}", self.url)).header(header::ACCEPT, accept);
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization.expose_secret());
        }
        let connection = |source| RegistryError::Connection { url: self.url(path), source: Box::new(source) };
        let (parts, mut body) = request.call().map_err(connection)?.into_parts();
        match parts.status.as_u16() {
            200 => body.with_config().limit(limit).read_to_vec().map(Some).map_err(connection),
            404 => Ok(None),
            status => {
                let body = body.with_config().limit(MAX_ERROR).read_to_vec().unwrap_or_default();
                let message = error::message(&body);
                let reason = || parts.status.canonical_reason().unwrap_or("unknown status").to_owned();
                Err(RegistryError::Rejected {
                    url: self.url(path),
                    status,
                    message: message.unwrap_or_else(reason),
                    retry_after: http::retry_after(&parts.headers),
                })
            }
        }
    }

    fn parse(&self, path: &str, json: &[u8]) -> Result<Value, RegistryError> {
        serde_json::from_slice(json).map_err(|_| RegistryError::InvalidManifest { url: self.url(path) })
    }

    /// Returns the URL of a path in the repository, without its query, for messages.
    fn url(&self, path: &str) -> String {
        http::without_query(&format!("{}/{path}", self.url))
    }
}
