use std::str::FromStr;

use jsonwebtoken::{Algorithm, Validation, errors::ErrorKind};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::{
    InvalidCredential, Permission,
    jwks::{Jwks, JwksError, JwksSettings},
};
use crate::records::OrgId;

/// The accepted signature algorithms: one asymmetric algorithm for each kind of key. All others, such as `none` and the
/// HMAC algorithms, are rejected before a key is looked up (RFC 8725, section 3.1).
const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];
/// The accepted values of the header parameter `typ`, in lower case. `typ` may be absent. A token of a different type,
/// such as a logout token (`logout+jwt`), was issued for a different purpose (RFC 8725, section 3.11; RFC 9068).
const TYPES: [&str; 2] = ["jwt", "at+jwt"];
/// The tolerated clock skew between the issuer and this service, in seconds.
const LEEWAY_SECONDS: u64 = 60;
/// The maximum time between `iat` and `exp`, in seconds.
const MAX_LIFETIME_SECONDS: f64 = 24.0 * 3_600.0;

/// A session's JWT (RFC 7519) as a client sent it.
#[derive(Debug, Clone)]
pub struct SessionToken(SecretString);

impl SessionToken {
    /// The first base64url characters of a JWT whose header starts with `{"` and a letter.
    pub(super) const PREFIX: &str = "eyJ";
    /// The maximum length of a token, in bytes. API Gateway accepts 10 KB of headers in total.
    const MAX_BYTES: usize = 8_192;
}

impl FromStr for SessionToken {
    type Err = InvalidCredential;

    fn from_str(text: &str) -> Result<Self, InvalidCredential> {
        let is_token = text.starts_with(Self::PREFIX) && text.len() <= Self::MAX_BYTES;
        is_token.then(|| Self(text.into())).ok_or(InvalidCredential)
    }
}

/// The issuer whose sessions are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSettings {
    /// The required `iss`.
    pub issuer: String,
    /// The audience that `aud` must be or contain. If it is not set, `aud` is not checked. The JWKS must then belong to
    /// a single client of the issuer, because tokens for the issuer's other clients would otherwise be accepted.
    pub audience: Option<String>,
    pub jwks: JwksSettings,
}

/// The claims of a valid token.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) org_id: OrgId,
    /// The token's known permissions. Empty if the token has no `permissions`.
    pub(super) permissions: Vec<Permission>,
    /// `sub`: the session's subject. Logs and records show it as `session:<sub>`, or `session:-` if it is absent.
    pub(super) subject: Option<String>,
}

/// Why a token was not accepted or could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The header or the claims cannot be parsed. The parser's error is dropped because it may quote the token.
    #[error("the session token is malformed")]
    Malformed,
    /// The signature is invalid, or a claim such as `exp`, `iss` or `aud` is not accepted.
    #[error("the session token is not valid")]
    Invalid(#[source] jsonwebtoken::errors::Error),
    #[error("the session token's algorithm is not accepted")]
    Algorithm,
    /// The token requires an extension (RFC 7515, section 4.1.11). None is supported.
    #[error("the session token has critical header parameters")]
    Critical,
    #[error("the session token's type is not accepted")]
    Type,
    #[error("the session token's lifetime exceeds 24 hours")]
    Lifetime,
    #[error("the session token has no kid")]
    NoKeyId,
    #[error("the issuer has no key with the session token's kid")]
    UnknownKey,
    /// The issuer's keys could not be fetched, so it is unknown whether the token is valid.
    #[error("cannot fetch the issuer's keys")]
    Jwks(#[from] JwksError),
}

impl From<jsonwebtoken::errors::Error> for SessionError {
    fn from(error: jsonwebtoken::errors::Error) -> Self {
        match error.kind() {
            ErrorKind::Json(_) | ErrorKind::Base64(_) | ErrorKind::Utf8(_) => Self::Malformed,
            _ => Self::Invalid(error),
        }
    }
}

/// The claims that are read from a token. AuthKit's default access tokens contain them (WorkOS documentation, "Access
/// token"). `iss` is parsed as a string here because `jsonwebtoken` would also accept a list of issuers.
#[derive(Deserialize)]
struct Claims {
    #[serde(rename = "iss")]
    _issuer: String,
    org_id: OrgId,
    #[serde(default)]
    permissions: Vec<String>,
    sub: Option<String>,
    iat: f64,
    exp: f64,
}

/// A verifier for an issuer's session tokens.
#[derive(Debug)]
pub(super) struct Sessions {
    issuer: String,
    audience: Option<String>,
    jwks: Jwks,
}

impl Sessions {
    pub(super) fn new(settings: SessionSettings) -> Self {
        let SessionSettings { issuer, audience, jwks } = settings;
        Self { issuer, audience, jwks: Jwks::new(jwks) }
    }

    pub(super) async fn verify(&self, token: &SessionToken) -> Result<Session, SessionError> {
        let token = token.0.expose_secret();
        let header = jsonwebtoken::decode_header(token)?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(SessionError::Algorithm);
        }
        if header.crit.is_some() {
            return Err(SessionError::Critical);
        }
        if header.typ.is_some_and(|typ| !TYPES.contains(&typ.to_ascii_lowercase().as_str())) {
            return Err(SessionError::Type);
        }
        let kid = header.kid.ok_or(SessionError::NoKeyId)?;
        let key = self.jwks.key(&kid).await?.ok_or(SessionError::UnknownKey)?;
        // Use the key's algorithm, whatever the token's header says.
        let validation = self.validation(key.algorithm);
        let Claims { org_id, permissions, sub, iat, exp, .. } =
            jsonwebtoken::decode(token, &key.key, &validation)?.claims;
        if exp - iat > MAX_LIFETIME_SECONDS {
            return Err(SessionError::Lifetime);
        }
        let permissions = permissions.iter().filter_map(|permission| permission.parse().ok()).collect();
        Ok(Session { org_id, permissions, subject: sub })
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        validation.set_issuer(&[&self.issuer]);
        // `nbf` is not required: AuthKit omits it.
        validation.set_required_spec_claims(&["exp", "iss"]);
        match &self.audience {
            Some(audience) => {
                validation.set_audience(&[audience]);
                validation.required_spec_claims.insert("aud".to_owned());
            }
            None => validation.validate_aud = false,
        }
        validation
    }
}
