use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::QueueAttributeName;
use pack_upload::{
    local::{Clients, QueueUrls},
    registry::RegistryAddress,
};
use serde_json::Value;

use crate::support::{Embedded, RepositoryClient, expect_exact_counters};

/// A check that the records, version claims, quota counters and images in the backends are consistent. It reads them
/// directly from the backends, and also counts the messages in the queues.
pub(crate) struct ConsistencyCheck {
    clients: Clients,
    table: String,
    queues: QueueUrls,
    registry: RegistryAddress,
    http: reqwest::Client,
    /// The records that were ready at the last check, by id.
    ready: BTreeMap<String, PackItem>,
    /// The records that were being deleted at the last check, by id.
    deleting: BTreeMap<String, PackItem>,
}

#[derive(Debug, PartialEq, Eq)]
struct PackItem {
    /// The key of the record's version claim.
    claim: String,
    status: String,
    repository_and_tag: (String, String),
    digest: String,
    /// The digest of the attestation, or an empty string if no build has attested the image yet.
    attestation: String,
}

impl ConsistencyCheck {
    pub(crate) fn new(embedded: &Embedded) -> Self {
        Self {
            clients: embedded.clients.clone(),
            table: embedded.options.table_name.clone(),
            queues: embedded.queues.clone(),
            registry: embedded.backends.registry.clone(),
            http: reqwest::Client::new(),
            ready: BTreeMap::new(),
            deleting: BTreeMap::new(),
        }
    }

    /// Checks the invariants that must hold at any time:
    ///
    /// - Every record has a version claim, and every record that a claim names exists.
    /// - A record is in the `due` index if and only if it is queued or being deleted.
    /// - When a record becomes ready, its image exists and has exactly one referrer, the attestation. After that, the
    ///   record does not change until the pack's deletion begins.
    /// - When a deletion is complete, the pack's image cannot be pulled.
    /// - The quota counters of each org equal a recount.
    pub(crate) async fn check(&mut self) {
        let (mut records, mut claims) = (BTreeMap::new(), BTreeMap::new());
        let items = self.scan(None).await;
        expect_exact_counters(&items);
        for item in items {
            let (partition, sort_key) = (text(&item, "pk"), text(&item, "sk"));
            if sort_key == "PACK" {
                records.insert(text(&item, "pack_id"), PackItem::from_item(&item));
            } else if partition.starts_with("VERSION#") && item.contains_key("pack_id") {
                claims.insert(text(&item, "pack_id"), format!("{partition} {sort_key}"));
            }
        }
        let expected: BTreeMap<_, _> = records.iter().map(|(id, record)| (id.clone(), record.claim.clone())).collect();
        assert_eq!(expected, claims, "every record has a version claim and vice versa");

        let mut pending: Vec<_> =
            self.scan(Some("due")).await.iter().filter(|item| text(item, "sk") == "PACK").map(pack_id).collect();
        pending.sort();
        let waits = |record: &PackItem| ["queued", "deleting"].contains(&&*record.status);
        let expected = records.iter().filter(|(_, record)| waits(record)).map(|(id, _)| id.clone());
        assert_eq!(pending, expected.collect::<Vec<_>>(), "only queued and deleting records are pending");

        let (mut ready, mut deleting) = (BTreeMap::new(), BTreeMap::new());
        for (id, record) in records {
            match &*record.status {
                "ready" => {
                    if !self.ready.contains_key(&id) {
                        assert_eq!(self.digest(&record).await.as_deref(), Some(&*record.digest), "{id} is ready");
                        assert_eq!(self.referrers(&record).await, [&*record.attestation], "{id} is ready");
                    }
                    ready.insert(id, record);
                }
                "deleting" => {
                    deleting.insert(id, record);
                }
                _ => {}
            }
        }
        for (id, record) in &self.ready {
            assert!(ready.get(id) == Some(record) || deleting.contains_key(id), "{id} was ready");
        }
        for (id, record) in self.deleting.iter().filter(|(id, _)| !deleting.contains_key(*id)) {
            assert!(!ready.contains_key(id), "{id} was being deleted");
            self.expect_no_image(record).await;
        }
        (self.ready, self.deleting) = (ready, deleting);
    }

    /// Asserts that the tag of each record that was ready at the last check points to the record's digest.
    pub(crate) async fn check_tags(&self) {
        for (id, record) in &self.ready {
            assert_eq!(self.digest(record).await.as_deref(), Some(&*record.digest), "the tag of {id} moved");
        }
    }

    /// Returns the digests of the referrers of a record's image.
    async fn referrers(&self, record: &PackItem) -> Vec<String> {
        let (repository, _) = &record.repository_and_tag;
        let repository = RepositoryClient::new(&self.registry, repository);
        let referrers = repository.referrers(&record.digest).await;
        referrers.iter().map(|referrer| referrer["digest"].as_str().unwrap().to_owned()).collect()
    }

    /// Returns whether the queues are empty and no build, purge or event is pending. Ignores begun uploads.
    pub(crate) async fn is_settled(&self) -> bool {
        self.depth(&self.queues.builds).await == 0
            && self.depth(&self.queues.purges).await == 0
            && self.scan(Some("due")).await.iter().all(|item| text(item, "pk").starts_with("QUOTA#"))
    }

    /// Asserts that a record's image cannot be found by tag or by digest.
    async fn expect_no_image(&self, record: &PackItem) {
        let (repository, tag) = &record.repository_and_tag;
        for reference in [tag, &record.digest] {
            let url = format!("http://{}/v2/{repository}/manifests/{reference}", self.registry);
            assert_eq!(self.http.get(url).send().await.unwrap().status(), 404, "{record:?} is deleted");
        }
    }

    /// Asserts that the record in `response` is now ready and that its image has the promised digest.
    pub(crate) async fn expect_ready(&self, response: &Value) {
        let id = response["id"].as_str().unwrap();
        let items = self.scan(None).await;
        let item = items.iter().find(|item| text(item, "sk") == "PACK" && text(item, "pack_id") == id);
        let record = PackItem::from_item(item.unwrap_or_else(|| panic!("no record for {response}")));
        assert_eq!(
            (&*record.status, Some(&*record.digest)),
            ("ready", response["image_digest"].as_str()),
            "{response}"
        );
        assert_eq!(self.digest(&record).await.as_deref(), Some(&*record.digest), "{response}");
    }

    /// Counts the messages in a queue, including messages in flight.
    pub(crate) async fn depth(&self, queue_url: &str) -> u64 {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let get = self.clients.sqs.get_queue_attributes().queue_url(queue_url);
        let attributes = get.set_attribute_names(Some(names.to_vec())).send().await.unwrap().attributes.unwrap();
        names.iter().map(|name| attributes[name].parse::<u64>().unwrap()).sum()
    }

    /// Returns the digest of the image that the record's tag points to, or `None` if the tag does not exist. Panics if
    /// the config or the layer of this image does not exist or has the wrong size.
    async fn digest(&self, record: &PackItem) -> Option<String> {
        let (repository, tag) = &record.repository_and_tag;
        let base = format!("http://{}/v2/{repository}", self.registry);
        let manifest = self.http.get(format!("{base}/manifests/{tag}")).send().await.unwrap();
        let digest = manifest.headers().get("docker-content-digest")?.to_str().unwrap().to_owned();
        let manifest: Value = manifest.json().await.unwrap();
        for part in [&manifest["config"], &manifest["layers"][0]] {
            let url = format!("{base}/blobs/{}", part["digest"].as_str().unwrap());
            let blob = self.http.head(url).send().await.unwrap();
            assert_eq!(blob.headers()["content-length"].to_str().unwrap(), part["size"].to_string());
        }
        Some(digest)
    }

    async fn scan(&self, index: Option<&str>) -> Vec<Item> {
        let scan = self.clients.dynamodb.scan().table_name(&self.table).set_index_name(index.map(str::to_owned));
        scan.into_paginator().items().send().collect::<Result<_, _>>().await.unwrap()
    }
}

type Item = std::collections::HashMap<String, AttributeValue>;

impl PackItem {
    fn from_item(item: &Item) -> Self {
        let image_ref = text(item, "image_ref");
        let (_, name) = image_ref.split_once('/').unwrap();
        let (repository, tag) = name.split_once(':').unwrap();
        let manifest = item["manifest"].as_m().unwrap();
        Self {
            claim: format!("VERSION#{} {}#{}", text(item, "org_id"), text(manifest, "name"), text(manifest, "version")),
            status: text(item, "build_status"),
            repository_and_tag: (repository.to_owned(), tag.to_owned()),
            digest: text(item, "image_digest"),
            attestation: item
                .get("attestation_digest")
                .map_or_else(String::new, |digest| digest.as_s().unwrap().clone()),
        }
    }
}

/// Returns the pack id in an item's key.
fn pack_id(item: &Item) -> String {
    text(item, "pk").trim_start_matches("PACK#").to_owned()
}

fn text(item: &Item, attribute: &str) -> String {
    item[attribute].as_s().unwrap().clone()
}
