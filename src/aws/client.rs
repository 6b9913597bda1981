use std::time::Duration;

use aws_config::{SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};

/// How long calls to AWS may take, so that a request is answered before API Gateway's 29 seconds are over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// Making a connection.
    pub connect: Duration,
    /// One attempt of a call that carries little: DynamoDB, SQS, ECR, Secrets Manager.
    pub call: Duration,
    /// One attempt of a call that carries an archive: S3.
    pub transfer: Duration,
    /// The sending of a job with all its attempts. It comes after the commit point, when the answer is 201 whatever
    /// becomes of it, and so is kept short.
    pub send: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(1),
            call: Duration::from_secs(5),
            transfer: Duration::from_secs(10),
            send: Duration::from_secs(3),
        }
    }
}

impl Timeouts {
    fn attempt(&self, attempt: Duration) -> TimeoutConfig {
        TimeoutConfig::builder().connect_timeout(self.connect).operation_attempt_timeout(attempt).build()
    }
}

/// Three attempts with the SDK's jittered backoff, of which no wait is longer than a second.
fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(3).with_max_backoff(Duration::from_secs(1))
}

/// A DynamoDB client.
pub fn dynamodb(config: &SdkConfig, timeouts: &Timeouts) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::config::Builder::from(config)
        .timeout_config(timeouts.attempt(timeouts.call))
        .retry_config(retries());
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

/// An S3 client. With `path_style` the bucket is addressed in the path instead of the host, as S3's stand-ins want it.
pub fn s3(config: &SdkConfig, timeouts: &Timeouts, path_style: bool) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::config::Builder::from(config)
        .timeout_config(timeouts.attempt(timeouts.transfer))
        .retry_config(retries())
        .force_path_style(path_style);
    aws_sdk_s3::Client::from_conf(config.build())
}

/// An SQS client.
pub fn sqs(config: &SdkConfig, timeouts: &Timeouts) -> aws_sdk_sqs::Client {
    let timeout = timeouts.attempt(timeouts.call).into_builder().operation_timeout(timeouts.send).build();
    let config = aws_sdk_sqs::config::Builder::from(config).timeout_config(timeout).retry_config(retries());
    aws_sdk_sqs::Client::from_conf(config.build())
}

/// An ECR client.
pub fn ecr(config: &SdkConfig, timeouts: &Timeouts) -> aws_sdk_ecr::Client {
    let config = aws_sdk_ecr::config::Builder::from(config)
        .timeout_config(timeouts.attempt(timeouts.call))
        .retry_config(retries());
    aws_sdk_ecr::Client::from_conf(config.build())
}

/// A Secrets Manager client.
pub fn secrets_manager(config: &SdkConfig, timeouts: &Timeouts) -> aws_sdk_secretsmanager::Client {
    let config = aws_sdk_secretsmanager::config::Builder::from(config)
        .timeout_config(timeouts.attempt(timeouts.call))
        .retry_config(retries());
    aws_sdk_secretsmanager::Client::from_conf(config.build())
}
