//! What the tests of this crate share: a running `local`, the Lambdas' own binaries, packs to send them, and eyes for
//! what they keep.

pub(crate) mod calls;
mod holdings;
mod local;
pub(crate) mod openapi;
mod stand_in;

use std::net::SocketAddr;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::Credentials;
pub(crate) use test_support::{
    Embedded, Function, archive::Archive, event, manifest::manifest, options, run, sample_pack, tool,
};

pub(crate) use self::{
    holdings::Holdings,
    local::{Answer, Local, form, scratch, send},
    stand_in::StandIn,
};

/// How the SDK reaches a service that is played at this address.
pub(crate) async fn sdk(address: SocketAddr) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(format!("http://{address}"))
        .load()
        .await
}
