//! Tests of pack lists: visibility, order, pages and filters.

use std::collections::BTreeSet;

use pack_upload::{
    aws::{Created, Filter, NameFilter, Page, Table},
    records::{OrgId, PackId, Record, Release, Visibility},
};

use super::support::{Database, community, failed, record, shared};

async fn write_all(table: &Table, records: &[Record]) {
    for record in records {
        assert!(matches!(table.create(record).await.unwrap(), Created::Written));
    }
}

/// Reads all pages of a list and returns the ids on each page.
async fn pages(table: &Table, org: OrgId, filter: &Filter, limit: usize) -> Vec<Vec<PackId>> {
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let Page { records, next } = table.list(org, filter, limit, after).await.unwrap();
        pages.push(records.iter().map(|record| record.id).collect());
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
async fn listed_records_are_complete_but_for_their_capabilities() {
    let database = Database::start().await;
    let table = &database.table;
    let (own, other) = (OrgId::generate(), OrgId::generate());
    let records = [record(own, "mine", "1.0.0", "a"), shared(record(other, "theirs", "1.0.0", "b"))];
    let with_capabilities = records.clone().map(|mut record| {
        record.release.manifest.capabilities = Some("- name: x\n".to_owned());
        record
    });
    write_all(table, &with_capabilities).await;
    let mut page = table.list(own, &Filter::default(), 10, None).await.unwrap();
    page.records.sort_by_key(|record| record.release.manifest.name.clone());
    assert_eq!(page.records, records);
    assert_eq!(page.next, None);
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

/// DynamoDB ends a page after 1 MB of items. Each record has 100 KB, so the filter has to skip many DynamoDB pages.
#[tokio::test]
async fn a_filter_that_skips_many_records_ends_a_page_early_but_loses_no_match() {
    let database = Database::start().await;
    let table = &database.table;
    let (own, other) = (OrgId::generate(), OrgId::generate());
    let mut records = Vec::new();
    for n in 0..260 {
        let name = if n % 130 == 3 { "rare" } else { "common" };
        let mut record = record(if n % 3 == 0 { own } else { other }, name, &format!("1.{n}.0"), &n.to_string());
        record.release.manifest.capabilities = Some("x".repeat(100_000));
        records.push(if n % 3 == 0 { record } else { shared(record) });
    }
    write_all(table, &records).await;
    let filter = Filter { name: Some(named("rare")), ..Filter::default() };
    let rare = newest_first(records.iter().filter(|record| record.release.manifest.name.as_str() == "rare"));
    assert_eq!(rare.len(), 2);

    let pages = pages(table, own, &filter, 5).await;
    assert!(pages.len() > 1, "a request reads a bounded number of records");
    assert_eq!(pages.concat(), rare);
}
