//! Deletes images: from ECR through its own API, and from other registries through the distribution API.

use pack_format::Digest;
use reqwest::{Method, StatusCode, header::LINK};
use serde::Deserialize;

use super::{
    Error, Registry, distribution::Repository, ecr, error::expect_success, login::Login, referrers::fallback_tag,
};

impl Registry {
    /// Deletes an image: its referrers, then the tag of `image_ref` if it points to `digest`, then the image manifest.
    /// ECR deletes all tags of the image together with the image manifest. Ignores any of these that do not exist, so
    /// that an interrupted deletion can be repeated.
    ///
    /// # Errors
    /// Returns [`Error::DeletionDisabled`] if the registry does not allow deletion. All other errors may be temporary.
    pub async fn delete(&self, image_ref: &str, digest: Digest) -> Result<(), Error> {
        let delete = async {
            let (name, tag) = self.split(image_ref)?;
            match &self.login {
                Login::Ecr { client, .. } => ecr::delete(client, name, digest).await,
                Login::Fixed(_) | Login::Secret { .. } => {
                    let repository = self.repository(name).await?;
                    delete_referrers(&repository, digest).await?;
                    if repository.manifest_digest(tag).await? == Some(digest.to_string()) {
                        delete_tag(&repository, tag).await?;
                    }
                    delete_manifest(&repository, digest).await
                }
            }
        };
        self.in_time(delete).await
    }
}

/// An index of referrers (OCI distribution spec, "Listing Referrers", "Referrers Tag Schema").
#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: Digest,
}

/// Deletes the referrers that the registry lists, then the referrers in the index with the fallback tag, and then that
/// index.
async fn delete_referrers(repository: &Repository<'_>, digest: Digest) -> Result<(), Error> {
    while let Some(page) = repository.get(&format!("referrers/{digest}")).await? {
        // Do not follow `Link`: once this page's referrers are deleted, the first page lists the next ones.
        let has_more = page.headers().contains_key(LINK);
        delete_listed(repository, &page.bytes().await?).await?;
        if !has_more {
            break;
        }
    }
    let tag = fallback_tag(digest);
    if let Some(response) = repository.get(&format!("manifests/{tag}")).await? {
        let index = response.bytes().await?;
        delete_listed(repository, &index).await?;
        delete_tag(repository, &tag).await?;
        delete_manifest(repository, Digest::sha256(&index)).await?;
    }
    Ok(())
}

async fn delete_listed(repository: &Repository<'_>, index: &[u8]) -> Result<(), Error> {
    let Index { manifests } = serde_json::from_slice(index).map_err(Error::Referrers)?;
    for Descriptor { digest } in manifests {
        delete_manifest(repository, digest).await?;
    }
    Ok(())
}

/// Deletes a tag. Call this before deleting the manifest, because some registries refuse to delete a tagged manifest.
/// Ignores a 400 or 405, the responses of registries that cannot delete tags (OCI distribution spec, "Deleting tags"):
/// they delete a tag together with its manifest.
async fn delete_tag(repository: &Repository<'_>, tag: &str) -> Result<(), Error> {
    let response = repository.send(Method::DELETE, &format!("manifests/{tag}")).await?;
    match response.status() {
        StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST | StatusCode::METHOD_NOT_ALLOWED => Ok(()),
        _ => expect_success(Method::DELETE, response).await.map(|_| ()),
    }
}

async fn delete_manifest(repository: &Repository<'_>, digest: Digest) -> Result<(), Error> {
    let response = repository.send(Method::DELETE, &format!("manifests/{digest}")).await?;
    match response.status() {
        StatusCode::NOT_FOUND => Ok(()),
        StatusCode::METHOD_NOT_ALLOWED => Err(Error::DeletionDisabled),
        _ => expect_success(Method::DELETE, response).await.map(|_| ()),
    }
}
