//! Tests that a request must come through the proxy in front of API Gateway, if one is configured.

use pack_upload::identity::Settings;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{audit::Log, event, request, test_api::TestApi};

const SECRET: &str = "the origin secret of the example";

async fn api() -> TestApi {
    let hashes = ["an earlier origin secret", SECRET].map(|secret| hex::encode(Sha256::digest(secret)));
    let origin_secrets = Some(hashes.join(",").parse().unwrap());
    let base_domain = Some("packs.example.com".parse().unwrap());
    TestApi::start_with(&Settings { base_domain, origin_secrets, ..Settings::default() }).await
}

fn with_origin_secret(mut event: Value, secret: &str) -> Value {
    event["headers"]["x-origin-secret"] = json!(secret);
    event
}

#[tokio::test]
async fn a_request_through_the_proxy_is_served_on_the_host_of_its_org() {
    let api = api().await;
    assert_eq!(api.send(&event("list-cloudfront")).await.status, 200);
    let rotated = with_origin_secret(event("list-cloudfront"), "an earlier origin secret");
    assert_eq!(api.send(&rotated).await.status, 200, "while the secret is replaced, both are accepted");
    let mut foreign = event("list-cloudfront");
    foreign["requestContext"]["domainName"] = json!("pastdue.packs.example.com");
    assert_eq!(api.send(&foreign).await.code(), (403, "permission_denied"), "the host is checked too");
}

#[tokio::test]
async fn a_request_that_bypasses_the_proxy_is_denied_before_any_other_check() {
    let api = api().await;
    let mut direct = event("list-cloudfront");
    direct["headers"].as_object_mut().unwrap().remove("x-origin-secret");
    let wrong = |secret| with_origin_secret(event("list-cloudfront"), secret);
    let public = |path| request("GET", path);
    let of_other_shapes = ["upload-http-api", "upload-rest", "upload-function-url"].map(event);
    let denied = [direct, wrong(""), wrong("guessed"), public("/v1/openapi.json"), public("/nowhere")];
    for event in denied.iter().chain(&of_other_shapes) {
        let response = api.send(event).await;
        assert_eq!(response.code(), (403, "permission_denied"), "{event}");
        let message = response.body["error"]["message"].as_str().unwrap();
        assert_eq!(
            message,
            "this address accepts only requests from the service's own proxy; use the host of your org"
        );
    }
}

#[tokio::test]
async fn without_origin_secrets_the_header_is_ignored() {
    let api = TestApi::start().await;
    assert_eq!(api.send(&event("list-cloudfront")).await.status, 200);
}

/// A request that bypasses the proxy has no authenticated caller, so it is not audited. Otherwise, anyone could fill
/// the audit trail.
#[tokio::test]
async fn the_log_contains_no_origin_secret_and_no_audit_line_for_a_denied_request() {
    let api = api().await;
    let (log, _guard) = Log::start();
    assert_eq!(api.send(&event("list-cloudfront")).await.status, 200);
    assert_eq!(api.send(&with_origin_secret(event("list"), "a wrong secret")).await.status, 403);
    let text = log.text();
    assert_eq!(text.matches("\"status\":").count(), 2, "{text}");
    assert!(!text.contains("secret of") && !text.contains("a wrong secret"), "{text}");
    assert!(!text.contains("\"target\":\"audit\""), "{text}");
}
