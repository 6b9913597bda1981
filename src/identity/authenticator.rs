use super::{Caller, Credential, Directory};

/// Finds out whom a credential belongs to.
#[derive(Debug, Clone)]
pub struct Authenticator<D> {
    directory: D,
}

/// Why a credential was not accepted. From outside all but the last look the same.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticationError<E> {
    /// No key has this secret, or its org does not exist.
    #[error("no API key has this secret")]
    Unknown,
    /// The key was revoked.
    #[error("the API key was revoked")]
    Revoked,
    /// The directory could not be asked.
    #[error("the directory could not be asked")]
    Directory(#[source] E),
}

impl<D: Directory> Authenticator<D> {
    /// Asks this directory.
    pub fn new(directory: D) -> Self {
        Self { directory }
    }

    /// The caller whose credential this is. The directory is asked by the secret's hash, so that no comparison of
    /// secrets takes place whose time could be measured.
    ///
    /// # Errors
    /// See [`AuthenticationError`].
    pub async fn authenticate(&self, credential: &Credential) -> Result<Caller, AuthenticationError<D::Error>> {
        let Credential::ApiKey(secret) = credential;
        let found = self.directory.api_key(secret.org_id(), &secret.hash()).await;
        let (org, key) = found.map_err(AuthenticationError::Directory)?.ok_or(AuthenticationError::Unknown)?;
        if key.revoked_at.is_some() {
            return Err(AuthenticationError::Revoked);
        }
        Ok(Caller { org, scopes: key.template.scopes().to_vec(), credential_id: key.hash.short() })
    }
}
