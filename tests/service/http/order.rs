use pack_upload::identity::KeyTemplate;
use serde_json::{Value, json};

use super::backend::{Backend, form, secret, upload};

/// A request with everything wrong with it, as this key's.
fn hopeless(slug: &str, template: KeyTemplate) -> Value {
    let mut event = upload(&vec![0; 4_600_000]);
    event["headers"]["content-type"] = json!("text/plain");
    event["rawQueryString"] = json!("dry_run=perhaps");
    event["headers"]["authorization"] = json!(format!("Bearer {}", secret(slug, template).reveal()));
    event
}

/// Nobody learns what they have no right to: each check hides those after it.
#[tokio::test]
async fn checks_come_in_their_order() {
    let backend = Backend::start().await;

    let mut event = hopeless("acme", KeyTemplate::ReadOnly);
    event["requestContext"]["http"]["method"] = json!("PUT");
    assert_eq!(backend.answer(&event).await.code(), (405, "method_not_allowed"));

    let mut event = hopeless("acme", KeyTemplate::FullAccess);
    event["headers"]["authorization"] =
        json!("Bearer sk_01JACME0000000000000000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    assert_eq!(backend.answer(&event).await.code(), (401, "unauthenticated"));

    for template in [KeyTemplate::ReadOnly, KeyTemplate::SubmitObserve] {
        for slug in ["acme", "pastdue"] {
            let answer = backend.answer(&hopeless(slug, template)).await;
            assert_eq!(answer.code(), (403, "permission_denied"));
            assert!(answer.body["error"]["message"].as_str().unwrap().contains("caps:write"));
        }
    }
    let answer = backend.answer(&hopeless("pastdue", KeyTemplate::FullAccess)).await;
    assert_eq!(answer.code(), (423, "billing_inactive"));
    let answer = backend.answer(&hopeless("acme", KeyTemplate::FullAccess)).await;
    assert_eq!(answer.code(), (415, "unsupported_media_type"));
}

#[tokio::test]
async fn an_archive_over_its_limit_outranks_what_is_not_valid() {
    let backend = Backend::start().await;
    let mut event = upload(&form(&[("note", b"?"), ("archive", &vec![0; 4_500_001])]));
    event["rawQueryString"] = json!("dry_run=perhaps");
    let answer = backend.answer(&event).await;
    assert_eq!(answer.code(), (413, "payload_too_large"));
    let larger = json!({"request": "POST /v1/packs/uploads", "value": 268_435_456});
    assert_eq!(
        answer.body["error"]["details"],
        json!({"limit": {"name": "compressed_bytes", "value": 4_500_000}, "larger": larger})
    );

    // A bomb is one however the form around it looks.
    let bomb = test_support::archive::gzip_at(&vec![0; 70 << 20], flate2::Compression::best());
    let answer = backend.upload(&[("note", b"?"), ("archive", &bomb)]).await;
    assert_eq!(answer.code(), (413, "payload_too_large"));
}
