use std::collections::BTreeSet;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::Value;

use super::Local;

/// What the service keeps: read from the backends themselves, past all of the service's code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holdings {
    /// Keys of the table's items that have to do with packs: records and their guards.
    pub(crate) pack_items: BTreeSet<String>,
    /// Keys in the index of outstanding builds.
    pub(crate) outstanding: BTreeSet<String>,
    /// Jobs in the queue, waiting or being worked on.
    pub(crate) jobs: u64,
    /// Repositories of the registry.
    pub(crate) repositories: BTreeSet<String>,
}

impl Holdings {
    /// What a `local` keeps now.
    pub(crate) async fn of(local: &Local) -> Self {
        Self::at(local.said("/endpoints/dynamodb"), local.said("/endpoints/sqs"), local.said("/registry")).await
    }

    /// What the backends at these addresses keep now.
    pub(crate) async fn at(dynamodb: &str, sqs: &str, registry: &str) -> Self {
        let config = sdk_config();
        let table = Self::items(&config, dynamodb, None).await;
        Self {
            pack_items: table.into_iter().filter(|key| key.contains("PACK")).collect(),
            outstanding: Self::items(&config, dynamodb, Some("outstanding")).await,
            jobs: Self::jobs(&config, sqs).await,
            repositories: Self::repositories(registry).await,
        }
    }

    async fn items(config: &SdkConfig, endpoint: &str, index: Option<&str>) -> BTreeSet<String> {
        let settings = aws_sdk_dynamodb::config::Builder::from(config).endpoint_url(endpoint).build();
        let client = aws_sdk_dynamodb::Client::from_conf(settings);
        let tables = client.list_tables().send().await.unwrap();
        let [table] = tables.table_names() else { panic!("one table: {tables:?}") };
        let scan = client.scan().table_name(table).set_index_name(index.map(str::to_owned));
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

    async fn jobs(config: &SdkConfig, endpoint: &str) -> u64 {
        let settings = aws_sdk_sqs::config::Builder::from(config).endpoint_url(endpoint).build();
        let client = aws_sdk_sqs::Client::from_conf(settings);
        let queue = client.get_queue_url().queue_name("pack-upload-builds").send().await.unwrap();
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let answer = client
            .get_queue_attributes()
            .queue_url(queue.queue_url().unwrap())
            .set_attribute_names(Some(names.to_vec()))
            .send()
            .await
            .unwrap();
        let attributes = answer.attributes().unwrap();
        names.iter().map(|name| attributes[name].parse::<u64>().unwrap()).sum()
    }

    async fn repositories(registry: &str) -> BTreeSet<String> {
        let url = format!("http://{registry}/v2/_catalog?n=1000");
        let catalog: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
        catalog["repositories"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    }
}

/// An SDK configuration for backends on loopback, which look at no credential.
fn sdk_config() -> SdkConfig {
    let credentials = aws_sdk_dynamodb::config::Credentials::new("local", "local", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(aws_sdk_dynamodb::config::SharedCredentialsProvider::new(credentials))
        .build()
}
