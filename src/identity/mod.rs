//! Authentication: who the caller is, what their credential permits, whether their org may create anything, and which
//! limits apply to the org. Also defines the orgs' hosts and the origin secrets.
//!
//! Depends only on the ids, slugs and times in [`records`](crate::records) and on the crate's in-memory cache.
//! [`aws`](crate::aws) implements [`Directory`].

mod api_key;
mod authenticator;
mod base_domain;
mod billing;
mod cache;
mod caller;
mod credential;
mod jwks;
mod org_limits;
mod origin;
mod permission;
mod session;
mod settings;

use std::future::Future;

pub use self::{
    api_key::{ApiKey, InvalidKeySecret, KeyHash, KeySecret},
    authenticator::{AuthenticationError, Authenticator},
    base_domain::{BaseDomain, InvalidBaseDomain},
    billing::{Billing, InvalidBilling, Posture},
    caller::{Caller, Denied, Org},
    credential::{Credential, InvalidCredential},
    jwks::{InvalidJwksUrl, JwksError, JwksSettings, JwksUrl},
    org_limits::{Exceeded, OrgLimit, OrgLimits},
    origin::{InvalidOriginSecrets, OriginSecrets},
    permission::{KeyTemplate, Permission, UnknownPermission},
    session::{SessionError, SessionSettings, SessionToken},
    settings::Settings,
};
use crate::records::OrgId;

/// The store of orgs and API keys.
pub trait Directory {
    type Error;

    /// Reads an org and its API key with this hash. Returns `None` unless both exist.
    fn api_key(
        &self,
        org: OrgId,
        key: &KeyHash,
    ) -> impl Future<Output = Result<Option<(Org, ApiKey)>, Self::Error>> + Send;

    fn org(&self, id: OrgId) -> impl Future<Output = Result<Option<Org>, Self::Error>> + Send;
}
