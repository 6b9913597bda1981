//! The backends of a local run in the test's own process, where nothing works on them but the test.

use std::path::Path;

use clap::Parser;
use pack_upload::local::{Backends, Clients, DataDir, Options, QueueUrls, provision};
use tempfile::TempDir;

/// Backends on a folder of their own, with the table, the bucket and the queues made.
pub struct Embedded {
    pub backends: Backends,
    pub clients: Clients,
    pub options: Options,
    pub queues: QueueUrls,
    pub _data: DataDir,
    pub _folder: TempDir,
}

impl Embedded {
    /// Starts them in a new folder.
    pub async fn start() -> Self {
        Self::start_in(TempDir::new().unwrap(), |options| options).await
    }

    /// Starts them in this folder, with other options.
    pub async fn start_in(folder: TempDir, other: impl FnOnce(Options) -> Options) -> Self {
        let options = other(options(folder.path()));
        let data = DataDir::open(&options.data_dir).unwrap();
        let backends = Backends::start(&data, &options).await.unwrap();
        let clients = Clients::new(&backends.endpoints, &options).await;
        let queues = provision(&clients, &options).await.unwrap();
        Self { backends, clients, options, queues, _data: data, _folder: folder }
    }
}

/// The options of a local run in this folder, by which every backend is embedded, whatever the environment says.
pub fn options(folder: &Path) -> Options {
    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        options: Options,
    }
    let Command { options } = Command::parse_from(["local", "--data-dir", folder.to_str().unwrap()]);
    Options { s3_endpoint: None, dynamodb_endpoint: None, sqs_endpoint: None, registry: None, ..options }
}
