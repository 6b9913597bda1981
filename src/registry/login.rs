use std::{
    fmt,
    time::{Duration, SystemTime},
};

use aws_sdk_ecr::operation::create_repository::CreateRepositoryError;
use base64::{Engine, engine::general_purpose::STANDARD};
use oci_client::{Client, Reference, secrets::RegistryAuth};
use serde::Deserialize;

use super::Error;

/// How long before its end an ECR token is no longer used: longer than a push takes.
const TOKEN_MARGIN: Duration = Duration::from_secs(600);

/// How long a name and password from Secrets Manager are used: a rotated secret takes effect after no more.
const SECRET_LIFE: Duration = Duration::from_secs(300);

/// How the service proves to the registry who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Not at all.
    None,
    /// By name and password, directly or at the token service that the registry names.
    Basic {
        /// The name.
        username: String,
        /// The password.
        password: Password,
    },
    /// By the name and password in a secret of Secrets Manager, the JSON object `{"username": "…", "password": "…"}`.
    Secret {
        /// The secret's ARN.
        arn: String,
    },
    /// By a token of ECR, which the function's role obtains.
    Ecr,
}

/// A password, which `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Where a session's credentials come from.
#[derive(Debug, Clone)]
pub(super) enum Login {
    Fixed(RegistryAuth),
    Secret { client: aws_sdk_secretsmanager::Client, arn: String },
    Ecr(aws_sdk_ecr::Client),
}

/// A client and its credentials.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) auth: RegistryAuth,
    good_until: Option<SystemTime>,
}

impl Session {
    pub(super) fn is_good(&self) -> bool {
        self.good_until.is_none_or(|end| SystemTime::now() < end)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("good_until", &self.good_until).finish_non_exhaustive()
    }
}

impl Login {
    pub(super) async fn session(&self, client: Client) -> Result<Session, Error> {
        match self {
            Self::Fixed(auth) => Ok(Session { client, auth: auth.clone(), good_until: None }),
            Self::Secret { client: secrets, arn } => {
                let auth = secret(secrets, arn).await?;
                Ok(Session { client, auth, good_until: Some(SystemTime::now() + SECRET_LIFE) })
            }
            Self::Ecr(ecr) => {
                let (auth, good_until) = ecr_token(ecr).await?;
                Ok(Session { client, auth, good_until: Some(good_until) })
            }
        }
    }

    /// Makes a repository where that is not the registry's own doing at the first push.
    pub(super) async fn create_repository(&self, reference: &Reference) -> Result<(), Error> {
        let Self::Ecr(ecr) = self else { return Ok(()) };
        match ecr.create_repository().repository_name(reference.repository()).send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(CreateRepositoryError::is_repository_already_exists_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(Error::aws("CreateRepository")(error)),
        }
    }
}

/// The name and password in a secret.
async fn secret(secrets: &aws_sdk_secretsmanager::Client, arn: &str) -> Result<RegistryAuth, Error> {
    #[derive(Deserialize)]
    struct Login {
        username: String,
        password: String,
    }
    let failed = "GetSecretValue";
    let output = secrets.get_secret_value().secret_id(arn).send().await.map_err(Error::aws(failed))?;
    // What the JSON parser says of a malformed secret may quote it, and is dropped.
    let Login { username, password } = serde_json::from_str(output.secret_string().unwrap_or_default())
        .map_err(|_| Error::aws(failed)("the secret is not a JSON object with username and password"))?;
    Ok(RegistryAuth::Basic(username, password))
}

/// ECR's token, which is a name and a password for HTTP basic authentication (ECR API reference,
/// `GetAuthorizationToken`), and until when to use it.
async fn ecr_token(ecr: &aws_sdk_ecr::Client) -> Result<(RegistryAuth, SystemTime), Error> {
    let failed = "GetAuthorizationToken";
    let output = ecr.get_authorization_token().send().await.map_err(Error::aws(failed))?;
    let data = output.authorization_data().first().ok_or("no token was given").map_err(Error::aws(failed))?;
    let token = STANDARD.decode(data.authorization_token().unwrap_or_default()).map_err(Error::aws(failed))?;
    let token = String::from_utf8(token).map_err(|_| Error::aws(failed)("the token is not text"))?;
    let (username, password) = token.split_once(':').ok_or("the token has no colon").map_err(Error::aws(failed))?;
    let end = data.expires_at().and_then(|end| SystemTime::try_from(*end).ok()).unwrap_or_else(SystemTime::now);
    Ok((RegistryAuth::Basic(username.to_owned(), password.to_owned()), end - TOKEN_MARGIN))
}
