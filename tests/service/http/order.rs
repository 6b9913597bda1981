//! Tests for the order of the upload checks.

use pack_upload::identity::KeyTemplate;
use serde_json::{Value, json};
use test_support::archive::{Archive, Header, SIZE};

use super::test_api::{TestApi, form, secret, upload};

/// Returns an upload with an invalid media type, size and query. The service checks these after the credential, its
/// permissions and the org's billing.
fn invalid_upload(slug: &str, template: KeyTemplate) -> Value {
    let mut event = upload(&vec![0; 4_600_000]);
    event["headers"]["content-type"] = json!("text/plain");
    event["rawQueryString"] = json!("dry_run=perhaps");
    event["headers"]["authorization"] = json!(format!("Bearer {}", secret(slug, template).reveal()));
    event
}

/// A caller must not learn more than its credential and permissions allow.
#[tokio::test]
async fn only_the_first_failed_check_is_reported() {
    let api = TestApi::start().await;

    let mut event = invalid_upload("acme", KeyTemplate::ReadOnly);
    event["requestContext"]["http"]["method"] = json!("PUT");
    assert_eq!(api.send(&event).await.code(), (405, "method_not_allowed"));

    let mut event = invalid_upload("acme", KeyTemplate::FullAccess);
    event["headers"]["authorization"] =
        json!("Bearer sk_01JACME0000000000000000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    assert_eq!(api.send(&event).await.code(), (401, "unauthenticated"));

    for template in [KeyTemplate::ReadOnly, KeyTemplate::SubmitObserve] {
        for slug in ["acme", "pastdue"] {
            let response = api.send(&invalid_upload(slug, template)).await;
            assert_eq!(response.code(), (403, "permission_denied"));
            assert!(response.body["error"]["message"].as_str().unwrap().contains("caps:write"));
        }
    }
    let response = api.send(&invalid_upload("pastdue", KeyTemplate::FullAccess)).await;
    assert_eq!(response.code(), (423, "billing_inactive"));
    let response = api.send(&invalid_upload("acme", KeyTemplate::FullAccess)).await;
    assert_eq!(response.code(), (415, "unsupported_media_type"));
}

#[tokio::test]
async fn an_oversized_archive_takes_precedence_over_validation_errors() {
    let api = TestApi::start().await;
    let mut event = upload(&form(&[("note", b"?"), ("archive", &vec![0; 4_500_001])]));
    event["rawQueryString"] = json!("dry_run=perhaps");
    let response = api.send(&event).await;
    assert_eq!(response.code(), (413, "payload_too_large"));
    let larger = json!({"request": "POST /v1/packs/uploads", "value": 268_435_456});
    assert_eq!(
        response.body["error"]["details"],
        json!({"limit": {"name": "compressed_bytes", "value": 4_500_000}, "larger": larger})
    );

    // A limit that is exceeded only when the archive is unpacked also takes precedence over problems in the form.
    let bomb = test_support::archive::gzip_at(&vec![0; 70 << 20], flate2::Compression::best());
    let response = api.upload(&[("note", b"?"), ("archive", &bomb)]).await;
    assert_eq!(response.code(), (413, "payload_too_large"));
}

#[tokio::test]
async fn an_upload_through_s3_is_suggested_only_for_an_entry_within_its_limits() {
    let api = TestApi::start().await;
    // In octal: 16 MiB plus one byte, and almost 8 GiB.
    for (size, fits) in [("100000001", true), ("77777777777", false)] {
        let header = Header::ustar("data/a").field(SIZE, format!("{size}\0"));
        let response = api.upload(&[("archive", &Archive::pack().header(header).tar_gz())]).await;
        assert_eq!(response.code(), (413, "payload_too_large"));
        let error = &response.body["error"];
        assert_eq!(error["details"].get("larger").is_some(), fits, "{error}");
        let message = error["message"].as_str().unwrap();
        assert_eq!(message.contains("POST /v1/packs/uploads"), fits, "{message}");
    }
}
