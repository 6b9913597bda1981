use std::{path::Path, time::Duration};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use axum::{Json, Router, routing::get};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jsonwebtoken::{
    Algorithm, EncodingKey, Header,
    jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{DataDir, Error, backends::failed, seed};
use crate::identity::Permission;

/// The name of the issuer's file in the data directory.
const FILE: &str = "issuer.json";
/// The path of the public keys. As with AuthKit, the path contains a client id.
const JWKS_PATH: &str = "/sso/jwks/client_local";
/// How long a session token is valid.
const VALID_FOR: Duration = Duration::from_secs(3_600);

/// The options of `local session`.
#[derive(Debug, Clone, clap::Args)]
pub struct SessionOptions {
    /// The session's org.
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(seed::slugs()))]
    pub org: String,
    /// The session's permissions, separated by commas.
    #[arg(
        long,
        value_name = "PERMISSIONS",
        value_delimiter = ',',
        default_value = "caps:write,workspace:read,workspace:write,tasks:write,audit:read"
    )]
    pub permissions: Vec<Permission>,
    /// Add the claims `nbf` and `aud`, with this value for `aud`. By default, AuthKit's tokens have neither.
    #[arg(long)]
    pub audience: Option<String>,
}

/// The issuer of a local run's session tokens. It serves its public keys on loopback.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// The URL of the issuer, and the `iss` claim of its tokens.
    pub url: String,
    key: EncodingKey,
    public_key: Jwk,
}

/// The content of the issuer's file.
#[derive(Serialize, Deserialize)]
struct StoredIssuer {
    url: String,
    /// The ECDSA P-256 private key, PKCS #8 in base64.
    key: String,
}

impl Issuer {
    /// Opens the issuer in the data directory, or creates one with a new key if there is none, and updates its URL.
    pub(super) fn open(data: &DataDir, url: String) -> Result<Self, Error> {
        let mut stored = match data.read(FILE)? {
            Some(content) => serde_json::from_slice(&content).map_err(|error| failed("issuer", error))?,
            None => StoredIssuer { url: String::new(), key: new_key()? },
        };
        if stored.url != url {
            stored.url = url;
            data.write_json(FILE, &stored)?;
        }
        Self::from_stored(stored)
    }

    /// Reads the issuer from a data directory, even if a local run has locked it.
    fn read(directory: &Path) -> Result<Self, Error> {
        let path = directory.join(FILE);
        let content = std::fs::read(&path).map_err(|source| Error::NoIssuer { path, source })?;
        Self::from_stored(serde_json::from_slice(&content).map_err(|error| failed("issuer", error))?)
    }

    fn from_stored(StoredIssuer { url, key }: StoredIssuer) -> Result<Self, Error> {
        let key = EncodingKey::from_ec_der(&STANDARD.decode(key).map_err(|error| failed("issuer", error))?);
        let public_key = || {
            let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256)?;
            jwk.common.key_id = Some(jwk.thumbprint(ThumbprintHash::SHA256)?);
            jwk.common.public_key_use = Some(PublicKeyUse::Signature);
            Ok(jwk)
        };
        let public_key = public_key().map_err(|error: jsonwebtoken::errors::Error| failed("issuer", error))?;
        Ok(Self { url, key, public_key })
    }

    pub(super) fn jwks_url(&self) -> String {
        format!("{}{JWKS_PATH}", self.url)
    }

    /// Returns the router that serves the public keys.
    pub(super) fn router(&self) -> Router {
        let keys = JwkSet { keys: vec![self.public_key.clone()] };
        Router::new().route(JWKS_PATH, get(async move || Json(keys)))
    }

    /// Creates a session token for a seeded org. Local runs with this data directory accept it.
    ///
    /// # Errors
    /// Returns [`Error::NoIssuer`] if no local run has used the directory yet.
    pub fn mint(directory: &Path, options: &SessionOptions) -> Result<String, Error> {
        let SessionOptions { org, permissions, audience } = options;
        let issuer = Self::read(directory)?;
        let mut header = Header::new(Algorithm::ES256);
        header.kid = issuer.public_key.common.key_id;
        let now = jsonwebtoken::get_current_timestamp();
        let mut claims = json!({
            "iss": issuer.url,
            "sub": format!("local-{org}"),
            "iat": now,
            "exp": now + VALID_FOR.as_secs(),
            "org_id": seed::org_id(org),
            "permissions": permissions,
        });
        if let Some(audience) = audience {
            claims["aud"] = json!(audience);
            claims["nbf"] = json!(now);
        }
        jsonwebtoken::encode(&header, &claims, &issuer.key).map_err(|error| failed("issuer", error))
    }
}

fn new_key() -> Result<String, Error> {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
    let key = key.and_then(|key| key.to_pkcs8v1()).map_err(|error| failed("issuer", error))?;
    Ok(STANDARD.encode(key))
}
