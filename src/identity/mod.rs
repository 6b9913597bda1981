//! Who is calling, what they may do, and whether their org can pay.
//!
//! Arrows: this room names only [`pack`](crate::pack)'s ids. [`aws`](crate::aws) implements its [`Directory`].

mod api_key;
mod authenticator;
mod billing;
mod credential;
mod org;
mod scope;

use std::future::Future;

pub use self::{
    api_key::{ApiKey, InvalidKeySecret, KeyHash, KeySecret, KeyTemplate},
    authenticator::{AuthenticationError, Authenticator},
    billing::Billing,
    credential::Credential,
    org::Org,
    scope::Scope,
};
use crate::pack::OrgId;

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
}

/// A caller whose credential was found good.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The caller's org.
    pub org: Org,
    /// What the credential permits.
    pub scopes: Vec<Scope>,
    /// Names the credential in audit lines, and is no secret: the first digits of a key's hash, or a session's subject.
    pub credential_id: String,
}

impl Caller {
    /// Whether the credential permits this.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}
