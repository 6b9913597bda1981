//! Tests that a request must be sent to the host of its caller's org.

use pack_upload::identity::{KeyTemplate, Settings};
use serde_json::{Value, json};

use super::{
    ApiResponse, event, request,
    test_api::{TestApi, secret, with_credential},
};

async fn api() -> TestApi {
    let base_domain = Some("packs.example".parse().unwrap());
    TestApi::start_with(&Settings { base_domain, ..Settings::default() }).await
}

fn at(name: &str, host: &Value) -> Value {
    let mut event = event(name);
    event["requestContext"]["domainName"] = host.clone();
    event
}

#[track_caller]
fn expect_denied(response: &ApiResponse, why: &str) {
    assert_eq!(response.code(), (403, "permission_denied"), "{why}");
    assert!(response.body["error"]["message"].as_str().unwrap().contains("acme.packs.example"), "{}", response.body);
}

#[tokio::test]
async fn an_org_is_served_only_on_its_own_host() {
    let api = api().await;
    for (name, status) in [("upload-http-api", 201), ("upload-rest", 200), ("upload-function-url", 200), ("list", 200)]
    {
        for host in ["acme.packs.example", "ACME.Packs.Example"] {
            let response = api.send(&at(name, &json!(host))).await;
            assert!([200, status].contains(&response.status), "{name} at {host}: {}", response.body);
        }
        for host in [
            json!("pastdue.packs.example"),
            json!("packs.example"),
            json!("acme.packs.example.evil"),
            json!("x.acme.packs.example"),
            json!("acmepacks.example"),
            json!("acme.packs.example:443"),
            json!("id.execute-api.eu-central-1.amazonaws.com"),
            json!(""),
            json!(null),
        ] {
            expect_denied(&api.send(&at(name, &host)).await, &format!("{name} at {host}"));
        }
    }
    expect_denied(&api.send(&at("get", &json!("packs.example"))).await, "even if the pack does not exist");
}

/// Clients can set any of these headers.
#[tokio::test]
async fn headers_cannot_change_the_host() {
    let api = api().await;
    let mut event = at("list", &json!("pastdue.packs.example"));
    for header in ["host", "x-forwarded-host", "forwarded", "x-original-host"] {
        event["headers"][header] = json!("acme.packs.example");
    }
    expect_denied(&api.send(&event).await, "headers");
    let mut event = at("list", &json!("acme.packs.example"));
    for header in ["host", "x-forwarded-host"] {
        event["headers"][header] = json!("pastdue.packs.example");
    }
    assert_eq!(api.send(&event).await.status, 200);
}

/// Unauthenticated callers learn nothing about hosts, and callers that use a wrong host learn nothing about billing.
#[tokio::test]
async fn the_host_is_checked_after_the_credential_and_before_billing() {
    let api = api().await;
    let mut event = request("GET", "/v1/packs");
    event["requestContext"]["domainName"] = json!("nobody.packs.example");
    assert_eq!(api.send(&event).await.code(), (401, "unauthenticated"));
    event["rawPath"] = json!("/nowhere");
    assert_eq!(api.send(&event).await.code(), (404, "not_found"));

    let secret = secret("pastdue", KeyTemplate::FullAccess);
    let foreign = with_credential(at("upload-http-api", &json!("acme.packs.example")), secret.reveal());
    assert_eq!(api.send(&foreign).await.code(), (403, "permission_denied"));
    let own = with_credential(at("upload-http-api", &json!("pastdue.packs.example")), secret.reveal());
    assert_eq!(api.send(&own).await.code(), (423, "billing_inactive"));
}

#[tokio::test]
async fn without_a_base_domain_every_host_serves_every_org() {
    let api = TestApi::start().await;
    for host in [json!("pastdue.packs.example"), json!(null)] {
        assert_eq!(api.send(&at("list", &host)).await.status, 200, "{host}");
    }
}
