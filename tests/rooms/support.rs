//! What the tests of several rooms share.

#[path = "../support/calls.rs"]
pub(crate) mod calls;
#[path = "../support/embedded.rs"]
mod embedded;
#[path = "../support/events.rs"]
mod events;
#[path = "../support/openapi.rs"]
pub(crate) mod openapi;
#[path = "../support/tools.rs"]
mod tools;

use std::net::SocketAddr;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::Credentials;

pub(crate) use self::{
    embedded::{Embedded, options},
    events::event,
    tools::{run, tool},
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
