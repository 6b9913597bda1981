use std::{net::SocketAddr, path::PathBuf};

use crate::registry::RegistryAddress;

/// The options of a local run.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// The directory that keeps all data between runs.
    #[arg(long, global = true, value_name = "DIRECTORY", default_value = ".local")]
    pub data_dir: PathBuf,
    /// The address of the API; port 0 picks a free port. Use only a loopback address, because the API keys are public.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9000")]
    pub listen: SocketAddr,
    /// Use the S3 endpoint at this URL instead of the embedded one.
    #[arg(long, value_name = "URL", env = "AWS_ENDPOINT_URL_S3")]
    pub s3_endpoint: Option<String>,
    /// Use the DynamoDB endpoint at this URL instead of the embedded one.
    #[arg(long, value_name = "URL", env = "AWS_ENDPOINT_URL_DYNAMODB")]
    pub dynamodb_endpoint: Option<String>,
    /// Use the SQS endpoint at this URL instead of the embedded one.
    #[arg(long, value_name = "URL", env = "AWS_ENDPOINT_URL_SQS")]
    pub sqs_endpoint: Option<String>,
    /// Use this OCI registry instead of the embedded one.
    #[arg(long, value_name = "HOST[:PORT][/PREFIX]", env = "REGISTRY")]
    pub registry: Option<RegistryAddress>,
    /// The DynamoDB table; created if missing.
    #[arg(long, value_name = "NAME", env = "TABLE_NAME", default_value = "pack-upload")]
    pub table_name: String,
    /// The S3 bucket for staged archives; created if missing.
    #[arg(long, value_name = "NAME", env = "STAGING_BUCKET", default_value = "pack-upload-staging")]
    pub staging_bucket: String,
    /// The SQS queue for build jobs; created if missing. Its dead-letter queue is named `<NAME>-dead`.
    #[arg(long, value_name = "NAME", env = "BUILD_QUEUE", default_value = "pack-upload-builds")]
    pub build_queue: String,
    /// The SQS queue for purge jobs; created if missing. Its dead-letter queue is named `<NAME>-dead`.
    #[arg(long, value_name = "NAME", env = "PURGE_QUEUE", default_value = "pack-upload-purges")]
    pub purge_queue: String,
}
