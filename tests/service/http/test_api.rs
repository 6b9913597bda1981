use std::{sync::Arc, time::Duration};

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use base64::{Engine, engine::general_purpose::STANDARD};
use pack_format::Limits;
use pack_upload::{
    aws::{Lease, Queue, Staging, Table},
    identity::{KeySecret, KeyTemplate, OrgLimit, OrgLimits, Settings},
    lambda::http::Api,
    lifecycle::Lifecycle,
    local::seed,
    records::Timestamp,
    upload::Uploads,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{ApiResponse, conflicts::ConflictProxy, event, send_to};
use crate::support::Embedded;

/// The multipart boundary of the forms in `events/`.
pub(crate) const BOUNDARY: &str = "------------------------d74496d66958873e";

/// The API with embedded backends and the orgs that `local` seeds.
pub(crate) struct TestApi {
    api: Arc<Api>,
    pub(crate) table: Table,
    pub(crate) embedded: Embedded,
}

impl TestApi {
    pub(crate) async fn start() -> Self {
        Self::start_with(&Settings::default()).await
    }

    pub(crate) async fn start_with(settings: &Settings) -> Self {
        Self::assemble(settings, OrgLimits::unlimited(), async |embedded| embedded.clients.dynamodb.clone()).await
    }

    /// Starts an API that applies only these limits to orgs and does not cache credentials.
    pub(crate) async fn start_limited(limits: &[(OrgLimit, u64)]) -> Self {
        Self::start_with_client(limits, Client::clone).await
    }

    /// Like [`Self::start_limited`], but the API calls DynamoDB with the client that `change` returns.
    pub(crate) async fn start_with_client(limits: &[(OrgLimit, u64)], change: impl FnOnce(&Client) -> Client) -> Self {
        let limits = OrgLimits::unlimited().overridden_by(&limits.iter().copied().collect());
        let settings = Settings { cache_for: Duration::ZERO, ..Settings::default() };
        Self::assemble(&settings, limits, async |embedded| change(&embedded.clients.dynamodb)).await
    }

    /// Starts an API with the default org limits. Its calls to DynamoDB go through the returned proxy, which makes
    /// concurrent transactions on the same item conflict.
    pub(crate) async fn start_with_conflicts() -> (Self, ConflictProxy) {
        let mut started = None;
        let api = Self::assemble(&Settings::default(), OrgLimits::default(), async |embedded| {
            let (proxy, url) = ConflictProxy::start(&embedded.backends.endpoints.dynamodb).await;
            started = Some(proxy);
            Client::from_conf(embedded.clients.dynamodb.config().to_builder().endpoint_url(url).build())
        })
        .await;
        (api, started.unwrap())
    }

    async fn assemble(
        settings: &Settings,
        org_limits: OrgLimits,
        dynamodb: impl AsyncFnOnce(&Embedded) -> Client,
    ) -> Self {
        let embedded = Embedded::start().await;
        let Embedded { backends, clients, options, queues, .. } = &embedded;
        let table = Table::new(dynamodb(&embedded).await, options.table_name.clone());
        seed(&table).await.unwrap();
        let uploads = Uploads {
            table: table.clone(),
            staging: Staging::new(clients.s3.clone(), options.staging_bucket.clone()),
            queue: Queue::new(clients.sqs.clone(), queues.builds.clone()),
            registry: backends.registry.clone(),
            limits: Arc::new(Limits::default()),
            large_limits: Arc::new(Limits::large()),
            org_limits,
            deadline: Duration::from_secs(20),
        };
        let lifecycle = Lifecycle {
            table: table.clone(),
            purges: Queue::new(clients.sqs.clone(), queues.purges.clone()),
            purge_wait: Duration::from_millis(200),
        };
        let api = Arc::new(Api::new(uploads, lifecycle, settings));
        Self { api, table, embedded }
    }

    pub(crate) async fn send(&self, event: &Value) -> ApiResponse {
        send_to(Arc::clone(&self.api), event).await
    }

    /// Invokes the `api` Lambda function in this process and returns its response.
    pub(crate) async fn invoke(&self, event: Value) -> Value {
        super::invoke(Arc::clone(&self.api), event).await
    }

    /// Publishes a pack's version and marks the pack as ready, as a build does.
    pub(crate) async fn make_ready(&self, id: &str) {
        let record = self.table.record(id.parse().unwrap()).await.unwrap().unwrap();
        let now = Timestamp::now();
        let lease = Lease::new(now + Duration::from_secs(60));
        assert!(self.table.begin_build(&record, &lease, now).await.unwrap());
        assert!(self.table.publish(&record, &lease).await.unwrap());
        assert!(self.table.mark_ready(&record, &lease, now).await.unwrap());
    }

    /// Deletes and purges a pack whose image was never pushed, as the API and the builder do.
    pub(crate) async fn purge(&self, id: &str) {
        let record = self.table.record(id.parse().unwrap()).await.unwrap().unwrap();
        let now = Timestamp::now();
        let deleting = self.table.mark_deleting(record.release.org_id, record.id, now).await.unwrap().unwrap();
        let lease = Lease::new(now + Duration::from_secs(60));
        assert!(self.table.begin_purge(&deleting, &lease, now).await.unwrap());
        assert!(self.table.remove(&deleting, &lease, now).await.unwrap());
    }

    /// Sends the archive of a begun upload to S3.
    pub(crate) async fn stage(&self, begun: &Value, archive: &[u8]) {
        let key = format!("uploads/org_01JACME0000000000000000000/{}.tar.gz", begun["upload_id"].as_str().unwrap());
        let put = self.embedded.clients.s3.put_object().bucket(&self.embedded.options.staging_bucket).key(key);
        put.body(archive.to_vec().into()).send().await.unwrap();
    }

    /// Returns the time from which requeue may remove a begun upload.
    pub(crate) async fn due_at(&self, upload_id: &str) -> Timestamp {
        let text = |text: String| AttributeValue::S(text);
        let get = self.embedded.clients.dynamodb.get_item().table_name(&self.embedded.options.table_name);
        let get = get.key("pk", text("QUOTA#org_01JACME0000000000000000000".to_owned()));
        let item = get.key("sk", text(format!("UPLOAD#{upload_id}"))).send().await.unwrap().item.unwrap();
        item["due_at"].as_s().unwrap().parse().unwrap()
    }

    pub(crate) async fn list_as(&self, credential: &str) -> ApiResponse {
        self.send(&with_credential(event("list"), credential)).await
    }

    /// Uploads a form with `parts` as acme.
    pub(crate) async fn upload(&self, parts: &[(&str, &[u8])]) -> ApiResponse {
        self.send(&upload(&form(parts))).await
    }
}

pub(crate) fn with_credential(mut event: Value, credential: &str) -> Value {
    event["headers"]["authorization"] = json!(format!("Bearer {credential}"));
    event
}

/// Returns the secret of an API key that `local` seeds for an org.
pub(crate) fn secret(slug: &str, template: KeyTemplate) -> KeySecret {
    let id = match slug {
        "acme" => "org_01JACME0000000000000000000",
        "globex" => "org_01JG10BEX00000000000000000",
        _ => "org_01JPASTDVE0000000000000000",
    };
    KeySecret::new(id.parse().unwrap(), Sha256::digest(format!("local {slug} {template}")).into())
}

pub(crate) fn upload(body: &[u8]) -> Value {
    let mut event = event("upload-http-api");
    event["body"] = json!(STANDARD.encode(body));
    event
}

/// Encodes a multipart form with the boundary [`BOUNDARY`].
pub(crate) fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, content) in parts {
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}
