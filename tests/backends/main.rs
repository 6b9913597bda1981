//! The embedded backends of local runs, through the SDK and the tools that meet them in production.

mod dynamodb;
mod gateway;
mod registry;
mod s3;
mod sqs;
mod state;
mod worker;

use clap::Parser;
use pack_upload::local::{Backends, Clients, DataDir, Options, QueueUrls, provision};
use tempfile::TempDir;

/// The embedded backends on a folder of their own, with the table, the bucket and the queues made.
struct Embedded {
    backends: Backends,
    clients: Clients,
    options: Options,
    queues: QueueUrls,
    data: DataDir,
}

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    options: Options,
}

fn options(folder: &TempDir) -> Options {
    let options = Command::parse_from(["local", "--data-dir", folder.path().to_str().expect("UTF-8")]).options;
    // Whatever the environment of the test says.
    Options { s3_endpoint: None, dynamodb_endpoint: None, sqs_endpoint: None, registry: None, ..options }
}

impl Embedded {
    async fn start(folder: &TempDir) -> Self {
        let options = options(folder);
        let data = DataDir::open(&options.data_dir).expect("the folder is free");
        let backends = Backends::start(&data, &options).await.expect("the backends start");
        let clients = Clients::new(&backends.endpoints, &options).await;
        let queues = provision(&clients, &options).await.expect("provisioned");
        Self { backends, clients, options, queues, data }
    }

    async fn stop(self) {
        self.backends.stop().await;
        drop(self.data);
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}
