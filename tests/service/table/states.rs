//! Tests for changes to the build status.

use pack_upload::{
    aws::Created,
    records::{BuildStatus, OrgId, Timestamp},
};

use super::support::{Database, create, existing, failed, publish, queue_again, record, upload};

#[tokio::test]
async fn publishing_a_queued_or_failed_record_makes_it_ready_and_not_pending() {
    let database = Database::start().await;
    let org = OrgId::generate();
    let queued = record(org, "queued", "1.0.0", "a");
    assert!(matches!(create(&database.table, &queued).await, Created::Written));
    let failed = failed(&database.table, record(org, "failed", "1.0.0", "b")).await;
    for record in [queued, failed] {
        let now = Timestamp::now();
        assert!(publish(&database.table, &record, now).await);
        let found = database.table.record(record.id).await.unwrap().unwrap();
        assert_eq!((&found.build.status, found.updated_at), (&BuildStatus::Ready, now));
        assert_eq!((found.release, found.created_at), (record.release.clone(), record.created_at));
        assert!(!database.is_pending(&record).await);
    }
}

#[tokio::test]
async fn neither_an_upload_nor_a_build_changes_a_ready_record() {
    let database = Database::start().await;
    let queued = record(OrgId::generate(), "tools", "1.0.0", "a");
    assert!(matches!(create(&database.table, &queued).await, Created::Written));
    assert!(publish(&database.table, &queued, Timestamp::now()).await);
    let ready = database.table.record(queued.id).await.unwrap().unwrap();

    assert!(!publish(&database.table, &ready, Timestamp::now()).await);
    assert!(!database.table.mark_failed(&ready, None, "late", Timestamp::now()).await.unwrap());
    assert!(!database.table.mark_sent(&ready, Timestamp::now()).await.unwrap());
    let retried = ready.queued_again(&upload("again"));
    assert_eq!(existing(queue_again(&database.table, &ready, &retried).await), ready);
    assert_eq!(database.table.record(ready.id).await.unwrap(), Some(ready));
}

#[tokio::test]
async fn only_a_queued_build_of_the_same_attempt_can_fail() {
    let database = Database::start().await;
    let first = failed(&database.table, record(OrgId::generate(), "tools", "1.0.0", "a")).await;
    assert!(!database.is_pending(&first).await);
    assert!(!database.table.mark_failed(&first, None, "twice", Timestamp::now()).await.unwrap());

    let retried = first.queued_again(&upload("again"));
    assert!(matches!(queue_again(&database.table, &first, &retried).await, Created::Written));
    assert!(!database.table.mark_failed(&first, None, "old attempt", Timestamp::now()).await.unwrap());
    assert!(!database.table.mark_sent(&first, Timestamp::now()).await.unwrap());
    assert_eq!(database.table.record(first.id).await.unwrap(), Some(retried.clone()));
    assert!(database.is_pending(&retried).await);

    assert!(database.table.mark_failed(&retried, None, "new attempt", Timestamp::now()).await.unwrap());
    let found = database.table.record(first.id).await.unwrap().unwrap();
    assert_eq!(found.build.status, BuildStatus::Failed { error: "new attempt".to_owned() });
}

#[tokio::test]
async fn another_send_updates_only_the_send_count_and_time() {
    let database = Database::start().await;
    let queued = record(OrgId::generate(), "tools", "1.0.0", "a");
    assert!(matches!(create(&database.table, &queued).await, Created::Written));
    let now = Timestamp::now();
    assert!(database.table.mark_sent(&queued, now).await.unwrap());
    let mut expected = queued.clone();
    expected.build.sends = 2;
    expected.build.enqueued_at = now;
    assert_eq!(database.table.record(queued.id).await.unwrap(), Some(expected));
    assert!(database.is_pending(&queued).await);
}

#[tokio::test]
async fn a_deleted_record_is_not_recreated() {
    let database = Database::start().await;
    let gone = record(OrgId::generate(), "tools", "1.0.0", "a");
    assert!(!publish(&database.table, &gone, Timestamp::now()).await);
    assert!(!database.table.mark_failed(&gone, None, "gone", Timestamp::now()).await.unwrap());
    assert_eq!(database.items().await, 0);
}
