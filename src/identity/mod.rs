//! Who is calling, what they may do, and whether their org can pay.
//!
//! Arrows: this room names only [`records`](crate::records)'s ids. [`aws`](crate::aws) implements its [`Directory`].

mod age;
mod api_key;
mod authenticator;
mod base_domain;
mod billing;
mod cache;
mod credential;
mod jwks;
mod org;
mod scope;
mod session;
mod settings;

use std::future::Future;

pub use self::{
    api_key::{ApiKey, InvalidKeySecret, KeyHash, KeySecret, KeyTemplate},
    authenticator::{AuthenticationError, Authenticator},
    base_domain::{BaseDomain, InvalidBaseDomain},
    billing::Billing,
    credential::{Credential, InvalidCredential},
    jwks::{InvalidJwksUrl, JwksError, JwksSettings, JwksUrl},
    org::Org,
    scope::{Scope, UnknownScope},
    session::{SessionError, SessionSettings, SessionToken},
    settings::Settings,
};
use crate::records::OrgId;

/// Where orgs and API keys are kept.
pub trait Directory {
    /// What a failing look-up says.
    type Error;

    /// The org and its API key of this hash, in one round trip and consistently; `None` unless both exist.
    fn api_key(
        &self,
        org: OrgId,
        key: &KeyHash,
    ) -> impl Future<Output = Result<Option<(Org, ApiKey)>, Self::Error>> + Send;

    /// The org of this id, read consistently.
    fn org(&self, id: OrgId) -> impl Future<Output = Result<Option<Org>, Self::Error>> + Send;
}

/// A caller whose credential was found good.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The caller's org.
    pub org: Org,
    /// What the credential permits.
    pub scopes: Vec<Scope>,
    /// Names the credential in logs, and is no secret: `key:` and the first digits of its hash, or `session:` and its
    /// subject.
    pub credential_id: String,
}

impl Caller {
    /// Whether the credential permits this.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}
