//! The embedded backends of local runs, through the SDK and the tools that meet them in production.

mod dynamodb;
mod gateway;
mod registry;
mod s3;
mod sqs;
mod state;
mod worker;

use tempfile::TempDir;

use super::support::{Embedded, options};

/// Stops the backends as the end of a local run does, and hands their folder back.
async fn stop(embedded: Embedded) -> TempDir {
    let Embedded { backends, _data: data, _folder: folder, .. } = embedded;
    backends.stop().await;
    drop(data);
    folder
}

/// Stops the backends and starts them again in their folder.
async fn restart(embedded: Embedded) -> Embedded {
    Embedded::start_in(stop(embedded).await, |options| options).await
}
