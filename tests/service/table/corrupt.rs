//! Tests that a corrupt record affects only its own pack.

use std::sync::Mutex;

use pack_upload::{
    aws::{Created, Error, Filter, Page, Table},
    records::{OrgId, PackId, Record},
};

use tracing::Level;
use tracing_subscriber::fmt::MakeWriter as _;

use super::support::{Database, community, create, record, shared};

async fn write(table: &Table, record: Record) -> Record {
    assert!(matches!(create(table, &record).await, Created::Written));
    record
}

/// Reads all pages of a list, with at most `limit` records per page. Returns the sorted ids.
async fn list(table: &Table, org: OrgId, limit: usize) -> Vec<PackId> {
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let Page { packs, next } = table.list(org, &Filter::default(), limit, after).await.unwrap();
        ids.extend(packs.iter().map(|pack| pack.id));
        match next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    ids.sort();
    ids
}

#[tokio::test]
async fn a_list_omits_a_corrupt_record() {
    let database = Database::start().await;
    let table = &database.table;
    let (acme, globex) = (OrgId::generate(), OrgId::generate());
    let first = write(table, shared(record(acme, "first", "1.0.0", "a"))).await;
    let corrupt = write(table, shared(record(acme, "corrupt", "1.0.0", "b"))).await;
    let last = write(table, shared(record(acme, "last", "1.0.0", "c"))).await;
    database.corrupt(&corrupt).await;
    let mut expected = [first.id, last.id];
    expected.sort();
    for org in [acme, globex] {
        for limit in [1, 2, 10] {
            assert_eq!(list(table, org, limit).await, expected, "pages of {limit}");
        }
    }
    assert_eq!(table.record(first.id).await.unwrap(), Some(first));
    let error = table.record(corrupt.id).await.unwrap_err();
    assert!(matches!(&error, Error::Corrupt { key, .. } if *key == format!("PACK#{} PACK", corrupt.id)), "{error}");
}

#[tokio::test]
async fn a_corrupt_record_is_logged_once_with_its_key() {
    let database = Database::start().await;
    let table = &database.table;
    let (first, second) = (OrgId::generate(), OrgId::generate());
    write(table, shared(record(first, "valid", "1.0.0", "a"))).await;
    let corrupt = write(table, shared(record(second, "corrupt", "1.0.0", "b"))).await;
    database.corrupt(&corrupt).await;

    let log: &'static Mutex<Vec<u8>> = Box::leak(Box::default());
    let subscriber = tracing_subscriber::fmt().with_max_level(Level::ERROR).with_writer(|| log.make_writer()).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    assert_eq!(list(table, first, 10).await.len(), 1);
    drop(guard);
    let log = String::from_utf8(log.lock().unwrap().clone()).unwrap();
    let [line] = log.lines().collect::<Vec<_>>()[..] else { panic!("expected one line: {log}") };
    assert!(line.contains("ERROR") && line.contains(&format!("PACK#{}", corrupt.id)), "{line}");
}

/// The next page starts after the last `pack_id`, the sort key of the list indexes, even if that id is unreadable.
#[tokio::test]
async fn lists_continue_after_an_unreadable_id() {
    let database = Database::start().await;
    let table = &database.table;
    let org = OrgId::generate();
    let mut expected = Vec::new();
    for id in ["no", "pack_", "pack_01JACME100000000000000000U", "pack_ZZZ", "z"] {
        expected.push(write(table, record(org, "valid", &format!("1.{}.0", expected.len()), id)).await.id);
        let corrupt = write(table, community(record(org, "corrupt", &format!("1.{}.0", expected.len()), id))).await;
        database.set(&corrupt, "pack_id", id).await;
    }
    expected.sort();
    for limit in [1, 2, 10] {
        assert_eq!(list(table, org, limit).await, expected, "pages of {limit}");
    }
    assert_eq!(list(table, OrgId::generate(), 1).await, []);
}
