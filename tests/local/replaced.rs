use std::time::Duration;

use crate::{archive, folder, process::Local, settled};

#[tokio::test]
async fn each_backend_can_be_replaced_by_its_variable() {
    let (real, replaced) = (folder(), folder());
    let one = Local::start(real.path(), &[]);
    let endpoint = |name: &str| one.document["endpoints"][name].as_str().expect("a URL");
    let environment = [
        ("AWS_ENDPOINT_URL_S3", endpoint("s3")),
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoint("dynamodb")),
        ("AWS_ENDPOINT_URL_SQS", endpoint("sqs")),
        ("REGISTRY", one.document["registry"].as_str().expect("a registry")),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local-secret"),
        ("AWS_REGION", "us-east-1"),
    ];
    let two = Local::start(replaced.path(), &environment);
    assert_eq!(two.document["endpoints"], one.document["endpoints"]);
    assert_eq!(two.document["registry"], one.document["registry"]);

    let (status, created) = two.upload("acme", archive("shared")).await;
    assert_eq!(status, 201, "{created}");
    let record = settled(&one, created["id"].as_str().expect("an id"), Duration::from_secs(10)).await;
    assert_eq!(record["build_status"], "ready");
    for name in ["s3", "registry", "dynamodb.sqlite"] {
        assert!(!replaced.path().join(name).exists(), "{name}");
    }
}
