use std::collections::BTreeSet;

use aws_sdk_dynamodb::{
    Client,
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
        ScalarAttributeType, TimeToLiveSpecification,
    },
};

use crate::aws::{self, INDEXES, Index};

/// Creates the table if it is missing, with the schema in template.yaml.
pub(super) async fn create_table(client: &Client, name: &str) -> Result<(), aws::Error> {
    let described = client.describe_table().table_name(name).send().await;
    match described.map_err(aws_sdk_dynamodb::Error::from) {
        Ok(_) => return Ok(()),
        Err(aws_sdk_dynamodb::Error::ResourceNotFoundException(_)) => {}
        Err(error) => return Err(aws::Error::call("DescribeTable")(error)),
    }
    let index_keys = INDEXES.iter().flat_map(|index| [index.partition_key, index.sort_key]);
    let keys: BTreeSet<&str> = ["pk", "sk"].into_iter().chain(index_keys).collect();
    let create = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(key("pk", "sk")))
        .set_attribute_definitions(Some(keys.into_iter().map(string).collect()))
        .set_global_secondary_indexes(Some(INDEXES.map(index).to_vec()));
    create.send().await.map_err(aws::Error::call("CreateTable"))?;
    let expiry = TimeToLiveSpecification::builder().attribute_name("expires_at").enabled(true).build();
    let expiry = expiry.expect("name and state are set");
    let update = client.update_time_to_live().table_name(name).time_to_live_specification(expiry).send();
    update.await.map_err(aws::Error::call("UpdateTimeToLive"))?;
    Ok(())
}

fn string(attribute: &str) -> AttributeDefinition {
    AttributeDefinition::builder()
        .attribute_name(attribute)
        .attribute_type(ScalarAttributeType::S)
        .build()
        .expect("name and type are set")
}

fn key(partition: &str, sort: &str) -> Vec<KeySchemaElement> {
    [(partition, KeyType::Hash), (sort, KeyType::Range)]
        .map(|(name, kind)| {
            KeySchemaElement::builder().attribute_name(name).key_type(kind).build().expect("name and type are set")
        })
        .to_vec()
}

fn index(index: &Index) -> GlobalSecondaryIndex {
    let projection = match index.attributes {
        [] => Projection::builder().projection_type(ProjectionType::KeysOnly),
        attributes => Projection::builder()
            .projection_type(ProjectionType::Include)
            .set_non_key_attributes(Some(attributes.iter().copied().map(str::to_owned).collect())),
    };
    GlobalSecondaryIndex::builder()
        .index_name(index.name)
        .set_key_schema(Some(key(index.partition_key, index.sort_key)))
        .projection(projection.build())
        .build()
        .expect("name, keys and projection are set")
}
