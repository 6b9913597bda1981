use pack_upload::{
    identity::KeyTemplate,
    records::{OrgId, Timestamp, UnknownUpload, UploadId},
};
use serde_json::{Value, json};

use super::{
    ApiResponse, request,
    test_api::{TestApi, secret, with_credential},
};

const SHA256: &str = "20492a4d0d84f8beb1767f6616229f85d44c2827b64bdbfb260ee12fa1109e0e";

/// Returns a request from acme to begin an upload, with this body.
pub(crate) fn begin(body: &str) -> Value {
    let mut event = request("POST", "/v1/packs/uploads");
    event["headers"]["content-type"] = json!("application/json");
    event["body"] = json!(body);
    event["isBase64Encoded"] = json!(false);
    with_credential(event, secret("acme", KeyTemplate::FullAccess).reveal())
}

async fn begun(api: &TestApi, size: impl Into<Value>) -> ApiResponse {
    let size: Value = size.into();
    api.send(&begin(&json!({"size_bytes": size, "sha256": SHA256}).to_string())).await
}

#[tokio::test]
async fn beginning_an_upload_returns_a_presigned_url_and_writes_nothing_to_s3() {
    let api = TestApi::start().await;
    let before = Timestamp::now();
    let response = begun(&api, 268_435_456).await;
    assert_eq!(response.status, 201, "{}", response.body);
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let text = |field: &str| response.body[field].as_str().unwrap();
    assert_eq!(text("method"), "PUT");
    let headers = json!({
        "content-length": "268435456",
        "content-type": "application/gzip",
        "x-amz-checksum-sha256": "IEkqTQ2E+L6xdn9mFiKfhdRMKCe2S9v7Jg7hL6EQng4=",
    });
    assert_eq!(response.body["headers"], headers);
    let key = format!("/uploads/org_01JACME0000000000000000000/{}.tar.gz", text("upload_id"));
    assert!(text("url").contains(&key) && text("url").contains("X-Amz-Expires=900"), "{}", text("url"));
    let expires_at: Timestamp = text("expires_at").parse().unwrap();
    assert!((899..=905).contains(&expires_at.since(before).as_secs()), "{}", text("expires_at"));
    let s3 = &api.embedded.clients.s3;
    let list = s3.list_objects_v2().bucket(&api.embedded.options.staging_bucket).send().await.unwrap();
    assert!(list.contents().is_empty());
    assert_ne!(begun(&api, 1.0).await.body["upload_id"], response.body["upload_id"]);
}

#[tokio::test]
async fn an_oversized_upload_is_rejected_before_it_is_sent() {
    let api = TestApi::start().await;
    for size in [json!(268_435_457), json!(u64::MAX), json!(1e30)] {
        let response = begun(&api, size).await;
        assert_eq!(response.code(), (413, "payload_too_large"));
        let limit = json!({"limit": {"name": "compressed_bytes", "value": 268_435_456}});
        assert_eq!(response.body["error"]["details"], limit);
    }
}

#[tokio::test]
async fn every_problem_in_the_body_is_reported() {
    const SIZE: &str = "must be the archive's size in bytes, an integer greater than 0";
    const HASH: &str = "must be the archive's SHA-256 as 64 lower-case hexadecimal digits, as `sha256sum` prints it";
    let api = TestApi::start().await;
    for (body, fields) in [
        ("{}".to_owned(), json!({"size_bytes": [SIZE], "sha256": [HASH]})),
        (format!(r#"{{"size_bytes": 0, "sha256": "{SHA256}"}}"#), json!({"size_bytes": [SIZE]})),
        (format!(r#"{{"size_bytes": 1.5, "sha256": "{SHA256}"}}"#), json!({"size_bytes": [SIZE]})),
        (
            format!(r#"{{"size_bytes": "1", "sha256": "{}"}}"#, &SHA256[1..]),
            json!({"size_bytes": [SIZE], "sha256": [HASH]}),
        ),
        (format!(r#"{{"size_bytes": 1, "sha256": "{}"}}"#, SHA256.to_uppercase()), json!({"sha256": [HASH]})),
        (
            format!(r#"{{"size_bytes": -1, "sha256": "{SHA256}", "a\u202eb": "x"}}"#),
            json!({
                "size_bytes": [SIZE],
                r"a\u{202e}b": ["is not a known key; the keys are `size_bytes` and `sha256`"],
            }),
        ),
        ("[]".to_owned(), json!({"body": ["must be a JSON object with the keys `size_bytes` and `sha256`"]})),
        (String::new(), json!({"body": ["is not valid JSON: EOF while parsing a value at line 1 column 0"]})),
    ] {
        assert_eq!(api.send(&begin(&body)).await.fields(), &fields, "{body}");
    }
    let mut event = begin("{}");
    event["rawQueryString"] = json!("dry_run=true");
    let problem = json!(["is not a query parameter of this request"]);
    assert_eq!(api.send(&event).await.fields()["dry_run"], problem);
}

#[tokio::test]
async fn only_the_first_failed_check_is_reported() {
    let api = TestApi::start().await;
    let invalid = |slug: &str, template| {
        let mut event = with_credential(begin("?"), secret(slug, template).reveal());
        event["headers"]["content-type"] = json!("multipart/form-data");
        event
    };
    let code = async |event: &Value| api.send(event).await.body["error"]["code"].clone();
    assert_eq!(code(&with_credential(begin("?"), "sk_nonsense")).await, "unauthenticated");
    assert_eq!(code(&invalid("pastdue", KeyTemplate::ReadOnly)).await, "permission_denied");
    assert_eq!(code(&invalid("pastdue", KeyTemplate::FullAccess)).await, "billing_inactive");
    assert_eq!(code(&invalid("acme", KeyTemplate::FullAccess)).await, "unsupported_media_type");
}

/// The expected id was computed independently of this code. The last 5 bytes of its ULID are the start of a SHA-256,
/// whose input is the org's id followed by the other 11 bytes of the ULID.
#[test]
fn an_upload_id_is_valid_for_one_org_and_a_limited_time() {
    let org = |text: &str| -> OrgId { text.parse().unwrap() };
    let (acme, globex) = (org("org_01JACME0000000000000000000"), org("org_01JG10BEX00000000000000000"));
    let at = |text: &str| -> Timestamp { text.parse().unwrap() };
    let id = "upload_01M86QP5D004HMASW9EC4E20Y4";
    let parsed = UploadId::parse(id, acme, at("2026-11-24T12:00:00.000Z")).unwrap();
    assert_eq!(parsed.to_string(), id);
    // The URL expires at 12:15. The upload can be submitted for another hour.
    assert_eq!(UploadId::parse(id, acme, at("2026-11-24T13:14:59.999Z")), Ok(parsed));
    assert_eq!(UploadId::parse(id, acme, at("2026-11-24T13:15:00.000Z")), Err(UnknownUpload));
    let now = at("2026-11-24T12:00:00.000Z");
    assert_eq!(UploadId::parse(id, globex, now), Err(UnknownUpload));
    // The time in the first id is out of range for `Timestamp`.
    for text in [
        "upload_7N26F4BBK0XM8FX400S5708HAC",
        "",
        "upload_",
        &id.to_lowercase(),
        &id["upload_".len()..],
        &id.replace("upload", "pack"),
    ] {
        assert_eq!(UploadId::parse(text, acme, now), Err(UnknownUpload), "{text}");
    }
    for index in "upload_".len()..id.len() {
        let other = if &id[index..=index] == "0" { "1" } else { "0" };
        let changed = format!("{}{other}{}", &id[..index], &id[index + 1..]);
        assert_eq!(UploadId::parse(&changed, acme, now), Err(UnknownUpload), "{changed}");
    }
}
