//! Tests for replacing a failed record, and for queuing its build again.

use std::time::Duration;

use pack_upload::{
    aws::{Created, Lease, VersionState},
    records::{BuildStatus, OrgId, Timestamp},
};

use super::support::{Database, existing, failed, publish, queue_again, record, replace, upload};

#[tokio::test]
async fn replacing_a_failed_record_leaves_none_of_its_items() {
    let database = Database::start().await;
    let org = OrgId::generate();
    let old = failed(&database.table, record(org, "tools", "1.0.0", "old")).await;
    let new = record(org, "tools", "1.0.0", "new");
    assert!(matches!(replace(&database.table, &old, &new).await, Created::Written));

    assert_eq!(database.table.record(old.id).await.unwrap(), None);
    let manifest = &new.release.manifest;
    let version = database.table.version(org, &manifest.name, &manifest.version).await.unwrap();
    assert_eq!(version, VersionState::Taken(Box::new(new.clone())));
    assert!(database.is_pending(&new).await);
    assert_eq!(database.items().await, 2);
}

#[tokio::test]
async fn a_record_that_is_no_longer_failed_is_not_replaced() {
    let database = Database::start().await;
    let org = OrgId::generate();
    let seen = failed(&database.table, record(org, "tools", "1.0.0", "old")).await;
    let new = record(org, "tools", "1.0.0", "new");

    let retried = seen.queued_again(&upload("again"));
    assert!(matches!(queue_again(&database.table, &seen, &retried).await, Created::Written));
    assert_eq!(existing(replace(&database.table, &seen, &new).await), retried, "queued");

    assert!(database.table.mark_failed(&retried, None, "again", Timestamp::now()).await.unwrap());
    assert_eq!(existing(replace(&database.table, &seen, &new).await).build.attempt, 2, "failed in a later attempt");

    assert!(publish(&database.table, &retried, Timestamp::now()).await);
    let found = existing(replace(&database.table, &seen, &new).await);
    assert_eq!((found.id, found.build.status), (seen.id, BuildStatus::Ready));
    assert_eq!(database.table.record(new.id).await.unwrap(), None);
}

/// When a build publishes the version of a failed record, it queues the record again in the same attempt, so only the
/// status shows the change.
#[tokio::test]
async fn a_record_that_is_queued_in_the_same_attempt_is_not_replaced() {
    let database = Database::start().await;
    let org = OrgId::generate();
    let seen = failed(&database.table, record(org, "tools", "1.0.0", "old")).await;
    database.set(&seen, "build_status", "queued").await;
    let new = record(org, "tools", "1.0.0", "new");
    let found = existing(replace(&database.table, &seen, &new).await);
    assert_eq!((found.id, found.build.status), (seen.id, BuildStatus::Queued));
}

#[tokio::test]
async fn a_failed_record_of_a_published_version_is_not_replaced() {
    let database = Database::start().await;
    let org = OrgId::generate();
    let old = failed(&database.table, record(org, "tools", "1.0.0", "old")).await;
    database.set_claim(&old, "layer_digest", &old.release.layer_digest.to_string()).await;
    let new = record(org, "tools", "1.0.0", "new");
    assert_eq!(existing(replace(&database.table, &old, &new).await), old);
    assert!(database.table.is_published(&old).await.unwrap());
}

#[tokio::test]
async fn a_failed_record_that_is_being_built_is_not_replaced() {
    let database = Database::start().await;
    let org = OrgId::generate();
    let old = failed(&database.table, record(org, "tools", "1.0.0", "old")).await;
    let now = Timestamp::now();
    let lease = Lease::new(now + Duration::from_secs(60));
    assert!(database.table.begin_build(&old, &lease, now).await.unwrap());
    let new = record(org, "tools", "1.0.0", "new");
    assert_eq!(existing(replace(&database.table, &old, &new).await).id, old.id);
    database.table.release(&old, &lease).await.unwrap();
    assert!(matches!(replace(&database.table, &old, &new).await, Created::Written));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_twenty_concurrent_replacements_succeeds() {
    let database = Database::start().await;
    let org = OrgId::generate();
    let old = failed(&database.table, record(org, "tools", "1.0.0", "old")).await;
    let tasks: Vec<_> = (0..20)
        .map(|n| {
            let (table, old) = (database.table.clone(), old.clone());
            let new = record(org, "tools", "1.0.0", &n.to_string());
            tokio::spawn(async move { (replace(&table, &old, &new).await, new) })
        })
        .collect();
    let (mut written, mut found) = (Vec::new(), Vec::new());
    for task in tasks {
        match task.await.unwrap() {
            (Created::Written, new) => written.push(new),
            (Created::Taken(winner), _) => found.push(*winner),
            (Created::Deleted(_) | Created::Quarantined(_) | Created::Exceeds(_), _) => {
                panic!("the version should be free")
            }
        }
    }
    let [winner] = written.as_slice() else { panic!("{} writes succeeded instead of one", written.len()) };
    assert!(found.len() == 19 && found.iter().all(|record| record == winner));
    assert_eq!(database.items().await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_twenty_concurrent_retries_succeeds_and_counts_as_one_attempt() {
    let database = Database::start().await;
    let old = failed(&database.table, record(OrgId::generate(), "tools", "1.0.0", "old")).await;
    let tasks: Vec<_> = (0..20)
        .map(|n| {
            let (table, old) = (database.table.clone(), old.clone());
            let retried = old.queued_again(&upload(&n.to_string()));
            tokio::spawn(async move { (queue_again(&table, &old, &retried).await, retried) })
        })
        .collect();
    let mut written = Vec::new();
    for task in tasks {
        if let (Created::Written, retried) = task.await.unwrap() {
            written.push(retried);
        }
    }
    let [winner] = written.as_slice() else { panic!("{} writes succeeded instead of one", written.len()) };
    assert_eq!((winner.build.attempt, winner.build.sends), (2, 1));
    assert_eq!(database.table.record(old.id).await.unwrap().as_ref(), Some(winner));
    assert!(database.is_pending(winner).await);
}
