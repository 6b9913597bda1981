//! Lists the tags of a repository (OCI distribution spec, "Listing Tags") and the repositories (Docker Registry HTTP
//! API V2, the predecessor of that specification, "Listing Repositories").

use std::path::PathBuf;

use axum::{
    Json,
    extract::Query,
    http::Uri,
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::json;
use tokio::fs;

use super::{
    Error, Registry,
    endpoint::Name,
    store::{MANIFESTS, TAGS, entries},
};

#[derive(Deserialize)]
struct PageQuery {
    /// The maximum number of names on the page.
    n: Option<usize>,
    /// The last name of the previous page.
    last: Option<String>,
}

/// Returns the requested page of names, sorted.
fn page(uri: &Uri, mut names: Vec<String>) -> Result<Vec<String>, Error> {
    let Query(PageQuery { n, last }) = Query::try_from_uri(uri).map_err(|_| Error::QueryInvalid)?;
    names.retain(|name| last.as_ref().is_none_or(|last| name > last));
    names.sort();
    names.truncate(n.unwrap_or(usize::MAX));
    Ok(names)
}

impl Registry {
    pub(super) async fn tags(&self, name: Name<'_>, uri: &Uri) -> Result<Response, Error> {
        let repository = self.store.repository(name);
        if !fs::try_exists(repository.join(MANIFESTS)).await? {
            return Err(Error::NameUnknown);
        }
        let tags = page(uri, self.store.tags(name).await?)?;
        Ok(Json(json!({ "name": name.to_string(), "tags": tags })).into_response())
    }

    pub(super) async fn catalog(&self, uri: &Uri) -> Result<Response, Error> {
        let root = self.store.repositories();
        let mut names = Vec::new();
        let mut directories = vec![PathBuf::new()];
        while let Some(directory) = directories.pop() {
            for entry in entries(&root.join(&directory)).await? {
                match &*entry {
                    MANIFESTS => names.push(directory.to_string_lossy().into_owned()),
                    TAGS => {}
                    component => directories.push(directory.join(component)),
                }
            }
        }
        Ok(Json(json!({ "repositories": page(uri, names)? })).into_response())
    }
}
