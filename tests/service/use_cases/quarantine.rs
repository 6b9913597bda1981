//! Tests for quarantines, restores and deletions by an operator: [`Operator`](pack_upload::lifecycle::Operator).

use std::{sync::Arc, time::Duration};

use pack_upload::{
    aws::{Job, Lease, PurgeJob},
    build::BuildOutcome,
    lifecycle::{ChangeError, DeleteError, Operator, OperatorError, PurgeOutcome},
    records::{BuildStatus, Quarantine, QuarantineReason, Record, Timestamp, Visibility},
    registry::{Blob, Credentials},
    upload::{Outcome, UploadError},
};

use super::fixture::{Fixture, NOTHING, pack, registry};
use crate::support::HoldingProxy;

fn reason() -> QuarantineReason {
    "it steals secrets".parse().unwrap()
}

/// Returns the result of [`Fixture::pullable`] for a record whose image exists and is tagged.
fn everything(record: &Record) -> [Option<String>; 2] {
    let digest = Some(record.release.image_digest.to_string());
    [digest.clone(), digest]
}

/// Asserts that uploads and dry runs of the same content and of different content are rejected because of `quarantine`.
async fn expect_no_upload(fixture: &Fixture, quarantine: &Quarantine) {
    for behavior in ["hello", "other"] {
        for result in [
            fixture.try_submit(pack(behavior)).await.map(drop),
            fixture.uploads.check(&fixture.org, pack(behavior)).await.map(drop),
        ] {
            let error = result.unwrap_err();
            assert!(matches!(&error, UploadError::Quarantined(found) if found == quarantine), "{error:?}");
        }
    }
}

#[tokio::test]
async fn a_quarantined_pack_cannot_be_pulled_uploaded_changed_built_or_deleted() {
    let fixture = Fixture::start().await;
    let record = fixture.ready("hello").await;
    assert_eq!(fixture.pullable(&record).await, everything(&record));
    fixture.operator().quarantine(record.id, &reason()).await.unwrap();

    assert_eq!(fixture.pullable(&record).await, NOTHING);
    assert_eq!(fixture.read(&record).await.build.status, BuildStatus::Quarantined { reason: reason() });
    let quarantine = Quarantine { pack_id: Some(record.id), reason: reason() };
    expect_no_upload(&fixture, &quarantine).await;
    let caller = fixture.caller();
    let error = fixture.lifecycle.set_visibility(&caller, record.id, Visibility::Community).await.unwrap_err();
    assert!(matches!(&error, ChangeError::Quarantined(found) if *found == quarantine), "{error:?}");
    let error = fixture.lifecycle.delete(&caller, record.id).await.unwrap_err();
    assert!(matches!(&error, DeleteError::Quarantined(found) if *found == quarantine), "{error:?}");
    assert_eq!(fixture.builder.build(Job::from(&record)).await.unwrap(), BuildOutcome::Dropped);
    let error = fixture.operator().rebuild(record.id).await.unwrap_err();
    assert_eq!(error.to_string(), "the pack has the status quarantined, not ready");
    let found = fixture.read(&record).await;
    assert_eq!((found.build.status, found.release), (BuildStatus::Quarantined { reason: reason() }, record.release));
}

#[tokio::test]
async fn a_restored_pack_has_the_same_digest_even_if_its_archive_has_expired() {
    let fixture = Fixture::start().await;
    let record = fixture.ready("hello").await;
    let operator = fixture.operator();
    operator.quarantine(record.id, &reason()).await.unwrap();
    fixture.expire(&record).await;
    fixture.jobs().await;
    operator.restore(record.id).await.unwrap();
    assert_eq!(fixture.read(&record).await.build.status, BuildStatus::Queued);

    let [job] = *fixture.jobs().await else { panic!("expected one job") };
    assert_eq!(fixture.builder.build(job).await.unwrap(), BuildOutcome::Ready);
    assert_eq!(fixture.pullable(&record).await, everything(&record));
    assert_eq!(fixture.saved_objects().await, 0);
    let Outcome::Existing(found) = fixture.submit(pack("hello")).await else { panic!("not the same pack") };
    assert_eq!((found.id, found.build.status), (record.id, BuildStatus::Ready));
    let error = operator.restore(record.id).await.unwrap_err();
    assert_eq!(error.to_string(), "the pack has the status ready, not quarantined");
}

/// To simulate a crash during a command, the test executes only the writes that precede the crash.
#[tokio::test]
async fn an_interrupted_quarantine_or_restore_can_be_repeated() {
    let fixture = Fixture::start().await;
    let ready = fixture.ready("hello").await;
    let (operator, table) = (fixture.operator(), &fixture.uploads.table);
    let ended = || (Lease::new(Timestamp::now()), Timestamp::now());

    let (lease, now) = ended();
    assert!(table.begin_quarantine(&ready, &reason(), &lease, "tester", now).await.unwrap());
    assert_eq!(
        fixture.pullable(&ready).await,
        everything(&ready),
        "the first command ended before it deleted the image"
    );
    let corrected: QuarantineReason = "it sends secrets to another host".parse().unwrap();
    operator.quarantine(ready.id, &corrected).await.unwrap();
    assert_eq!(fixture.read(&ready).await.build.status, BuildStatus::Quarantined { reason: corrected });
    assert_eq!(fixture.pullable(&ready).await, NOTHING);

    let (lease, now) = ended();
    assert!(table.begin_restore(&ready, &lease, now).await.unwrap());
    let manifest = operator.saved_images.manifest(&ready).await.unwrap().unwrap();
    for blob in Blob::all_of(&manifest).unwrap() {
        let content = operator.saved_images.blob(&ready, blob.digest).await.unwrap().unwrap();
        operator.registry.push_blob(&ready.release.image_ref, blob, content).await.unwrap();
    }
    operator.registry.push_manifest(&ready.release.image_ref, manifest).await.unwrap();
    assert_eq!(fixture.pullable(&ready).await, [None, Some(ready.release.image_digest.to_string())]);
    operator.quarantine(ready.id, &reason()).await.unwrap();
    assert_eq!(fixture.pullable(&ready).await, NOTHING);

    operator.restore(ready.id).await.unwrap();
    let restored = fixture.read(&ready).await;
    assert_eq!(fixture.builder.build(Job::from(&restored)).await.unwrap(), BuildOutcome::Ready);
    assert_eq!(fixture.pullable(&ready).await, everything(&ready));
}

/// The quarantine is interrupted before it saves the image.
#[tokio::test]
async fn a_quarantine_that_saved_no_image_is_restored_from_the_registry() {
    let fixture = Fixture::start().await;
    let ready = fixture.ready("hello").await;
    let (operator, table) = (fixture.operator(), &fixture.uploads.table);
    let begin = async |record: &Record| {
        let now = Timestamp::now();
        assert!(table.begin_quarantine(record, &reason(), &Lease::new(now), "tester", now).await.unwrap());
    };
    begin(&ready).await;
    operator.restore(ready.id).await.unwrap();
    let restored = fixture.read(&ready).await;
    assert_eq!(fixture.builder.build(Job::from(&restored)).await.unwrap(), BuildOutcome::Ready);
    assert_eq!(fixture.pullable(&ready).await, everything(&ready));

    begin(&restored).await;
    operator.registry.delete(&ready.release.image_ref, ready.release.image_digest).await.unwrap();
    for result in [operator.restore(ready.id).await, operator.quarantine(ready.id, &reason()).await] {
        let error = result.unwrap_err();
        assert!(matches!(error, OperatorError::NotSaved), "{error:?}");
    }
}

/// The restore ends the first quarantine, but deletes the saved image of that quarantine only after a second quarantine
/// has saved the image again.
#[tokio::test]
async fn a_restore_does_not_delete_the_image_that_a_later_quarantine_saved() {
    let fixture = Fixture::start().await;
    let ready = fixture.ready("hello").await;
    let (operator, table) = (fixture.operator(), &fixture.uploads.table);
    operator.quarantine(ready.id, &reason()).await.unwrap();
    let now = Timestamp::now();
    let lease = Lease::new(now + Duration::from_secs(60));
    assert!(table.begin_restore(&ready, &lease, now).await.unwrap());
    assert!(table.end_quarantine(&ready, &lease, "tester", now).await.unwrap());
    let queued = fixture.read(&ready).await;
    assert_eq!(fixture.builder.build(Job::from(&queued)).await.unwrap(), BuildOutcome::Ready);

    operator.quarantine(ready.id, &reason()).await.unwrap();
    operator.saved_images.delete(&ready).await.unwrap();
    operator.restore(ready.id).await.unwrap();
    let restored = fixture.read(&ready).await;
    assert_eq!(fixture.builder.build(Job::from(&restored)).await.unwrap(), BuildOutcome::Ready);
    assert_eq!(fixture.pullable(&ready).await, everything(&ready));
}

/// Returns the use cases with a proxy in front of the registry, and the record of a ready pack.
async fn start_with_proxy() -> (Fixture, Arc<HoldingProxy>, Record) {
    let mut fixture = Fixture::start().await;
    let (proxy, address) = HoldingProxy::start(fixture.embedded.backends.registry.to_string()).await;
    proxy.hold(|_, _| false);
    fixture.builder.registry = registry(&address, Credentials::None);
    fixture.purger.registry = fixture.builder.registry.clone();
    fixture.uploads.registry = address;
    let record = fixture.ready("hello").await;
    (fixture, proxy, record)
}

/// Quarantines the pack and then restores it with a lease that expires immediately. Runs `change` while the proxy holds
/// back the restore's check for the last blob. Returns the restore's error.
async fn restore_during(
    fixture: &Fixture,
    proxy: &HoldingProxy,
    record: &Record,
    change: impl Future<Output = ()>,
) -> OperatorError {
    let slow = Operator { lease: Duration::ZERO, ..fixture.operator() };
    slow.quarantine(record.id, &reason()).await.unwrap();
    let manifest = slow.saved_images.manifest(record).await.unwrap().unwrap();
    let last_blob = Blob::all_of(&manifest).unwrap().last().unwrap().digest.to_string();
    proxy.hold(move |_, uri| uri.path().ends_with(&last_blob));
    let meanwhile = async {
        proxy.held.notified().await;
        change.await;
        proxy.release.notify_one();
    };
    let (restored, ()) = tokio::join!(slow.restore(record.id), meanwhile);
    restored.unwrap_err()
}

#[tokio::test]
async fn a_restore_that_lost_its_lease_does_not_push_the_image_of_a_deleted_pack() {
    let (fixture, proxy, record) = start_with_proxy().await;
    let delete = async {
        fixture.operator().delete(record.id).await.unwrap();
        assert_eq!(fixture.purger.purge(PurgeJob { pack_id: record.id }).await.unwrap(), PurgeOutcome::Deleted);
    };
    let error = restore_during(&fixture, &proxy, &record, delete).await;
    assert!(matches!(error, OperatorError::NotFound(_)), "{error:?}");
    assert_eq!(fixture.pullable(&record).await, NOTHING);
}

#[tokio::test]
async fn a_restore_that_lost_its_lease_does_not_undo_a_later_quarantine() {
    let (fixture, proxy, record) = start_with_proxy().await;
    let quarantine = async {
        fixture.operator().quarantine(record.id, &reason()).await.unwrap();
    };
    let error = restore_during(&fixture, &proxy, &record, quarantine).await;
    assert!(matches!(error, OperatorError::Leased), "{error:?}");
    assert_eq!(fixture.pullable(&record).await, NOTHING);
    assert_eq!(fixture.read(&record).await.build.status, BuildStatus::Quarantined { reason: reason() });
}

#[tokio::test]
async fn a_restore_deletes_the_image_that_it_pushed_if_the_pack_is_being_deleted() {
    let (fixture, proxy, record) = start_with_proxy().await;
    let operator = fixture.operator();
    operator.quarantine(record.id, &reason()).await.unwrap();
    proxy.hold(|method, uri| method == "PUT" && uri.path().contains("/manifests/"));
    let delete = async {
        proxy.held.notified().await;
        operator.delete(record.id).await.unwrap();
        proxy.release.notify_one();
    };
    let (restored, ()) = tokio::join!(operator.restore(record.id), delete);
    let error = restored.unwrap_err();
    assert!(matches!(error, OperatorError::Contested), "{error:?}");
    assert_eq!(fixture.pullable(&record).await, NOTHING);
    assert_eq!(fixture.purger.purge(PurgeJob { pack_id: record.id }).await.unwrap(), PurgeOutcome::Deleted);
}

#[tokio::test]
async fn a_quarantine_of_a_pack_that_is_deleted_meanwhile_leaves_no_saved_image() {
    let (fixture, proxy, record) = start_with_proxy().await;
    proxy.hold(|method, uri| method == "GET" && uri.path().contains("/blobs/"));
    let operator = fixture.operator();
    let delete = async {
        proxy.held.notified().await;
        operator.delete(record.id).await.unwrap();
        proxy.release.notify_one();
    };
    let reason = reason();
    let (quarantined, ()) = tokio::join!(operator.quarantine(record.id, &reason), delete);
    let error = quarantined.unwrap_err();
    assert_eq!(error.to_string(), "the pack has the status deleting, not quarantined");
    assert_eq!(fixture.saved_objects().await, 0);
}

#[tokio::test]
async fn a_quarantine_does_not_wait_for_a_lease_if_the_pack_is_rebuilt_meanwhile() {
    let (fixture, proxy, record) = start_with_proxy().await;
    proxy.hold(|method, uri| method == "GET" && uri.path().contains("/manifests/"));
    let operator = fixture.operator();
    let rebuild = async {
        proxy.held.notified().await;
        operator.rebuild(record.id).await.unwrap();
        let rebuilt = fixture.read(&record).await;
        assert_eq!(fixture.builder.build(Job::from(&rebuilt)).await.unwrap(), BuildOutcome::Ready);
        proxy.release.notify_one();
    };
    let reason = reason();
    let (quarantined, ()) = tokio::join!(operator.quarantine(record.id, &reason), rebuild);
    let error = quarantined.unwrap_err();
    assert!(matches!(error, OperatorError::Contested), "{error:?}");
}

#[tokio::test]
async fn only_a_ready_pack_whose_lease_is_free_can_be_quarantined() {
    let fixture = Fixture::start().await;
    let record = fixture.create(pack("hello")).await;
    let operator = fixture.operator();
    let error = operator.quarantine(record.id, &reason()).await.unwrap_err();
    assert_eq!(error.to_string(), "the pack has the status queued, not ready");
    assert_eq!(fixture.builder.build(Job::from(&record)).await.unwrap(), BuildOutcome::Ready);

    let now = Timestamp::now();
    let lease = Lease::new(now + Duration::from_secs(60));
    assert!(fixture.uploads.table.renew_lease(&record, &lease, now).await.unwrap());
    let error = operator.quarantine(record.id, &reason()).await.unwrap_err();
    assert!(matches!(error, OperatorError::Leased), "{error:?}");
    fixture.uploads.table.release(&record, &lease).await.unwrap();

    operator.registry.delete(&record.release.image_ref, record.release.image_digest).await.unwrap();
    let error = operator.quarantine(record.id, &reason()).await.unwrap_err();
    assert!(matches!(error, OperatorError::ImageLost), "{error:?}");
    assert_eq!(fixture.read(&record).await.build.status, BuildStatus::Ready);
}

#[tokio::test]
async fn a_quarantined_version_stays_quarantined_after_an_operator_deletes_its_pack() {
    let fixture = Fixture::start().await;
    let record = fixture.ready("hello").await;
    let (operator, table) = (fixture.operator(), &fixture.uploads.table);
    let role = "role/1".parse().unwrap();
    assert!(table.add_reference(&record, &role, Timestamp::now(), "tester").await.unwrap());
    operator.quarantine(record.id, &reason()).await.unwrap();
    let error = operator.delete(record.id).await.unwrap_err();
    assert!(matches!(error, OperatorError::InUse { references: 1 }), "{error:?}");
    assert!(table.remove_reference(&record, &role, Timestamp::now(), "tester").await.unwrap());

    for _ in 0..2 {
        assert!(!operator.delete(record.id).await.unwrap().is_complete);
        assert_eq!(fixture.read(&record).await.build.status, BuildStatus::Deleting);
    }
    expect_no_upload(&fixture, &Quarantine { pack_id: Some(record.id), reason: reason() }).await;
    let job = PurgeJob { pack_id: record.id };
    assert_eq!(fixture.purger.purge(job).await.unwrap(), PurgeOutcome::Deleted);
    assert_eq!(fixture.saved_objects().await, 0);
    expect_no_upload(&fixture, &Quarantine { pack_id: None, reason: reason() }).await;
    let error = operator.delete(record.id).await.unwrap_err();
    assert!(matches!(error, OperatorError::NotFound(id) if id == record.id), "{error:?}");
}

#[tokio::test]
async fn a_version_deleted_by_an_operator_accepts_only_the_same_content_again() {
    let fixture = Fixture::start().await;
    let record = fixture.ready("hello").await;
    assert!(!fixture.operator().delete(record.id).await.unwrap().is_complete);
    assert_eq!(fixture.purger.purge(PurgeJob { pack_id: record.id }).await.unwrap(), PurgeOutcome::Deleted);
    assert_eq!(fixture.pullable(&record).await, NOTHING);
    let error = fixture.try_submit(pack("other")).await.unwrap_err();
    assert!(matches!(error, UploadError::VersionDeleted { .. }), "{error:?}");
    let again = fixture.ready("hello").await;
    assert_eq!(fixture.pullable(&again).await, everything(&record));
}

#[test]
fn a_reason_is_one_line_of_text() {
    for valid in ["x", "it contains malware: see ticket 12", &"é".repeat(1_024)] {
        assert_eq!(valid.parse::<QuarantineReason>().unwrap().to_string(), valid);
    }
    for invalid in ["", " ", "two\nlines", &"x".repeat(1_025)] {
        assert!(invalid.parse::<QuarantineReason>().is_err(), "{invalid}");
    }
}
