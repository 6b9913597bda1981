use std::net::SocketAddr;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::{
    Client,
    config::Credentials,
    types::{
        AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
        ProjectionType, ScalarAttributeType,
    },
};
use pack_upload::{
    aws::{Created, Table, Timeouts, dynamodb},
    pack::{BuildStatus, Digest, Manifest, OrgId, Record, Release, Timestamp, Visibility},
};
use tokio::net::TcpListener;

const NAME: &str = "packs";

/// A table on an embedded DynamoDB that lives as long as the test's runtime.
pub(crate) struct Database {
    pub(crate) table: Table,
    pub(crate) client: Client,
    pub(crate) address: SocketAddr,
}

impl Database {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let database = dynoxide::Database::memory().unwrap();
        tokio::spawn(dynoxide::server::serve_on(listener, database));
        let client = dynamodb(&sdk(address).await, &Timeouts::default());
        create_table(&client).await;
        Self { table: Table::new(client.clone(), NAME.to_owned()), client, address }
    }

    /// The same table, reached at another address.
    pub(crate) async fn table_at(&self, address: SocketAddr) -> Table {
        Table::new(dynamodb(&sdk(address).await, &Timeouts::default()), NAME.to_owned())
    }

    /// How many items there are, indexes aside.
    pub(crate) async fn items(&self) -> usize {
        self.client.scan().table_name(NAME).send().await.unwrap().items().len()
    }

    /// Whether the record's item is in the sparse index of outstanding builds.
    pub(crate) async fn is_outstanding(&self, record: &Record) -> bool {
        self.table.outstanding(None).await.unwrap().ids.contains(&record.id)
    }

    /// Damages an item by hand.
    pub(crate) async fn spoil(&self, record: &Record) {
        let key = |text: &str| AttributeValue::S(text.to_owned());
        let update = self.client.update_item().table_name(NAME);
        let update = update.key("pk", key(&format!("PACK#{}", record.id))).key("sk", key("PACK"));
        let update = update.update_expression("SET image_digest = :no").expression_attribute_values(":no", key("no"));
        update.send().await.unwrap();
    }
}

pub(crate) async fn sdk(address: SocketAddr) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(format!("http://{address}"))
        .load()
        .await
}

async fn create_table(client: &Client) {
    let attribute = |name| {
        let definition = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
        definition.build().unwrap()
    };
    let key = |name, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    let index = |name, partition, projection| {
        GlobalSecondaryIndex::builder()
            .index_name(name)
            .key_schema(key(partition, KeyType::Hash))
            .key_schema(key("pack_id", KeyType::Range))
            .projection(Projection::builder().projection_type(projection).build())
            .build()
            .unwrap()
    };
    let names = ["pk", "sk", "pack_id", "org_packs", "community_packs", "outstanding"];
    client
        .create_table()
        .table_name(NAME)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(names.map(attribute).to_vec()))
        .key_schema(key("pk", KeyType::Hash))
        .key_schema(key("sk", KeyType::Range))
        .global_secondary_indexes(index("org-packs", "org_packs", ProjectionType::All))
        .global_secondary_indexes(index("community-packs", "community_packs", ProjectionType::All))
        .global_secondary_indexes(index("outstanding", "outstanding", ProjectionType::KeysOnly))
        .send()
        .await
        .unwrap();
}

/// A record of an org's pack, made of this content.
pub(crate) fn record(org_id: OrgId, name: &str, version: &str, content: &str) -> Record {
    let manifest = Manifest {
        name: name.parse().unwrap(),
        version: version.parse().unwrap(),
        description: "A pack\nfor tests".to_owned(),
        display_name: None,
        category: None,
        capabilities: None,
        suggested_packs: Vec::new(),
    };
    let release = Release {
        org_id,
        manifest,
        visibility: Visibility::Org,
        image_ref: format!("localhost:5000/acme/{name}:{version}"),
        image_digest: Digest::of(content.as_bytes()),
        size_bytes: 1_234,
    };
    Record::queued(release, format!("staging/{content}.tar.gz"), Timestamp::now())
}

/// The same as a community pack.
pub(crate) fn community(mut record: Record) -> Record {
    record.release.visibility = Visibility::Community;
    record
}

/// Writes a record whose build failed, and returns it as it now is.
pub(crate) async fn failed(table: &Table, record: Record) -> Record {
    assert!(matches!(table.create(&record).await.unwrap(), Created::Written));
    assert!(table.mark_failed(record.id, record.build.attempt, "broken", Timestamp::now()).await.unwrap());
    let found = table.record(record.id).await.unwrap().unwrap();
    assert_eq!(found.build.status, BuildStatus::Failed { error: "broken".to_owned() });
    found
}

/// The record that an attempt to write met.
#[track_caller]
pub(crate) fn taken(created: Created) -> Record {
    match created {
        Created::Taken(record) => *record,
        Created::Written => panic!("it was written"),
    }
}
