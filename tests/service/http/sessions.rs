use serde_json::{Value, json};

use super::{
    Answer, answer,
    backend::{Backend, form, upload, with_credential},
    event,
    issuer::{AUDIENCE, ISSUER, Issuer, Key, base64, claims, hmac_token, message, now},
    request,
};

/// The claims with these instead; null takes one away.
fn claims_with(changes: Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

fn header(algorithm: &str, kid: &str) -> Value {
    json!({"alg": algorithm, "kid": kid, "typ": "JWT"})
}

/// An issuer with a key of each kind, and the API that accepts its sessions.
struct Setup {
    rsa: Key,
    ec: Key,
    ed: Key,
    issuer: Issuer,
    backend: Backend,
}

impl Setup {
    async fn new() -> Self {
        let (rsa, ec, ed) = (Key::rsa(), Key::ec(), Key::ed());
        let issuer = Issuer::start(json!([rsa.jwk("rsa"), ec.jwk("ec"), ed.jwk("ed")])).await;
        let backend = Backend::start_with(&issuer.settings()).await;
        Self { rsa, ec, ed, issuer, backend }
    }

    async fn list(&self, claims: &Value) -> Answer {
        self.backend.list_as(&self.ec.token(&header("ES256", "ec"), claims)).await
    }

    /// Fails unless the token looks from outside as if there were none.
    async fn refuses(&self, token: &str, why: &str) {
        let missing = answer(&request("GET", "/v1/packs")).await;
        let refused = self.backend.list_as(token).await;
        assert_eq!((refused.status, &refused.body), (401, &missing.body), "{why}: {token}");
        assert_eq!(refused.headers, missing.headers, "{why}");
    }
}

#[tokio::test]
async fn a_session_of_each_algorithm_does_what_a_key_does() {
    let setup = Setup::new().await;
    for (key, algorithm, kid) in [(&setup.rsa, "RS256", "rsa"), (&setup.ec, "ES256", "ec"), (&setup.ed, "EdDSA", "ed")]
    {
        let token = key.token(&header(algorithm, kid), &claims());
        assert_eq!(setup.backend.list_as(&token).await.status, 200, "{algorithm}");
    }
    assert_eq!(setup.issuer.fetches(), 1, "the keys are kept");

    let token = setup.ec.token(&header("ES256", "ec"), &claims());
    let created = setup.backend.answer(&with_credential(event("upload-http-api"), &token)).await;
    assert_eq!((created.status, &created.body["org_id"]), (201, &claims()["org_id"]), "{}", created.body);
    let by_key = setup.backend.answer(&event("list")).await;
    assert_eq!(by_key.body, json!({"packs": [created.body]}));
}

#[tokio::test]
async fn a_session_may_what_its_permissions_say_and_its_org_can_pay_for() {
    let setup = Setup::new().await;
    for (permissions, upload_status) in [
        (json!(["caps:write"]), 201),
        (json!(["caps:write", "caps:write", "from:the-future", ""]), 200),
        (json!(["workspace:read", "CAPS:WRITE", "caps:write ", "caps:*"]), 403),
        (json!([]), 403),
    ] {
        let token = setup.ec.token(&header("ES256", "ec"), &claims_with(json!({ "permissions": permissions })));
        let answer = setup.backend.answer(&with_credential(event("upload-http-api"), &token)).await;
        assert_eq!(answer.status, upload_status, "{permissions}: {}", answer.body);
        assert_eq!(setup.backend.list_as(&token).await.status, 200, "{permissions}");
    }
    let overdue = claims_with(json!({"org_id": "org_01JPASTDVE0000000000000000"}));
    let token = setup.ec.token(&header("ES256", "ec"), &overdue);
    let answer = setup.backend.answer(&with_credential(upload(&form(&[])), &token)).await;
    assert_eq!(answer.code(), (423, "billing_inactive"));
    assert_eq!(setup.backend.list_as(&token).await.status, 200);
}

#[tokio::test]
async fn claims_are_checked_with_a_minute_of_leeway() {
    let setup = Setup::new().await;
    for (good, why) in [
        (json!({"exp": now(-50)}), "expired within the leeway"),
        (json!({"nbf": now(55)}), "not yet valid within the leeway"),
        (json!({"nbf": null, "sub": null}), "what need not be there"),
        (json!({"exp": now(600) as f64 + 0.5}), "a fraction of a second"),
        (json!({"aud": ["other", AUDIENCE]}), "one of several audiences"),
        (json!({"iat": now(300), "jti": "x", "org_name": "Acme"}), "claims that nobody asks for"),
    ] {
        assert_eq!(setup.list(&claims_with(good)).await.status, 200, "{why}");
    }
    for (bad, why) in [
        (json!({"exp": now(-62)}), "expired"),
        (json!({"exp": 0}), "expired long ago"),
        (json!({"exp": -1}), "expired before the epoch"),
        (json!({"exp": null}), "never expires"),
        (json!({"exp": now(600).to_string()}), "expires at a text"),
        (json!({"nbf": now(70)}), "not yet valid"),
        (json!({"nbf": "tomorrow"}), "not valid before a text"),
        (json!({"iss": "https://id.example"}), "another issuer"),
        (json!({"iss": format!("{ISSUER}x")}), "an issuer that begins alike"),
        (json!({"iss": null}), "no issuer"),
        (json!({"aud": "other"}), "another audience"),
        (json!({"aud": ["other", "another"]}), "other audiences"),
        (json!({"aud": []}), "an empty audience"),
        (json!({"aud": null}), "no audience"),
        (json!({"org_id": null}), "no org"),
        (json!({"org_id": "acme"}), "an org's slug"),
        (json!({"org_id": "org_01jacme0000000000000000000"}), "an org's id misspelt"),
        (json!({"org_id": ["org_01JACME0000000000000000000"]}), "a list of orgs"),
        (json!({"org_id": "org_01JN0SVCH00000000000000000"}), "an org that nobody knows"),
        (json!({"permissions": null}), "no permissions"),
        (json!({"permissions": "caps:write"}), "permissions as a text"),
        (json!({"permissions": ["caps:write", 1]}), "a permission that is a number"),
    ] {
        setup.refuses(&setup.ec.token(&header("ES256", "ec"), &claims_with(bad)), why).await;
    }
}

#[tokio::test]
async fn forged_tokens_are_refused_and_cost_the_issuer_nothing() {
    let setup = Setup::new().await;
    let Setup { rsa, ec, ed, issuer, .. } = &setup;
    for algorithm in ["none", "HS256", "RS384"] {
        setup.refuses(&rsa.token(&header(algorithm, "rsa"), &claims()), "before any key is known").await;
    }
    assert_eq!(issuer.fetches(), 0);
    assert_eq!(setup.list(&claims()).await.status, 200);
    let modulus = rsa.jwk("rsa")["n"].as_str().unwrap().to_owned();
    let good = ec.token(&header("ES256", "ec"), &claims());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let raised = message(&header("ES256", "ec"), &claims_with(json!({"permissions": ["audit:read"]})));
    let unsigned = |algorithm: &str| format!("{}.", message(&header(algorithm, "ec"), &claims()));
    let hmac = |secret: &[u8], kid| hmac_token(secret, &header("HS256", kid), &claims());

    for (token, why) in [
        (unsigned("none"), "no algorithm"),
        (unsigned("None"), "no algorithm, spelt otherwise"),
        (unsigned("ES256"), "no signature"),
        (format!("{signed}.{}", base64(&[0; 64])), "a signature of zeros (CVE-2022-21449)"),
        (hmac(rsa.pem().as_bytes(), "rsa"), "an HMAC with the public key"),
        (hmac(rsa.pem().trim_end().as_bytes(), "rsa"), "an HMAC with the public key, without its line break"),
        (hmac(modulus.as_bytes(), "rsa"), "an HMAC with the modulus"),
        (hmac(b"", "rsa"), "an HMAC with nothing"),
        (hmac(b"secret", "oct"), "an HMAC with a key that nobody has"),
        (rsa.token(&header("RS384", "rsa"), &claims()), "an algorithm that is not accepted"),
        (rsa.token(&header("PS256", "rsa"), &claims()), "another that is not accepted"),
        (rsa.token(&header("RS256", "ec"), &claims()), "a kid of another kind of key"),
        (ec.token(&header("ES256", "ed"), &claims()), "a kid of yet another kind of key"),
        (ed.token(&header("EdDSA", "rsa"), &claims()), "and another"),
        (ec.token(&header("ES384", "ec"), &claims()), "an algorithm that is not the key's"),
        (Key::ec().token(&header("ES256", "ec"), &claims()), "somebody else's key"),
        (format!("{raised}.{signature}"), "claims that were not signed"),
        (ec.token(&json!({"alg": "ES256"}), &claims()), "no kid"),
        (ec.token(&json!({"alg": "ES256", "kid": ""}), &claims()), "an empty kid"),
        (ec.token(&json!({"alg": "ES256", "kid": "ec", "crit": ["exp"], "exp": 1}), &claims()), "a critical header"),
        (
            ec.token(&json!({"alg": "ES256", "kid": "mine", "jwk": ec.jwk("mine")}), &claims()),
            "a key that the token brings along",
        ),
        (ec.token(&json!({"alg": "ES256", "kid": "mine", "jku": issuer.url}), &claims()), "a URL of keys likewise"),
        (ec.token(&header("ES256", "ec"), &json!("claims")), "claims that are a text"),
        (ec.token(&header("ES256", "ec"), &claims_with(json!({"x": "x".repeat(6_500)}))), "more than 8 KiB"),
        (format!("{good}.{signature}"), "four parts"),
        (signed.to_owned(), "two parts"),
        ("eyJ".to_owned(), "one part"),
        ("eyJhbGciOiJFUzI1NiJ9..".to_owned(), "empty parts"),
    ] {
        setup.refuses(&token, why).await;
    }
    assert_eq!(issuer.fetches(), 1);
}

/// A token as long as is allowed: what makes the too long one fail is its length alone.
#[tokio::test]
async fn a_long_token_is_a_token() {
    let setup = Setup::new().await;
    let token = setup.ec.token(&header("ES256", "ec"), &claims_with(json!({"x": "x".repeat(5_000)})));
    assert!((6_500..8_192).contains(&token.len()), "{}", token.len());
    assert_eq!(setup.backend.list_as(&token).await.status, 200);
}

#[tokio::test]
async fn without_an_issuer_a_session_is_no_credential() {
    let ec = Key::ec();
    let issuer = Issuer::start(json!([ec.jwk("ec")])).await;
    let setup = Setup { rsa: Key::rsa(), ed: Key::ed(), ec, issuer, backend: Backend::start().await };
    setup.refuses(&setup.ec.token(&header("ES256", "ec"), &claims()), "no issuer").await;
    assert_eq!(setup.issuer.fetches(), 0);
}

#[tokio::test]
async fn only_keys_for_signatures_are_used() {
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
    let backend = Backend::start_with(&issuer.settings()).await;
    for kid in [r#"use="sig""#, r#"alg="ES256""#, r#"key_ops=["verify"]"#] {
        assert_eq!(backend.list_as(&ec.token(&header("ES256", kid), &claims())).await.status, 200, "{kid}");
    }
    assert_eq!(backend.list_as(&ed.token(&header("EdDSA", "ed"), &claims())).await.status, 200);
    for kid in [r#"use="enc""#, r#"alg="ES384""#, r#"key_ops=["sign"]"#, r#"kty="OKP""#, r#"crv="P-384""#, r#"x="?""#] {
        let token = ec.token(&header("ES256", kid), &claims());
        assert_eq!(backend.list_as(&token).await.code(), (401, "unauthenticated"), "{kid}");
    }
    let hmac = hmac_token(b"secret", &header("HS256", "oct"), &claims());
    assert_eq!(backend.list_as(&hmac).await.code(), (401, "unauthenticated"));
}
