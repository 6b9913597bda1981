//! Tests for the conditions under which each step of a quarantine or a restore succeeds.

use std::time::Duration;

use pack_upload::{
    aws::{Created, Lease, Table},
    records::{BuildState, BuildStatus, OrgId, QuarantineReason, Record, Timestamp, Visibility},
};

use super::support::{Database, create, publish, record};

const ACTOR: &str = "tester";

fn reason() -> QuarantineReason {
    "it steals secrets".parse().unwrap()
}

fn held() -> (Lease, Timestamp) {
    let now = Timestamp::now();
    (Lease::new(now + Duration::from_secs(60)), now)
}

async fn queued(table: &Table) -> Record {
    let record = record(OrgId::generate(), "tools", "1.0.0", "a");
    assert!(matches!(create(table, &record).await, Created::Written));
    record
}

/// Writes a ready record and begins its quarantine. Returns the record and the quarantine's lease.
async fn quarantined(table: &Table) -> (Record, Lease) {
    let record = queued(table).await;
    assert!(publish(table, &record, Timestamp::now()).await);
    let (lease, now) = held();
    assert!(table.begin_quarantine(&record, &reason(), &lease, ACTOR, now).await.unwrap());
    (table.record(record.id).await.unwrap().unwrap(), lease)
}

#[tokio::test]
async fn only_the_current_attempt_of_a_ready_record_whose_lease_is_free_can_be_quarantined() {
    let database = Database::start().await;
    let table = &database.table;
    let queued = queued(table).await;
    let begin = async |record: &Record| {
        let (lease, now) = held();
        table.begin_quarantine(record, &reason(), &lease, ACTOR, now).await.unwrap()
    };
    assert!(!begin(&queued).await);
    assert!(publish(table, &queued, Timestamp::now()).await);
    let ready = table.record(queued.id).await.unwrap().unwrap();
    assert!(table.rebuild(&ready, ACTOR, Timestamp::now()).await.unwrap());
    let rebuilt = table.record(queued.id).await.unwrap().unwrap();
    assert!(publish(table, &rebuilt, Timestamp::now()).await);
    assert!(!begin(&ready).await, "an earlier attempt");

    let (lease, now) = held();
    assert!(table.renew_lease(&rebuilt, &lease, now).await.unwrap());
    assert!(!begin(&rebuilt).await, "leased");
    table.release(&rebuilt, &lease).await.unwrap();
    assert!(begin(&rebuilt).await);
}

#[tokio::test]
async fn only_the_lease_holder_can_end_a_quarantine() {
    let database = Database::start().await;
    let table = &database.table;
    let (record, lease) = quarantined(table).await;
    let (other, now) = held();
    assert!(!table.begin_restore(&record, &other, now).await.unwrap());
    assert!(!table.end_quarantine(&record, &other, ACTOR, now).await.unwrap());
    assert!(table.end_quarantine(&record, &lease, ACTOR, now).await.unwrap());
    let build = table.record(record.id).await.unwrap().unwrap().build;
    assert_eq!((build.status, build.attempt, build.sends, build.tries), (BuildStatus::Queued, 2, 1, 0));
    assert!(database.is_pending(&record).await);
}

#[tokio::test]
async fn a_pack_that_is_being_deleted_cannot_be_quarantined_or_restored() {
    let database = Database::start().await;
    let table = &database.table;
    let (record, lease) = quarantined(table).await;
    assert!(table.mark_deleting_by_operator(&record, ACTOR, Timestamp::now()).await.unwrap());
    assert!(!table.mark_deleting_by_operator(&record, ACTOR, Timestamp::now()).await.unwrap());
    assert!(!table.end_quarantine(&record, &lease, ACTOR, Timestamp::now()).await.unwrap());
    table.release(&record, &lease).await.unwrap();
    let (lease, now) = held();
    assert!(!table.begin_quarantine(&record, &reason(), &lease, ACTOR, now).await.unwrap());
    assert!(!table.begin_restore(&record, &lease, now).await.unwrap());
    assert_eq!(table.record(record.id).await.unwrap().unwrap().build.status, BuildStatus::Deleting);
}

#[tokio::test]
async fn only_the_last_holder_can_extend_a_lease_and_only_in_the_same_state_and_attempt() {
    let database = Database::start().await;
    let table = &database.table;
    let (record, lease) = quarantined(table).await;
    let extend = async |record: &Record, state: BuildState, lease: &Lease| {
        table.extend_lease(record, state, lease, Timestamp::now()).await.unwrap()
    };
    assert!(extend(&record, BuildState::Quarantined, &lease).await);
    assert!(!extend(&record, BuildState::Quarantined, &held().0).await, "leased");
    assert!(!extend(&record, BuildState::Deleting, &lease).await, "another state");
    assert!(table.end_quarantine(&record, &lease, ACTOR, Timestamp::now()).await.unwrap());
    let restored = table.record(record.id).await.unwrap().unwrap();
    assert!(publish(table, &restored, Timestamp::now()).await);
    let (other, now) = held();
    assert!(table.begin_quarantine(&restored, &reason(), &other, ACTOR, now).await.unwrap());
    assert!(!table.end_quarantine(&record, &other, ACTOR, now).await.unwrap(), "an earlier attempt");
    assert!(!extend(&record, BuildState::Quarantined, &other).await, "an earlier attempt");
    table.release(&restored, &other).await.unwrap();
    assert!(!extend(&restored, BuildState::Quarantined, &other).await, "released");
    let expired = Lease::new(now);
    assert!(table.begin_restore(&restored, &expired, now).await.unwrap());
    assert!(extend(&restored, BuildState::Quarantined, &expired).await, "expired, but nobody took it");
    table.release(&restored, &expired).await.unwrap();
    assert!(table.begin_restore(&restored, &other, now).await.unwrap());

    assert!(table.mark_deleting_by_operator(&restored, ACTOR, now).await.unwrap());
    assert!(!extend(&restored, BuildState::Quarantined, &other).await, "being deleted");
    assert!(extend(&restored, BuildState::Deleting, &other).await);
    assert!(table.begin_purge(&restored, &other, now).await.unwrap());
    assert!(table.remove(&restored, &other, now).await.unwrap());
    assert!(!extend(&restored, BuildState::Deleting, &other).await, "deleted");
}

#[tokio::test]
async fn the_owner_can_neither_delete_nor_change_a_quarantined_pack() {
    let database = Database::start().await;
    let (record, _lease) = quarantined(&database.table).await;
    let (org, now) = (record.release.org_id, Timestamp::now());
    let found = database.table.mark_deleting(org, record.id, now).await.unwrap();
    assert_eq!(found.as_ref(), Some(&record));
    let found = database.table.set_visibility(org, record.id, Visibility::Community).await;
    assert_eq!(found.unwrap(), Some(record));
}
