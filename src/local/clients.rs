use super::{Endpoints, Options, sdk::Sdk};

/// Clients of the backends, without the limits of time that a function sets itself.
#[derive(Debug, Clone)]
pub struct Clients {
    /// S3
    pub s3: aws_sdk_s3::Client,
    /// DynamoDB
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// SQS
    pub sqs: aws_sdk_sqs::Client,
    /// What they were made from.
    pub(super) sdk: Sdk,
}

impl Clients {
    /// Clients of the backends at these endpoints: with fixed credentials where the backend is embedded, and with those
    /// of the environment or the profile where the options name a real one.
    pub async fn new(endpoints: &Endpoints, options: &Options) -> Self {
        let sdk = Sdk::load(endpoints, options).await;
        // A bucket cannot be a part of the host's name when that is an address.
        let s3 = aws_sdk_s3::config::Builder::from(&sdk.s3).force_path_style(true).build();
        Self {
            s3: aws_sdk_s3::Client::from_conf(s3),
            dynamodb: aws_sdk_dynamodb::Client::new(&sdk.dynamodb),
            sqs: aws_sdk_sqs::Client::new(&sdk.sqs),
            sdk,
        }
    }
}
