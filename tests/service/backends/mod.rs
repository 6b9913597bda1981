//! Tests for the embedded backends of `local`, and for its gateway, worker and data directory. The tests call the
//! backends through the AWS SDK, the service's registry client, skopeo and plain HTTP requests.
//!
//! To add a case, start [`Embedded`] and send requests with its clients. To check what survives a restart, call
//! [`restart`].

mod dynamodb;
mod gateway;
mod registry;
mod s3;
mod sqs;
mod state;
mod worker;

use tempfile::TempDir;

use super::support::{Embedded, options};

/// Stops the backends and returns their data directory.
async fn stop(embedded: Embedded) -> TempDir {
    let Embedded { backends, _data: data, _directory: directory, .. } = embedded;
    backends.stop().await;
    drop(data);
    directory
}

/// Restarts the backends with the same data directory.
async fn restart(embedded: Embedded) -> Embedded {
    Embedded::start_in(stop(embedded).await, |options| options).await
}
