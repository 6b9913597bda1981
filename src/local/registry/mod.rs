//! An OCI registry on a folder, open to whoever reaches it: what the distribution spec 1.1 asks of a registry for push,
//! pull and lists. Nothing can be deleted. Contents go from the connection to a file and back, so that no
//! size of them costs memory. Repositories share their blobs.

mod blobs;
mod endpoint;
mod error;
mod lists;
mod manifests;
mod store;
mod upload;

use std::{
    collections::HashMap,
    io,
    path::Path,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::Method,
    response::{IntoResponse, Response},
};
use serde_json::json;
use ulid::Ulid;

use self::{endpoint::Endpoint, error::Error, store::Store, upload::Upload};

#[derive(Debug)]
struct Registry {
    store: Store,
    /// The upload sessions that no request is working on. They do not outlive the process.
    uploads: Mutex<HashMap<Ulid, Upload>>,
}

/// The registry of this folder.
pub(super) fn router(folder: &Path) -> io::Result<Router> {
    let registry = Registry { store: Store::open(folder)?, uploads: Mutex::default() };
    // Names of repositories have any number of components, which no pattern of a route can say.
    Ok(Router::new().fallback(answer).with_state(Arc::new(registry)))
}

async fn answer(State(registry): State<Arc<Registry>>, request: Request) -> Result<Response, Error> {
    let (head, body) = request.into_parts();
    let endpoint = Endpoint::of(head.uri.path())?;
    match (endpoint, head.method) {
        (Endpoint::Version, Method::GET | Method::HEAD) => Ok(Json(json!({})).into_response()),
        (Endpoint::Catalog, Method::GET) => registry.catalog(&head.uri).await,
        (Endpoint::Blob(digest), Method::GET | Method::HEAD) => registry.blob(digest).await,
        (Endpoint::Uploads(name), Method::POST) => Ok(registry.begin(name)),
        (Endpoint::Upload(name, id), Method::GET) => registry.progress(name, id),
        (Endpoint::Upload(name, id), Method::PATCH) => registry.append(name, id, &head.headers, body).await,
        (Endpoint::Upload(name, id), Method::PUT) => registry.finish(name, id, &head.uri, &head.headers, body).await,
        (Endpoint::Manifest(name, reference), Method::GET | Method::HEAD) => registry.manifest(name, reference).await,
        (Endpoint::Manifest(name, reference), Method::PUT) => {
            registry.put_manifest(name, reference, &head.headers, body).await
        }
        (Endpoint::Tags(name), Method::GET) => registry.tags(name, &head.uri).await,
        _ => Err(Error::MethodUnsupported),
    }
}
