//! Tests for the embedded DynamoDB: persistence, indexes, transactions, and agreement with template.yaml.

use std::{collections::HashMap, fs, path::Path};

use aws_sdk_dynamodb::{
    Client,
    error::ProvideErrorMetadata,
    types::{AttributeValue, GlobalSecondaryIndexDescription, Put, TransactWriteItem},
};
use futures_util::future::join_all;
use pack_upload::aws::INDEXES;

use super::{Embedded, restart};

fn item(pairs: &[(&str, &str)]) -> HashMap<String, AttributeValue> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), AttributeValue::S((*value).to_owned()))).collect()
}

fn put(table: &str, pk: &str) -> TransactWriteItem {
    let put = Put::builder().table_name(table).set_item(Some(item(&[("pk", pk), ("sk", "-")])));
    let put = put.condition_expression("attribute_not_exists(pk)").build().unwrap();
    TransactWriteItem::builder().put(put).build()
}

async fn index(client: &Client, table: &str, index: &str, partition: &str, value: &str) -> Vec<String> {
    let query = client.query().table_name(table).index_name(index).key_condition_expression("#p = :v");
    let query = query.expression_attribute_names("#p", partition).scan_index_forward(false);
    let found = query.expression_attribute_values(":v", AttributeValue::S(value.to_owned())).send().await;
    found.unwrap().items().iter().map(|item| item["pk"].as_s().unwrap().clone()).collect()
}

#[tokio::test]
async fn items_and_their_indexes_survive_a_restart() {
    let embedded = Embedded::start().await;
    let table = embedded.options.table_name.clone();
    let older = [("pk", "a"), ("sk", "-"), ("pack_id", "1"), ("org_packs", "acme"), ("community_packs", "community")];
    let newer =
        [("pk", "b"), ("sk", "-"), ("pack_id", "2"), ("org_packs", "acme"), ("due_shard", "1"), ("due_at", "2")];
    let sooner = [("pk", "c"), ("sk", "-"), ("due_shard", "1"), ("due_at", "1")];
    for one in [&older[..], &newer, &sooner] {
        let put = embedded.clients.dynamodb.put_item().table_name(&table).set_item(Some(item(one)));
        put.send().await.unwrap();
    }

    let embedded = restart(embedded).await;
    let client = &embedded.clients.dynamodb;
    assert_eq!(index(client, &table, "org-packs", "org_packs", "acme").await, ["b", "a"]);
    assert_eq!(index(client, &table, "community-packs", "community_packs", "community").await, ["a"]);
    assert_eq!(index(client, &table, "due", "due_shard", "1").await, ["b", "c"]);
}

/// Formats an index as in template.yaml, with each run of whitespace replaced by one space.
fn in_template(index: &GlobalSecondaryIndexDescription) -> String {
    let keys = index
        .key_schema()
        .iter()
        .map(|key| format!(" - {{ AttributeName: {}, KeyType: {} }}", key.attribute_name(), key.key_type()));
    let projection = index.projection().unwrap();
    let kind = projection.projection_type().unwrap();
    let projection = match projection.non_key_attributes() {
        [] => format!("{{ ProjectionType: {kind} }}"),
        attributes => format!("ProjectionType: {kind} NonKeyAttributes: [{}]", attributes.join(", ")),
    };
    let keys: String = keys.collect();
    format!(" - IndexName: {} KeySchema:{keys} Projection: {projection}", index.index_name().unwrap())
}

#[tokio::test]
async fn the_template_defines_the_same_table() {
    let embedded = Embedded::start().await;
    let describe = embedded.clients.dynamodb.describe_table().table_name(&embedded.options.table_name);
    let table = describe.send().await.unwrap().table.unwrap();
    let mut indexes = table.global_secondary_indexes().to_vec();
    let position = |name: &str| INDEXES.iter().position(|index| index.name == name);
    indexes.sort_by_key(|index| position(index.index_name().unwrap()));
    let template = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("template.yaml")).unwrap();
    let template = template.split_whitespace().collect::<Vec<_>>().join(" ");
    let indexes: String = indexes.iter().map(in_template).collect();
    assert!(template.contains(&format!("GlobalSecondaryIndexes:{indexes} # Monitoring.")), "{indexes}");
    for definition in table.attribute_definitions() {
        let name = definition.attribute_name();
        assert!(template.contains(&format!("- {{ AttributeName: {name}, AttributeType: S }}")), "{name}");
    }
    let projected: usize = INDEXES.iter().map(|index| index.attributes.len()).sum();
    assert!(projected <= 100, "DynamoDB's limit for all indexes of a table");
}

#[tokio::test]
async fn only_one_of_several_concurrent_conditional_transactions_succeeds() {
    let embedded = Embedded::start().await;
    let (client, table) = (&embedded.clients.dynamodb, &embedded.options.table_name);
    let requests = (0..50).map(|n| {
        let items = [put(table, &format!("own-{n}")), put(table, "contested")];
        client.transact_write_items().set_transact_items(Some(items.to_vec())).send()
    });
    let results = join_all(requests).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for error in results.into_iter().filter_map(Result::err) {
        assert_eq!(error.code(), Some("TransactionCanceledException"));
        let error = error.into_service_error();
        let aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(
            cancelled,
        ) = error
        else {
            panic!("{error}")
        };
        let reasons: Vec<_> = cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code()).collect();
        assert_eq!(reasons, ["None", "ConditionalCheckFailed"]);
    }
    assert_eq!(client.scan().table_name(table).send().await.unwrap().count(), 2);
}
