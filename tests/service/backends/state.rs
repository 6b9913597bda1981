//! Tests for saved ports and for the lock on the data directory.

use pack_upload::local::{Backends, DataDir, Error};

use super::{Embedded, options, restart, stop};

#[tokio::test]
async fn ports_survive_a_restart() {
    let first = Embedded::start().await;
    let endpoints = first.backends.endpoints.clone();
    let registry = first.backends.registry.clone();

    let second = restart(first).await;
    assert_eq!(second.backends.endpoints.s3, endpoints.s3);
    assert_eq!(second.backends.endpoints.dynamodb, endpoints.dynamodb);
    assert_eq!(second.backends.endpoints.sqs, endpoints.sqs);
    assert_eq!(second.backends.registry, registry);
}

#[tokio::test]
async fn the_error_for_a_saved_port_in_use_names_its_backend() {
    let first = Embedded::start().await;
    let address = first.backends.registry.to_string();
    let directory = stop(first).await;

    let _listener = std::net::TcpListener::bind(&address).expect("the port is free again");
    let options = options(directory.path());
    let data = DataDir::open(&options.data_dir).expect("the directory is free");
    let error = Backends::start(&data, &options).await.expect_err("the port is taken");
    let message = error.to_string();
    assert!(message.contains("registry"), "{message}");
    assert!(message.contains(address.rsplit(':').next().unwrap()), "{message}");
    assert!(message.contains("ports.json"), "{message}");
}

#[tokio::test]
async fn only_one_process_can_use_a_data_directory() {
    let first = Embedded::start().await;
    assert!(matches!(DataDir::open(&first.options.data_dir), Err(Error::InUse(_))));
    let directory = stop(first).await;
    DataDir::open(directory.path()).expect("the directory is free again");
}
