//! Test helpers. [`Local`] runs `local` and sends requests to it. [`Embedded`] runs the backends in this process.
//! [`BackendState`] reads what the backends store. [`Archive`] builds archives.

mod aws_emulator;
mod backend_state;
mod counters;
mod docker_registry;
mod holding_proxy;
mod local;
pub(crate) mod openapi;
mod packs;
mod stepped_registry;

use std::{fs, net::SocketAddr, path::Path};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::Credentials;
pub(crate) use test_support::{
    Embedded, Function, archive::Archive, event, manifest::manifest, options, run, sample_pack, tool,
};

pub(crate) use self::{
    aws_emulator::AwsEmulator,
    backend_state::BackendState,
    counters::expect_exact_counters,
    docker_registry::{DockerOptions, DockerRegistry, RepositoryClient, basic},
    holding_proxy::{HoldingProxy, start_slow_registry},
    local::{ApiResponse, Local, form, put_archive, scratch},
    packs::{packs, path_with_packs},
    stepped_registry::{Authentication, SteppedRegistry},
};

/// Returns an SDK configuration that uses a test server at `address`.
pub(crate) async fn sdk(address: SocketAddr) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(format!("http://{address}"))
        .load()
        .await
}

/// Records that a Lambda function makes a call, by writing an empty file under `target/tmp/calls`. The checks in
/// `tests/stack` compare these files with the permissions of each Lambda function's role.
pub(crate) fn record_call(function: &str, call: &str) {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("calls").join(function);
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join(call), "").unwrap();
}
