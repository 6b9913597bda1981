//! Pushes artifacts that refer to an image (OCI distribution spec, "Pushing Manifests with Subject").

use std::collections::BTreeMap;

use bytes::Bytes;
use pack_format::{Digest, image::MANIFEST_MEDIA_TYPE};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::try_join;

use super::{
    Blob, Error, Registry,
    distribution::{INDEX_MEDIA_TYPE, Repository},
    login::Login,
};

/// The media type and the content of an empty config (OCI image spec, "Guidance for an Empty Descriptor").
const EMPTY_MEDIA_TYPE: &str = "application/vnd.oci.empty.v1+json";
const EMPTY: &[u8] = b"{}";

/// An artifact that refers to an image and consists of one blob.
#[derive(Debug, Clone)]
pub struct Referrer {
    /// The media type of the artifact and its blob.
    pub media_type: &'static str,
    pub annotations: BTreeMap<&'static str, &'static str>,
    pub blob: Bytes,
}

/// A content descriptor. Only descriptors in an index have an artifact type and annotations.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor<'a> {
    media_type: &'a str,
    digest: Digest,
    size: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<&'a BTreeMap<&'static str, &'static str>>,
}

/// An image manifest for an artifact (OCI image spec, "Guidelines for Artifact Usage").
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactManifest<'a> {
    schema_version: u8,
    media_type: &'a str,
    artifact_type: &'a str,
    config: Descriptor<'a>,
    layers: [Descriptor<'a>; 1],
    subject: Descriptor<'a>,
    annotations: &'a BTreeMap<&'static str, &'static str>,
}

/// The referrers in an index. Their descriptors are kept as JSON, because they may contain fields that this service
/// does not know.
#[derive(Deserialize)]
struct Index {
    manifests: Vec<Value>,
}

/// Upload sessions for the blobs of a referrer.
#[derive(Debug)]
pub struct ReferrerUploads {
    blob: Url,
    config: Url,
}

impl Registry {
    /// Opens upload sessions for a referrer's blobs. The image can be pushed at the same time, which saves a round
    /// trip.
    ///
    /// # Errors
    /// Returns an error if the repository does not exist.
    pub async fn open_referrer(&self, image_ref: &str) -> Result<ReferrerUploads, Error> {
        let open = async { open_uploads(&self.repository(self.split(image_ref)?.0).await?).await };
        self.in_time(open).await
    }

    /// Pushes a referrer of the image with this image manifest, which must be in the registry. Returns the digest of
    /// the referrer. Pushing the same referrer again changes nothing. `uploads` are the sessions from
    /// [`Self::open_referrer`], if they were opened.
    pub async fn push_referrer(
        &self,
        image_ref: &str,
        image_manifest: &[u8],
        referrer: &Referrer,
        uploads: Option<ReferrerUploads>,
    ) -> Result<Digest, Error> {
        let push = async {
            let repository = self.repository(self.split(image_ref)?.0).await?;
            let uploads = match uploads {
                Some(uploads) => uploads,
                None => open_uploads(&repository).await?,
            };
            // The registry already has both blobs if this push is repeated, and it has the config if the repository has
            // another referrer. Pushing them again is quicker than checking for them.
            try_join!(
                repository.upload_again(uploads.blob, Blob::new(&referrer.blob), referrer.blob.clone()),
                repository.upload_again(uploads.config, Blob::new(EMPTY), EMPTY),
            )?;
            let manifest = Bytes::from(to_json(&referrer.manifest(image_manifest)));
            let digest = Digest::sha256(&manifest);
            let response = repository.put_by_digest(digest, manifest.clone()).await?;
            // Registries with the referrers API send the header `OCI-Subject`. ECR never needs an index: it has the
            // API, and its tags are immutable, so an index could not be updated.
            if !response.headers().contains_key("oci-subject") && !matches!(self.login, Login::Ecr { .. }) {
                list_in_index(&repository, Digest::sha256(image_manifest), referrer.descriptor(&manifest)).await?;
            }
            Ok(digest)
        };
        self.in_time(push).await
    }
}

async fn open_uploads(repository: &Repository<'_>) -> Result<ReferrerUploads, Error> {
    let (blob, config) = try_join!(repository.open_upload(), repository.open_upload())?;
    Ok(ReferrerUploads { blob, config })
}

impl Referrer {
    fn manifest(&self, image_manifest: &[u8]) -> ArtifactManifest<'_> {
        ArtifactManifest {
            schema_version: 2,
            media_type: MANIFEST_MEDIA_TYPE,
            artifact_type: self.media_type,
            config: Descriptor::new(EMPTY_MEDIA_TYPE, EMPTY),
            layers: [Descriptor::new(self.media_type, &self.blob)],
            subject: Descriptor::new(MANIFEST_MEDIA_TYPE, image_manifest),
            annotations: &self.annotations,
        }
    }

    /// Returns the descriptor for this referrer in an index. `manifest` is the referrer's manifest.
    fn descriptor(&self, manifest: &[u8]) -> Descriptor<'_> {
        Descriptor {
            artifact_type: Some(self.media_type),
            annotations: Some(&self.annotations),
            ..Descriptor::new(MANIFEST_MEDIA_TYPE, manifest)
        }
    }
}

impl<'a> Descriptor<'a> {
    fn new(media_type: &'a str, content: &[u8]) -> Self {
        let (digest, size) = (Digest::sha256(content), content.len());
        Self { media_type, digest, size, artifact_type: None, annotations: None }
    }
}

/// Returns the tag of the index that lists an image's referrers, in a registry without the referrers API (OCI
/// distribution spec, "Referrers Tag Schema").
pub(super) fn fallback_tag(image: Digest) -> String {
    image.to_string().replace(':', "-")
}

/// Adds a referrer to the index with the fallback tag. Keeps the other referrers in the index.
async fn list_in_index(repository: &Repository<'_>, image: Digest, referrer: Descriptor<'_>) -> Result<(), Error> {
    let tag = fallback_tag(image);
    let mut manifests = match repository.get(&format!("manifests/{tag}")).await? {
        Some(response) => {
            serde_json::from_slice::<Index>(&response.bytes().await?).map_err(Error::Referrers)?.manifests
        }
        None => Vec::new(),
    };
    if manifests.iter().any(|listed| listed["digest"] == referrer.digest.to_string()) {
        return Ok(());
    }
    manifests.push(json!(referrer));
    let index = json!({"schemaVersion": 2, "mediaType": INDEX_MEDIA_TYPE, "manifests": manifests});
    repository.put_manifest(&tag, INDEX_MEDIA_TYPE, to_json(&index).into()).await?;
    Ok(())
}

fn to_json(document: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(document).expect("structs with text keys always serialize")
}
