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
use crate::identity::Scope;

/// The file in the data folder that keeps the issuer.
const FILE: &str = "issuer.json";
/// `aud` of its sessions.
pub(super) const AUDIENCE: &str = "pack-upload";
/// Where its keys are.
const JWKS_PATH: &str = "/.well-known/jwks.json";
/// How long a session lasts.
const VALID_FOR: Duration = Duration::from_secs(3_600);

/// A session to be minted.
#[derive(Debug, Clone, clap::Args)]
pub struct SessionOptions {
    /// The org, one of those that every local run has.
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(seed::slugs()))]
    pub org: String,
    /// What the session permits, separated by commas.
    #[arg(
        long,
        value_name = "SCOPES",
        value_delimiter = ',',
        default_value = "caps:write,workspace:read,workspace:write,tasks:write,audit:read"
    )]
    pub permissions: Vec<Scope>,
}

/// The issuer of sessions of a local run, which listens on loopback.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// Its URL, and the `iss` of its sessions.
    pub url: String,
    key: EncodingKey,
    public_key: Jwk,
}

/// How the data folder keeps it.
#[derive(Serialize, Deserialize)]
struct StoredIssuer {
    url: String,
    /// An ECDSA key on P-256, PKCS #8 in base64.
    key: String,
}

impl Issuer {
    /// The issuer that the data folder keeps, with a new key if there is none, at this URL.
    pub(super) fn open(data: &DataDir, url: String) -> Result<Self, Error> {
        let mut kept = match data.read(FILE)? {
            Some(content) => serde_json::from_slice(&content).map_err(|error| failed("issuer", error))?,
            None => StoredIssuer { url: String::new(), key: new_key()? },
        };
        if kept.url != url {
            kept.url = url;
            data.write_json(FILE, &kept)?;
        }
        Self::of(kept)
    }

    /// The issuer of the local run that has, or last had, this data folder.
    fn of_folder(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(FILE);
        let content = std::fs::read(&path).map_err(|source| Error::NoIssuer { path, source })?;
        Self::of(serde_json::from_slice(&content).map_err(|error| failed("issuer", error))?)
    }

    fn of(StoredIssuer { url, key }: StoredIssuer) -> Result<Self, Error> {
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

    /// Where its public keys are.
    pub(super) fn jwks_url(&self) -> String {
        format!("{}{JWKS_PATH}", self.url)
    }

    /// Serves its public keys.
    pub(super) fn router(&self) -> Router {
        let keys = JwkSet { keys: vec![self.public_key.clone()] };
        Router::new().route(JWKS_PATH, get(async move || Json(keys)))
    }

    /// Mints a session of a seeded org for a local run with this data folder.
    ///
    /// # Errors
    /// [`Error::NoIssuer`] if there was none yet.
    pub fn mint(folder: &Path, SessionOptions { org, permissions }: &SessionOptions) -> Result<String, Error> {
        let issuer = Self::of_folder(folder)?;
        let mut header = Header::new(Algorithm::ES256);
        header.kid = issuer.public_key.common.key_id;
        let now = jsonwebtoken::get_current_timestamp();
        let claims = json!({
            "iss": issuer.url,
            "aud": AUDIENCE,
            "sub": format!("local-{org}"),
            "iat": now,
            "nbf": now,
            "exp": now + VALID_FOR.as_secs(),
            "org_id": seed::org_id(org),
            "permissions": permissions,
        });
        jsonwebtoken::encode(&header, &claims, &issuer.key).map_err(|error| failed("issuer", error))
    }
}

fn new_key() -> Result<String, Error> {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
    let key = key.and_then(|key| key.to_pkcs8v1()).map_err(|error| failed("issuer", error))?;
    Ok(STANDARD.encode(key))
}
