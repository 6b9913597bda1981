use std::time::{Duration, Instant};

use pack_upload::{
    identity::{ApiKey, Billing, KeySecret, KeyTemplate, Settings},
    records::{OrgId, Timestamp},
};
use serde_json::json;

use super::{
    answer,
    backend::{Backend, form, secret, upload, with_credential},
    issuer::{ACME, Issuer, Key, claims},
    request,
};

/// Longer than a few requests take, shorter than a test may.
const CACHE_FOR: Duration = Duration::from_millis(1_500);

fn acme() -> OrgId {
    ACME.parse().unwrap()
}

fn cached(cache_for: Duration) -> Settings {
    Settings { cache_for, ..Settings::default() }
}

async fn new_key(backend: &Backend) -> (KeySecret, ApiKey) {
    let secret = KeySecret::new(acme(), [7; 32]);
    let key = ApiKey {
        hash: secret.hash(),
        template: KeyTemplate::FullAccess,
        created_at: Timestamp::now(),
        revoked_at: None,
    };
    assert!(backend.table.create_api_key(acme(), &key, "tester").await.unwrap());
    (secret, key)
}

#[tokio::test]
async fn a_revoked_key_looks_unknown_as_soon_as_it_is_forgotten() {
    let backend = Backend::start_with(&cached(CACHE_FOR)).await;
    let (secret, key) = new_key(&backend).await;
    let asked_at = Instant::now();
    assert_eq!(backend.list_as(secret.reveal()).await.status, 200);
    assert!(backend.table.revoke_api_key(acme(), &key, Timestamp::now(), "tester").await.unwrap());
    assert_eq!(backend.list_as(secret.reveal()).await.status, 200, "it is remembered");
    assert!(asked_at.elapsed() < CACHE_FOR, "too slow to tell");
    // Being used does not keep it alive.
    while asked_at.elapsed() < CACHE_FOR {
        backend.list_as(secret.reveal()).await;
    }
    let revoked = backend.list_as(secret.reveal()).await;
    let unknown = backend.list_as(KeySecret::new(acme(), [8; 32]).reveal()).await;
    let missing = answer(&request("GET", "/v1/packs")).await;
    for refused in [&revoked, &unknown] {
        assert_eq!((refused.status, &refused.headers, &refused.body), (401, &missing.headers, &missing.body));
    }
    assert_eq!(revoked.header("www-authenticate"), Some("Bearer"));
}

#[tokio::test]
async fn without_a_cache_a_revocation_takes_effect_at_once() {
    let backend = Backend::start_with(&cached(Duration::ZERO)).await;
    let (secret, key) = new_key(&backend).await;
    assert_eq!(backend.list_as(secret.reveal()).await.status, 200);
    assert!(backend.table.revoke_api_key(acme(), &key, Timestamp::now(), "tester").await.unwrap());
    assert_eq!(backend.list_as(secret.reveal()).await.code(), (401, "unauthenticated"));
}

/// What was not found is not remembered: a key works from the moment it is made.
#[tokio::test]
async fn a_new_key_works_at_once_although_it_was_tried_before() {
    let backend = Backend::start_with(&cached(Settings::MAX_CACHE)).await;
    let too_early = backend.list_as(KeySecret::new(acme(), [7; 32]).reveal()).await;
    assert_eq!(too_early.code(), (401, "unauthenticated"));
    let (secret, _) = new_key(&backend).await;
    assert_eq!(backend.list_as(secret.reveal()).await.status, 200);
}

#[tokio::test]
async fn billing_is_remembered_no_longer_than_that_for_keys_and_sessions() {
    let key = Key::ec();
    let issuer = Issuer::start(json!([key.jwk("1")])).await;
    let backend = Backend::start_with(&Settings { cache_for: CACHE_FOR, ..issuer.settings() }).await;
    let session = key.token(&json!({"alg": "ES256", "kid": "1"}), &claims());
    let secret = secret("acme", KeyTemplate::FullAccess);
    let empty = form(&[]);
    let expect = async |status: u16, why: &str| {
        for credential in [session.as_str(), secret.reveal()] {
            let answer = backend.answer(&with_credential(upload(&empty), credential)).await;
            assert_eq!(answer.status, status, "{why}: {}", answer.body);
        }
    };
    let asked_at = Instant::now();
    expect(400, "the org can pay").await;
    assert!(backend.table.set_billing(acme(), Billing::PastDue).await.unwrap());
    expect(400, "it is remembered").await;
    assert!(asked_at.elapsed() < CACHE_FOR, "too slow to tell");
    tokio::time::sleep(CACHE_FOR).await;
    expect(423, "it is forgotten").await;
}
