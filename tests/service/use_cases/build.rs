//! Tests for [`Builder`](pack_upload::build::Builder) with single, repeated and concurrent jobs, and with batches.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_lambda_events::sqs::SqsEvent;
use axum::http::Method;
use bytes::Bytes;
use pack_upload::{
    aws::{Job, Lease, Table},
    build::{BuildError, BuildOutcome},
    lambda::sqs,
    records::{BuildStatus, PackId, Record, Timestamp},
    registry::Credentials,
    upload::{Outcome, UploadError},
};
use serde_json::json;
use tokio::time::timeout;

use super::fixture::{Fixture, Validated, pack, push_image, registry, sorted_pack, sorted_tools, tools};
use crate::support::{Embedded, HoldingProxy};

fn failed(record: &Record) -> &str {
    match &record.build.status {
        BuildStatus::Failed { error } => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_job_makes_its_record_ready_and_can_be_repeated() {
    let fixture = Fixture::start().await;
    let record = fixture.create(pack("hello")).await;
    let job = Job::from(&record);
    assert_eq!(fixture.builder.build(job).await.unwrap(), BuildOutcome::Ready);

    let ready = fixture.read(&record).await;
    assert_eq!(ready.build.status, BuildStatus::Ready);
    assert!(ready.updated_at >= record.updated_at);
    assert_eq!(fixture.builder.build(job).await.unwrap(), BuildOutcome::Dropped);
    assert_eq!(fixture.read(&record).await, ready);
    assert_eq!(
        fixture.builder.build(Job { pack_id: PackId::generate(), attempt: 1 }).await.unwrap(),
        BuildOutcome::Dropped
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_one_of_two_concurrent_builds_of_a_job_succeeds() {
    let fixture = Fixture::start().await;
    let record = fixture.create(pack("hello")).await;
    let job = Job::from(&record);
    let (first, second) = tokio::join!(fixture.builder.build(job), fixture.builder.build(job));
    let is_ready = |built: &Result<_, _>| matches!(built, Ok(BuildOutcome::Ready));
    let is_late = |built: &Result<_, _>| matches!(built, Ok(BuildOutcome::Dropped) | Err(BuildError::Leased));
    assert!(is_ready(&first) && is_late(&second) || is_late(&first) && is_ready(&second), "{first:?} {second:?}");
    assert_eq!(fixture.read(&record).await.build.status, BuildStatus::Ready);
}

#[tokio::test]
async fn an_expired_archive_fails_the_build_until_it_is_uploaded_again() {
    let fixture = Fixture::start().await;
    let record = fixture.create(pack("hello")).await;
    fixture.expire(&record).await;
    let reason = "the uploaded archive expired before its image was built; upload it again".to_owned();
    assert_eq!(
        fixture.builder.build(Job::from(&record)).await.unwrap(),
        BuildOutcome::Failed { reason: reason.clone() }
    );
    assert_eq!(failed(&fixture.read(&record).await), reason);

    let Outcome::QueuedAgain(retried) = fixture.submit(pack("hello")).await else {
        panic!("the upload created a second record")
    };
    assert_eq!(fixture.builder.build(Job::from(&record)).await.unwrap(), BuildOutcome::Dropped, "the old attempt");
    assert_eq!(fixture.read(&record).await, retried);
    assert_eq!(fixture.builder.build(Job::from(&retried)).await.unwrap(), BuildOutcome::Ready);
}

#[tokio::test]
async fn a_build_fails_if_the_archive_does_not_match_its_record_or_is_invalid() {
    let (same_size, shorter, longer) = ("HELLO".repeat(1_000), String::new(), "hello".repeat(100_000));
    let truncated = |archive: Bytes| archive.slice(..archive.len() - 1);
    for submit in [pack, sorted_pack] {
        let fixture = Fixture::start().await;
        let record = fixture.create(submit(&"hello".repeat(1_000))).await;
        let promised = record.release.image_digest;
        let differs = format!("the image does not have the promised digest {promised}; upload the same archive again");
        for (tampered, expected) in [
            (tools(&same_size), &*differs),
            (tools(&shorter), &differs),
            (tools(&longer), &differs),
            (sorted_tools(&same_size), &differs),
            (sorted_tools(&shorter), &differs),
            (sorted_tools(&longer), &differs),
            (truncated(tools(&same_size)), "the archive is no longer accepted: "),
            (truncated(sorted_tools(&longer)), "the archive is no longer accepted: "),
        ] {
            fixture.uploads.staging.put(&record.build.staging_key, tampered).await.unwrap();
            let BuildOutcome::Failed { reason } = fixture.builder.build(Job::from(&record)).await.unwrap() else {
                panic!("not failed")
            };
            assert!(reason.starts_with(expected), "{reason}");
            // The record keeps the first reason.
            assert_eq!(failed(&fixture.read(&record).await), differs);
        }
        let registry = &fixture.builder.registry;
        assert_eq!(registry.manifest(&record.release.image_ref, promised).await.unwrap(), None);
    }
}

#[tokio::test]
async fn the_image_does_not_depend_on_the_order_of_the_archive() {
    for content in ["hello".to_owned(), "hello".repeat(1_000_000)] {
        let mut digests = Vec::new();
        for (submit, is_in_layer_order) in [(pack as fn(&str) -> _, false), (sorted_pack, true)] {
            let fixture = Fixture::start().await;
            let record = fixture.create(submit(&content)).await;
            assert_eq!(record.build.is_in_layer_order, is_in_layer_order);
            assert_eq!(fixture.read(&record).await.build.is_in_layer_order, is_in_layer_order);
            assert_eq!(fixture.builder.build(Job::from(&record)).await.unwrap(), BuildOutcome::Ready);
            digests.push(record.release.image_digest);
        }
        assert_eq!(digests[0], digests[1]);
    }
}

/// Such a layer is written while the archive is read, so it has the order of the archive.
#[tokio::test]
async fn the_layer_has_the_order_of_the_archive_if_the_record_says_that_the_archive_is_sorted() {
    let fixture = Fixture::start().await;
    let record = fixture.create(sorted_pack("hello")).await;
    fixture.uploads.staging.put(&record.build.staging_key, tools("hello")).await.unwrap();
    let promised = record.release.image_digest;
    let reason = format!("the image does not have the promised digest {promised}; upload the same archive again");
    assert_eq!(fixture.builder.build(Job::from(&record)).await.unwrap(), BuildOutcome::Failed { reason });
}

#[tokio::test]
async fn a_late_job_makes_a_failed_record_ready() {
    let fixture = Fixture::start().await;
    let record = fixture.create(pack("hello")).await;
    assert!(fixture.uploads.table.mark_failed(&record, None, "failed", Timestamp::now()).await.unwrap());
    assert_eq!(fixture.builder.build(Job::from(&record)).await.unwrap(), BuildOutcome::Ready);
    assert_eq!(fixture.read(&record).await.build.status, BuildStatus::Ready);
}

#[tokio::test]
async fn an_unreachable_registry_leaves_the_build_pending_and_the_lease_free() {
    let mut fixture = Fixture::start().await;
    let record = fixture.create(pack("hello")).await;
    let unused = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let reachable = fixture.builder.registry.clone();
    fixture.builder.registry = registry(&unused.parse().unwrap(), Credentials::None);
    let error = fixture.builder.build(Job::from(&record)).await.unwrap_err();
    assert!(matches!(error, BuildError::Registry(_)), "{error}");
    let found = fixture.read(&record).await;
    assert_eq!((&found.build.status, found.build.tries), (&BuildStatus::Queued, 1));
    assert!(found.build.last_error.unwrap().starts_with("a registry error: "));

    fixture.builder.registry = reachable;
    assert_eq!(fixture.builder.build(Job::from(&record)).await.unwrap(), BuildOutcome::Ready);
}

#[tokio::test]
async fn a_record_that_is_being_built_cannot_be_built_again_marked_failed_or_replaced() {
    let fixture = Fixture::start().await;
    let table = &fixture.uploads.table;
    let record = fixture.create(pack("hello")).await;
    let now = Timestamp::now();
    let lease = Lease::new(now + Duration::from_secs(60));
    assert!(table.begin_build(&record, &lease, now).await.unwrap());

    assert!(matches!(fixture.builder.build(Job::from(&record)).await.unwrap_err(), BuildError::Leased));
    assert!(!table.mark_failed(&record, None, "gave up", Timestamp::now()).await.unwrap());
    table.abandon(&record, &lease, Some("interrupted")).await.unwrap();
    assert!(table.mark_failed(&record, None, "gave up", Timestamp::now()).await.unwrap());

    let again = Lease::new(now + Duration::from_secs(60));
    assert!(table.begin_build(&record, &again, Timestamp::now()).await.unwrap());
    let error = fixture.try_submit(pack("other")).await.unwrap_err();
    assert!(matches!(error, UploadError::ConcurrentUploads), "{error}");
}

/// Returns the use cases with a registry proxy that holds back the first request with this method.
async fn with_registry_proxy(held: Method) -> (Fixture, Arc<HoldingProxy>) {
    let mut fixture = Fixture::start().await;
    let (proxy, address) = HoldingProxy::start(fixture.embedded.backends.registry.to_string()).await;
    proxy.hold(move |method, _| *method == held);
    fixture.builder.registry = registry(&address, Credentials::None);
    fixture.uploads.registry = address;
    (fixture, proxy)
}

#[tokio::test]
async fn a_first_try_opens_its_upload_sessions_while_it_takes_the_lease() {
    let (mut fixture, registry_proxy) = with_registry_proxy(Method::POST).await;
    let record = fixture.create(pack("hello")).await;
    let Embedded { backends, clients, options, .. } = &fixture.embedded;
    let backend = backends.endpoints.dynamodb.trim_start_matches("http://").to_owned();
    let (dynamodb_proxy, address) = HoldingProxy::start(backend).await;
    let calls = AtomicUsize::new(0);
    // The first call reads the record.
    dynamodb_proxy.hold(move |_, _| calls.fetch_add(1, Ordering::Relaxed) == 1);
    let dynamodb = clients.dynamodb.config().to_builder().endpoint_url(format!("http://{address}")).build();
    fixture.builder.table = Table::new(aws_sdk_dynamodb::Client::from_conf(dynamodb), options.table_name.clone());

    let build = tokio::spawn(async move { fixture.builder.build(Job::from(&record)).await });
    let both = async { tokio::join!(dynamodb_proxy.held.notified(), registry_proxy.held.notified()) };
    timeout(Duration::from_secs(20), both).await.expect("the requests are not concurrent");
    dynamodb_proxy.release.notify_one();
    registry_proxy.release.notify_one();
    assert_eq!(build.await.unwrap().unwrap(), BuildOutcome::Ready);
}

#[tokio::test]
async fn a_build_without_the_lease_sends_no_content() {
    let (fixture, proxy) = with_registry_proxy(Method::PUT).await;
    let record = fixture.create(pack("hello")).await;
    let now = Timestamp::now();
    let lease = Lease::new(now + Duration::from_secs(60));
    assert!(fixture.uploads.table.renew_lease(&record, &lease, now).await.unwrap());
    tokio::select! {
        biased;
        () = proxy.held.notified() => panic!("the build sent content"),
        built = fixture.builder.build(Job::from(&record)) => assert!(matches!(built, Err(BuildError::Leased)), "{built:?}"),
    }
}

#[tokio::test]
async fn a_published_version_is_not_marked_failed_and_its_build_needs_no_archive() {
    let fixture = Fixture::start().await;
    let table = &fixture.uploads.table;
    let record = fixture.create(pack("hello")).await;
    let Validated { image, tree, contents } = Validated::pack("hello");
    let now = Timestamp::now();
    let lease = Lease::new(now);
    assert!(table.begin_build(&record, &lease, now).await.unwrap());
    push_image(&fixture.builder.registry, &record.release.image_ref, &image, false, tree, contents).await.unwrap();
    assert!(table.publish(&record, &lease).await.unwrap());

    fixture.expire(&record).await;
    assert!(!table.mark_failed(&record, None, "gave up", Timestamp::now()).await.unwrap());
    assert_eq!(fixture.builder.build(Job::from(&record)).await.unwrap(), BuildOutcome::Ready);
}

#[tokio::test]
async fn only_the_failed_messages_in_a_batch_are_reported() {
    let fixture = Fixture::start().await;
    let valid = fixture.create(pack("hello")).await;
    let job = |job: Job| serde_json::to_string(&job).unwrap();
    let event: SqsEvent = serde_json::from_value(json!({"Records": [
        {"messageId": "malformed", "body": "{\"pack_id\": 1}"},
        {"messageId": "bodiless"},
        {"messageId": "unknown", "body": job(Job { pack_id: PackId::generate(), attempt: 1 })},
        {"messageId": "valid", "body": job(Job::from(&valid))},
    ]}))
    .unwrap();
    let mut failures: Vec<_> = sqs::handle_batch(&fixture.handlers(), event)
        .await
        .batch_item_failures
        .into_iter()
        .map(|item| item.item_identifier)
        .collect();
    failures.sort();
    assert_eq!(failures, ["bodiless", "malformed"]);
    assert_eq!(fixture.read(&valid).await.build.status, BuildStatus::Ready);
}
