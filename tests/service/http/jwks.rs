use std::time::{Duration, Instant};

use serde_json::json;

use super::{
    backend::Backend,
    issuer::{Issuer, Key, claims},
};

/// Longer than a request takes, shorter than a test may.
const PAUSE: Duration = Duration::from_millis(1_500);

fn token(key: &Key, kid: &str) -> String {
    key.token(&json!({"alg": "ES256", "kid": kid}), &claims())
}

#[tokio::test]
async fn keys_that_cannot_be_had_are_unavailable_until_they_can() {
    let key = Key::ec();
    let issuer = Issuer::start(json!([key.jwk("1")])).await;
    let settings = issuer.settings_with(|jwks| {
        jwks.timeout = Duration::from_millis(300);
        jwks.retry_pause = Duration::ZERO;
    });
    let backend = Backend::start_with(&settings).await;
    let good = json!({"keys": [key.jwk("1")]}).to_string();
    for (status, body, delay, why) in [
        (500, good.clone(), 0, "an error"),
        (404, good.clone(), 0, "not there"),
        (302, good.clone(), 0, "a redirect"),
        (200, good.clone(), 60_000, "too slow"),
        (200, "<html>".to_owned(), 0, "no JSON"),
        (200, "{}".to_owned(), 0, "no set of keys"),
        (200, json!({"keys": {}, "padding": good}).to_string(), 0, "no list of keys"),
        (200, format!("{good}{}", " ".repeat(300_000)), 0, "too long"),
    ] {
        issuer.answer(status, body, Duration::from_millis(delay));
        let began = Instant::now();
        let answer = backend.list_as(&token(&key, "1")).await;
        assert_eq!(answer.code(), (503, "unavailable"), "{why}");
        assert_eq!(answer.header("retry-after"), Some("2"), "{why}");
        assert!(!answer.body.to_string().contains("127.0.0.1"), "{why}: the inside leaks");
        assert!(began.elapsed() < Duration::from_secs(5), "{why}");
    }
    issuer.rotate(json!([key.jwk("1")]));
    assert_eq!(backend.list_as(&token(&key, "1")).await.status, 200);

    // API keys do not depend on the issuer.
    issuer.answer(500, "", Duration::ZERO);
    assert_eq!(backend.answer(&super::event("list")).await.status, 200);
}

#[tokio::test]
async fn an_issuer_that_nobody_listens_for_is_unavailable() {
    let issuer = Issuer::start(json!([])).await;
    let settings = issuer.settings_with(|jwks| jwks.url = "http://127.0.0.1:1/jwks".parse().unwrap());
    let backend = Backend::start_with(&settings).await;
    for _ in 0..3 {
        assert_eq!(backend.list_as(&token(&Key::ec(), "1")).await.code(), (503, "unavailable"));
    }
}

#[tokio::test]
async fn a_new_key_is_found_and_made_up_ones_do_not_flood_the_issuer() {
    let (old, new) = (Key::ec(), Key::ec());
    let issuer = Issuer::start(json!([old.jwk("old")])).await;
    let backend = Backend::start_with(&issuer.settings_with(|jwks| jwks.refresh_pause = PAUSE)).await;
    let began = Instant::now();
    assert_eq!(backend.list_as(&token(&old, "old")).await.status, 200);
    issuer.rotate(json!([old.jwk("old"), new.jwk("new")]));
    for kid in ["made-up-1", "new", "made-up-2", "new"] {
        assert_eq!(backend.list_as(&token(&new, kid)).await.code(), (401, "unauthenticated"), "{kid}");
    }
    assert_eq!(backend.list_as(&token(&old, "old")).await.status, 200);
    assert!(began.elapsed() < PAUSE, "too slow to tell");
    assert_eq!(issuer.fetches(), 1);

    tokio::time::sleep(PAUSE).await;
    assert_eq!(backend.list_as(&token(&new, "new")).await.status, 200);
    assert_eq!(backend.list_as(&token(&old, "old")).await.status, 200);
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn while_the_issuer_is_down_known_keys_go_on_and_unknown_ones_are_asked_for_once() {
    let key = Key::ec();
    let issuer = Issuer::start(json!([key.jwk("1")])).await;
    let backend = Backend::start_with(&issuer.settings_with(|jwks| jwks.refresh_pause = PAUSE)).await;
    assert_eq!(backend.list_as(&token(&key, "1")).await.status, 200);
    issuer.answer(500, "", Duration::ZERO);
    tokio::time::sleep(PAUSE).await;
    for _ in 0..5 {
        assert_eq!(backend.list_as(&token(&key, "2")).await.code(), (503, "unavailable"), "nobody can tell");
        assert_eq!(backend.list_as(&token(&key, "1")).await.status, 200);
    }
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn a_withdrawn_key_is_not_accepted_for_long() {
    let (old, new) = (Key::ec(), Key::ec());
    let issuer = Issuer::start(json!([old.jwk("old")])).await;
    let settings = issuer.settings_with(|jwks| (jwks.keep_for, jwks.retry_pause) = (PAUSE, Duration::ZERO));
    let backend = Backend::start_with(&settings).await;
    assert_eq!(backend.list_as(&token(&old, "old")).await.status, 200);
    issuer.rotate(json!([new.jwk("new")]));
    tokio::time::sleep(PAUSE).await;
    assert_eq!(backend.list_as(&token(&old, "old")).await.code(), (401, "unauthenticated"));
    assert_eq!(backend.list_as(&token(&new, "new")).await.status, 200);
}

#[tokio::test]
async fn many_at_once_fetch_the_keys_once() {
    let key = Key::ec();
    let issuer = Issuer::start(json!([key.jwk("1")])).await;
    issuer.answer(200, json!({"keys": [key.jwk("1")]}).to_string(), Duration::from_millis(100));
    let backend = Backend::start_with(&issuer.settings()).await;
    let token = token(&key, "1");
    let answers = futures_util::future::join_all((0..20).map(|_| backend.list_as(&token))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(issuer.fetches(), 1);
}
