//! Tests for the events in `events/`, which other tests and scripts send.

use lambda_http::{Body, RequestExt, request::RequestContext};
use pack_upload::{
    aws::{Job, PurgeJob},
    identity::KeySecret,
};
use serde_json::json;

use super::event;

const UPLOADS: [&str; 5] =
    ["upload-http-api", "upload-rest", "upload-rest-stage", "upload-function-url", "upload-rest-text"];

/// Every upload event is a POST request with acme's API key.
#[test]
fn every_upload_event_parses_as_an_upload() {
    for name in UPLOADS {
        let event = event(name);
        let request = lambda_http::request::from_str(&event.to_string()).unwrap();
        assert_eq!(request.method(), "POST", "{name}");
        assert_eq!(request.raw_http_path(), "/v1/packs/upload", "{name}");
        let key = request.headers()["authorization"].to_str().unwrap().strip_prefix("Bearer ").unwrap();
        let secret: KeySecret = key.parse().unwrap();
        assert_eq!(secret.org_id().to_string(), "org_01JACME0000000000000000000", "{name}");
        let rest = matches!(request.request_context(), RequestContext::ApiGatewayV1(_));
        assert_eq!(rest, name.starts_with("upload-rest"), "{name}");
        let length: usize = request.headers()["content-length"].to_str().unwrap().parse().unwrap();
        match request.body() {
            Body::Binary(bytes) => assert_eq!(bytes.len(), length, "{name}"),
            Body::Text(text) => {
                assert_eq!(name, "upload-rest-text");
                assert!(text.contains(char::REPLACEMENT_CHARACTER));
            }
            other => panic!("{name} has the body {other:?}"),
        }
    }
}

#[test]
fn the_update_event_sets_a_visibility() {
    let request = lambda_http::request::from_str(&event("update").to_string()).unwrap();
    assert_eq!(
        (request.method().as_str(), request.raw_http_path()),
        ("PATCH", "/v1/packs/pack_01JACME1000000000000000000")
    );
    let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
    assert_eq!(body, serde_json::json!({"visibility": "community"}));
}

#[test]
fn the_delete_event_is_a_delete_request_for_a_pack() {
    let request = lambda_http::request::from_str(&event("delete").to_string()).unwrap();
    assert_eq!(
        (request.method().as_str(), request.raw_http_path()),
        ("DELETE", "/v1/packs/pack_01JACME1000000000000000000")
    );
}

/// CloudFront forwards the viewer's host and adds the origin secret. The source address in the request context is that
/// of CloudFront.
#[test]
fn an_event_from_cloudfront_has_the_host_of_the_org_and_the_origin_secret() {
    let event = event("list-cloudfront");
    let host = &event["requestContext"]["domainName"];
    assert_eq!([host, &event["headers"]["host"]], ["acme.packs.example.com"; 2]);
    assert!(event["headers"]["x-origin-secret"].is_string());
    let addresses = event["headers"]["x-forwarded-for"].as_str().unwrap();
    let (viewer, proxy) = addresses.split_once(", ").unwrap();
    assert_eq!((viewer, &event["requestContext"]["http"]["sourceIp"]), ("203.0.113.7", &json!(proxy)));
}

#[test]
fn a_rest_event_has_its_stage_only_in_the_request_context() {
    let event = event("upload-rest-stage");
    assert_eq!(event["requestContext"]["path"], "/prod/v1/packs/upload");
    assert_eq!(event["path"], "/v1/packs/upload");
}

#[test]
fn the_queue_events_contain_jobs_and_one_malformed_message() {
    let jobs = |name: &str| -> Vec<Result<Job, _>> {
        let event: aws_lambda_events::sqs::SqsEvent = serde_json::from_value(event(name)).unwrap();
        event.records.iter().map(|message| serde_json::from_str(message.body.as_deref().unwrap())).collect()
    };
    assert!(matches!(jobs("build-job")[..], [Ok(Job { attempt: 1, .. })]));
    assert!(matches!(jobs("build-batch")[..], [Ok(Job { attempt: 1, .. }), Err(_)]));
}

#[test]
fn the_purge_event_contains_a_purge_job() {
    let event: aws_lambda_events::sqs::SqsEvent = serde_json::from_value(event("purge-job")).unwrap();
    let [message] = &event.records[..] else { panic!("{event:?}") };
    let job: PurgeJob = serde_json::from_str(message.body.as_deref().unwrap()).unwrap();
    assert_eq!(job.pack_id.to_string(), "pack_01JACME1000000000000000000");
}

#[test]
fn the_requeue_event_is_an_eventbridge_scheduled_event() {
    let event: aws_lambda_events::cloudwatch_events::CloudWatchEvent =
        serde_json::from_value(event("requeue")).unwrap();
    assert_eq!(event.detail_type.as_deref(), Some("Scheduled Event"));
}
