use super::{Endpoints, Options, sdk::Sdk};

/// SDK clients for the backends, with the SDK's default timeouts.
#[derive(Debug, Clone)]
pub struct Clients {
    pub s3: aws_sdk_s3::Client,
    pub dynamodb: aws_sdk_dynamodb::Client,
    pub sqs: aws_sdk_sqs::Client,
    pub(super) sdk: Sdk,
}

impl Clients {
    /// Creates the clients. Clients for real backends use credentials from the environment or an AWS profile.
    pub async fn new(endpoints: &Endpoints, options: &Options) -> Self {
        let sdk = Sdk::load(endpoints, options).await;
        // The embedded S3's endpoint is an IP address, so the bucket cannot be part of the host name.
        let s3 = aws_sdk_s3::config::Builder::from(&sdk.s3).force_path_style(true).build();
        Self {
            s3: aws_sdk_s3::Client::from_conf(s3),
            dynamodb: aws_sdk_dynamodb::Client::new(&sdk.dynamodb),
            sqs: aws_sdk_sqs::Client::new(&sdk.sqs),
            sdk,
        }
    }
}
