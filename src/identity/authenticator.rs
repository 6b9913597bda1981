use super::{Caller, Credential, Directory, SessionError, Settings, cache::CachedDirectory, session::Sessions};

/// Finds out whom a credential belongs to.
#[derive(Debug)]
pub struct Authenticator<D> {
    directory: CachedDirectory<D>,
    sessions: Option<Sessions>,
}

/// Why a credential was not accepted. From outside all look the same, but those that say that nobody could tell.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticationError<E> {
    /// No key has this secret, or its org does not exist.
    #[error("no API key has this secret")]
    UnknownKey,
    /// The key was revoked.
    #[error("the API key was revoked")]
    RevokedKey,
    /// No issuer of sessions is configured.
    #[error("sessions are not accepted")]
    NoSessions,
    /// The session token is not good, or, for [`SessionError::Jwks`], nobody could tell.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The session is one of an org that does not exist.
    #[error("the session is of an unknown org")]
    UnknownOrg,
    /// The directory could not be asked.
    #[error("the directory could not be asked")]
    Directory(#[source] E),
}

impl<D: Directory + Sync> Authenticator<D> {
    /// Asks this directory.
    pub fn new(directory: D, settings: &Settings) -> Self {
        Self {
            directory: CachedDirectory::new(directory, settings.cache_for),
            sessions: settings.sessions.clone().map(Sessions::new),
        }
    }

    /// The caller whose credential this is. The directory is asked by the secret's hash, so that no comparison of
    /// secrets takes place whose time could be measured.
    ///
    /// # Errors
    /// See [`AuthenticationError`].
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
                Ok(Caller { org, scopes: key.template.scopes().to_vec(), credential_id })
            }
            Credential::Session(token) => {
                let sessions = self.sessions.as_ref().ok_or(AuthenticationError::NoSessions)?;
                let session = sessions.verify(token).await?;
                let org = self.directory.org(session.org_id).await.map_err(AuthenticationError::Directory)?;
                let org = org.ok_or(AuthenticationError::UnknownOrg)?;
                let credential_id = format!("session:{}", session.subject.as_deref().unwrap_or("-"));
                Ok(Caller { org, scopes: session.scopes, credential_id })
            }
        }
    }
}
