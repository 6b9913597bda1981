use pack_upload::local::{Backends, DataDir, Error};

use crate::{Embedded, folder, options};

#[tokio::test]
async fn ports_are_chosen_once() {
    let folder = folder();
    let first = Embedded::start(&folder).await;
    let endpoints = first.backends.endpoints.clone();
    let registry = first.backends.registry.clone();
    first.stop().await;

    let second = Embedded::start(&folder).await;
    assert_eq!(second.backends.endpoints.s3, endpoints.s3);
    assert_eq!(second.backends.endpoints.dynamodb, endpoints.dynamodb);
    assert_eq!(second.backends.endpoints.sqs, endpoints.sqs);
    assert_eq!(second.backends.registry, registry);
    second.stop().await;
}

#[tokio::test]
async fn a_kept_port_that_is_taken_is_named() {
    let folder = folder();
    let first = Embedded::start(&folder).await;
    let address = first.backends.registry.to_string();
    first.stop().await;

    let _squatter = std::net::TcpListener::bind(&address).expect("the port is free again");
    let options = options(&folder);
    let data = DataDir::open(&options.data_dir).expect("the folder is free");
    let error = Backends::start(&data, &options).await.expect_err("the port is taken");
    let message = error.to_string();
    assert!(message.contains("registry"), "{message}");
    assert!(message.contains(address.rsplit(':').next().expect("a port")), "{message}");
    assert!(message.contains("ports.json"), "{message}");
}

#[tokio::test]
async fn a_data_folder_has_one_owner() {
    let folder = folder();
    let first = Embedded::start(&folder).await;
    assert!(matches!(DataDir::open(folder.path()), Err(Error::InUse(_))));
    first.stop().await;
    DataDir::open(folder.path()).expect("the folder is free again");
}
