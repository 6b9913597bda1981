use aws_sdk_dynamodb::{
    Client,
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
        ScalarAttributeType,
    },
};

use crate::aws;

/// Creates the table if it is missing, with the schema in template.yaml.
pub(super) async fn create_table(client: &Client, name: &str) -> Result<(), aws::Error> {
    let described = client.describe_table().table_name(name).send().await;
    match described.map_err(aws_sdk_dynamodb::Error::from) {
        Ok(_) => return Ok(()),
        Err(aws_sdk_dynamodb::Error::ResourceNotFoundException(_)) => {}
        Err(error) => return Err(aws::Error::call("DescribeTable")(error)),
    }
    let create = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(key("pk", "sk")))
        .set_attribute_definitions(Some(
            ["pk", "sk", "org_packs", "community_packs", "pack_id", "due_shard", "due_at"].map(string).to_vec(),
        ))
        .global_secondary_indexes(index("org-packs", "org_packs", "pack_id", ProjectionType::All))
        .global_secondary_indexes(index("community-packs", "community_packs", "pack_id", ProjectionType::All))
        .global_secondary_indexes(index("due", "due_shard", "due_at", ProjectionType::KeysOnly));
    create.send().await.map_err(aws::Error::call("CreateTable"))?;
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

fn index(name: &str, partition: &str, sort: &str, projection: ProjectionType) -> GlobalSecondaryIndex {
    GlobalSecondaryIndex::builder()
        .index_name(name)
        .set_key_schema(Some(key(partition, sort)))
        .projection(Projection::builder().projection_type(projection).build())
        .build()
        .expect("name, keys and projection are set")
}
