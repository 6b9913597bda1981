//! Tests for the conditions under which each step of publishing a version succeeds.

use std::time::Duration;

use pack_format::Digest;
use pack_upload::{
    aws::{Created, Lease, Table},
    records::{BuildStatus, OrgId, Record, Timestamp},
};

use super::support::{Database, create, failed, queue_again, record, upload};

const HELD: Duration = Duration::from_secs(60);

async fn begin(table: &Table, record: &Record, lasts: Duration) -> Lease {
    let now = Timestamp::now();
    let lease = Lease::new(now + lasts);
    assert!(table.begin_build(record, &lease, now).await.unwrap());
    lease
}

async fn queued(table: &Table) -> Record {
    let record = record(OrgId::generate(), "tools", "1.0.0", "a");
    assert!(matches!(create(table, &record).await, Created::Written));
    record
}

/// Queues a record's second attempt while its first is still being built. Returns the record in its first attempt, and
/// the lease of that build.
async fn queued_again(table: &Table) -> (Record, Lease) {
    let first = failed(table, record(OrgId::generate(), "tools", "1.0.0", "a")).await;
    let lease = begin(table, &first, HELD).await;
    let second = first.queued_again(&upload("a"));
    assert!(matches!(queue_again(table, &first, &second).await, Created::Written));
    (first, lease)
}

#[tokio::test]
async fn a_build_begins_only_in_the_current_attempt_of_a_record_that_is_queued_or_failed() {
    let database = Database::start().await;
    let (table, now) = (&database.table, Timestamp::now());
    let (first, lease) = queued_again(table).await;
    table.abandon(&first, &lease, None).await.unwrap();
    assert!(!table.begin_build(&first, &Lease::new(now + HELD), now).await.unwrap());

    let ready = queued(table).await;
    let lease = begin(table, &ready, HELD).await;
    assert!(table.publish(&ready, &lease).await.unwrap());
    assert!(table.mark_ready(&ready, &lease, now).await.unwrap());
    assert!(!table.begin_build(&ready, &Lease::new(now + HELD), now).await.unwrap());
}

#[tokio::test]
async fn only_the_lease_holder_can_publish_and_finish_a_build() {
    let database = Database::start().await;
    let (table, now) = (&database.table, Timestamp::now());
    let record = queued(table).await;
    let lost = begin(table, &record, Duration::ZERO).await;
    let held = begin(table, &record, HELD).await;
    assert!(!table.publish(&record, &lost).await.unwrap());
    assert!(!table.mark_failed(&record, Some(&lost), "broken", now).await.unwrap());
    table.abandon(&record, &lost, None).await.unwrap();
    assert!(table.publish(&record, &held).await.unwrap());
    assert!(!table.mark_ready(&record, &lost, now).await.unwrap());
    assert!(table.mark_ready(&record, &held, now).await.unwrap());
}

#[tokio::test]
async fn a_build_of_an_earlier_attempt_can_neither_publish_nor_finish() {
    let database = Database::start().await;
    let (first, lease) = queued_again(&database.table).await;
    assert!(!database.table.publish(&first, &lease).await.unwrap());
    assert!(!database.table.mark_ready(&first, &lease, Timestamp::now()).await.unwrap());
    assert!(!database.table.is_published(&first).await.unwrap());
}

#[tokio::test]
async fn a_build_of_a_deleted_record_can_neither_publish_nor_finish() {
    let database = Database::start().await;
    let (table, now) = (&database.table, Timestamp::now());
    let record = queued(table).await;
    let lease = begin(table, &record, HELD).await;
    table.mark_deleting(record.release.org_id, record.id, now).await.unwrap().unwrap();
    assert!(!table.publish(&record, &lease).await.unwrap());
    assert!(!table.mark_ready(&record, &lease, now).await.unwrap());
    assert!(!table.is_published(&record).await.unwrap());
    let found = table.record(record.id).await.unwrap().unwrap();
    assert_eq!(found.build.status, BuildStatus::Deleting);
}

#[tokio::test]
async fn a_version_is_not_published_again_with_different_content() {
    let database = Database::start().await;
    let record = queued(&database.table).await;
    let lease = begin(&database.table, &record, HELD).await;
    database.set_claim(&record, "layer_digest", &Digest::sha256(b"other").to_string()).await;
    assert!(!database.table.publish(&record, &lease).await.unwrap());
}
