//! Tests that forged session tokens are rejected.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    issuer::{Key, base64, claims, hmac_token, message, now},
    sessions::{Setup, claims_with, header},
};

/// A token and what is wrong with it.
type Forgery = (String, &'static str);

/// Returns tokens that lack an algorithm, a signature or both.
fn unsigned() -> Vec<Forgery> {
    let unsigned = |algorithm: &str| format!("{}.", message(&header(algorithm, "ec"), &claims()));
    vec![
        (unsigned("none"), "no algorithm"),
        (unsigned("None"), "no algorithm, in another case"),
        (unsigned("NONE"), "no algorithm, in upper case"),
        (unsigned("none "), "no algorithm, with a space"),
        (unsigned(""), "an empty algorithm"),
        (unsigned("ES256"), "no signature"),
        (unsigned("EdDSA"), "no Ed25519 signature"),
        (format!("{}.{}", message(&header("none", "ec"), &claims()), base64(b"x")), "a signature without an algorithm"),
    ]
}

/// Returns tokens signed with an HMAC key that is public (CVE-2016-10555) or easy to guess.
fn hmacs(rsa: &Key, ec: &Key) -> Vec<Forgery> {
    let hmac = |secret: &[u8], kid| hmac_token(secret, &header("HS256", kid), &claims());
    let (modulus, jwk) = (rsa.jwk("rsa")["n"].as_str().unwrap().to_owned(), ec.jwk("ec"));
    let with = |algorithm| hmac_token(rsa.pem().as_bytes(), &header(algorithm, "rsa"), &claims());
    vec![
        (hmac(rsa.pem().as_bytes(), "rsa"), "an HMAC with the public key"),
        (hmac(rsa.pem().trim_end().as_bytes(), "rsa"), "an HMAC with the public key, without its line break"),
        (hmac(modulus.as_bytes(), "rsa"), "an HMAC with the modulus"),
        (hmac(jwk.to_string().as_bytes(), "ec"), "an HMAC with the JWK"),
        (hmac(jwk["x"].as_str().unwrap().as_bytes(), "ec"), "an HMAC with a coordinate"),
        (hmac(b"", "rsa"), "an HMAC with an empty key"),
        (hmac(b"secret", "oct"), "an HMAC with an unknown key"),
        (hmac(b"secret", "ec"), "an HMAC with the kid of an EC key"),
        (with("HS384"), "an HMAC that claims SHA-384"),
        (with("RS256"), "an HMAC that claims RS256"),
        (with("ES256"), "an HMAC that claims ES256"),
    ]
}

/// Returns tokens that one of the issuer's keys signed, but whose header must be rejected.
fn headers(Setup { rsa, ec, ed, issuer, .. }: &Setup) -> Vec<Forgery> {
    let ec_header = |changes: Value| {
        let mut header = header("ES256", "ec");
        header.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        ec.token(&header, &claims())
    };
    let own_key = ec.jwk("mine");
    vec![
        (rsa.token(&header("RS384", "rsa"), &claims()), "an unsupported algorithm"),
        (rsa.token(&header("PS256", "rsa"), &claims()), "another unsupported algorithm"),
        (rsa.token(&header("RS256", "ec"), &claims()), "RS256 with the kid of an EC key"),
        (ec.token(&header("ES256", "ed"), &claims()), "ES256 with the kid of an Ed25519 key"),
        (ec.token(&header("ES256", "rsa"), &claims()), "ES256 with the kid of an RSA key"),
        (ed.token(&header("EdDSA", "rsa"), &claims()), "EdDSA with the kid of an RSA key"),
        (ec_header(json!({"alg": "ES384"})), "an algorithm that is not the key's"),
        (ec_header(json!({"alg": "ES256K"})), "an unknown algorithm"),
        (ec_header(json!({"alg": "es256"})), "the algorithm in lower case"),
        (ec_header(json!({"alg": null})), "a null algorithm"),
        (ec_header(json!({"alg": ["ES256"]})), "a list of algorithms"),
        (ec.token(&json!({"kid": "ec"}), &claims()), "a header without an algorithm"),
        (ec.token(&json!("ES256"), &claims()), "a header that is a string"),
        (ec.token(&json!({"alg": "ES256"}), &claims()), "no kid"),
        (ec_header(json!({"kid": ""})), "an empty kid"),
        (ec_header(json!({"kid": "EC"})), "the kid in upper case"),
        (ec_header(json!({"kid": "ec "})), "the kid with a space"),
        (ec_header(json!({"kid": "../ec"})), "a kid that is a path"),
        (ec_header(json!({"kid": "' OR 1=1 --"})), "a kid that is SQL"),
        (ec_header(json!({"kid": ["ec"]})), "a list of kids"),
        (ec_header(json!({"kid": 0})), "a kid that is a number"),
        (ec_header(json!({"crit": ["exp"], "exp": 1})), "a critical header"),
        (ec_header(json!({"b64": false, "crit": ["b64"]})), "claims that are not in base64 (RFC 7797)"),
        (ec_header(json!({"typ": "JWE"})), "another type"),
        (ec_header(json!({"kid": "mine", "jwk": own_key})), "a key in the header (CVE-2018-0114)"),
        (ec_header(json!({"kid": "mine", "jku": issuer.url})), "a URL of keys in the header"),
        (ec_header(json!({"kid": "mine", "x5u": issuer.url})), "a URL of a certificate in the header"),
        (ec_header(json!({"kid": "mine", "x5c": ["MIIB"]})), "a certificate in the header"),
    ]
}

/// Returns tokens with an invalid signature: a valid token with its header, claims or signature changed, or a token
/// signed with another key.
fn signatures(Setup { rsa, ec, ed, .. }: &Setup) -> Vec<Forgery> {
    let valid = ec.token(&header("ES256", "ec"), &claims());
    let (signed, signature) = valid.rsplit_once('.').unwrap();
    let changed = |changes: Value| format!("{}.{signature}", message(&header("ES256", "ec"), &claims_with(changes)));
    let with_header = |header: Value| format!("{}.{signature}", message(&header, &claims()));
    let other = ec.token(&header("ES256", "ec"), &claims_with(json!({"sub": "bob"})));
    vec![
        (changed(json!({"permissions": ["caps:write"]})), "other permissions"),
        (changed(json!({"org_id": "org_01JG10BEX00000000000000000"})), "another org"),
        (changed(json!({"exp": now(3_600)})), "a later expiry"),
        (changed(json!({"sub": "mallory"})), "another subject"),
        (with_header(header("ES256", "ed")), "another kid"),
        (with_header(json!({"alg": "ES256", "kid": "ec", "typ": "at+jwt"})), "another type"),
        (format!("{signed}.{}", other.rsplit_once('.').unwrap().1), "the signature of another token"),
        (format!("{signed}.{}", base64(&[0; 64])), "a signature of zeros (CVE-2022-21449)"),
        (format!("{signed}.{}", base64(&[0xff; 64])), "a signature of ones"),
        (format!("{signed}.{}", base64(&[1; 63])), "a signature that is too short"),
        (format!("{signed}.{signature}AAAA"), "a signature that is too long"),
        (format!("{signed}.{}", &signature[..signature.len() - 2]), "a signature that is truncated"),
        (format!("{signed}.{signature}=="), "a padded signature"),
        (format!("{signed}.????"), "a signature that is not base64"),
        (Key::ec().token(&header("ES256", "ec"), &claims()), "another EC key with the same kid"),
        (Key::rsa().token(&header("RS256", "rsa"), &claims()), "another RSA key with the same kid"),
        (Key::ed().token(&header("EdDSA", "ed"), &claims()), "another Ed25519 key with the same kid"),
        (rsa.token(&header("ES256", "ec"), &claims()), "an RSA signature that claims ES256"),
        (ed.token(&header("ES256", "ec"), &claims()), "an Ed25519 signature that claims ES256"),
    ]
}

/// Returns strings that do not have the form of a token, tokens with malformed claims, and a token longer than 8 KiB.
fn malformed(ec: &Key) -> Vec<Forgery> {
    let valid = ec.token(&header("ES256", "ec"), &claims());
    let (signed, signature) = valid.rsplit_once('.').unwrap();
    let with_claims = |claims: Value| ec.token(&header("ES256", "ec"), &claims);
    vec![
        (with_claims(json!("claims")), "claims that are a string"),
        (with_claims(json!([claims()])), "claims that are a list"),
        (with_claims(Value::Null), "claims that are null"),
        (with_claims(json!({})), "no claims"),
        (with_claims(claims_with(json!({"x": "x".repeat(6_500)}))), "more than 8 KiB"),
        (format!("{valid}.{signature}"), "four parts"),
        (format!("{valid}.{signature}.{signature}"), "five parts, as a JWE has"),
        (signed.to_owned(), "two parts"),
        ("eyJ".to_owned(), "one part"),
        ("eyJhbGciOiJFUzI1NiJ9..".to_owned(), "empty parts"),
        (format!("{valid}{valid}"), "two tokens"),
    ]
}

#[tokio::test]
async fn forged_tokens_are_rejected_without_requests_to_the_issuer() {
    let setup = Setup::new().await;
    for algorithm in ["none", "HS256", "RS384"] {
        let token = setup.rsa.token(&header(algorithm, "rsa"), &claims());
        setup.expect_unauthenticated(&token, "before the keys are fetched").await;
    }
    assert_eq!(setup.issuer.fetches(), 0);
    assert_eq!(setup.list(&claims()).await.status, 200);

    let Setup { rsa, ec, .. } = &setup;
    let forgeries = [unsigned(), hmacs(rsa, ec), headers(&setup), signatures(&setup), malformed(ec)].concat();
    let distinct: BTreeSet<_> = forgeries.iter().map(|(token, _)| token).collect();
    assert_eq!((forgeries.len(), distinct.len()), (77, 77));
    for (token, why) in &forgeries {
        setup.expect_unauthenticated(token, why).await;
    }
    assert_eq!(setup.issuer.fetches(), 1);
}

/// Shows that the forged token of more than 8 KiB is rejected only because of its length.
#[tokio::test]
async fn a_long_token_below_the_limit_is_accepted() {
    let setup = Setup::new().await;
    let token = setup.ec.token(&header("ES256", "ec"), &claims_with(json!({"x": "x".repeat(5_000)})));
    assert!((6_500..8_192).contains(&token.len()), "{}", token.len());
    assert_eq!(setup.api.list_as(&token).await.status, 200);
}
