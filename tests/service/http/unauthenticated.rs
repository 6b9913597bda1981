use serde_json::json;

use super::{request, send};

const KEY: &str = "sk_01JACME0000000000000000000_MeMq55wWA5iTs_19g1kkfrVItA08EtX5udwGHSs5WXg";

#[tokio::test]
async fn every_invalid_credential_gets_the_same_response() {
    let missing = send(&request("GET", "/v1/packs")).await;
    assert_eq!(missing.code(), (401, "unauthenticated"));
    assert_eq!(missing.header("www-authenticate"), Some("Bearer"));
    let lower_case_org = KEY.to_lowercase();
    for authorization in [
        "",
        "Bearer",
        "Bearer ",
        KEY,
        &format!("Basic {KEY}"),
        &format!("Bearer{KEY}"),
        &format!("Bearer {KEY}, Bearer {KEY}"),
        &format!("Bearer {lower_case_org}"),
        &format!("Bearer {KEY}A"),
        &format!("Bearer {}", &KEY[..KEY.len() - 1]),
        &format!("Bearer {}", KEY.replace("sk_", "SK_")),
        "Bearer sk_",
        "Bearer sk__",
        "Bearer sk_01JACME0000000000000000000_",
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZSJ9.",
    ] {
        let mut event = request("GET", "/v1/packs");
        event["headers"]["authorization"] = json!(authorization);
        let response = send(&event).await;
        assert_eq!((response.status, &response.body), (missing.status, &missing.body), "{authorization}");
        assert_eq!(response.header("www-authenticate"), Some("Bearer"), "{authorization}");
    }
}

/// The request is rejected even if its `Authorization` header contains a valid credential.
#[tokio::test]
async fn a_credential_in_the_url_is_rejected() {
    for query in [
        &*format!("access_token={KEY}"),
        &format!("name={KEY}"),
        KEY,
        "token=secret",
        "API_KEY=secret",
        "limit=1&cursor=eyJhbGciOiJub25lIn0",
    ] {
        let mut event = request("GET", "/v1/packs");
        event["headers"]["authorization"] = json!(format!("Bearer {KEY}"));
        event["rawQueryString"] = json!(query);
        let response = send(&event).await;
        assert_eq!(response.code(), (401, "unauthenticated"), "{query}");
        assert_eq!(response.header("www-authenticate"), Some("Bearer"), "{query}");
        assert!(!response.body.to_string().contains(KEY), "{query}");
    }
}
