use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use serde_json::{Value, json};

/// An HTTP client for the AWS SDK that responds to requests in this process. In its responses, every API key exists and
/// every write succeeds.
#[derive(Debug, Clone)]
pub(crate) struct FakeAws;

impl HttpClient for FakeAws {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for FakeAws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(async move {
            let operation = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
            let body = ByteStream::new(request.into_body()).collect().await;
            let body = body.map_err(|error| ConnectorError::io(error.into()))?;
            let response = match operation.rsplit('.').next() {
                Some("BatchGetItem") => {
                    let request = serde_json::from_slice(&body.into_bytes());
                    items(request.map_err(|error| ConnectorError::user(error.into()))?).to_string()
                }
                Some("TransactWriteItems" | "UpdateItem") => "{}".to_owned(),
                Some("SendMessage") => json!({"MessageId": "5fea7756-0ea4-451a-a703-a558b933e274"}).to_string(),
                // S3's response to a PUT has no body.
                _ => String::new(),
            };
            let status = 200.try_into().expect("200 is a valid status");
            Ok(HttpResponse::new(status, response.into()))
        })
    }
}

/// Returns the requested items that are an org or an API key. No other items exist.
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
