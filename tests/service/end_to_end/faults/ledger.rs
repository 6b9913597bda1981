use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::QueueAttributeName;
use pack_upload::{
    local::{Clients, QueueUrls},
    registry::RegistryAddress,
};
use serde_json::Value;

use crate::support::Embedded;

/// What the backends keep, read past the service and its proxies, and compared entry by entry.
pub(crate) struct Ledger {
    clients: Clients,
    table: String,
    queues: QueueUrls,
    registry: RegistryAddress,
    http: reqwest::Client,
    /// Which records were ready when the books were last looked through, and what their images are.
    ready: BTreeMap<String, String>,
}

/// A record's item.
#[derive(Debug)]
struct Entry {
    guard: String,
    status: String,
    repository_and_tag: (String, String),
    digest: String,
}

impl Ledger {
    pub(crate) fn new(embedded: &Embedded) -> Self {
        Self {
            clients: embedded.clients.clone(),
            table: embedded.options.table_name.clone(),
            queues: embedded.queues.clone(),
            registry: embedded.backends.registry.clone(),
            http: reqwest::Client::new(),
            ready: BTreeMap::new(),
        }
    }

    /// Fails unless what must hold at every moment holds: records and guards correspond one to one, the pending are
    /// the queued, and what is ready has its image and stays as it is.
    pub(crate) async fn expect_order(&mut self) {
        let (mut records, mut guards) = (BTreeMap::new(), BTreeMap::new());
        for item in self.scan(None).await {
            let sort_key = text(&item, "sk");
            if sort_key == "PACK" {
                records.insert(text(&item, "pack_id"), Entry::of(&item));
            } else if sort_key.starts_with("PACK#") {
                guards.insert(text(&item, "pack_id"), format!("{} {sort_key}", text(&item, "pk")));
            }
        }
        let guarded: BTreeMap<_, _> = records.iter().map(|(id, entry)| (id.clone(), entry.guard.clone())).collect();
        assert_eq!(guarded, guards, "each record has its guard, and each guard its record");

        let mut pending: Vec<_> = self.scan(Some("pending")).await.iter().map(|item| text(item, "pack_id")).collect();
        pending.sort();
        let queued = records.iter().filter(|(_, entry)| entry.status == "queued").map(|(id, _)| id.clone());
        assert_eq!(pending, queued.collect::<Vec<_>>(), "the pending are the queued");

        let mut ready = BTreeMap::new();
        for (id, entry) in records.into_iter().filter(|(_, entry)| entry.status == "ready") {
            if !self.ready.contains_key(&id) {
                assert_eq!(self.digest(&entry).await.as_deref(), Some(&*entry.digest), "{id} is ready");
            }
            ready.insert(id, entry.digest);
        }
        for (id, digest) in &self.ready {
            assert_eq!(ready.get(id), Some(digest), "{id} was ready");
        }
        self.ready = ready;
    }

    /// Whether no job waits and no build is pending.
    pub(crate) async fn is_settled(&self) -> bool {
        self.depth(&self.queues.builds).await == 0 && self.scan(Some("pending")).await.is_empty()
    }

    /// Fails unless this record, of which a client was told, is ready, and its image is what was promised.
    pub(crate) async fn expect_good(&self, told: &Value) {
        let id = told["id"].as_str().unwrap();
        let items = self.scan(None).await;
        let item = items.iter().find(|item| text(item, "sk") == "PACK" && text(item, "pack_id") == id);
        let entry = Entry::of(item.unwrap_or_else(|| panic!("{told} is gone")));
        assert_eq!((&*entry.status, Some(&*entry.digest)), ("ready", told["image_digest"].as_str()), "{told}");
        assert_eq!(self.digest(&entry).await.as_deref(), Some(&*entry.digest), "{told}");
    }

    /// How many messages a queue has, those in flight too.
    pub(crate) async fn depth(&self, queue_url: &str) -> u64 {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let get = self.clients.sqs.get_queue_attributes().queue_url(queue_url);
        let attributes = get.set_attribute_names(Some(names.to_vec())).send().await.unwrap().attributes.unwrap();
        names.iter().map(|name| attributes[name].parse::<u64>().unwrap()).sum()
    }

    /// The digest of the image that an entry names, if its manifest, its config and its layer are all there.
    async fn digest(&self, entry: &Entry) -> Option<String> {
        let (repository, tag) = &entry.repository_and_tag;
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

impl Entry {
    fn of(item: &Item) -> Self {
        let image_ref = text(item, "image_ref");
        let (_, name) = image_ref.split_once('/').unwrap();
        let (repository, tag) = name.split_once(':').unwrap();
        Self {
            guard: format!("ORG#{} PACK#{}#{}", text(item, "org_packs"), text(item, "name"), text(item, "version")),
            status: text(item, "build_status"),
            repository_and_tag: (repository.to_owned(), tag.to_owned()),
            digest: text(item, "image_digest"),
        }
    }
}

fn text(item: &Item, attribute: &str) -> String {
    item[attribute].as_s().unwrap().clone()
}
