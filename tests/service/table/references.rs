//! Tests for references, which keep a pack from being deleted.

use std::time::Duration;

use pack_upload::{
    aws::{Created, Lease},
    records::{BuildStatus, OrgId, Record, Reference, Timestamp},
};

use super::support::{Database, create, publish, queue_again, record};

const ACTOR: &str = "AKIDOPERATOR";

async fn ready(database: &Database) -> Record {
    let record = record(OrgId::generate(), "tools", "1.0.0", "a");
    assert!(matches!(create(&database.table, &record).await, Created::Written));
    assert!(publish(&database.table, &record, Timestamp::now()).await);
    record
}

async fn count(database: &Database, record: &Record) -> u32 {
    database.table.record(record.id).await.unwrap().unwrap().reference_count
}

#[tokio::test]
async fn each_reference_counts_once_and_keeps_the_pack_from_being_deleted() {
    let database = Database::start().await;
    let record = ready(&database).await;
    let (table, now) = (&database.table, Timestamp::now());
    let [first, second] = ["role#1", "role#2"].map(|text| text.parse::<Reference>().unwrap());
    assert!(table.add_reference(&record, &first, now, ACTOR).await.unwrap());
    assert!(!table.add_reference(&record, &first, now, ACTOR).await.unwrap());
    assert!(table.add_reference(&record, &second, now, ACTOR).await.unwrap());
    assert_eq!(count(&database, &record).await, 2);
    let found = table.mark_deleting(record.release.org_id, record.id, now).await.unwrap().unwrap();
    assert_eq!((found.build.status, found.reference_count), (BuildStatus::Ready, 2));

    for reference in [&first, &second] {
        assert!(table.has_reference(record.id, reference).await.unwrap());
        assert!(table.remove_reference(&record, reference, now, ACTOR).await.unwrap());
        assert!(!table.remove_reference(&record, reference, now, ACTOR).await.unwrap());
        assert!(!table.has_reference(record.id, reference).await.unwrap());
    }
    assert_eq!(count(&database, &record).await, 0);
    let found = table.mark_deleting(record.release.org_id, record.id, now).await.unwrap().unwrap();
    assert_eq!(found.build.status, BuildStatus::Deleting);
}

#[tokio::test]
async fn only_a_ready_pack_can_be_referenced() {
    let database = Database::start().await;
    let (table, now) = (&database.table, Timestamp::now());
    let reference: Reference = "role".parse().unwrap();
    let queued = record(OrgId::generate(), "queued", "1.0.0", "a");
    assert!(matches!(create(table, &queued).await, Created::Written));
    assert!(!table.add_reference(&queued, &reference, now, ACTOR).await.unwrap());

    let deleting = ready(&database).await;
    table.mark_deleting(deleting.release.org_id, deleting.id, now).await.unwrap();
    assert!(!table.add_reference(&deleting, &reference, now, ACTOR).await.unwrap());
    for record in [&queued, &deleting] {
        assert!(!table.has_reference(record.id, &reference).await.unwrap());
        assert_eq!(count(&database, record).await, 0);
    }
}

#[test]
fn a_reference_is_visible_ascii_of_limited_length() {
    for valid in ["x", "role/01J#a:b", &"x".repeat(256)] {
        assert_eq!(valid.parse::<Reference>().unwrap().to_string(), valid);
    }
    for invalid in ["", "a b", "é", "a\n", &"x".repeat(257)] {
        assert!(invalid.parse::<Reference>().is_err(), "{invalid}");
    }
}

#[tokio::test]
async fn an_upload_that_queues_a_build_again_does_not_undo_a_reference_change() {
    let database = Database::start().await;
    let (table, now) = (&database.table, Timestamp::now());
    let reference: Reference = "role".parse().unwrap();
    let record = ready(&database).await;
    assert!(table.add_reference(&record, &reference, now, ACTOR).await.unwrap());
    let read = async || table.record(record.id).await.unwrap().unwrap();
    assert!(table.rebuild(&read().await, ACTOR, now).await.unwrap());
    let (queued, lease) = (read().await, Lease::new(now + Duration::from_secs(60)));
    assert!(table.begin_build(&queued, &lease, now).await.unwrap());
    assert!(table.mark_failed(&queued, Some(&lease), "the image is lost", now).await.unwrap());

    let seen = read().await;
    assert!(table.remove_reference(&seen, &reference, now, ACTOR).await.unwrap());
    let mut upload = record.clone();
    upload.build.staging_key = "staging/again".to_owned();
    let retried = seen.queued_again(&upload);
    let Created::Taken(found) = queue_again(table, &seen, &retried).await else { panic!("overwritten") };
    assert_eq!(found.reference_count, 0);
}
