//! Tests for lists of packs: visibility, order, pages and filters.

use std::{
    cmp::Reverse,
    collections::BTreeSet,
    time::{Duration, Instant},
};

use pack_upload::{
    aws::{Created, Filter, NameFilter, Page, Table},
    records::{ListedPack, OrgId, PackId, Record, Release, Visibility},
};
use serde_json::json;

use super::support::{Database, community, create, failed, record, shared};

async fn write_all(table: &Table, records: &[Record]) {
    for record in records {
        assert!(matches!(create(table, record).await, Created::Written));
    }
}

/// Reads all pages of a list and returns the ids on each page.
async fn pages(table: &Table, org: OrgId, filter: &Filter, limit: usize) -> Vec<Vec<PackId>> {
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let Page { packs, next } = table.list(org, filter, limit, after).await.unwrap();
        pages.push(packs.iter().map(|pack| pack.id).collect());
        match next {
            Some(next) => assert!(after.replace(next).is_none_or(|after| next < after), "the cursor advances"),
            None => return pages,
        }
    }
}

fn named(name: &str) -> NameFilter {
    NameFilter { name: name.parse().unwrap(), version: None }
}

/// Returns the ids of `records`, newest first.
fn newest_first<'a>(records: impl IntoIterator<Item = &'a Record>) -> Vec<PackId> {
    records.into_iter().map(|record| record.id).collect::<BTreeSet<_>>().into_iter().rev().collect()
}

/// Returns 320 records that alternate between org packs of `own`, community packs of `own`, org packs of `other` and
/// community packs of `other`.
fn mixed(own: OrgId, other: OrgId) -> Vec<Record> {
    (0..320)
        .map(|n| {
            let org = if n % 4 < 2 { own } else { other };
            let record = record(org, &format!("pack-{}", n % 16), &format!("1.{}.0", n / 16), &n.to_string());
            if n % 2 == 0 { record } else { shared(record) }
        })
        .collect()
}

#[tokio::test]
async fn other_orgs_list_a_community_pack_only_when_it_is_ready() {
    let database = Database::start().await;
    let table = &database.table;
    let (own, other) = (OrgId::generate(), OrgId::generate());
    let queued = community(record(own, "queued", "1.0.0", "a"));
    let broken = failed(table, community(record(own, "failed", "1.0.0", "b"))).await;
    let ready = shared(record(own, "ready", "1.0.0", "c"));
    write_all(table, &[queued.clone(), ready.clone()]).await;
    for limit in [1, 10] {
        assert_eq!(pages(table, other, &Filter::default(), limit).await.concat(), [ready.id]);
        assert_eq!(
            pages(table, own, &Filter::default(), limit).await.concat(),
            newest_first([&queued, &broken, &ready])
        );
    }
}

#[tokio::test]
async fn a_list_contains_own_and_community_packs_newest_first_without_duplicates() {
    let database = Database::start().await;
    let table = &database.table;
    let (own, other) = (OrgId::generate(), OrgId::generate());
    let records = mixed(own, other);
    write_all(table, &records).await;
    let visible = newest_first(records.iter().enumerate().filter(|(n, _)| n % 4 != 2).map(|(_, record)| record));
    assert_eq!(visible.len(), 240);

    for limit in [1, 7, 80, 100, 240, 1_000] {
        let pages = pages(table, own, &Filter::default(), limit).await;
        assert_eq!(pages.len(), 240_usize.div_ceil(limit), "pages of {limit}, none of them empty");
        assert!(pages.iter().rev().skip(1).all(|page| page.len() == limit));
        assert_eq!(pages.concat(), visible);
    }
    let unrelated = pages(table, OrgId::generate(), &Filter::default(), 100).await.concat();
    assert_eq!(unrelated, newest_first(records.iter().skip(1).step_by(2)), "community packs only");
}

#[tokio::test]
async fn lists_omit_capabilities_and_some_fields_of_other_orgs_packs() {
    let database = Database::start().await;
    let table = &database.table;
    let (own, other) = (OrgId::generate(), OrgId::generate());
    let mut full = record(own, "mine", "1.0.0", "a");
    full.release.manifest = serde_json::from_value(json!({
        "name": "mine", "version": "1.0.0", "description": "d", "display_name": "n", "category": "c",
        "suggested_packs": ["one", "two"], "capabilities": "- name: x\n",
    }))
    .unwrap();
    let mut theirs = shared(record(other, "theirs", "1.0.0", "b"));
    theirs.release.manifest.capabilities = Some("- name: x\n".to_owned());
    write_all(table, &[full.clone(), theirs.clone()]).await;
    let failed = failed(table, record(own, "older", "1.0.0", "c")).await;

    let mut expected = vec![
        ListedPack::from(full),
        ListedPack { image_ref: None, archive_sha256: None, uploaded_by: None, ..ListedPack::from(theirs) },
        ListedPack::from(failed),
    ];
    expected.sort_by_key(|pack| Reverse(pack.id));
    assert!(expected.iter().all(|pack| pack.manifest.capabilities.is_none()));
    let page = table.list(own, &Filter::default(), 10, None).await.unwrap();
    assert_eq!((page.packs, page.next), (expected, None));
}

#[tokio::test]
async fn filters_apply_across_pages() {
    let database = Database::start().await;
    let table = &database.table;
    let (own, other) = (OrgId::generate(), OrgId::generate());
    let records = mixed(own, other);
    write_all(table, &records).await;
    let named = |name: &str| Filter { name: Some(named(name)), ..Filter::default() };
    let version = |name: &str, version: &str| {
        let name = NameFilter { name: name.parse().unwrap(), version: Some(version.parse().unwrap()) };
        Filter { name: Some(name), ..Filter::default() }
    };
    let owned = |owned| Filter { owned: Some(owned), ..Filter::default() };
    let visibility = |visibility| Filter { visibility: Some(visibility), ..Filter::default() };
    for (filter, expected) in [
        (named("pack-3"), 20),
        (named("pack-2"), 0),
        (version("pack-5", "1.7.0"), 1),
        (version("pack-5", "9.9.9"), 0),
        (owned(true), 160),
        (owned(false), 80),
        (visibility(Visibility::Org), 80),
        (visibility(Visibility::Community), 160),
        (Filter { owned: Some(true), ..visibility(Visibility::Community) }, 80),
        (Filter { owned: Some(false), ..visibility(Visibility::Org) }, 0),
        (Filter { owned: Some(false), ..named("pack-3") }, 20),
        (Filter { owned: Some(true), ..named("pack-3") }, 0),
    ] {
        let wanted = records.iter().enumerate().filter(|(n, record)| {
            let Release { org_id, manifest, visibility, .. } = &record.release;
            n % 4 != 2
                && filter.owned.is_none_or(|owned| owned == (*org_id == own))
                && filter.visibility.is_none_or(|wanted| wanted == *visibility)
                && filter.name.as_ref().is_none_or(|NameFilter { name, version }| {
                    *name == manifest.name && version.as_ref().is_none_or(|version| *version == manifest.version)
                })
        });
        let wanted = newest_first(wanted.map(|(_, record)| record));
        assert_eq!(wanted.len(), expected, "{filter:?}");
        for limit in [1, 5, 100] {
            assert_eq!(pages(table, own, &filter, limit).await.concat(), wanted, "{filter:?}");
        }
    }
}

#[tokio::test]
async fn an_empty_list_is_one_empty_page() {
    let database = Database::start().await;
    let table = &database.table;
    assert_eq!(pages(table, OrgId::generate(), &Filter::default(), 20).await, [Vec::new()]);
}

#[tokio::test]
async fn a_version_is_found_whatever_its_visibility_and_owner() {
    let database = Database::start().await;
    let table = &database.table;
    let (own, other) = (OrgId::generate(), OrgId::generate());
    let private = record(own, "tools", "1.0.0", "a");
    let records = [private, shared(record(other, "tools", "1.0.0", "b")), record(other, "tools", "2.0.0", "c")];
    write_all(table, &records).await;
    let filter = |version: &str| {
        let name = NameFilter { name: "tools".parse().unwrap(), version: Some(version.parse().unwrap()) };
        Filter { name: Some(name), ..Filter::default() }
    };
    for limit in [1, 10] {
        assert_eq!(pages(table, own, &filter("1.0.0"), limit).await.concat(), newest_first(&records[..2]));
        assert_eq!(pages(table, other, &filter("1.0.0"), limit).await.concat(), [records[1].id]);
        assert_eq!(pages(table, other, &filter("2.0.0"), limit).await.concat(), [records[2].id]);
    }
    database.corrupt(&records[0]).await;
    assert_eq!(pages(table, own, &filter("1.0.0"), 10).await.concat(), [records[1].id], "skips a corrupt record");
}

#[tokio::test]
async fn lists_of_other_orgs_packs_are_complete_even_among_many_own_community_packs() {
    let database = Database::start().await;
    let table = &database.table;
    let (own, other) = (OrgId::generate(), OrgId::generate());
    let records: Vec<_> = (0..300)
        .map(|n| {
            let org = if n % 150 == 3 { other } else { own };
            shared(record(org, "tools", &format!("1.{n}.0"), &n.to_string()))
        })
        .collect();
    write_all(table, &records).await;
    let filter = Filter { owned: Some(false), ..Filter::default() };
    let theirs = newest_first(records.iter().filter(|record| record.release.org_id == other));
    assert_eq!(theirs.len(), 2);
    for limit in [1, 2, 5] {
        assert_eq!(pages(table, own, &filter, limit).await.concat(), theirs);
    }
}

#[tokio::test]
async fn a_cached_page_shows_other_orgs_packs_as_they_were_and_own_packs_as_they_are() {
    let database = Database::start().await;
    let keep_for = Duration::from_millis(400);
    let table = database.table.clone().with_community_cache(keep_for);
    let (own, other) = (OrgId::generate(), OrgId::generate());
    let list = async |org| pages(&table, org, &Filter::default(), 10).await.concat();
    let first = shared(record(own, "first", "1.0.0", "a"));
    write_all(&table, std::slice::from_ref(&first)).await;
    let read_at = Instant::now();
    assert_eq!(list(other).await, [first.id]);

    let second = shared(record(own, "second", "1.0.0", "b"));
    write_all(&table, std::slice::from_ref(&second)).await;
    assert_eq!(list(own).await, newest_first([&first, &second]));
    let cached = list(other).await;
    if read_at.elapsed() < keep_for {
        assert_eq!(cached, [first.id]);
    }
    tokio::time::sleep(keep_for).await;
    assert_eq!(list(other).await, newest_first([&first, &second]));
}
