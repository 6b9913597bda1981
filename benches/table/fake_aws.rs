use std::{
    collections::BTreeSet,
    mem,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use serde_json::{Value, json};

/// An HTTP client for the AWS SDK that answers every request itself, without a network. In its responses, every API key
/// exists and every write succeeds.
#[derive(Debug, Clone, Default)]
pub(crate) struct FakeAws {
    recorder: Option<Recorder>,
}

/// A recorder of calls. Each recorded call takes [`DELAY`], so that concurrent calls overlap.
#[derive(Debug, Clone, Default)]
struct Recorder(Arc<Mutex<Vec<Call>>>);

#[derive(Debug)]
struct Call {
    operation: String,
    time: Range<Instant>,
}

/// How long a recorded call takes.
const DELAY: Duration = Duration::from_millis(50);

impl FakeAws {
    /// Returns a client that records its calls.
    pub(crate) fn recording() -> Self {
        Self { recorder: Some(Recorder::default()) }
    }

    /// Returns the operations since this method was last called, in steps. The calls of a step overlap, and begin after
    /// the first call of the previous step has ended.
    pub(crate) fn take_steps(&self) -> Vec<BTreeSet<String>> {
        let mut calls = self.recorder.as_ref().map(|recorder| mem::take(&mut *recorder.calls())).unwrap_or_default();
        calls.sort_by_key(|call| call.time.end);
        let mut steps: Vec<(Instant, BTreeSet<String>)> = Vec::new();
        for Call { operation, time } in calls {
            match steps.last_mut() {
                Some((ended, step)) if time.start < *ended => {
                    step.insert(operation);
                }
                _ => steps.push((time.end, BTreeSet::from([operation]))),
            }
        }
        steps.into_iter().map(|(_, step)| step).collect()
    }
}

impl Recorder {
    fn calls(&self) -> MutexGuard<'_, Vec<Call>> {
        self.0.lock().expect("no code panics while it holds the lock")
    }

    async fn record(&self, operation: String) {
        let start = Instant::now();
        tokio::time::sleep(DELAY).await;
        self.calls().push(Call { operation, time: start..Instant::now() });
    }
}

impl HttpClient for FakeAws {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for FakeAws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let recorder = self.recorder.clone();
        HttpConnectorFuture::new(async move {
            let target = request.headers().get("x-amz-target").and_then(|target| target.rsplit('.').next());
            let operation = target.unwrap_or("PutObject").to_owned();
            let body = ByteStream::new(request.into_body()).collect().await;
            let body = body.map_err(|error| ConnectorError::io(error.into()))?;
            let response = match operation.as_str() {
                "BatchGetItem" => {
                    let request = serde_json::from_slice(&body.into_bytes());
                    items(request.map_err(|error| ConnectorError::user(error.into()))?).to_string()
                }
                "GetItem" | "TransactWriteItems" | "UpdateItem" => "{}".to_owned(),
                "SendMessage" => json!({"MessageId": "5fea7756-0ea4-451a-a703-a558b933e274"}).to_string(),
                // S3's response to a PUT has no body.
                _ => String::new(),
            };
            if let Some(recorder) = recorder {
                recorder.record(operation).await;
            }
            let status = 200.try_into().expect("200 is a valid status");
            Ok(HttpResponse::new(status, response.into()))
        })
    }
}

/// Returns the response to a `BatchGetItem` request. Every requested org and API key exists, and nothing else does.
fn items(mut request: Value) -> Value {
    let tables = request["RequestItems"].as_object_mut().into_iter().flatten();
    let responses = tables.map(|(table, wanted)| {
        let keys = wanted["Keys"].as_array().into_iter().flatten();
        let keys = keys.filter(|key| key["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("ORG#")));
        let items = keys.map(|key| {
            let text = |name: &str| key[name]["S"].as_str().unwrap_or_default();
            let attributes = match text("sk").strip_prefix("KEY#") {
                Some(hash) => {
                    json!({"key_hash": hash, "template": "full_access", "created_at": "2026-01-01T00:00:00Z"})
                }
                None => json!({"org_id": text("pk").trim_start_matches("ORG#"), "slug": "acme", "billing": "active"}),
            };
            let attributes = attributes.as_object().into_iter().flatten();
            Value::Object(attributes.map(|(name, text)| (name.clone(), json!({ "S": text }))).collect())
        });
        (table.clone(), Value::Array(items.collect()))
    });
    let responses = responses.collect::<serde_json::Map<_, _>>();
    json!({"Responses": responses, "UnprocessedKeys": {}})
}
