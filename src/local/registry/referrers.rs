//! Lists the manifests that refer to another manifest (OCI distribution spec, "Listing Referrers").

use std::{collections::BTreeMap, io};

use axum::{
    Json,
    extract::Query,
    http::{Uri, header},
    response::{IntoResponse as _, Response},
};
use pack_format::Digest;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::fs;

use super::{
    Error, Registry,
    endpoint::{Name, Reference},
    manifests::Descriptor,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReferrersQuery {
    artifact_type: Option<String>,
}

/// The fields of a manifest that describe it as a referrer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    subject: Option<Descriptor>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    annotations: Option<BTreeMap<String, String>>,
}

/// A descriptor in the list of referrers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Referrer {
    #[serde(flatten)]
    descriptor: Descriptor,
    size: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<BTreeMap<String, String>>,
}

impl Registry {
    /// Lists the referrers of `subject`. Reads every manifest of the repository, because a stored index could be out of
    /// date.
    pub(super) async fn referrers(&self, name: Name<'_>, subject: Digest, uri: &Uri) -> Result<Response, Error> {
        let Query(ReferrersQuery { artifact_type }) = Query::try_from_uri(uri).map_err(|_| Error::QueryInvalid)?;
        let mut referrers = Vec::new();
        for digest in self.store.manifests(name).await? {
            referrers.extend(self.referrer(name, digest, subject).await?);
        }
        referrers.retain(|referrer| artifact_type.is_none() || referrer.artifact_type == artifact_type);
        let media_type = "application/vnd.oci.image.index.v1+json";
        let index = json!({"schemaVersion": 2, "mediaType": media_type, "manifests": referrers});
        let mut response = ([(header::CONTENT_TYPE, media_type)], Json(index)).into_response();
        if artifact_type.is_some() {
            response.headers_mut().insert("oci-filters-applied", header::HeaderValue::from_static("artifactType"));
        }
        Ok(response)
    }

    /// Returns the descriptor of a manifest, or `None` if it does not refer to `subject` or no longer exists.
    async fn referrer(&self, name: Name<'_>, digest: Digest, subject: Digest) -> Result<Option<Referrer>, Error> {
        let Some(descriptor) = self.descriptor(name, Reference::Digest(digest)).await? else { return Ok(None) };
        let content = fs::read(self.store.blob(digest)).await?;
        let Manifest { subject: found, artifact_type, config, annotations } =
            serde_json::from_slice(&content).map_err(io::Error::from)?;
        let is_referrer = found.is_some_and(|found| found.digest == subject);
        let artifact_type = artifact_type.or_else(|| config.map(|config| config.media_type));
        Ok(is_referrer.then_some(Referrer { descriptor, size: content.len(), artifact_type, annotations }))
    }
}
