//! Tests of changes to existing packs.

use pack_upload::{
    aws::Created,
    records::{OrgId, Visibility},
};

use super::support::{Database, existing, failed, record, upload};

#[tokio::test]
async fn a_change_of_visibility_updates_the_index_of_community_packs() {
    let database = Database::start().await;
    let org = OrgId::generate();
    let queued = record(org, "tools", "1.0.0", "a");
    assert!(matches!(database.table.create(&queued).await.unwrap(), Created::Written));
    for (visibility, indexed) in [(Visibility::Community, Some("community")), (Visibility::Org, None)] {
        let changed = database.table.set_visibility(org, queued.id, visibility).await.unwrap().unwrap();
        assert_eq!(changed.release.visibility, visibility);
        assert_eq!(database.table.record(queued.id).await.unwrap(), Some(changed));
        let item = database.item(&queued).await;
        assert_eq!(item.get("community_packs").map(|value| value.as_s().unwrap().as_str()), indexed);
    }
}

#[tokio::test]
async fn another_org_cannot_change_a_pack() {
    let database = Database::start().await;
    let queued = record(OrgId::generate(), "tools", "1.0.0", "a");
    assert!(matches!(database.table.create(&queued).await.unwrap(), Created::Written));
    let changed = database.table.set_visibility(OrgId::generate(), queued.id, Visibility::Community).await.unwrap();
    assert_eq!(changed, None);
    assert_eq!(database.table.record(queued.id).await.unwrap(), Some(queued));
}

#[tokio::test]
async fn an_upload_that_queues_a_build_again_does_not_undo_a_change_of_visibility() {
    let database = Database::start().await;
    let org = OrgId::generate();
    let seen = failed(&database.table, record(org, "tools", "1.0.0", "a")).await;
    let changed = database.table.set_visibility(org, seen.id, Visibility::Community).await.unwrap().unwrap();
    let retried = seen.queued_again(&upload("again"));
    assert_eq!(existing(database.table.queue_again(&seen, &retried).await.unwrap()), changed);
    let other = record(org, "tools", "1.0.0", "b");
    assert_eq!(existing(database.table.replace(&seen, &other).await.unwrap()), changed);
}
