use std::time::Duration;

use aws_config::{SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};

/// The timeouts for calls to AWS. The defaults are short because the Lambda function `api` must respond within its
/// timeout of 29 seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// For establishing a connection.
    pub connect: Duration,
    /// For one try of a small call: DynamoDB, SQS, EventBridge, ECR, KMS, Secrets Manager.
    pub call: Duration,
    /// For one try of an S3 call, which may transfer an entire archive.
    pub transfer: Duration,
    /// For an SQS call, such as sending a job, including all tries. It is short because an upload sends its job after
    /// writing its record: the upload succeeds even if sending fails, so a longer timeout would only delay the
    /// response.
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
    fn per_try(&self, timeout: Duration) -> TimeoutConfig {
        TimeoutConfig::builder().connect_timeout(self.connect).operation_attempt_timeout(timeout).build()
    }
}

/// Returns a retry policy with three tries and the SDK's jittered backoff of at most one second.
fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(3).with_max_backoff(Duration::from_secs(1))
}

pub fn dynamodb(config: &SdkConfig, timeouts: &Timeouts) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::config::Builder::from(config)
        .timeout_config(timeouts.per_try(timeouts.call))
        .retry_config(retries());
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

/// Returns an S3 client. With `path_style`, the bucket is in the URL's path instead of its host, as many S3 emulators
/// require.
pub fn s3(config: &SdkConfig, timeouts: &Timeouts, path_style: bool) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::config::Builder::from(config)
        .timeout_config(timeouts.per_try(timeouts.transfer))
        .retry_config(retries())
        .force_path_style(path_style);
    aws_sdk_s3::Client::from_conf(config.build())
}

pub fn sqs(config: &SdkConfig, timeouts: &Timeouts) -> aws_sdk_sqs::Client {
    let timeout = timeouts.per_try(timeouts.call).into_builder().operation_timeout(timeouts.send).build();
    let config = aws_sdk_sqs::config::Builder::from(config).timeout_config(timeout).retry_config(retries());
    aws_sdk_sqs::Client::from_conf(config.build())
}

pub fn eventbridge(config: &SdkConfig, timeouts: &Timeouts) -> aws_sdk_eventbridge::Client {
    let config = aws_sdk_eventbridge::config::Builder::from(config)
        .timeout_config(timeouts.per_try(timeouts.call))
        .retry_config(retries());
    aws_sdk_eventbridge::Client::from_conf(config.build())
}

pub fn ecr(config: &SdkConfig, timeouts: &Timeouts) -> aws_sdk_ecr::Client {
    let config = aws_sdk_ecr::config::Builder::from(config)
        .timeout_config(timeouts.per_try(timeouts.call))
        .retry_config(retries());
    aws_sdk_ecr::Client::from_conf(config.build())
}

pub fn kms(config: &SdkConfig, timeouts: &Timeouts) -> aws_sdk_kms::Client {
    let config = aws_sdk_kms::config::Builder::from(config)
        .timeout_config(timeouts.per_try(timeouts.call))
        .retry_config(retries());
    aws_sdk_kms::Client::from_conf(config.build())
}

pub fn secrets_manager(config: &SdkConfig, timeouts: &Timeouts) -> aws_sdk_secretsmanager::Client {
    let config = aws_sdk_secretsmanager::config::Builder::from(config)
        .timeout_config(timeouts.per_try(timeouts.call))
        .retry_config(retries());
    aws_sdk_secretsmanager::Client::from_conf(config.build())
}
