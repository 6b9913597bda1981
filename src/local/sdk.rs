use aws_config::{
    BehaviorVersion, ConfigLoader, Region, SdkConfig,
    environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider},
    meta::{credentials::CredentialsProviderChain, region::RegionProviderChain},
    profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider},
};
use aws_sdk_s3::config::Credentials;

use super::{Endpoints, Options};

/// What the SDK signs with when it talks to an embedded backend. It guards nothing: those listen on loopback only.
pub(super) const ACCESS_KEY_ID: &str = "local";
pub(super) const SECRET_ACCESS_KEY: &str = "local-secret";
const REGION: Region = Region::from_static("us-east-1");

/// How the SDK reaches each service of a local run.
#[derive(Debug, Clone)]
pub(super) struct Sdk {
    /// S3, by its endpoint.
    pub(super) s3: SdkConfig,
    /// DynamoDB, by its endpoint.
    pub(super) dynamodb: SdkConfig,
    /// SQS, by its endpoint.
    pub(super) sqs: SdkConfig,
    /// Any other service: AWS itself.
    pub(super) aws: SdkConfig,
}

impl Sdk {
    /// Configurations for the backends at these endpoints: with fixed credentials where the backend is embedded, and
    /// with those of the environment or the profile where the options name a real one.
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

/// The SDK's default chains end at the instance metadata service, which a local run must never look for: hence chains
/// of our own.
fn real_loader() -> ConfigLoader {
    let region = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
        .or_else(ProfileFileRegionProvider::new())
        .or_else(REGION);
    let credentials = CredentialsProviderChain::first_try("environment", EnvironmentVariableCredentialsProvider::new())
        .or_else("profile", ProfileFileCredentialsProvider::builder().build());
    aws_config::defaults(BehaviorVersion::latest()).region(region).credentials_provider(credentials)
}
