use serde_json::{Value, json};

use super::{
    ApiResponse, event,
    issuer::{AUDIENCE, ISSUER, Issuer, Key, base64, claims, hmac_token, now},
    listed, request, send,
    test_api::{TestApi, form, upload, with_credential},
};

/// Returns valid claims with `changes` applied. A null value removes the claim.
pub(crate) fn claims_with(changes: Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

pub(crate) fn header(algorithm: &str, kid: &str) -> Value {
    json!({"alg": algorithm, "kid": kid, "typ": "JWT"})
}

/// An issuer with one key of each type, and an API that accepts the issuer's sessions.
pub(crate) struct Setup {
    pub(crate) rsa: Key,
    pub(crate) ec: Key,
    pub(crate) ed: Key,
    pub(crate) issuer: Issuer,
    pub(crate) api: TestApi,
}

impl Setup {
    pub(crate) async fn new() -> Self {
        let (rsa, ec, ed) = (Key::rsa(), Key::ec(), Key::ed());
        let issuer = Issuer::start(json!([rsa.jwk("rsa"), ec.jwk("ec"), ed.jwk("ed")])).await;
        let api = TestApi::start_with(&issuer.settings()).await;
        Self { rsa, ec, ed, issuer, api }
    }

    pub(crate) async fn list(&self, claims: &Value) -> ApiResponse {
        self.api.list_as(&self.ec.token(&header("ES256", "ec"), claims)).await
    }

    /// Asserts that a request with this token gets the same response as a request without a credential.
    pub(crate) async fn expect_unauthenticated(&self, token: &str, why: &str) {
        let missing = send(&request("GET", "/v1/packs")).await;
        let rejected = self.api.list_as(token).await;
        assert_eq!((rejected.status, &rejected.body), (401, &missing.body), "{why}: {token}");
        assert_eq!(rejected.headers, missing.headers, "{why}");
    }
}

#[tokio::test]
async fn a_session_with_any_supported_algorithm_works_like_a_key() {
    let setup = Setup::new().await;
    for (key, algorithm, kid) in [(&setup.rsa, "RS256", "rsa"), (&setup.ec, "ES256", "ec"), (&setup.ed, "EdDSA", "ed")]
    {
        let token = key.token(&header(algorithm, kid), &claims());
        assert_eq!(setup.api.list_as(&token).await.status, 200, "{algorithm}");
    }
    assert_eq!(setup.issuer.fetches(), 1, "the keys are cached");

    let token = setup.ec.token(&header("ES256", "ec"), &claims());
    let created = setup.api.send(&with_credential(event("upload-http-api"), &token)).await;
    assert_eq!((created.status, &created.body["org_id"]), (201, &claims()["org_id"]), "{}", created.body);
    let by_key = setup.api.send(&event("list")).await;
    assert_eq!(by_key.body, json!({"packs": [listed(&created.body)]}));
}

#[tokio::test]
async fn a_session_needs_permission_and_active_billing_to_upload() {
    let setup = Setup::new().await;
    for (permissions, upload_status) in [
        (json!(["caps:write"]), 201),
        (json!(["caps:write", "caps:write", "from:the-future", ""]), 200),
        (json!(["workspace:read", "CAPS:WRITE", "caps:write ", "caps:*"]), 403),
        (json!([]), 403),
    ] {
        let token = setup.ec.token(&header("ES256", "ec"), &claims_with(json!({ "permissions": permissions })));
        let response = setup.api.send(&with_credential(event("upload-http-api"), &token)).await;
        assert_eq!(response.status, upload_status, "{permissions}: {}", response.body);
        assert_eq!(setup.api.list_as(&token).await.status, 200, "{permissions}");
    }
    let overdue = claims_with(json!({"org_id": "org_01JPASTDVE0000000000000000"}));
    let token = setup.ec.token(&header("ES256", "ec"), &overdue);
    let response = setup.api.send(&with_credential(upload(&form(&[])), &token)).await;
    assert_eq!(response.code(), (423, "billing_inactive"));
    assert_eq!(setup.api.list_as(&token).await.status, 200);
}

#[tokio::test]
async fn claims_are_checked_with_a_minute_of_leeway() {
    let setup = Setup::new().await;
    for (valid, why) in [
        (json!({"exp": now(-50)}), "expired within the leeway"),
        (json!({"nbf": now(55)}), "not yet valid within the leeway"),
        (json!({"nbf": null, "sub": null}), "no optional claims"),
        (json!({"exp": now(600) as f64 + 0.5}), "a fraction of a second"),
        (json!({"aud": ["other", AUDIENCE]}), "one of several audiences"),
        (json!({"iat": now(300), "jti": "x", "org_name": "Acme"}), "unknown claims"),
        (json!({"iat": now(-60), "exp": now(24 * 3_600 - 60)}), "valid for a day"),
    ] {
        assert_eq!(setup.list(&claims_with(valid)).await.status, 200, "{why}");
    }
    for (invalid, why) in [
        (json!({"iat": now(-60), "exp": now(24 * 3_600 - 59)}), "valid for more than a day"),
        (json!({"iat": null}), "no time of issue"),
        (json!({"iat": now(0).to_string()}), "iat is a string"),
        (json!({"exp": now(-62)}), "expired"),
        (json!({"exp": 0}), "expired long ago"),
        (json!({"exp": -1}), "expired before the epoch"),
        (json!({"exp": null}), "never expires"),
        (json!({"exp": now(600).to_string()}), "exp is a string"),
        (json!({"nbf": now(70)}), "not yet valid"),
        (json!({"nbf": "tomorrow"}), "nbf is a string"),
        (json!({"iss": "https://id.example"}), "another issuer"),
        (json!({"iss": format!("{ISSUER}x")}), "an issuer with the same prefix"),
        (json!({"iss": null}), "no issuer"),
        (json!({"iss": [ISSUER]}), "a list of issuers"),
        (json!({"iss": [ISSUER, "https://id.example"]}), "a list of several issuers"),
        (json!({"aud": "other"}), "another audience"),
        (json!({"aud": ["other", "another"]}), "other audiences"),
        (json!({"aud": []}), "an empty audience"),
        (json!({"aud": null}), "no audience"),
        (json!({"org_id": null}), "no org"),
        (json!({"org_id": "acme"}), "an org's slug"),
        (json!({"org_id": "org_01jacme0000000000000000000"}), "an org's id in lower case"),
        (json!({"org_id": ["org_01JACME0000000000000000000"]}), "a list of orgs"),
        (json!({"org_id": "org_01JN0SVCH00000000000000000"}), "an unknown org"),
        (json!({"permissions": "caps:write"}), "permissions as a string"),
        (json!({"permissions": ["caps:write", 1]}), "a permission that is a number"),
    ] {
        setup.expect_unauthenticated(&setup.ec.token(&header("ES256", "ec"), &claims_with(invalid)), why).await;
    }
}

#[tokio::test]
async fn a_token_of_another_type_is_rejected() {
    let setup = Setup::new().await;
    let header = |typ: &str| json!({"alg": "ES256", "kid": "ec", "typ": typ});
    for typ in ["JWT", "jwt", "at+jwt", "AT+JWT"] {
        assert_eq!(setup.api.list_as(&setup.ec.token(&header(typ), &claims())).await.status, 200, "{typ}");
    }
    for typ in ["", "id_token+jwt", "logout+jwt", "dpop+jwt", "at+jwt2", "JWE"] {
        setup.expect_unauthenticated(&setup.ec.token(&header(typ), &claims()), typ).await;
    }
}

#[tokio::test]
async fn a_session_is_rejected_if_no_issuer_is_configured() {
    let ec = Key::ec();
    let issuer = Issuer::start(json!([ec.jwk("ec")])).await;
    let setup = Setup { rsa: Key::rsa(), ed: Key::ed(), ec, issuer, api: TestApi::start().await };
    setup.expect_unauthenticated(&setup.ec.token(&header("ES256", "ec"), &claims()), "no issuer").await;
    assert_eq!(setup.issuer.fetches(), 0);
}

#[tokio::test]
async fn only_signing_keys_are_used() {
    let (ec, ed) = (Key::ec(), Key::ed());
    let with = |name: &str, value: Value| {
        let mut jwk = ec.jwk(&format!("{name}={value}"));
        jwk[name] = value;
        jwk
    };
    let keys = json!([
        "no key", 7, null, {}, {"kty": "oct", "kid": "oct", "k": base64(b"secret")}, {"kty": "AKP", "kid": "pq"},
        with("use", json!("enc")), with("alg", json!("ES384")), with("key_ops", json!(["sign"])),
        with("kty", json!("OKP")), with("crv", json!("P-384")), with("x", json!("?")), with("kid", json!(7)),
        with("use", json!("sig")), with("alg", json!("ES256")), with("key_ops", json!(["verify"])), ed.jwk("ed"),
    ]);
    let issuer = Issuer::start(keys).await;
    let api = TestApi::start_with(&issuer.settings()).await;
    for kid in [r#"use="sig""#, r#"alg="ES256""#, r#"key_ops=["verify"]"#] {
        assert_eq!(api.list_as(&ec.token(&header("ES256", kid), &claims())).await.status, 200, "{kid}");
    }
    assert_eq!(api.list_as(&ed.token(&header("EdDSA", "ed"), &claims())).await.status, 200);
    for kid in [r#"use="enc""#, r#"alg="ES384""#, r#"key_ops=["sign"]"#, r#"kty="OKP""#, r#"crv="P-384""#, r#"x="?""#] {
        let token = ec.token(&header("ES256", kid), &claims());
        assert_eq!(api.list_as(&token).await.code(), (401, "unauthenticated"), "{kid}");
    }
    let hmac = hmac_token(b"secret", &header("HS256", "oct"), &claims());
    assert_eq!(api.list_as(&hmac).await.code(), (401, "unauthenticated"));
}
