//! An OCI registry that stores its data in a directory and needs no authentication. It implements part of the OCI
//! distribution spec 1.1: pushing, pulling, listing tags and referrers, and deleting tags and manifests. It also lists
//! its repositories. Blobs are streamed between the connection and the file, so that memory use does not depend on
//! their size. All repositories share their blobs, which are never deleted.

mod blobs;
mod endpoint;
mod error;
mod listings;
mod manifests;
mod partial_file;
mod referrers;
mod store;

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

use self::{endpoint::Endpoint, error::Error, partial_file::PartialFile, store::Store};

#[derive(Debug)]
struct Registry {
    store: Store,
    /// The upload sessions that no request is using. They are lost when the process ends.
    sessions: Mutex<HashMap<Ulid, PartialFile>>,
}

/// Returns the router that serves the registry in this directory.
pub(super) fn router(directory: &Path) -> io::Result<Router> {
    let registry = Registry { store: Store::open(directory)?, sessions: Mutex::default() };
    // A repository name has any number of components, which a route pattern cannot express.
    Ok(Router::new().fallback(handle).with_state(Arc::new(registry)))
}

async fn handle(State(registry): State<Arc<Registry>>, request: Request) -> Result<Response, Error> {
    let (head, body) = request.into_parts();
    let endpoint = Endpoint::parse(head.uri.path())?;
    match (endpoint, head.method) {
        (Endpoint::Version, Method::GET | Method::HEAD) => Ok(Json(json!({})).into_response()),
        (Endpoint::Catalog, Method::GET) => registry.catalog(&head.uri).await,
        (Endpoint::Blob(digest), Method::GET | Method::HEAD) => registry.blob(digest).await,
        (Endpoint::Uploads(name), Method::POST) => Ok(registry.open_session(name)),
        (Endpoint::Session(name, id), Method::GET) => registry.session_status(name, id),
        (Endpoint::Session(name, id), Method::PATCH) => registry.append_chunk(name, id, &head.headers, body).await,
        (Endpoint::Session(name, id), Method::PUT) => {
            registry.close_session(name, id, &head.uri, &head.headers, body).await
        }
        (Endpoint::Manifest(name, reference), Method::GET | Method::HEAD) => registry.manifest(name, reference).await,
        (Endpoint::Manifest(name, reference), Method::PUT) => {
            registry.put_manifest(name, reference, &head.headers, body).await
        }
        (Endpoint::Manifest(name, reference), Method::DELETE) => registry.delete_manifest(name, reference).await,
        (Endpoint::Tags(name), Method::GET) => registry.tags(name, &head.uri).await,
        (Endpoint::Referrers(name, digest), Method::GET) => registry.referrers(name, digest, &head.uri).await,
        _ => Err(Error::MethodUnsupported),
    }
}
