use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    hmac,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384,
        RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
    },
};
use axum::{Router, body::Body, http::StatusCode, response::Response, routing::get};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use pack_upload::identity::{JwksSettings, SessionSettings, Settings};
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub(crate) const ISSUER: &str = "https://id.example/";
pub(crate) const AUDIENCE: &str = "packs";
pub(crate) const ACME: &str = "org_01JACME0000000000000000000";

/// A private key that signs tokens.
pub(crate) enum Key {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Key {
    pub(crate) fn rsa() -> Self {
        Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    pub(crate) fn ec() -> Self {
        Self::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub(crate) fn ed() -> Self {
        Self::Ed(Ed25519KeyPair::generate().unwrap())
    }

    /// Returns the public key as a JWK.
    pub(crate) fn jwk(&self, kid: &str) -> Value {
        match self {
            Self::Rsa(key) => {
                let (n, e) = (key.public_key().modulus(), key.public_key().exponent());
                let (n, e) = (n.big_endian_without_leading_zero(), e.big_endian_without_leading_zero());
                json!({"kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256", "n": base64(n), "e": base64(e)})
            }
            Self::Ec(key) => {
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "kid": kid, "crv": "P-256", "x": base64(x), "y": base64(y)})
            }
            Self::Ed(key) => {
                json!({"kty": "OKP", "kid": kid, "crv": "Ed25519", "x": base64(key.public_key().as_ref())})
            }
        }
    }

    /// Returns the public key in PEM format. Panics unless this is an RSA key.
    pub(crate) fn pem(&self) -> String {
        let Self::Rsa(key) = self else { panic!("only RSA keys are supported") };
        let der: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
        let text = STANDARD.encode(der.as_ref());
        let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
    }

    fn sign(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let encoding: &'static dyn RsaEncoding = match algorithm {
                    "RS384" => &RSA_PKCS1_SHA384,
                    "PS256" => &RSA_PSS_SHA256,
                    _ => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(encoding, &random, message, &mut signature).unwrap();
                signature
            }
            Self::Ec(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Ed(key) => key.sign(message).as_ref().to_vec(),
        }
    }

    pub(crate) fn token(&self, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let signature = self.sign(header["alg"].as_str().unwrap_or_default(), message.as_bytes());
        format!("{message}.{}", base64(&signature))
    }
}

/// Returns a token signed with HMAC-SHA-256, whatever algorithm the header states.
pub(crate) fn hmac_token(secret: &[u8], header: &Value, claims: &Value) -> String {
    let message = message(header, claims);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", base64(tag.as_ref()))
}

/// Returns the part of a token that is signed: the encoded header and claims.
pub(crate) fn message(header: &Value, claims: &Value) -> String {
    format!("{}.{}", base64(header.to_string().as_bytes()), base64(claims.to_string().as_bytes()))
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Returns the claims of a valid session for acme.
pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "alice",
        "iat": now(0),
        "nbf": now(0),
        "exp": now(600),
        "org_id": ACME,
        "permissions": ["caps:write", "workspace:read"],
    })
}

/// Returns the Unix time `seconds` from now.
pub(crate) fn now(seconds: i64) -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap() + seconds
}

/// A server on the loopback interface that serves a JWKS.
pub(crate) struct Issuer {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

struct State {
    status: StatusCode,
    body: Vec<u8>,
    delay: Duration,
    fetches: usize,
}

impl Issuer {
    pub(crate) async fn start(keys: Value) -> Self {
        let body = json!({ "keys": keys }).to_string().into_bytes();
        let state = State { status: StatusCode::OK, body, delay: Duration::ZERO, fetches: 0 };
        let state = Arc::new(Mutex::new(state));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks", listener.local_addr().unwrap());
        let shared = Arc::clone(&state);
        let router = Router::new().route(
            "/jwks",
            get(async move || {
                let (response, delay) = {
                    let mut state = shared.lock().unwrap();
                    state.fetches += 1;
                    let response = Response::builder().status(state.status).header("location", "/jwks");
                    (response.body(Body::from(state.body.clone())).unwrap(), state.delay)
                };
                tokio::time::sleep(delay).await;
                response
            }),
        );
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, state }
    }

    /// Sets the response to all later requests.
    pub(crate) fn respond_with(&self, status: u16, body: impl Into<Vec<u8>>, delay: Duration) {
        let mut state = self.state.lock().unwrap();
        (state.status, state.body, state.delay) = (StatusCode::from_u16(status).unwrap(), body.into(), delay);
    }

    pub(crate) fn rotate(&self, keys: Value) {
        self.respond_with(200, json!({ "keys": keys }).to_string(), Duration::ZERO);
    }

    /// Returns the number of requests received so far.
    pub(crate) fn fetches(&self) -> usize {
        self.state.lock().unwrap().fetches
    }

    /// Returns settings that accept sessions from this issuer.
    pub(crate) fn settings(&self) -> Settings {
        self.settings_with(|_| {})
    }

    /// Returns the same settings as [`Self::settings`], with `change` applied to the JWKS settings.
    pub(crate) fn settings_with(&self, change: impl FnOnce(&mut JwksSettings)) -> Settings {
        let mut jwks = JwksSettings::new(self.url.parse().unwrap());
        change(&mut jwks);
        let sessions = SessionSettings { issuer: ISSUER.to_owned(), audience: Some(AUDIENCE.to_owned()), jwks };
        Settings { sessions: Some(sessions), ..Settings::default() }
    }
}
