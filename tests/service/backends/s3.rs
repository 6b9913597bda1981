//! Tests for the embedded S3: conditional writes, checksums, presigned URLs and multipart uploads.

use std::{fs, time::Duration};

use aws_sdk_s3::{
    Client,
    error::ProvideErrorMetadata,
    presigning::PresigningConfig,
    primitives::ByteStream,
    types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart},
};
use futures_util::future::join_all;
use pack_format::Digest;

use super::{Embedded, restart};

async fn keys(client: &Client, bucket: &str) -> Vec<String> {
    let list = client.list_objects_v2().bucket(bucket).send().await.unwrap();
    list.contents().iter().map(|object| object.key().unwrap().to_owned()).collect()
}

async fn get(client: &Client, bucket: &str, key: &str) -> Vec<u8> {
    let object = client.get_object().bucket(bucket).key(key).send().await.unwrap();
    object.body.collect().await.unwrap().to_vec()
}

#[tokio::test]
async fn an_object_survives_a_restart() {
    let embedded = Embedded::start().await;
    let bucket = embedded.options.staging_bucket.clone();
    let body = vec![7; 5_000_000];
    let put = embedded.clients.s3.put_object().bucket(&bucket).key("a/b.tar.gz").body(body.clone().into());
    put.send().await.unwrap();

    let embedded = restart(embedded).await;
    assert_eq!(get(&embedded.clients.s3, &bucket, "a/b.tar.gz").await, body);
    let missing = embedded.clients.s3.get_object().bucket(&bucket).key("a/c").send().await.unwrap_err();
    assert!(missing.into_service_error().is_no_such_key());
}

#[tokio::test]
async fn a_key_cannot_name_a_file_outside_the_directory() {
    let embedded = Embedded::start().await;
    let bucket = &embedded.options.staging_bucket;
    let outside = tempfile::NamedTempFile::new().unwrap();
    fs::write(outside.path(), "outside").unwrap();
    let key = format!("{}{}", "../".repeat(20), outside.path().strip_prefix("/").unwrap().display());
    embedded.clients.s3.put_object().bucket(bucket).key(&key).body(b"inside!".to_vec().into()).send().await.unwrap();
    assert_eq!(get(&embedded.clients.s3, bucket, &key).await, b"inside!");
    assert_eq!(fs::read(outside.path()).unwrap(), b"outside");
}

#[tokio::test]
async fn only_one_of_several_concurrent_conditional_puts_succeeds() {
    let embedded = Embedded::start().await;
    let bucket = &embedded.options.staging_bucket;
    for round in 0..5 {
        let key = format!("contested-{round}");
        let puts = (0..20_u8).map(|n| {
            let put = embedded.clients.s3.put_object().bucket(bucket).key(&key).if_none_match("*");
            put.body(vec![n; 100_000].into()).send()
        });
        let results = join_all(puts).await;
        let winners: Vec<u8> = (0..).zip(&results).filter(|(_, result)| result.is_ok()).map(|(n, _)| n).collect();
        assert_eq!(winners.len(), 1, "round {round}");
        for error in results.into_iter().filter_map(Result::err) {
            assert_eq!(error.code(), Some("PreconditionFailed"));
        }
        assert_eq!(get(&embedded.clients.s3, bucket, &key).await, vec![winners[0]; 100_000]);
    }
}

#[tokio::test]
async fn a_body_that_does_not_match_its_checksum_is_not_stored() {
    let embedded = Embedded::start().await;
    let (client, bucket) = (&embedded.clients.s3, &embedded.options.staging_bucket);
    let wrong = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let put =
        client.put_object().bucket(bucket).key("broken").checksum_sha256(wrong).body(ByteStream::from_static(b"x"));
    assert_eq!(put.send().await.unwrap_err().code(), Some("BadDigest"));
    assert_eq!(keys(client, bucket).await, Vec::<String>::new());

    // A put with the wrong checksum does not change the existing object.
    let put = client.put_object().bucket(bucket).key("kept").body(ByteStream::from_static(b"kept"));
    put.send().await.unwrap();
    let put = client.put_object().bucket(bucket).key("kept").checksum_sha256(wrong).body(ByteStream::from_static(b"x"));
    assert_eq!(put.send().await.unwrap_err().code(), Some("BadDigest"));
    assert_eq!(get(client, bucket, "kept").await, b"kept");

    let put = client.put_object().bucket(bucket).key("intact").checksum_algorithm(ChecksumAlgorithm::Sha256);
    put.body(ByteStream::from_static(b"x")).send().await.unwrap();
    assert_eq!(keys(client, bucket).await, ["intact", "kept"]);
}

#[tokio::test]
async fn a_presigned_put_accepts_only_the_signed_body() {
    let embedded = Embedded::start().await;
    let (client, bucket) = (&embedded.clients.s3, &embedded.options.staging_bucket);
    let sha256 = hex::decode(Digest::sha256(b"signed").to_string().trim_start_matches("sha256:")).unwrap();
    let sha256 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, sha256);
    let put = client.put_object().bucket(bucket).key("presigned").content_length(6).checksum_sha256(sha256);
    let expires = PresigningConfig::expires_in(Duration::from_secs(60)).unwrap();
    let request = put.presigned(expires).await.unwrap();
    let send = |body: &'static str| {
        let mut put = reqwest::Client::new().put(request.uri()).body(body);
        for (name, value) in request.headers().filter(|(name, _)| *name != "content-length") {
            put = put.header(name, value);
        }
        put.send()
    };
    assert_eq!(send("forged").await.unwrap().status(), 400);
    assert_eq!(send("signed, and more").await.unwrap().status(), 403);
    assert_eq!(keys(client, bucket).await, Vec::<String>::new());
    assert_eq!(send("signed").await.unwrap().status(), 200);
    assert_eq!(get(client, bucket, "presigned").await, b"signed");
    assert_eq!(send("forged").await.unwrap().status(), 400);
    assert_eq!(get(client, bucket, "presigned").await, b"signed", "the object is still there");
}

#[tokio::test]
async fn a_signature_with_another_secret_is_rejected() {
    let embedded = Embedded::start().await;
    let credentials = aws_sdk_s3::config::Credentials::new("local", "another-secret", None, None, "test");
    let config = embedded.clients.s3.config().to_builder().credentials_provider(credentials).build();
    let error = Client::from_conf(config).list_buckets().send().await.unwrap_err();
    assert_eq!(error.code(), Some("SignatureDoesNotMatch"));
}

#[tokio::test]
async fn a_range_of_an_object_from_a_multipart_upload_can_be_read() {
    let embedded = Embedded::start().await;
    let (client, bucket) = (&embedded.clients.s3, &embedded.options.staging_bucket);
    let created = client.create_multipart_upload().bucket(bucket).key("parts").send().await.unwrap();
    let upload_id = created.upload_id().unwrap();
    let mut parts = Vec::new();
    for (number, body) in [(1, vec![1; 5 << 20]), (2, vec![2; 10])] {
        let part = client.upload_part().bucket(bucket).key("parts").upload_id(upload_id).part_number(number);
        let part = part.body(body.into()).send().await.unwrap();
        parts.push(CompletedPart::builder().part_number(number).set_e_tag(part.e_tag).build());
    }
    let complete = client.complete_multipart_upload().bucket(bucket).key("parts").upload_id(upload_id);
    let complete = complete.multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build());
    complete.send().await.unwrap();
    let range = client.get_object().bucket(bucket).key("parts").range("bytes=5242878-5242881").send().await;
    let range = range.unwrap().body.collect().await.unwrap().to_vec();
    assert_eq!(range, [1, 1, 2, 2]);
}
