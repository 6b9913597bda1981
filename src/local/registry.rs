use std::{path::Path, sync::Arc};

use axum::Router;
use ferro_blob_store::{BlobStoreError, FsBlobStore};

/// An OCI registry on a folder, open to whoever reaches it.
pub(super) fn router(folder: &Path) -> Result<Router, BlobStoreError> {
    let blobs = Arc::new(FsBlobStore::new(folder)?);
    Ok(ferro_oci_server::build_app_persisted(blobs, folder))
}
