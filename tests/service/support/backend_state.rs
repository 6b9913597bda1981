use std::collections::BTreeSet;

use aws_sdk_sqs::types::QueueAttributeName;
use pack_upload::local::{Clients, Endpoints};
use serde_json::Value;

use super::{Embedded, Local, options};

/// The items, jobs and repositories that uploads leave in the backends. They are read directly from the backends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BackendState {
    /// The keys of the records and version claims in the table, and of the references and events of packs.
    pub(crate) pack_items: BTreeSet<String>,
    /// The keys of the pending builds, purges and events. These are all items in the `due` index except begun uploads.
    pub(crate) pending: BTreeSet<String>,
    /// The number of jobs in the build queue, both visible and in flight.
    pub(crate) jobs: u64,
    pub(crate) repositories: BTreeSet<String>,
}

impl BackendState {
    pub(crate) async fn from_local(local: &Local) -> Self {
        let endpoint = |name: &str| local.setting(&format!("/endpoints/{name}")).to_owned();
        let endpoints = Endpoints { s3: endpoint("s3"), dynamodb: endpoint("dynamodb"), sqs: endpoint("sqs") };
        let clients = Clients::new(&endpoints, &options(local.data())).await;
        let [table, queue, registry] =
            ["/table_name", "/build_queue_url", "/registry"].map(|pointer| local.setting(pointer));
        Self::read(&clients, table, queue, registry).await
    }

    pub(crate) async fn from_embedded(embedded: &Embedded) -> Self {
        let Embedded { backends, clients, options, queues, .. } = embedded;
        Self::read(clients, &options.table_name, &queues.builds, &backends.registry.to_string()).await
    }

    async fn read(clients: &Clients, table: &str, queue: &str, registry: &str) -> Self {
        let items = Self::items(clients, table, None).await;
        Self {
            pack_items: items
                .into_iter()
                .filter(|key| key.starts_with("PACK#") || key.starts_with("VERSION#"))
                .collect(),
            pending: Self::items(clients, table, Some("due"))
                .await
                .into_iter()
                .filter(|key| key.starts_with("PACK#"))
                .collect(),
            jobs: Self::jobs(clients, queue).await,
            repositories: Self::repositories(registry).await,
        }
    }

    async fn items(clients: &Clients, table: &str, index: Option<&str>) -> BTreeSet<String> {
        let scan = clients.dynamodb.scan().table_name(table).set_index_name(index.map(str::to_owned));
        let mut keys = BTreeSet::new();
        let mut start = None;
        loop {
            let page = scan.clone().set_exclusive_start_key(start).send().await.unwrap();
            for item in page.items() {
                keys.insert(format!("{} {}", item["pk"].as_s().unwrap(), item["sk"].as_s().unwrap()));
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return keys;
            }
        }
    }

    async fn jobs(clients: &Clients, queue: &str) -> u64 {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let attributes = clients.sqs.get_queue_attributes().queue_url(queue);
        let response = attributes.set_attribute_names(Some(names.to_vec())).send().await.unwrap();
        let attributes = response.attributes().unwrap();
        names.iter().map(|name| attributes[name].parse::<u64>().unwrap()).sum()
    }

    async fn repositories(registry: &str) -> BTreeSet<String> {
        let url = format!("http://{registry}/v2/_catalog?n=1000");
        let catalog: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
        catalog["repositories"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    }
}
