use std::time::Duration;

use super::{BaseDomain, OriginSecrets, SessionSettings};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The issuer whose sessions are accepted in addition to API keys, if any.
    pub sessions: Option<SessionSettings>,
    /// The domain of the orgs' hosts. If it is not set, every host serves every org.
    pub base_domain: Option<BaseDomain>,
    /// The secrets of the proxy in front of API Gateway. If they are set, each request must contain one of them.
    pub origin_secrets: Option<OriginSecrets>,
    /// How long orgs and API keys are cached, at most [`Settings::MAX_CACHE`].
    pub cache_for: Duration,
}

impl Settings {
    /// The maximum value of `cache_for`. A revocation takes effect within this time.
    pub const MAX_CACHE: Duration = Duration::from_secs(60);
}

impl Default for Settings {
    fn default() -> Self {
        Self { sessions: None, base_domain: None, origin_secrets: None, cache_for: Duration::from_secs(30) }
    }
}
