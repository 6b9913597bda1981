//! Tests for changes to existing packs: visibility changes and deletions.

use std::time::Duration;

use pack_upload::{
    aws::{Created, Lease, VersionState},
    records::{Build, BuildStatus, OrgId, PackId, Record, Timestamp, Visibility},
};

use super::support::{Database, community, create, existing, failed, publish, queue_again, record, replace, upload};

#[tokio::test]
async fn a_visibility_change_moves_a_pack_between_list_partitions() {
    let database = Database::start().await;
    let org = OrgId::generate();
    let queued = record(org, "tools", "1.0.0", "a");
    assert!(matches!(create(&database.table, &queued).await, Created::Written));
    for status in ["queued", "ready"] {
        for visibility in [Visibility::Community, Visibility::Org] {
            let changed = database.table.set_visibility(org, queued.id, visibility).await.unwrap().unwrap();
            assert_eq!(changed.release.visibility, visibility);
            assert_eq!(database.table.record(queued.id).await.unwrap(), Some(changed));
            let is_community = (status, visibility) == ("ready", Visibility::Community);
            expect_partitions(&database, &queued, visibility, is_community).await;
        }
        assert_eq!(publish(&database.table, &queued, Timestamp::now()).await, status == "queued");
    }
}

/// Asserts which partitions of the list indexes contain a record (`tools` 1.0.0).
async fn expect_partitions(database: &Database, record: &Record, visibility: Visibility, is_community: bool) {
    let item = database.item(record).await;
    let org = record.release.org_id;
    for (attribute, expected) in [
        ("org_packs", Some(format!("ORG#{org}#{visibility}"))),
        ("org_names", Some(format!("ORG#{org}#{visibility}#tools"))),
        ("community_packs", is_community.then(|| "COMMUNITY".to_owned())),
        ("community_names", is_community.then(|| "COMMUNITY#tools".to_owned())),
        ("community_versions", is_community.then(|| "COMMUNITY#tools#1.0.0".to_owned())),
    ] {
        assert_eq!(item.get(attribute).map(|value| value.as_s().unwrap()), expected.as_ref(), "{attribute}");
    }
}

#[tokio::test]
async fn a_community_pack_is_in_the_lists_of_all_orgs_while_it_is_ready() {
    let database = Database::start().await;
    let (table, now) = (&database.table, Timestamp::now());
    let org = OrgId::generate();
    let queued = community(record(org, "tools", "1.0.0", "a"));
    assert!(matches!(create(table, &queued).await, Created::Written));
    expect_partitions(&database, &queued, Visibility::Community, false).await;
    assert!(publish(table, &queued, now).await);
    expect_partitions(&database, &queued, Visibility::Community, true).await;
    let ready = table.record(queued.id).await.unwrap().unwrap();
    assert!(table.rebuild(&ready, "test", now).await.unwrap());
    expect_partitions(&database, &queued, Visibility::Community, false).await;
    let rebuilding = table.record(queued.id).await.unwrap().unwrap();
    assert!(publish(table, &rebuilding, now).await);
    expect_partitions(&database, &queued, Visibility::Community, true).await;
    table.mark_deleting(org, queued.id, now).await.unwrap().unwrap();
    expect_partitions(&database, &queued, Visibility::Community, false).await;
}

#[tokio::test]
async fn a_visibility_change_does_not_stop_a_build_in_progress() {
    let database = Database::start().await;
    let org = OrgId::generate();
    let queued = record(org, "tools", "1.0.0", "a");
    assert!(matches!(create(&database.table, &queued).await, Created::Written));
    database.table.set_visibility(org, queued.id, Visibility::Community).await.unwrap().unwrap();
    assert!(publish(&database.table, &queued, Timestamp::now()).await);
    expect_partitions(&database, &queued, Visibility::Community, true).await;
}

#[tokio::test]
async fn another_org_cannot_change_a_pack() {
    let database = Database::start().await;
    let queued = record(OrgId::generate(), "tools", "1.0.0", "a");
    assert!(matches!(create(&database.table, &queued).await, Created::Written));
    let changed = database.table.set_visibility(OrgId::generate(), queued.id, Visibility::Community).await.unwrap();
    assert_eq!(changed, None);
    assert_eq!(database.table.record(queued.id).await.unwrap(), Some(queued));
}

#[tokio::test]
async fn an_upload_that_queues_a_build_again_does_not_undo_a_visibility_change() {
    let database = Database::start().await;
    let org = OrgId::generate();
    let seen = failed(&database.table, record(org, "tools", "1.0.0", "a")).await;
    let changed = database.table.set_visibility(org, seen.id, Visibility::Community).await.unwrap().unwrap();
    let retried = seen.queued_again(&upload("again"));
    assert_eq!(existing(queue_again(&database.table, &seen, &retried).await), changed);
    let other = record(org, "tools", "1.0.0", "b");
    assert_eq!(existing(replace(&database.table, &seen, &other).await), changed);
}

#[tokio::test]
async fn the_deletion_of_a_queued_ready_or_failed_pack_begins_only_once() {
    let database = Database::start().await;
    let org = OrgId::generate();
    let queued = record(org, "queued", "1.0.0", "a");
    let ready = record(org, "ready", "1.0.0", "b");
    for record in [&queued, &ready] {
        assert!(matches!(create(&database.table, record).await, Created::Written));
    }
    assert!(publish(&database.table, &ready, Timestamp::now()).await);
    let ready = database.table.record(ready.id).await.unwrap().unwrap();
    let failed = failed(&database.table, record(org, "failed", "1.0.0", "c")).await;
    for record in [queued, ready, failed] {
        let began = Timestamp::now();
        let deleting = database.table.mark_deleting(org, record.id, began).await.unwrap().unwrap();
        let expected = Build {
            status: BuildStatus::Deleting,
            sends: 1,
            enqueued_at: began,
            tries: 0,
            tried_at: None,
            last_error: None,
            ..record.build.clone()
        };
        assert_eq!((&deleting.build, deleting.updated_at), (&expected, began));
        assert!(database.is_pending(&record).await);
        let again = database.table.mark_deleting(org, record.id, Timestamp::now()).await.unwrap();
        assert_eq!(again.as_ref(), Some(&deleting));
        assert_eq!(database.table.record(record.id).await.unwrap(), Some(deleting));
    }
}

#[tokio::test]
async fn a_pack_with_references_is_not_deleted() {
    let database = Database::start().await;
    let org = OrgId::generate();
    let mut referenced = record(org, "tools", "1.0.0", "a");
    referenced.reference_count = 2;
    assert!(matches!(create(&database.table, &referenced).await, Created::Written));
    let found = database.table.mark_deleting(org, referenced.id, Timestamp::now()).await.unwrap();
    assert_eq!(found.as_ref(), Some(&referenced));
    assert_eq!(database.table.record(referenced.id).await.unwrap(), Some(referenced));
}

#[tokio::test]
async fn another_org_cannot_delete_a_pack() {
    let database = Database::start().await;
    let queued = record(OrgId::generate(), "tools", "1.0.0", "a");
    assert!(matches!(create(&database.table, &queued).await, Created::Written));
    let other = OrgId::generate();
    assert_eq!(database.table.mark_deleting(other, queued.id, Timestamp::now()).await.unwrap(), None);
    assert_eq!(database.table.mark_deleting(other, PackId::generate(), Timestamp::now()).await.unwrap(), None);
    assert_eq!(database.table.record(queued.id).await.unwrap(), Some(queued));
}

#[tokio::test]
async fn only_a_record_that_is_being_deleted_is_removed() {
    let database = Database::start().await;
    let record = record(OrgId::generate(), "tools", "1.0.0", "a");
    assert!(matches!(create(&database.table, &record).await, Created::Written));
    let now = Timestamp::now();
    let lease = Lease::new(now + Duration::from_secs(60));
    assert!(database.table.renew_lease(&record, &lease, now).await.unwrap());
    assert!(!database.table.remove(&record, &lease, Timestamp::now()).await.unwrap());
    assert_eq!(database.table.record(record.id).await.unwrap(), Some(record));
}

#[tokio::test]
async fn nothing_changes_a_record_that_is_being_deleted() {
    let database = Database::start().await;
    let org = OrgId::generate();
    let old = failed(&database.table, record(org, "tools", "1.0.0", "a")).await;
    let deleting = database.table.mark_deleting(org, old.id, Timestamp::now()).await.unwrap().unwrap();

    assert!(!publish(&database.table, &old, Timestamp::now()).await);
    assert!(!database.table.mark_failed(&old, None, "late", Timestamp::now()).await.unwrap());
    assert!(!database.table.mark_sent(&old, Timestamp::now()).await.unwrap());
    assert_eq!(existing(queue_again(&database.table, &old, &old.queued_again(&upload("b"))).await), deleting);
    let other = record(org, "tools", "1.0.0", "b");
    assert_eq!(existing(replace(&database.table, &old, &other).await), deleting);
    assert_eq!(existing(create(&database.table, &other).await), deleting);
    let unchanged = database.table.set_visibility(org, old.id, Visibility::Community).await.unwrap();
    assert_eq!(unchanged, Some(deleting.clone()));
    assert_eq!(database.table.record(old.id).await.unwrap(), Some(deleting));
}

/// Begins the deletion and the purge of a record. Returns the record with the status `deleting`, and the purge's lease.
async fn begin_purge(database: &Database, record: &Record) -> (Record, Lease) {
    let now = Timestamp::now();
    let deleting = database.table.mark_deleting(record.release.org_id, record.id, now).await.unwrap().unwrap();
    let lease = Lease::new(now + Duration::from_secs(60));
    assert!(database.table.begin_purge(&deleting, &lease, now).await.unwrap());
    (deleting, lease)
}

#[tokio::test]
async fn a_version_that_was_published_keeps_its_claim_and_accepts_only_the_same_content_again() {
    let database = Database::start().await;
    let org = OrgId::generate();
    let published = record(org, "tools", "1.0.0", "a");
    assert!(matches!(create(&database.table, &published).await, Created::Written));
    assert!(publish(&database.table, &published, Timestamp::now()).await);
    let (deleting, lease) = begin_purge(&database, &published).await;
    assert!(database.table.remove(&deleting, &lease, Timestamp::now()).await.unwrap());

    assert_eq!(database.items().await, 1, "the version claim");
    let digest = published.release.layer_digest;
    let manifest = &published.release.manifest;
    let version = database.table.version(org, &manifest.name, &manifest.version).await.unwrap();
    assert_eq!(version, VersionState::Deleted(digest));

    let other = record(org, "tools", "1.0.0", "b");
    assert!(matches!(create(&database.table, &other).await, Created::Deleted(found) if found == digest));
    assert_eq!(database.table.record(other.id).await.unwrap(), None);
    let same = record(org, "tools", "1.0.0", "a");
    assert!(matches!(create(&database.table, &same).await, Created::Written));
    assert!(database.table.is_published(&same).await.unwrap());
    assert!(publish(&database.table, &same, Timestamp::now()).await, "the purge has released the lease");
}

#[tokio::test]
async fn new_versions_are_not_compared_with_a_deleted_one() {
    let database = Database::start().await;
    let org = OrgId::generate();
    let [kept, deleted] = ["1.0.0", "1.1.0"].map(|version| record(org, "tools", version, version));
    for record in [&kept, &deleted] {
        assert!(matches!(create(&database.table, record).await, Created::Written));
        assert!(publish(&database.table, record, Timestamp::now()).await);
    }
    let (deleting, lease) = begin_purge(&database, &deleted).await;
    assert!(database.table.remove(&deleting, &lease, Timestamp::now()).await.unwrap());
    let history = database.table.capability_history(org, &kept.release.manifest.name).await.unwrap();
    assert!(history.contains(&kept.release.manifest.version));
    assert!(!history.contains(&deleted.release.manifest.version));
}

#[tokio::test]
async fn a_version_that_was_never_published_is_free_after_its_deletion() {
    let database = Database::start().await;
    let org = OrgId::generate();
    let old = failed(&database.table, record(org, "tools", "1.0.0", "a")).await;
    let (deleting, lease) = begin_purge(&database, &old).await;
    assert!(database.table.remove(&deleting, &lease, Timestamp::now()).await.unwrap());
    let manifest = &old.release.manifest;
    assert_eq!(database.table.version(org, &manifest.name, &manifest.version).await.unwrap(), VersionState::Free);
    let other = record(org, "tools", "1.0.0", "b");
    assert!(matches!(create(&database.table, &other).await, Created::Written));
}

#[tokio::test]
async fn a_purge_begins_only_if_its_record_is_being_deleted_and_nobody_holds_the_lease() {
    let database = Database::start().await;
    let org = OrgId::generate();
    let queued = record(org, "tools", "1.0.0", "a");
    assert!(matches!(create(&database.table, &queued).await, Created::Written));
    let now = Timestamp::now();
    let lease = || Lease::new(now + Duration::from_secs(60));
    assert!(!database.table.begin_purge(&queued, &lease(), now).await.unwrap(), "it is not being deleted");

    let build = lease();
    assert!(database.table.begin_build(&queued, &build, now).await.unwrap());
    let deleting = database.table.mark_deleting(org, queued.id, now).await.unwrap().unwrap();
    let (first, second) = (lease(), lease());
    assert!(!database.table.begin_purge(&deleting, &first, now).await.unwrap(), "a build is running");
    assert!(!database.table.publish(&queued, &build).await.unwrap(), "the build no longer publishes");
    database.table.abandon(&queued, &build, None).await.unwrap();

    assert!(database.table.begin_purge(&deleting, &first, now).await.unwrap());
    assert!(!database.table.begin_purge(&deleting, &second, now).await.unwrap(), "another purge is running");
    assert!(!database.table.remove(&deleting, &second, Timestamp::now()).await.unwrap());
    assert!(database.table.remove(&deleting, &first, Timestamp::now()).await.unwrap());
}
