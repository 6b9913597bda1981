//! Tests for fetching and caching the session issuer's keys.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{
    issuer::{Issuer, Key, claims},
    test_api::TestApi,
};

/// The refresh pause or the cache duration, depending on the test: long enough for several requests.
const PAUSE: Duration = Duration::from_millis(1_500);

fn token(key: &Key, kid: &str) -> String {
    key.token(&json!({"alg": "ES256", "kid": kid}), &claims())
}

#[tokio::test]
async fn sessions_get_a_503_while_the_jwks_cannot_be_fetched() {
    let key = Key::ec();
    let issuer = Issuer::start(json!([key.jwk("1")])).await;
    let settings = issuer.settings_with(|jwks| {
        jwks.timeout = Duration::from_millis(300);
        jwks.retry_pause = Duration::ZERO;
    });
    let api = TestApi::start_with(&settings).await;
    let valid = json!({"keys": [key.jwk("1")]}).to_string();
    for (status, body, delay, why) in [
        (500, valid.clone(), 0, "an error"),
        (404, valid.clone(), 0, "not found"),
        (302, valid.clone(), 0, "a redirect"),
        (200, valid.clone(), 60_000, "too slow"),
        (200, "<html>".to_owned(), 0, "not JSON"),
        (200, "{}".to_owned(), 0, "not a JWKS"),
        (200, json!({"keys": {}, "padding": valid}).to_string(), 0, "`keys` is not a list"),
        (200, format!("{valid}{}", " ".repeat(300_000)), 0, "too long"),
    ] {
        issuer.respond_with(status, body, Duration::from_millis(delay));
        let began = Instant::now();
        let response = api.list_as(&token(&key, "1")).await;
        assert_eq!(response.code(), (503, "unavailable"), "{why}");
        assert_eq!(response.header("retry-after"), Some("2"), "{why}");
        assert!(!response.body.to_string().contains("127.0.0.1"), "{why}: an internal address leaks");
        assert!(began.elapsed() < Duration::from_secs(5), "{why}");
    }
    issuer.rotate(json!([key.jwk("1")]));
    assert_eq!(api.list_as(&token(&key, "1")).await.status, 200);

    // API keys do not depend on the issuer.
    issuer.respond_with(500, "", Duration::ZERO);
    assert_eq!(api.send(&super::event("list")).await.status, 200);
}

#[tokio::test]
async fn sessions_get_a_503_if_the_issuer_is_unreachable() {
    let issuer = Issuer::start(json!([])).await;
    let settings = issuer.settings_with(|jwks| jwks.url = "http://127.0.0.1:1/jwks".parse().unwrap());
    let api = TestApi::start_with(&settings).await;
    for _ in 0..3 {
        assert_eq!(api.list_as(&token(&Key::ec(), "1")).await.code(), (503, "unavailable"));
    }
}

#[tokio::test]
async fn a_new_key_is_found_after_the_pause_and_unknown_ids_cause_no_extra_fetch() {
    let (old, new) = (Key::ec(), Key::ec());
    let issuer = Issuer::start(json!([old.jwk("old")])).await;
    let api = TestApi::start_with(&issuer.settings_with(|jwks| jwks.refresh_pause = PAUSE)).await;
    let began = Instant::now();
    assert_eq!(api.list_as(&token(&old, "old")).await.status, 200);
    issuer.rotate(json!([old.jwk("old"), new.jwk("new")]));
    for kid in ["made-up-1", "new", "made-up-2", "new"] {
        assert_eq!(api.list_as(&token(&new, kid)).await.code(), (401, "unauthenticated"), "{kid}");
    }
    assert_eq!(api.list_as(&token(&old, "old")).await.status, 200);
    assert!(began.elapsed() < PAUSE, "the requests took longer than the pause");
    assert_eq!(issuer.fetches(), 1);

    tokio::time::sleep(PAUSE).await;
    assert_eq!(api.list_as(&token(&new, "new")).await.status, 200);
    assert_eq!(api.list_as(&token(&old, "old")).await.status, 200);
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn known_keys_remain_usable_while_the_issuer_is_down() {
    let key = Key::ec();
    let issuer = Issuer::start(json!([key.jwk("1")])).await;
    let api = TestApi::start_with(&issuer.settings_with(|jwks| jwks.refresh_pause = PAUSE)).await;
    assert_eq!(api.list_as(&token(&key, "1")).await.status, 200);
    issuer.respond_with(500, "", Duration::ZERO);
    tokio::time::sleep(PAUSE).await;
    for _ in 0..5 {
        assert_eq!(api.list_as(&token(&key, "2")).await.code(), (503, "unavailable"), "the key may exist");
        assert_eq!(api.list_as(&token(&key, "1")).await.status, 200);
    }
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn a_withdrawn_key_is_rejected_once_the_cache_expires() {
    let (old, new) = (Key::ec(), Key::ec());
    let issuer = Issuer::start(json!([old.jwk("old")])).await;
    let settings = issuer.settings_with(|jwks| (jwks.keep_for, jwks.retry_pause) = (PAUSE, Duration::ZERO));
    let api = TestApi::start_with(&settings).await;
    assert_eq!(api.list_as(&token(&old, "old")).await.status, 200);
    issuer.rotate(json!([new.jwk("new")]));
    tokio::time::sleep(PAUSE).await;
    assert_eq!(api.list_as(&token(&old, "old")).await.code(), (401, "unauthenticated"));
    assert_eq!(api.list_as(&token(&new, "new")).await.status, 200);
}

#[tokio::test]
async fn concurrent_requests_fetch_the_keys_once() {
    let key = Key::ec();
    let issuer = Issuer::start(json!([key.jwk("1")])).await;
    issuer.respond_with(200, json!({"keys": [key.jwk("1")]}).to_string(), Duration::from_millis(100));
    let api = TestApi::start_with(&issuer.settings()).await;
    let token = token(&key, "1");
    let responses = futures_util::future::join_all((0..20).map(|_| api.list_as(&token))).await;
    assert!(responses.iter().all(|response| response.status == 200));
    assert_eq!(issuer.fetches(), 1);
}
