use aws_lambda_events::sqs::SqsEvent;
use pack_upload::{
    aws::Job,
    build::{BuildError, BuildOutcome},
    lambda::sqs,
    records::{BuildStatus, PackId, Record, Timestamp},
    registry::Credentials,
    upload::Outcome,
};
use serde_json::json;

use super::bench::{Bench, archive, pack, registry, tools};

fn failed(record: &Record) -> &str {
    match &record.build.status {
        BuildStatus::Failed { error } => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_job_brings_the_promised_image_and_doing_it_again_changes_nothing() {
    let bench = Bench::start().await;
    let record = bench.create(pack("hello")).await;
    let job = Job::from(&record);
    assert_eq!(bench.builder.build(job).await.unwrap(), BuildOutcome::Ready);

    let ready = bench.read(&record).await;
    assert_eq!(ready.build.status, BuildStatus::Ready);
    assert!(ready.updated_at >= record.updated_at);
    assert_eq!(bench.builder.build(job).await.unwrap(), BuildOutcome::Dropped);
    assert_eq!(bench.read(&record).await, ready);
    assert_eq!(
        bench.builder.build(Job { pack_id: PackId::generate(), attempt: 1 }).await.unwrap(),
        BuildOutcome::Dropped
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_builders_with_one_job_make_one_good_image() {
    let bench = Bench::start().await;
    let record = bench.create(pack("hello")).await;
    let job = Job::from(&record);
    let (first, second) = tokio::join!(bench.builder.build(job), bench.builder.build(job));
    let settled = [first.unwrap(), second.unwrap()];
    assert!(settled.contains(&BuildOutcome::Ready), "{settled:?}");
    assert!(settled.iter().all(|built| matches!(built, BuildOutcome::Ready | BuildOutcome::Dropped)), "{settled:?}");
    assert_eq!(bench.read(&record).await.build.status, BuildStatus::Ready);
}

#[tokio::test]
async fn an_archive_that_expired_fails_its_record_and_uploading_it_again_mends_that() {
    let bench = Bench::start().await;
    let record = bench.create(pack("hello")).await;
    bench.expire(&record).await;
    let reason = "the uploaded archive expired before it was built; upload it again".to_owned();
    assert_eq!(bench.builder.build(Job::from(&record)).await.unwrap(), BuildOutcome::Failed { reason: reason.clone() });
    assert_eq!(failed(&bench.read(&record).await), reason);

    let Outcome::QueuedAgain(anew) = bench.submit(pack("hello")).await else { panic!("a second record") };
    assert_eq!(bench.builder.build(Job::from(&record)).await.unwrap(), BuildOutcome::Dropped, "the old attempt");
    assert_eq!(bench.read(&record).await, anew);
    assert_eq!(bench.builder.build(Job::from(&anew)).await.unwrap(), BuildOutcome::Ready);
}

#[tokio::test]
async fn what_is_not_the_promised_image_is_never_pushed() {
    let bench = Bench::start().await;
    let record = bench.create(pack("hello")).await;
    bench.uploads.staging.put(&record.build.staging_key, tools("tampered")).await.unwrap();
    let BuildOutcome::Failed { reason } = bench.builder.build(Job::from(&record)).await.unwrap() else {
        panic!("not failed")
    };
    let promised = record.release.image_digest;
    assert!(reason.contains(&format!("but {promised} was promised; upload it again")), "{reason}");
    assert_eq!(failed(&bench.read(&record).await), reason);

    let other = bench.create(pack("other")).await;
    bench.uploads.staging.put(&other.build.staging_key, archive(&[("readme", "")])).await.unwrap();
    let BuildOutcome::Failed { reason } = bench.builder.build(Job::from(&other)).await.unwrap() else {
        panic!("not failed")
    };
    assert!(reason.starts_with("the archive is no longer accepted: "), "{reason}");
}

#[tokio::test]
async fn a_late_job_makes_a_record_ready_that_was_given_up() {
    let bench = Bench::start().await;
    let record = bench.create(pack("hello")).await;
    assert!(bench.uploads.table.mark_failed(record.id, 1, "given up", Timestamp::now()).await.unwrap());
    assert_eq!(bench.builder.build(Job::from(&record)).await.unwrap(), BuildOutcome::Ready);
    assert_eq!(bench.read(&record).await.build.status, BuildStatus::Ready);
}

#[tokio::test]
async fn a_registry_that_is_away_leaves_the_record_as_it_is() {
    let mut bench = Bench::start().await;
    let record = bench.create(pack("hello")).await;
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let there = bench.builder.registry.clone();
    bench.builder.registry = registry(&nobody.parse().unwrap(), Credentials::None);
    let error = bench.builder.build(Job::from(&record)).await.unwrap_err();
    assert!(matches!(error, BuildError::Registry(_)), "{error}");
    assert_eq!(bench.read(&record).await, record);

    bench.builder.registry = there;
    assert_eq!(bench.builder.build(Job::from(&record)).await.unwrap(), BuildOutcome::Ready);
}

#[tokio::test]
async fn of_a_batch_only_what_failed_is_delivered_again() {
    let bench = Bench::start().await;
    let good = bench.create(pack("hello")).await;
    let job = |job: Job| serde_json::to_string(&job).unwrap();
    let event: SqsEvent = serde_json::from_value(json!({"Records": [
        {"messageId": "malformed", "body": "{\"pack_id\": 1}"},
        {"messageId": "bodiless"},
        {"messageId": "unknown", "body": job(Job { pack_id: PackId::generate(), attempt: 1 })},
        {"messageId": "good", "body": job(Job::from(&good))},
    ]}))
    .unwrap();
    let mut failures: Vec<_> = sqs::handle_batch(&bench.builder, event)
        .await
        .batch_item_failures
        .into_iter()
        .map(|item| item.item_identifier)
        .collect();
    failures.sort();
    assert_eq!(failures, ["bodiless", "malformed"]);
    assert_eq!(bench.read(&good).await.build.status, BuildStatus::Ready);
}
