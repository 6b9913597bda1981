//! Tests for AuthKit's access tokens and keys, as documented by WorkOS.

use pack_upload::identity::Settings;
use serde_json::{Value, json};

use super::{
    event,
    issuer::{ISSUER, Issuer, Key, claims, now},
    sessions::Setup,
    test_api::{TestApi, with_credential},
};

/// Returns the claims of an access token without a JWT template.
fn default_claims() -> Value {
    json!({
        "iss": ISSUER,
        "sub": "user_01HBEQKA6K4QJAS93VPE39W1JT",
        "act": {"sub": "admin@example.com"},
        "org_id": claims()["org_id"],
        "role": "member",
        "permissions": ["caps:write", "workspace:read"],
        "entitlements": ["audit-logs"],
        "sid": "session_01HQSXZGF8FHF7A9ZZFCW4387R",
        "jti": "01HQSXZXPPFPKMDD32RKTFY6PV",
        "exp": now(300),
        "iat": now(0),
    })
}

/// Returns the claims of an access token whose JWT template adds an audience, a start time and a custom claim.
fn templated_claims() -> Value {
    let mut claims = default_claims();
    for (name, value) in [("aud", json!("other")), ("nbf", json!(now(0))), ("org_name", json!("Acme"))] {
        claims[name] = value;
    }
    claims
}

/// Returns the keys of a key set as WorkOS serves it at `/sso/jwks/<client id>`.
fn key_set(key: &Key) -> Value {
    let Value::Object(jwk) = key.jwk("sso_oidc_key_pair_01HBEQKA6K4QJAS93VPE39W1JT") else { unreachable!() };
    json!([{
        "alg": "RS256",
        "kty": "RSA",
        "use": "sig",
        "x5c": ["MIIDQjCCAiqgAwIBAgIGATz/FuLiMA0GCSqGSIb3DQEBBQUAMGIxCzAJB"],
        "n": jwk["n"],
        "e": jwk["e"],
        "kid": jwk["kid"],
        "x5t#S256": "ZjQzYjI0OTQyMzA3MjA2M2Q1NDJiODE3MDhlNzFjMGYwMDk0NjY3Mw",
    }])
}

fn without_audience(issuer: &Issuer) -> Settings {
    let mut settings = issuer.settings();
    settings.sessions.as_mut().unwrap().audience = None;
    settings
}

#[tokio::test]
async fn an_access_token_can_upload_a_pack_with_or_without_a_jwt_template() {
    let key = Key::rsa();
    let keys = key_set(&key);
    let issuer = Issuer::start(keys.clone()).await;
    let api = TestApi::start_with(&without_audience(&issuer)).await;
    let header = json!({"alg": "RS256", "kid": keys[0]["kid"]});
    for (claims, status) in [(default_claims(), 201), (templated_claims(), 200)] {
        let upload = with_credential(event("upload-http-api"), &key.token(&header, &claims));
        let response = api.send(&upload).await;
        assert_eq!((response.status, &response.body["org_id"]), (status, &claims["org_id"]), "{}", response.body);
    }

    let mut unprivileged = default_claims();
    unprivileged.as_object_mut().unwrap().remove("permissions");
    let token = key.token(&header, &unprivileged);
    let rejected = api.send(&with_credential(event("upload-http-api"), &token)).await;
    assert_eq!(rejected.code(), (403, "permission_denied"));
    assert_eq!(api.list_as(&token).await.status, 200);
}

#[tokio::test]
async fn a_token_without_an_audience_is_rejected_if_one_is_configured() {
    let setup = Setup::new().await;
    let token = |claims: &Value| setup.ec.token(&json!({"alg": "ES256", "kid": "ec"}), claims);
    setup.expect_unauthenticated(&token(&default_claims()), "no audience").await;
    setup.expect_unauthenticated(&token(&templated_claims()), "another audience").await;
}
