//! Tests for creating and reading records.

use std::collections::BTreeSet;

use pack_upload::{
    aws::{Created, VersionState},
    records::{BuildStatus, OrgId, PackId, Timestamp},
};
use serde_json::{Value, json};

use super::support::{Database, community, create, existing, record};

#[tokio::test]
async fn a_record_is_read_as_it_was_written() {
    let database = Database::start().await;
    let plain = record(OrgId::generate(), "plain", "1.0.0", "a");
    let mut full = community(record(OrgId::generate(), "full", "1.2.3-beta.1+build.5", "b"));
    full.release.manifest.display_name = Some("Voller Name ✓".to_owned());
    full.release.manifest.category = Some("tests".to_owned());
    full.release.manifest.capabilities = Some("- name: x\n  type: http\n".to_owned());
    full.release.manifest.suggested_packs = vec!["one".parse().unwrap(), "two".parse().unwrap()];
    full.release.size_bytes = u64::MAX;
    for record in [&plain, &full] {
        assert!(matches!(create(&database.table, record).await, Created::Written));
        assert_eq!(database.table.record(record.id).await.unwrap().as_ref(), Some(record));
        let manifest = &record.release.manifest;
        let version = database.table.version(record.release.org_id, &manifest.name, &manifest.version).await.unwrap();
        assert_eq!(version, VersionState::Taken(Box::new(record.clone())));
        assert!(database.is_pending(record).await);
    }
    assert_eq!(database.items().await, 4, "two records and their version claims");
}

/// Items that earlier versions of the service wrote must remain readable.
#[tokio::test]
async fn stored_attributes_keep_their_names() {
    const REQUIRED: &str = "archive_sha256 attempt build_status created_at due_at due_shard enqueued_at image_digest \
                            image_format image_ref is_counted layer_digest manifest org_id org_names org_packs \
                            pack_id pk reference_count sends size_bytes sk staging_key tries updated_at uploaded_by \
                            visibility";
    let database = Database::start().await;
    let minimal = record(OrgId::generate(), "minimal", "1.0.0", "a");
    let mut full = community(record(OrgId::generate(), "full", "1.0.0", "b"));
    full.release.manifest.display_name = Some("Full".to_owned());
    full.release.manifest.category = Some("tests".to_owned());
    full.release.manifest.capabilities = Some("- name: x\n".to_owned());
    full.release.manifest.suggested_packs = vec!["one".parse().unwrap()];
    let mut ready = full.clone();
    ready.id = PackId::generate();
    ready.release.manifest.version = "2.0.0".parse().unwrap();
    ready.build.status = BuildStatus::Ready;
    let ready_community = ["capabilities", "community_names", "community_packs", "community_versions"];
    for (record, optional) in [(&minimal, &[][..]), (&full, &["capabilities"]), (&ready, &ready_community)] {
        assert!(matches!(create(&database.table, record).await, Created::Written));
        let item = database.item(record).await;
        // The tests for pack-format check the names of the manifest's fields.
        let Value::Object(mut manifest) = json!(record.release.manifest) else { panic!() };
        manifest.remove("capabilities");
        let stored: Value = serde_dynamo::from_attribute_value(item["manifest"].clone()).unwrap();
        assert_eq!(stored, Value::Object(manifest));
        let expected: BTreeSet<&str> = REQUIRED.split(' ').chain(optional.iter().copied()).collect();
        let is_pending = record.build.status.is_pending();
        let expected = expected.into_iter().filter(|name| is_pending || *name != "due_at").collect::<BTreeSet<_>>();
        assert_eq!(item.keys().map(String::as_str).collect::<BTreeSet<_>>(), expected);
        assert!(item.values().all(|value| !value.is_null()));
    }
    assert!(database.table.mark_failed(&full, None, "broken", Timestamp::now()).await.unwrap());
    let item = database.item(&full).await;
    let text = |name: &str| item[name].as_s().unwrap().as_str();
    assert_eq!((text("build_status"), text("build_error"), text("visibility")), ("failed", "broken", "community"));
    assert!(!item.contains_key("due_at"));
}

#[tokio::test]
async fn a_name_and_version_are_unique_within_an_org() {
    let database = Database::start().await;
    let (acme, globex) = (OrgId::generate(), OrgId::generate());
    let first = record(acme, "tools", "1.0.0", "a");
    assert!(matches!(create(&database.table, &first).await, Created::Written));

    let second = record(acme, "tools", "1.0.0", "b");
    assert_eq!(existing(create(&database.table, &second).await), first);
    assert_eq!(database.table.record(second.id).await.unwrap(), None, "the rejected record is not written");

    for other in
        [record(globex, "tools", "1.0.0", "c"), record(acme, "tools", "1.0.1", "d"), record(acme, "x", "1.0.0", "e")]
    {
        assert!(matches!(create(&database.table, &other).await, Created::Written));
    }
}

#[tokio::test]
async fn an_absent_record_is_not_found() {
    let database = Database::start().await;
    assert_eq!(database.table.record(PackId::generate()).await.unwrap(), None);
    let (name, version) = ("tools".parse().unwrap(), "1.0.0".parse().unwrap());
    assert_eq!(database.table.version(OrgId::generate(), &name, &version).await.unwrap(), VersionState::Free);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_fifty_concurrent_creates_succeeds_and_the_others_return_its_record() {
    let database = Database::start().await;
    let org = OrgId::generate();
    let tasks: Vec<_> = (0..50)
        .map(|n| {
            let table = database.table.clone();
            let record = record(org, "tools", "1.0.0", &n.to_string());
            tokio::spawn(async move { (create(&table, &record).await, record) })
        })
        .collect();
    let (mut written, mut found) = (Vec::new(), Vec::new());
    for task in tasks {
        match task.await.unwrap() {
            (Created::Written, record) => written.push(record),
            (Created::Taken(winner), _) => found.push(*winner),
            (Created::Deleted(_) | Created::Quarantined(_) | Created::Exceeds(_), _) => {
                panic!("the version should be free")
            }
        }
    }
    let [winner] = written.as_slice() else { panic!("{} writes succeeded instead of one", written.len()) };
    assert_eq!(found.len(), 49);
    assert!(found.iter().all(|record| record == winner));
    assert_eq!(database.items().await, 2, "the written record and its version claim");
}
