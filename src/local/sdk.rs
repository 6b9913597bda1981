use aws_config::{
    BehaviorVersion, ConfigLoader, Region, SdkConfig,
    environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider},
    meta::{credentials::CredentialsProviderChain, region::RegionProviderChain},
    profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider},
};
use aws_sdk_s3::config::Credentials;

use super::{Endpoints, Options};

/// The credentials for the embedded backends. They are not secret: the backends listen on loopback only.
pub(super) const ACCESS_KEY_ID: &str = "local";
pub(super) const SECRET_ACCESS_KEY: &str = "local-secret";
const REGION: Region = Region::from_static("us-east-1");

/// The SDK configuration for each service.
#[derive(Debug, Clone)]
pub(super) struct Sdk {
    pub(super) s3: SdkConfig,
    pub(super) dynamodb: SdkConfig,
    pub(super) sqs: SdkConfig,
    /// The configuration for services that are never embedded. It uses AWS's endpoints, unless the environment or an
    /// AWS profile sets others.
    pub(super) aws: SdkConfig,
}

impl Sdk {
    /// Loads the configurations. Embedded backends have fixed credentials; real backends use credentials from the
    /// environment or an AWS profile.
    pub(super) async fn load(endpoints: &Endpoints, options: &Options) -> Self {
        let load = async |endpoint: &str, real: &Option<String>| {
            let loader = if real.is_some() { real_loader() } else { embedded_loader() };
            loader.endpoint_url(endpoint).load().await
        };
        Self {
            s3: load(&endpoints.s3, &options.s3_endpoint).await,
            dynamodb: load(&endpoints.dynamodb, &options.dynamodb_endpoint).await,
            sqs: load(&endpoints.sqs, &options.sqs_endpoint).await,
            aws: real_loader().load().await,
        }
    }
}

fn embedded_loader() -> ConfigLoader {
    let credentials = Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "local");
    aws_config::defaults(BehaviorVersion::latest()).region(REGION).credentials_provider(credentials)
}

/// Returns a loader that reads the region and the credentials from the environment or an AWS profile. The SDK's default
/// chains also query the instance metadata service, which a local run must never do.
fn real_loader() -> ConfigLoader {
    let region = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
        .or_else(ProfileFileRegionProvider::new())
        .or_else(REGION);
    let credentials = CredentialsProviderChain::first_try("environment", EnvironmentVariableCredentialsProvider::new())
        .or_else("profile", ProfileFileCredentialsProvider::builder().build());
    aws_config::defaults(BehaviorVersion::latest()).region(region).credentials_provider(credentials)
}
