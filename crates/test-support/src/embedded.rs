use std::path::Path;

use clap::Parser;
use pack_upload::local::{Backends, Clients, DataDir, Options, QueueUrls, provision};
use tempfile::TempDir;

/// The embedded backends of `local` (S3, DynamoDB, SQS, the registry and the token issuer), running in the process of
/// the test or benchmark, without the API and the builder. The table, the bucket and the queues already exist.
pub struct Embedded {
    pub backends: Backends,
    pub clients: Clients,
    pub options: Options,
    pub queues: QueueUrls,
    pub _data: DataDir,
    pub _directory: TempDir,
}

impl Embedded {
    /// Starts the backends in a new temporary directory.
    pub async fn start() -> Self {
        Self::start_in(TempDir::new().unwrap(), |options| options).await
    }

    /// Starts the backends in `directory`. `change` can replace the default options.
    pub async fn start_in(directory: TempDir, change: impl FnOnce(Options) -> Options) -> Self {
        let options = change(options(directory.path()));
        let data = DataDir::open(&options.data_dir).unwrap();
        let backends = Backends::start(&data, &options).await.unwrap();
        let clients = Clients::new(&backends.endpoints, &options).await;
        let queues = provision(&clients, &options).await.unwrap();
        Self { backends, clients, options, queues, _data: data, _directory: directory }
    }
}

/// Returns options that embed all backends, even if environment variables select others.
pub fn options(directory: &Path) -> Options {
    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        options: Options,
    }
    let Command { options } = Command::parse_from(["local", "--data-dir", directory.to_str().unwrap()]);
    Options { s3_endpoint: None, dynamodb_endpoint: None, sqs_endpoint: None, registry: None, ..options }
}
