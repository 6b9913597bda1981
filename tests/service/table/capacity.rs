//! Tests for the number of DynamoDB read units that a list consumes.

use aws_sdk_dynamodb::Client;
use pack_upload::{
    aws::{Created, Filter, NameFilter, Table},
    records::{OrgId, Record, Visibility},
};
use test_support::{Meter, Usage};

use super::support::{Database, create, record, shared};

/// Reads the first page of a list. Returns the number of packs on the page and the read units that the list consumed.
async fn cost(database: &Database, org: OrgId, filter: &Filter, limit: usize) -> (usize, f64) {
    let meter = Meter::default();
    let config = database.client.config().to_builder().interceptor(meter.clone()).build();
    let table = Table::new(Client::from_conf(config), database.name.clone());
    let page = table.list(org, filter, limit, None).await.unwrap();
    let Usage { read_units, write_units, .. } = meter.take();
    assert!(read_units > 0.0 && write_units == 0.0, "{read_units}, {write_units}");
    (page.packs.len(), read_units)
}

/// Lengthens a record's description, so that its item in an index is 1 KB in size. Also adds 10 KB of capabilities,
/// which no index contains.
fn of_1_kb(mut record: Record) -> Record {
    record.release.manifest.description = "x".repeat(330);
    record.release.manifest.capabilities = Some("x".repeat(10_000));
    record
}

fn named(name: &str, version: Option<&str>) -> Filter {
    let name = NameFilter { name: name.parse().unwrap(), version: version.map(|version| version.parse().unwrap()) };
    Filter { name: Some(name), ..Filter::default() }
}

#[tokio::test]
async fn a_page_of_n_records_of_1_kb_costs_at_most_a_quarter_of_n_plus_4_read_units() {
    let database = Database::start().await;
    let (own, other) = (OrgId::generate(), OrgId::generate());
    let only_own = OrgId::generate();
    for n in 0..1_200 {
        let record = |org| record(org, "tools", &format!("1.{n}.0"), &n.to_string());
        let record = match n % 4 {
            0 => record(own),
            1 => shared(record(own)),
            2 => shared(record(other)),
            _ => record(only_own),
        };
        assert!(matches!(create(&database.table, &of_1_kb(record)).await, Created::Written));
    }
    let visibility = |visibility| Filter { visibility: Some(visibility), ..Filter::default() };
    let owned = |owned| Filter { owned: Some(owned), ..Filter::default() };
    for org in [own, other, only_own, OrgId::generate()] {
        for limit in [1, 10, 20, 100, 1_000] {
            for filter in [
                Filter::default(),
                named("tools", None),
                visibility(Visibility::Community),
                visibility(Visibility::Org),
                owned(true),
            ] {
                let (n, units) = cost(&database, org, &filter, limit).await;
                println!("{n} packs: {units} units");
                assert!(units <= n as f64 / 4.0 + 4.0, "{n} packs: {units} units, {limit} {filter:?}");
            }
        }
    }
}

#[tokio::test]
async fn listing_an_absent_name_or_version_costs_1_5_read_units() {
    let database = Database::start().await;
    let (own, other) = (OrgId::generate(), OrgId::generate());
    for n in 0..100 {
        let version = format!("1.{n}.0");
        for record in [record(own, "tools", &version, "a"), shared(record(other, "tools", &version, "b"))] {
            assert!(matches!(create(&database.table, &of_1_kb(record)).await, Created::Written));
        }
    }
    for (filter, expected) in [(named("absent", None), 1.5), (named("tools", Some("9.9.9")), 1.5)] {
        assert_eq!(cost(&database, own, &filter, 1_000).await, (0, expected), "{filter:?}");
    }
}
