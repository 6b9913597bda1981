use std::{collections::HashMap, net::SocketAddr, time::Duration};

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use pack_format::Digest;
use pack_upload::{
    aws::{Created, DueItem, Error, Lease, SHARDS, Seen, Staging, Table, Timeouts, dynamodb},
    identity::OrgLimits,
    records::{BuildStatus, ImageFormat, OrgId, PackId, Record, Release, Timestamp, Visibility},
};
use serde_json::json;

use crate::support::{Embedded, sdk};

/// A table in its own embedded DynamoDB.
pub(crate) struct Database {
    pub(crate) table: Table,
    pub(crate) client: Client,
    pub(crate) address: SocketAddr,
    pub(crate) name: String,
    embedded: Embedded,
}

impl Database {
    pub(crate) async fn start() -> Self {
        let embedded = Embedded::start().await;
        let address = embedded.backends.endpoints.dynamodb.strip_prefix("http://").unwrap().parse().unwrap();
        let client = dynamodb(&sdk(address).await, &Timeouts::default());
        let name = embedded.options.table_name.clone();
        Self { table: Table::new(client.clone(), name.clone()), name, client, address, embedded }
    }

    /// Returns a client for the staging bucket.
    pub(crate) fn staging(&self) -> Staging {
        Staging::new(self.embedded.clients.s3.clone(), self.embedded.options.staging_bucket.clone())
    }

    /// Returns a client for the same table. The client sends its requests to `address`.
    pub(crate) async fn table_at(&self, address: SocketAddr) -> Table {
        Table::new(dynamodb(&sdk(address).await, &Timeouts::default()), self.name.clone())
    }

    /// Counts the items in the table, except those in the partitions of names, quotas and request counters.
    pub(crate) async fn items(&self) -> usize {
        count_items(&self.client, &self.name).await
    }

    /// Returns whether the record is in the `due` index.
    pub(crate) async fn is_pending(&self, record: &Record) -> bool {
        self.pending().await.contains(&record.id)
    }

    /// Returns the ids of the records in the `due` index. Panics if the index contains an event or an upload.
    pub(crate) async fn pending(&self) -> Vec<PackId> {
        let mut ids = Vec::new();
        for shard in 0..SHARDS {
            let items = self.table.due(shard, None, None).await.unwrap().items;
            ids.extend(items.into_iter().map(|item| match item {
                DueItem::Record(id) => id,
                DueItem::Event { event_id, .. } => panic!("the event {event_id} is pending"),
                DueItem::Upload { upload_id, .. } => panic!("{upload_id} is pending"),
            }));
        }
        ids.sort();
        ids
    }

    pub(crate) async fn item(&self, record: &Record) -> HashMap<String, AttributeValue> {
        let get = self.client.get_item().table_name(&self.name);
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let get = get.key("pk", text(&format!("PACK#{}", record.id))).key("sk", text("PACK"));
        get.send().await.unwrap().item.unwrap()
    }

    /// Makes a record unreadable.
    pub(crate) async fn corrupt(&self, record: &Record) {
        self.set(record, "image_digest", "no").await;
    }

    pub(crate) async fn set(&self, record: &Record, attribute: &str, value: &str) {
        self.set_at(&format!("PACK#{}", record.id), "PACK", attribute, value).await;
    }

    /// Overwrites an attribute of a record's version claim.
    pub(crate) async fn set_claim(&self, record: &Record, attribute: &str, value: &str) {
        let manifest = &record.release.manifest;
        let sort_key = format!("{}#{}", manifest.name, manifest.version);
        self.set_at(&format!("VERSION#{}", record.release.org_id), &sort_key, attribute, value).await;
    }

    async fn set_at(&self, pk: &str, sk: &str, attribute: &str, value: &str) {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let update = self.client.update_item().table_name(&self.name).key("pk", text(pk)).key("sk", text(sk));
        let update =
            update.update_expression("SET #attribute = :value").expression_attribute_names("#attribute", attribute);
        update.expression_attribute_values(":value", text(value)).send().await.unwrap();
    }
}

/// Counts the items in a table, except those in the partitions of names, quotas and request counters.
pub(crate) async fn count_items(client: &Client, table: &str) -> usize {
    let items = client.scan().table_name(table).send().await.unwrap().items.unwrap();
    let is_counter = |item: &HashMap<String, AttributeValue>| {
        let pk = item["pk"].as_s().unwrap();
        ["NAME#", "QUOTA#", "RATE#"].iter().any(|prefix| pk.starts_with(prefix))
    };
    items.iter().filter(|item| !is_counter(item)).count()
}

async fn seen(table: &Table, record: &Record) -> Result<Seen, Error> {
    let manifest = &record.release.manifest;
    table.look_up(record.release.org_id, &manifest.name, &manifest.version, None).await
}

/// Writes a new record, as an upload by an org without limits does.
pub(crate) async fn try_create(table: &Table, record: &Record) -> Result<Created, Error> {
    table.create(record, &seen(table, record).await?, &OrgLimits::unlimited()).await
}

/// Like [`try_create`], but panics if DynamoDB fails.
pub(crate) async fn create(table: &Table, record: &Record) -> Created {
    try_create(table, record).await.unwrap()
}

/// Replaces a failed record, as an upload by an org without limits does.
pub(crate) async fn replace(table: &Table, old: &Record, new: &Record) -> Created {
    table.replace(old, new, &seen(table, new).await.unwrap(), &OrgLimits::unlimited()).await.unwrap()
}

/// Queues a failed record again, as an upload by an org without limits does.
pub(crate) async fn queue_again(table: &Table, old: &Record, new: &Record) -> Created {
    table.queue_again(old, new, &seen(table, new).await.unwrap(), &OrgLimits::unlimited()).await.unwrap()
}

/// Returns a queued record. Records with different `content` have different digests and staging keys.
pub(crate) fn record(org_id: OrgId, name: &str, version: &str, content: &str) -> Record {
    let manifest = json!({"name": name, "version": version, "description": "A pack\nfor tests"});
    let release = Release {
        org_id,
        manifest: serde_json::from_value(manifest).unwrap(),
        visibility: Visibility::Org,
        image_ref: format!("localhost:5000/acme/{name}:{version}"),
        image_digest: Digest::sha256(content.as_bytes()),
        layer_digest: Digest::sha256(content.as_bytes()),
        image_format: ImageFormat::V1,
        size_bytes: 1_234,
        archive_sha256: Digest::sha256(content.as_bytes()),
        uploaded_by: "key:0123456789ab".to_owned(),
        secrets_found: Vec::new(),
    };
    Record::queued(release, format!("staging/{content}.tar.gz"), false, Timestamp::now())
}

/// Returns the record of an upload that queues an existing record's build again.
pub(crate) fn upload(content: &str) -> Record {
    record(OrgId::generate(), "tools", "1.0.0", content)
}

pub(crate) fn community(mut record: Record) -> Record {
    record.release.visibility = Visibility::Community;
    record
}

/// Returns the record as a ready community pack, so that other orgs can see it.
pub(crate) fn shared(record: Record) -> Record {
    let mut record = community(record);
    record.build.status = BuildStatus::Ready;
    record
}

/// Creates a record and marks it as failed. Returns the stored record.
pub(crate) async fn failed(table: &Table, record: Record) -> Record {
    assert!(matches!(create(table, &record).await, Created::Written));
    assert!(table.mark_failed(&record, None, "broken", Timestamp::now()).await.unwrap());
    let found = table.record(record.id).await.unwrap().unwrap();
    assert_eq!(found.build.status, BuildStatus::Failed { error: "broken".to_owned() });
    found
}

/// Publishes a record's version and marks the record as ready, as a build does. Returns `false` if a conditional write
/// fails.
pub(crate) async fn publish(table: &Table, record: &Record, now: Timestamp) -> bool {
    let lease = Lease::new(now + Duration::from_secs(60));
    table.begin_build(record, &lease, now).await.unwrap()
        && table.publish(record, &lease).await.unwrap()
        && table.mark_ready(record, &lease, now).await.unwrap()
}

/// Returns the existing record that prevented a write. Panics if there is none.
#[track_caller]
pub(crate) fn existing(created: Created) -> Record {
    match created {
        Created::Taken(record) => *record,
        Created::Written => panic!("the record was written"),
        Created::Deleted(_) | Created::Quarantined(_) => panic!("the version cannot be taken"),
        Created::Exceeds(exceeded) => panic!("{exceeded:?}"),
    }
}
