//! Tests for deletions and purges: [`Lifecycle`](pack_upload::lifecycle::Lifecycle) and
//! [`Purger`](pack_upload::lifecycle::Purger).

use std::time::Duration;

use pack_upload::{
    aws::{Job, Lease, PurgeJob, Queue},
    build::BuildOutcome,
    lifecycle::{DeleteError, PurgeError, PurgeOutcome},
    records::{BuildStatus, PackId, Record, Timestamp},
    registry::Credentials,
    requeue::Settings,
    upload::UploadError,
};

use super::fixture::{Fixture, NOTHING, pack, registry};

impl Fixture {
    /// Begins the deletion of a record. No builder runs, so the test must run the purge itself.
    async fn delete(&self, record: &Record) {
        let deletion = self.lifecycle.delete(&self.caller(), record.id).await.unwrap();
        assert!(!deletion.is_complete);
        assert_eq!(self.read(record).await.build.status, BuildStatus::Deleting);
    }
}

#[tokio::test]
async fn a_purged_image_cannot_be_pulled_and_a_purge_can_be_repeated() {
    let fixture = Fixture::start().await;
    let record = fixture.ready("hello").await;
    let digest = Some(record.release.image_digest.to_string());
    assert_eq!(fixture.pullable(&record).await, [digest.clone(), digest]);

    let job = PurgeJob { pack_id: record.id };
    assert_eq!(fixture.purger.purge(job).await.unwrap(), PurgeOutcome::Dropped, "it is not being deleted");
    fixture.delete(&record).await;
    assert_eq!(fixture.purger.purge(job).await.unwrap(), PurgeOutcome::Deleted);
    assert_eq!(fixture.pullable(&record).await, NOTHING);
    assert_eq!(fixture.uploads.table.record(record.id).await.unwrap(), None);

    assert_eq!(fixture.purger.purge(job).await.unwrap(), PurgeOutcome::Dropped);
    let error = fixture.lifecycle.delete(&fixture.caller(), record.id).await.unwrap_err();
    assert!(matches!(error, DeleteError::NotFound), "{error}");
    let error = fixture.lifecycle.delete(&fixture.caller(), PackId::generate()).await.unwrap_err();
    assert!(matches!(error, DeleteError::NotFound), "{error}");
}

#[tokio::test]
async fn a_deletion_waits_for_its_purge() {
    let mut fixture = Fixture::start().await;
    fixture.lifecycle.purge_wait = Duration::from_secs(20);
    let record = fixture.ready("hello").await;
    let (lifecycle, purger, caller) = (fixture.lifecycle.clone(), fixture.purger.clone(), fixture.caller());
    let deletion = tokio::spawn(async move { lifecycle.delete(&caller, record.id).await });
    while purger.purge(PurgeJob { pack_id: record.id }).await.unwrap() == PurgeOutcome::Dropped {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(deletion.await.unwrap().unwrap().is_complete);
}

#[tokio::test]
async fn a_deletion_during_a_build_leaves_nothing_to_pull() {
    let fixture = Fixture::start().await;
    let table = &fixture.uploads.table;
    let record = fixture.create(pack("hello")).await;
    let now = Timestamp::now();
    let build = Lease::new(now + Duration::from_secs(60));
    assert!(table.begin_build(&record, &build, now).await.unwrap());
    fixture.delete(&record).await;
    let error = fixture.purger.purge(PurgeJob { pack_id: record.id }).await.unwrap_err();
    assert!(matches!(error, PurgeError::Leased), "{error}");

    table.abandon(&record, &build, None).await.unwrap();
    assert_eq!(fixture.builder.build(Job::from(&record)).await.unwrap(), BuildOutcome::Dropped);
    assert_eq!(fixture.purger.purge(PurgeJob { pack_id: record.id }).await.unwrap(), PurgeOutcome::Deleted);
    assert_eq!(fixture.builder.build(Job::from(&record)).await.unwrap(), BuildOutcome::Dropped);
    assert_eq!(fixture.pullable(&record).await, NOTHING);
}

#[tokio::test]
async fn an_unreachable_registry_leaves_the_purge_pending_and_the_lease_free() {
    let mut fixture = Fixture::start().await;
    let record = fixture.ready("hello").await;
    fixture.delete(&record).await;
    let unused = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let reachable = fixture.purger.registry.clone();
    fixture.purger.registry = registry(&unused.parse().unwrap(), Credentials::None);
    let job = PurgeJob { pack_id: record.id };
    let error = fixture.purger.purge(job).await.unwrap_err();
    assert!(matches!(error, PurgeError::Registry(_)), "{error}");
    let build = fixture.read(&record).await.build;
    assert_eq!((build.status, build.tries), (BuildStatus::Deleting, 1));
    assert!(build.last_error.unwrap().starts_with("cannot delete the image: "));

    fixture.purger.registry = reachable;
    assert_eq!(fixture.requeue(Settings::default()).sweep().await.unwrap().sent, 1);
    assert_eq!(fixture.purger.purge(job).await.unwrap(), PurgeOutcome::Deleted);
}

#[tokio::test]
async fn a_deletion_stays_pending_if_its_job_cannot_be_sent() {
    let mut fixture = Fixture::start().await;
    let record = fixture.ready("hello").await;
    let nowhere = fixture.embedded.queues.purges.replace("purges", "nowhere");
    fixture.lifecycle.purges = Queue::new(fixture.embedded.clients.sqs.clone(), nowhere);
    fixture.delete(&record).await;
}

#[tokio::test]
async fn a_version_accepts_no_upload_during_its_deletion_and_only_the_same_content_afterwards() {
    let fixture = Fixture::start().await;
    let record = fixture.ready("hello").await;
    fixture.delete(&record).await;
    for behavior in ["hello", "other"] {
        let error = fixture.try_submit(pack(behavior)).await.unwrap_err();
        assert!(matches!(error, UploadError::BeingDeleted), "{error}");
    }
    fixture.purger.purge(PurgeJob { pack_id: record.id }).await.unwrap();

    let layer = record.release.layer_digest;
    for result in [
        fixture.try_submit(pack("other")).await.map(drop),
        fixture.uploads.check(&fixture.org, pack("other")).await.map(drop),
    ] {
        let error = result.unwrap_err();
        assert!(matches!(error, UploadError::VersionDeleted { layer_digest } if layer_digest == layer), "{error}");
    }
    assert_eq!(fixture.uploads.check(&fixture.org, pack("hello")).await.unwrap().release.layer_digest, layer);
    let again = fixture.ready("hello").await;
    assert_ne!(again.id, record.id);
    let digest = Some(record.release.image_digest.to_string());
    assert_eq!(fixture.pullable(&again).await, [digest.clone(), digest]);
}
