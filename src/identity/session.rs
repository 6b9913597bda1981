use std::{fmt, str::FromStr};

use jsonwebtoken::{Algorithm, Validation, errors::ErrorKind};
use serde::Deserialize;

use super::{
    InvalidCredential, Scope,
    jwks::{Jwks, JwksError, JwksSettings},
};
use crate::records::OrgId;

/// What sessions are signed with: asymmetric, and one algorithm for each kind of key. Anything else is refused before
/// a key is looked for, `none` and the HMACs among it (RFC 8725, section 3.1).
const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];
/// How far the issuer's clock may be off, in seconds.
const LEEWAY_SECONDS: u64 = 60;

/// A session's JWT (RFC 7519) as a client sent it. `Debug` does not show it.
#[derive(Clone)]
pub struct SessionToken(String);

impl SessionToken {
    /// What a JWT begins with: the base64url of `{"`.
    pub(super) const PREFIX: &str = "eyJ";
    /// The longest token that is looked at, in bytes. API Gateway takes 10 KB of headers in all.
    const MAX_BYTES: usize = 8_192;
}

impl FromStr for SessionToken {
    type Err = InvalidCredential;

    fn from_str(text: &str) -> Result<Self, InvalidCredential> {
        let is_token = text.starts_with(Self::PREFIX) && text.len() <= Self::MAX_BYTES;
        is_token.then(|| Self(text.to_owned())).ok_or(InvalidCredential)
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(…)")
    }
}

/// Whose sessions are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSettings {
    /// What `iss` must be.
    pub issuer: String,
    /// What `aud` must be or hold.
    pub audience: String,
    /// Where the issuer's public keys are.
    pub jwks: JwksSettings,
}

/// What a good token says.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) org_id: OrgId,
    /// Those of its permissions that are known here.
    pub(super) scopes: Vec<Scope>,
    /// `sub`, which names it in audit lines.
    pub(super) subject: Option<String>,
}

/// Why a token is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// Its header or its claims cannot be read. Why is left out, since that would repeat what is in them.
    #[error("the session token is malformed")]
    Malformed,
    /// Its signature, or a claim that says where and when it is good.
    #[error("the session token is not valid")]
    Invalid(#[source] jsonwebtoken::errors::Error),
    /// Its algorithm is none of those accepted.
    #[error("the session token's algorithm is not accepted")]
    Algorithm,
    /// It depends on an extension (RFC 7515, section 4.1.11), and none is understood here.
    #[error("the session token has critical header parameters")]
    Critical,
    /// It does not name its key.
    #[error("the session token has no kid")]
    NoKeyId,
    /// The issuer has no such key.
    #[error("the issuer has no key of the session token's kid")]
    UnknownKey,
    /// The issuer's keys could not be asked for: nobody knows whether it is good.
    #[error("the issuer's keys could not be fetched")]
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

#[derive(Deserialize)]
struct Claims {
    org_id: OrgId,
    permissions: Vec<String>,
    sub: Option<String>,
}

/// Verifies the sessions of one issuer.
#[derive(Debug)]
pub(super) struct Sessions {
    issuer: String,
    audience: String,
    jwks: Jwks,
}

impl Sessions {
    pub(super) fn new(settings: SessionSettings) -> Self {
        let SessionSettings { issuer, audience, jwks } = settings;
        Self { issuer, audience, jwks: Jwks::new(jwks) }
    }

    /// What a token says, if it is good now.
    pub(super) async fn verify(&self, SessionToken(token): &SessionToken) -> Result<Session, SessionError> {
        let header = jsonwebtoken::decode_header(token)?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(SessionError::Algorithm);
        }
        if header.crit.is_some() {
            return Err(SessionError::Critical);
        }
        let kid = header.kid.ok_or(SessionError::NoKeyId)?;
        let key = self.jwks.key(&kid).await?.ok_or(SessionError::UnknownKey)?;
        // The key says which algorithm it is for; the token has no say in it.
        let validation = self.validation(key.algorithm);
        let Claims { org_id, permissions, sub } = jsonwebtoken::decode(token, &key.key, &validation)?.claims;
        let scopes = permissions.iter().filter_map(|permission| permission.parse().ok()).collect();
        Ok(Session { org_id, scopes, subject: sub })
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        // `nbf` is checked where there is one: many issuers leave it out.
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation
    }
}
