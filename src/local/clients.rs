use aws_config::{
    BehaviorVersion, Region, SdkConfig,
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

/// The SDK's clients of a local run.
#[derive(Debug, Clone)]
pub struct Clients {
    /// S3
    pub s3: aws_sdk_s3::Client,
    /// DynamoDB
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// SQS
    pub sqs: aws_sdk_sqs::Client,
}

impl Clients {
    /// Clients of the backends at these endpoints: with fixed credentials where the backend is embedded, and with those
    /// of the environment or the profile where the options name a real one.
    pub async fn new(endpoints: &Endpoints, options: &Options) -> Self {
        let s3 = config(&endpoints.s3, options.s3_endpoint.is_none()).await;
        let dynamodb = config(&endpoints.dynamodb, options.dynamodb_endpoint.is_none()).await;
        let sqs = config(&endpoints.sqs, options.sqs_endpoint.is_none()).await;
        // A bucket cannot be a part of the host's name when that is an address.
        let s3 = aws_sdk_s3::config::Builder::from(&s3).force_path_style(true).build();
        Self {
            s3: aws_sdk_s3::Client::from_conf(s3),
            dynamodb: aws_sdk_dynamodb::Client::new(&dynamodb),
            sqs: aws_sdk_sqs::Client::new(&sqs),
        }
    }
}

/// The SDK's default chains end at the instance metadata service, which a local run must never look for: hence chains of
/// our own.
async fn config(endpoint: &str, embedded: bool) -> SdkConfig {
    let loader = aws_config::defaults(BehaviorVersion::latest()).endpoint_url(endpoint);
    if embedded {
        let credentials = Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "local");
        return loader.region(REGION).credentials_provider(credentials).load().await;
    }
    let region = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
        .or_else(ProfileFileRegionProvider::new())
        .or_else(REGION);
    let credentials = CredentialsProviderChain::first_try("environment", EnvironmentVariableCredentialsProvider::new())
        .or_else("profile", ProfileFileCredentialsProvider::builder().build());
    loader.region(region).credentials_provider(credentials).load().await
}
