use super::{Caller, Credential, Directory, SessionError, Settings, cache::CachedDirectory, session::Sessions};

/// An authenticator for callers with an API key or a session token.
#[derive(Debug)]
pub struct Authenticator<D> {
    directory: CachedDirectory<D>,
    sessions: Option<Sessions>,
}

/// Why a credential was not accepted. The client learns only whether it was rejected or could not be checked.
/// [`AuthenticationError::Directory`] and [`SessionError::Jwks`] mean that it could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticationError<E> {
    #[error("the API key or its org does not exist")]
    UnknownKey,
    #[error("the API key was revoked")]
    RevokedKey,
    /// No session issuer is configured.
    #[error("sessions are not accepted")]
    NoSessions,
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error("the session's org does not exist")]
    UnknownOrg,
    #[error("cannot look up the API key or the org")]
    Directory(#[source] E),
}

impl<D: Directory + Sync> Authenticator<D> {
    pub fn new(directory: D, settings: &Settings) -> Self {
        Self {
            directory: CachedDirectory::new(directory, settings.cache_for),
            sessions: settings.sessions.clone().map(Sessions::new),
        }
    }

    /// Returns the caller who owns a credential. API keys are looked up by the hash of their secret. Secrets are never
    /// compared, so there is no comparison that an attacker could time.
    pub async fn authenticate(&self, credential: &Credential) -> Result<Caller, AuthenticationError<D::Error>> {
        match credential {
            Credential::ApiKey(secret) => {
                let found = self.directory.api_key(secret.org_id(), &secret.hash()).await;
                let (org, key) =
                    found.map_err(AuthenticationError::Directory)?.ok_or(AuthenticationError::UnknownKey)?;
                if key.revoked_at.is_some() {
                    return Err(AuthenticationError::RevokedKey);
                }
                let credential_id = format!("key:{}", key.hash.short());
                Ok(Caller { org, permissions: key.template.permissions().to_vec(), credential_id })
            }
            Credential::Session(token) => {
                let sessions = self.sessions.as_ref().ok_or(AuthenticationError::NoSessions)?;
                let session = sessions.verify(token).await?;
                let org = self.directory.org(session.org_id).await.map_err(AuthenticationError::Directory)?;
                let org = org.ok_or(AuthenticationError::UnknownOrg)?;
                let credential_id = format!("session:{}", session.subject.as_deref().unwrap_or("-"));
                Ok(Caller { org, permissions: session.permissions, credential_id })
            }
        }
    }
}
