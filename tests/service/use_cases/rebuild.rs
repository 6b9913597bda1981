//! Tests that rebuild a ready pack, for example because its image was lost.

use pack_upload::{
    aws::Job,
    build::BuildOutcome,
    records::{BuildStatus, Record, Timestamp},
    registry::Credentials,
    upload::{Outcome, UploadError},
};

use super::fixture::{Fixture, pack, registry};
use crate::support::RepositoryClient;

/// Builds a pack, deletes its image, and queues the build again as an operator does. Returns the record.
async fn rebuilt(fixture: &Fixture) -> Record {
    let record = fixture.create(pack("hello")).await;
    assert_eq!(fixture.builder.build(Job::from(&record)).await.unwrap(), BuildOutcome::Ready);
    let release = &record.release;
    fixture.builder.registry.delete(&release.image_ref, release.image_digest).await.unwrap();
    fixture.jobs().await;
    fixture.operator().rebuild(record.id).await.unwrap();
    let error = fixture.operator().rebuild(record.id).await.unwrap_err();
    assert_eq!(error.to_string(), "the pack has the status queued, not ready");
    fixture.read(&record).await
}

async fn tagged_digest(fixture: &Fixture) -> Option<String> {
    let repository = RepositoryClient::new(&fixture.embedded.backends.registry, "acme/tools");
    repository.manifest("1.0.0").await.map(|(digest, _)| digest)
}

#[tokio::test]
async fn a_lost_image_is_built_from_the_staged_archive_with_the_same_digest() {
    let fixture = Fixture::start().await;
    let record = rebuilt(&fixture).await;
    assert_eq!(tagged_digest(&fixture).await, None);
    let [job] = *fixture.jobs().await else { panic!("expected one job") };
    assert_eq!(job, Job { pack_id: record.id, attempt: 2 });
    assert_eq!(fixture.builder.build(job).await.unwrap(), BuildOutcome::Ready);
    assert_eq!(tagged_digest(&fixture).await, Some(record.release.image_digest.to_string()));
}

#[tokio::test]
async fn a_rebuild_begins_a_new_attempt_with_one_send_and_no_error() {
    let mut fixture = Fixture::start().await;
    let record = fixture.create(pack("hello")).await;
    let reachable = fixture.builder.registry.clone();
    fixture.builder.registry = registry(&"127.0.0.1:1".parse().unwrap(), Credentials::None);
    fixture.builder.build(Job::from(&record)).await.unwrap_err();
    assert!(fixture.read(&record).await.build.last_error.is_some());
    fixture.builder.registry = reachable;
    assert_eq!(fixture.builder.build(Job::from(&record)).await.unwrap(), BuildOutcome::Ready);

    let before = Timestamp::now();
    fixture.operator().rebuild(record.id).await.unwrap();
    let build = fixture.read(&record).await.build;
    assert!(build.enqueued_at >= before, "{build:?}");
    assert_eq!((build.attempt, build.sends, build.tries, build.last_error), (2, 1, 0, None));
}

#[tokio::test]
async fn a_lost_image_without_an_archive_can_be_built_only_from_an_upload_of_the_same_content() {
    let fixture = Fixture::start().await;
    let record = rebuilt(&fixture).await;
    fixture.expire(&record).await;
    let built = fixture.builder.build(Job::from(&record)).await.unwrap();
    assert!(matches!(built, BuildOutcome::Failed { .. }), "{built:?}");
    assert!(matches!(fixture.read(&record).await.build.status, BuildStatus::Failed { .. }));

    let error = fixture.try_submit(pack("other")).await.unwrap_err();
    assert!(matches!(error, UploadError::VersionExists(_)), "{error}");
    let Outcome::QueuedAgain(queued) = fixture.submit(pack("hello")).await else { panic!("not queued again") };
    assert_eq!(queued.id, record.id);
    assert_eq!(fixture.builder.build(Job::from(&queued)).await.unwrap(), BuildOutcome::Ready);
    assert_eq!(tagged_digest(&fixture).await, Some(record.release.image_digest.to_string()));
}
