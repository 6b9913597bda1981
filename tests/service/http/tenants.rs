use pack_upload::identity::{KeyTemplate, Settings};
use serde_json::{Value, json};

use super::{
    Answer,
    backend::{Backend, secret, with_credential},
    event, request,
};

async fn backend() -> Backend {
    let base_domain = Some("packs.example".parse().unwrap());
    Backend::start_with(&Settings { base_domain, ..Settings::default() }).await
}

fn at(name: &str, host: &Value) -> Value {
    let mut event = event(name);
    event["requestContext"]["domainName"] = host.clone();
    event
}

#[track_caller]
fn assert_refused(answer: &Answer, why: &str) {
    assert_eq!(answer.code(), (403, "permission_denied"), "{why}");
    assert!(answer.body["error"]["message"].as_str().unwrap().contains("acme.packs.example"), "{}", answer.body);
}

#[tokio::test]
async fn only_the_host_of_the_callers_org_serves_them() {
    let backend = backend().await;
    for (name, status) in [("upload-http-api", 201), ("upload-rest", 200), ("upload-function-url", 200), ("list", 200)]
    {
        for host in ["acme.packs.example", "ACME.Packs.Example"] {
            let answer = backend.answer(&at(name, &json!(host))).await;
            assert!([200, status].contains(&answer.status), "{name} at {host}: {}", answer.body);
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
            assert_refused(&backend.answer(&at(name, &host)).await, &format!("{name} at {host}"));
        }
    }
    assert_refused(&backend.answer(&at("get", &json!("packs.example"))).await, "whether the pack is there or not");
}

/// They say whatever the client wants.
#[tokio::test]
async fn headers_do_not_make_a_host() {
    let backend = backend().await;
    let mut event = at("list", &json!("pastdue.packs.example"));
    for header in ["host", "x-forwarded-host", "forwarded", "x-original-host"] {
        event["headers"][header] = json!("acme.packs.example");
    }
    assert_refused(&backend.answer(&event).await, "headers");
    let mut event = at("list", &json!("acme.packs.example"));
    for header in ["host", "x-forwarded-host"] {
        event["headers"][header] = json!("pastdue.packs.example");
    }
    assert_eq!(backend.answer(&event).await.status, 200);
}

/// Who shows no credential learns nothing about hosts; who is refused for the host learns nothing about billing.
#[tokio::test]
async fn the_host_comes_after_the_credential_and_before_billing() {
    let backend = backend().await;
    let mut event = request("GET", "/v1/packs");
    event["requestContext"]["domainName"] = json!("nobody.packs.example");
    assert_eq!(backend.answer(&event).await.code(), (401, "unauthenticated"));
    event["rawPath"] = json!("/nowhere");
    assert_eq!(backend.answer(&event).await.code(), (404, "not_found"));

    let secret = secret("pastdue", KeyTemplate::FullAccess);
    let foreign = with_credential(at("upload-http-api", &json!("acme.packs.example")), secret.reveal());
    assert_eq!(backend.answer(&foreign).await.code(), (403, "permission_denied"));
    let own = with_credential(at("upload-http-api", &json!("pastdue.packs.example")), secret.reveal());
    assert_eq!(backend.answer(&own).await.code(), (423, "billing_inactive"));
}

#[tokio::test]
async fn without_a_base_domain_every_host_is_everybodys() {
    let backend = Backend::start().await;
    for host in [json!("pastdue.packs.example"), json!(null)] {
        assert_eq!(backend.answer(&at("list", &host)).await.status, 200, "{host}");
    }
}
