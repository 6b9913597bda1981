use std::{
    collections::HashMap,
    fmt,
    net::IpAddr,
    str::FromStr,
    time::{Duration, SystemTime},
};

use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse},
};
use reqwest::{Client, StatusCode, Url, redirect};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::cache::is_within;

/// The maximum size of a JWKS, in bytes.
const MAX_BYTES: usize = 256 * 1_024;

/// The URL of an issuer's public keys: `https`, or `http` on a loopback address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwksUrl(Url);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("must be an https URL, or an http URL on a loopback address")]
pub struct InvalidJwksUrl;

impl FromStr for JwksUrl {
    type Err = InvalidJwksUrl;

    fn from_str(text: &str) -> Result<Self, InvalidJwksUrl> {
        let url = Url::parse(text).map_err(|_| InvalidJwksUrl)?;
        let is_local = || {
            let host = url.host_str().unwrap_or_default();
            host == "localhost" || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
        };
        match url.scheme() {
            "https" => Ok(Self(url)),
            "http" if is_local() => Ok(Self(url)),
            _ => Err(InvalidJwksUrl),
        }
    }
}

impl JwksUrl {
    /// Returns whether this is a well-known URI (RFC 8615). If so, the tokens that the keys verify may be for any
    /// client of the issuer.
    pub fn is_well_known(&self) -> bool {
        self.0.path().starts_with("/.well-known/")
    }
}

/// The location of an issuer's keys, and how often they are fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwksSettings {
    pub url: JwksUrl,
    /// The timeout for a fetch.
    pub timeout: Duration,
    /// How long keys are cached, and so how long a withdrawn key may still be accepted.
    pub keep_for: Duration,
    /// The minimum time between a fetch and the next fetch for an unknown `kid`, so that callers cannot flood the
    /// issuer with requests by inventing `kid`s.
    pub refresh_pause: Duration,
    /// The minimum time between a failed fetch and the next one if no keys are cached.
    pub retry_pause: Duration,
}

impl JwksSettings {
    /// Returns settings with default timeouts and intervals.
    pub fn new(url: JwksUrl) -> Self {
        Self {
            url,
            timeout: Duration::from_secs(2),
            keep_for: Duration::from_secs(600),
            refresh_pause: Duration::from_secs(60),
            retry_pause: Duration::from_secs(1),
        }
    }
}

/// Why an issuer's keys are unavailable.
#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    /// The request failed: for example, the issuer could not be reached or did not respond in time.
    #[error("cannot fetch the JWKS")]
    Fetch(#[from] reqwest::Error),
    #[error("the issuer responded with {0} instead of the JWKS")]
    Status(StatusCode),
    #[error("the JWKS has more than {MAX_BYTES} bytes")]
    TooLarge,
    /// The response is not a JWK Set (RFC 7517, section 5).
    #[error("the JWKS is malformed")]
    Malformed(#[from] serde_json::Error),
    /// The last fetch failed less than [`JwksSettings::retry_pause`] ago, or less than [`JwksSettings::refresh_pause`]
    /// ago if keys are cached.
    #[error("the last fetch of the JWKS failed, and it is too early to retry")]
    RecentlyFailed,
}

#[derive(Clone)]
pub(super) struct PublicKey {
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

/// The public keys of an issuer (RFC 7517), cached between requests.
#[derive(Debug)]
pub(super) struct Jwks {
    settings: JwksSettings,
    /// Locked during a fetch, so that only one fetch runs at a time.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The fetched keys by `kid`, and when the fetch began.
    known: Option<(SystemTime, HashMap<String, PublicKey>)>,
    last_fetch: Option<Fetch>,
}

#[derive(Debug)]
struct Fetch {
    began_at: SystemTime,
    failed: bool,
}

impl Jwks {
    pub(super) fn new(settings: JwksSettings) -> Self {
        Self { settings, state: Mutex::default() }
    }

    /// Returns the key with this `kid`, fetching the keys if necessary. Returns `None` if the issuer's last response
    /// does not contain this key.
    pub(super) async fn key(&self, kid: &str) -> Result<Option<PublicKey>, JwksError> {
        let JwksSettings { keep_for, refresh_pause, retry_pause, .. } = self.settings;
        let mut state = self.state.lock().await;
        state.known = state.known.take().filter(|(fetched_at, _)| is_within(*fetched_at, keep_for));
        let pause = match &state.known {
            Some((_, keys)) => match keys.get(kid) {
                Some(key) => return Ok(Some(key.clone())),
                None => refresh_pause,
            },
            None => retry_pause,
        };
        match &state.last_fetch {
            Some(fetch) if is_within(fetch.began_at, pause) => {
                return if fetch.failed { Err(JwksError::RecentlyFailed) } else { Ok(None) };
            }
            _ => {}
        }
        let began_at = SystemTime::now();
        // Record the fetch as failed until it succeeds, because this future may be dropped during the fetch.
        state.last_fetch = Some(Fetch { began_at, failed: true });
        let keys = self.fetch().await?;
        state.last_fetch = Some(Fetch { began_at, failed: false });
        let key = keys.get(kid).cloned();
        state.known = Some((began_at, keys));
        Ok(key)
    }

    async fn fetch(&self) -> Result<HashMap<String, PublicKey>, JwksError> {
        // Use a new client for each fetch: fetches are rare, and an idle connection may break while the Lambda function
        // is frozen.
        let client = Client::builder().timeout(self.settings.timeout).redirect(redirect::Policy::none()).build()?;
        let mut response = client.get(self.settings.url.0.clone()).send().await?;
        if response.status() != StatusCode::OK {
            return Err(JwksError::Status(response.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_BYTES {
                return Err(JwksError::TooLarge);
            }
        }
        read(&body)
    }
}

/// Parses a JWK Set and returns its usable keys by `kid`. Ignores all other keys (RFC 7517, section 5).
fn read(body: &[u8]) -> Result<HashMap<String, PublicKey>, JwksError> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<serde_json::Value>,
    }
    let Set { keys } = serde_json::from_slice(body)?;
    let jwks = keys.into_iter().filter_map(|key| serde_json::from_value(key).ok());
    Ok(jwks.filter_map(|jwk: Jwk| Some((jwk.common.key_id.clone()?, PublicKey::from_jwk(&jwk)?))).collect())
}

impl PublicKey {
    /// Returns the key if it can verify signatures with an accepted algorithm.
    fn from_jwk(jwk: &Jwk) -> Option<Self> {
        let (algorithm, declared) = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
                (Algorithm::ES256, KeyAlgorithm::ES256)
            }
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
                (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
            }
            _ => return None,
        };
        let common = &jwk.common;
        let is_for_signatures =
            common.public_key_use.as_ref().is_none_or(|key_use| *key_use == PublicKeyUse::Signature)
                && common.key_operations.as_ref().is_none_or(|operations| operations.contains(&KeyOperations::Verify))
                && common.key_algorithm.is_none_or(|algorithm| algorithm == declared);
        let key = DecodingKey::from_jwk(jwk).ok().filter(|_| is_for_signatures)?;
        Some(Self { algorithm, key })
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:?})", self.algorithm)
    }
}
