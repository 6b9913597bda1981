use std::time::Duration;

use super::{BaseDomain, SessionSettings};

/// Who is let in, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Whose sessions are accepted beside API keys; nobody's if not set.
    pub sessions: Option<SessionSettings>,
    /// Where each org has its host; every host is every org's if not set.
    pub base_domain: Option<BaseDomain>,
    /// How long an org and an API key that were found are remembered, at most [`Settings::MAX_CACHE`].
    pub cache_for: Duration,
}

impl Settings {
    /// Within which a revocation takes effect, whatever is remembered.
    pub const MAX_CACHE: Duration = Duration::from_secs(60);
}

impl Default for Settings {
    fn default() -> Self {
        Self { sessions: None, base_domain: None, cache_for: Duration::from_secs(30) }
    }
}
