//! Tests for the credential cache: when revocations, new keys and billing changes take effect.

use std::time::{Duration, Instant};

use pack_upload::{
    identity::{ApiKey, Billing, Directory as _, KeySecret, KeyTemplate, Org, Settings},
    records::{OrgId, Timestamp},
};
use serde_json::json;

use super::{
    issuer::{ACME, Issuer, Key, claims},
    request, send,
    test_api::{TestApi, form, secret, upload, with_credential},
};

/// The cache duration: long enough for a few requests.
const CACHE_FOR: Duration = Duration::from_millis(1_500);

fn acme() -> OrgId {
    ACME.parse().unwrap()
}

fn cached(cache_for: Duration) -> Settings {
    Settings { cache_for, ..Settings::default() }
}

async fn new_key(api: &TestApi) -> (KeySecret, ApiKey) {
    let secret = KeySecret::new(acme(), [7; 32]);
    let key = ApiKey {
        hash: secret.hash(),
        template: KeyTemplate::FullAccess,
        created_at: Timestamp::now(),
        revoked_at: None,
    };
    assert!(api.table.create_api_key(acme(), &key, "tester").await.unwrap());
    (secret, key)
}

#[tokio::test]
async fn a_revoked_key_is_rejected_like_an_unknown_one_once_the_cache_expires() {
    let api = TestApi::start_with(&cached(CACHE_FOR)).await;
    let (secret, key) = new_key(&api).await;
    let asked_at = Instant::now();
    assert_eq!(api.list_as(secret.reveal()).await.status, 200);
    assert!(api.table.revoke_api_key(acme(), &key, Timestamp::now(), "tester").await.unwrap());
    assert_eq!(api.list_as(secret.reveal()).await.status, 200, "it is cached");
    assert!(asked_at.elapsed() < CACHE_FOR, "the requests took longer than the cache duration");
    // Using a cached key does not extend its lifetime in the cache.
    while asked_at.elapsed() < CACHE_FOR {
        api.list_as(secret.reveal()).await;
    }
    let revoked = api.list_as(secret.reveal()).await;
    let unknown = api.list_as(KeySecret::new(acme(), [8; 32]).reveal()).await;
    let missing = send(&request("GET", "/v1/packs")).await;
    for rejected in [&revoked, &unknown] {
        assert_eq!((rejected.status, &rejected.headers, &rejected.body), (401, &missing.headers, &missing.body));
    }
    assert_eq!(revoked.header("www-authenticate"), Some("Bearer"));
}

#[tokio::test]
async fn without_a_cache_a_revocation_takes_effect_immediately() {
    let api = TestApi::start_with(&cached(Duration::ZERO)).await;
    let (secret, key) = new_key(&api).await;
    assert_eq!(api.list_as(secret.reveal()).await.status, 200);
    assert!(api.table.revoke_api_key(acme(), &key, Timestamp::now(), "tester").await.unwrap());
    assert_eq!(api.list_as(secret.reveal()).await.code(), (401, "unauthenticated"));
}

/// The cache does not store unknown keys.
#[tokio::test]
async fn a_new_key_works_immediately_even_if_it_was_used_before_it_existed() {
    let api = TestApi::start_with(&cached(Settings::MAX_CACHE)).await;
    let too_early = api.list_as(KeySecret::new(acme(), [7; 32]).reveal()).await;
    assert_eq!(too_early.code(), (401, "unauthenticated"));
    let (secret, _) = new_key(&api).await;
    assert_eq!(api.list_as(secret.reveal()).await.status, 200);
}

#[tokio::test]
async fn a_billing_change_takes_effect_once_the_cache_expires() {
    let key = Key::ec();
    let issuer = Issuer::start(json!([key.jwk("1")])).await;
    let api = TestApi::start_with(&Settings { cache_for: CACHE_FOR, ..issuer.settings() }).await;
    let session = key.token(&json!({"alg": "ES256", "kid": "1"}), &claims());
    let secret = secret("acme", KeyTemplate::FullAccess);
    let empty = form(&[]);
    let expect = async |status: u16, why: &str| {
        for credential in [session.as_str(), secret.reveal()] {
            let response = api.send(&with_credential(upload(&empty), credential)).await;
            assert_eq!(response.status, status, "{why}: {}", response.body);
        }
    };
    let asked_at = Instant::now();
    expect(400, "billing is active").await;
    let org = Org { billing: Billing::PastDue, ..api.table.org(acme()).await.unwrap().unwrap() };
    assert!(api.table.set_billing(&org, "tester", Timestamp::now()).await.unwrap());
    expect(400, "it is cached").await;
    assert!(asked_at.elapsed() < CACHE_FOR, "the requests took longer than the cache duration");
    tokio::time::sleep(CACHE_FOR).await;
    expect(423, "the cache expired").await;
}
