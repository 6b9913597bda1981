use std::{net::SocketAddr, path::PathBuf};

use crate::registry::RegistryAddress;

/// How a local run is to be.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Where everything is kept between runs.
    #[arg(long, global = true, value_name = "FOLDER", default_value = ".local")]
    pub data_dir: PathBuf,
    /// The address of the API; port 0 chooses one. The keys of a local run are public knowledge: stay on loopback.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9000")]
    pub listen: SocketAddr,
    /// A real S3 instead of the embedded one.
    #[arg(long, value_name = "URL", env = "AWS_ENDPOINT_URL_S3")]
    pub s3_endpoint: Option<String>,
    /// A real DynamoDB instead of the embedded one.
    #[arg(long, value_name = "URL", env = "AWS_ENDPOINT_URL_DYNAMODB")]
    pub dynamodb_endpoint: Option<String>,
    /// A real SQS instead of the embedded one.
    #[arg(long, value_name = "URL", env = "AWS_ENDPOINT_URL_SQS")]
    pub sqs_endpoint: Option<String>,
    /// A real registry instead of the embedded one.
    #[arg(long, value_name = "HOST[:PORT][/PREFIX]", env = "REGISTRY")]
    pub registry: Option<RegistryAddress>,
    /// The table, created if it is missing.
    #[arg(long, value_name = "NAME", env = "TABLE_NAME", default_value = "pack-upload")]
    pub table_name: String,
    /// The staging bucket, created if it is missing.
    #[arg(long, value_name = "NAME", env = "STAGING_BUCKET", default_value = "pack-upload-staging")]
    pub staging_bucket: String,
    /// The build queue, created if it is missing. The name of its dead-letter queue is the same with `-dead` at its end.
    #[arg(long, value_name = "NAME", env = "BUILD_QUEUE", default_value = "pack-upload-builds")]
    pub build_queue: String,
}
