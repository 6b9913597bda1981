use std::time::{Duration, SystemTime};

use aws_sdk_ecr::{operation::create_repository::CreateRepositoryError, types::ImageTagMutability};
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::SecretString;
use serde::Deserialize;

use super::{
    Error, RepositoryTags,
    session::{Password, Session},
};

/// How long before its expiry an ECR token is renewed. This must exceed the duration of a push.
const TOKEN_MARGIN: Duration = Duration::from_secs(600);

/// How long credentials from Secrets Manager are used before they are read again. This is also the longest delay until
/// a rotated secret takes effect.
const SECRET_TTL: Duration = Duration::from_secs(300);

/// How the service authenticates to the registry.
#[derive(Debug, Clone)]
pub enum Credentials {
    None,
    /// With a username and password, sent to the registry or to its token service.
    Basic {
        username: String,
        password: SecretString,
    },
    /// With the username and password from a secret in Secrets Manager. The secret must be a JSON object:
    /// `{"username": "…", "password": "…"}`.
    Secret {
        arn: String,
    },
    /// With an ECR token. The service's IAM role must allow `ecr:GetAuthorizationToken`.
    Ecr {
        tags: RepositoryTags,
    },
}

/// The source of a session's credentials.
#[derive(Debug, Clone)]
pub(super) enum Login {
    Fixed(Option<Password>),
    Secret { client: aws_sdk_secretsmanager::Client, arn: String },
    Ecr { client: aws_sdk_ecr::Client, tags: RepositoryTags },
}

impl Login {
    pub(super) async fn session(&self) -> Result<Session, Error> {
        match self {
            Self::Fixed(password) => Ok(Session::new(password.clone(), None)),
            Self::Secret { client, arn } => {
                let password = secret(client, arn).await?;
                Ok(Session::new(Some(password), Some(SystemTime::now() + SECRET_TTL)))
            }
            Self::Ecr { client, .. } => {
                let (password, expires_at) = ecr_token(client).await?;
                Ok(Session::new(Some(password), Some(expires_at)))
            }
        }
    }

    /// Creates a repository in ECR if it does not exist, with the configured AWS tags and with immutable image tags.
    /// Does nothing for other registries, which are expected to create a repository on the first push.
    pub(super) async fn create_repository(&self, name: &str) -> Result<(), Error> {
        let Self::Ecr { client, tags } = self else { return Ok(()) };
        let failed = "CreateRepository";
        let tags = tags.to_sdk().map_err(Error::aws(failed))?;
        let create = client.create_repository().repository_name(name).set_tags(tags);
        match create.image_tag_mutability(ImageTagMutability::Immutable).send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(CreateRepositoryError::is_repository_already_exists_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(Error::aws(failed)(error)),
        }
    }
}

/// Reads a username and password from Secrets Manager.
async fn secret(secrets: &aws_sdk_secretsmanager::Client, arn: &str) -> Result<Password, Error> {
    #[derive(Deserialize)]
    struct Login {
        username: String,
        password: String,
    }
    let failed = "GetSecretValue";
    let output = secrets.get_secret_value().secret_id(arn).send().await.map_err(Error::aws(failed))?;
    // The JSON parser's error is dropped because it may quote the secret.
    let Login { username, password } = serde_json::from_str(output.secret_string().unwrap_or_default())
        .map_err(|_| Error::aws(failed)("the secret is not a JSON object with username and password"))?;
    Ok(Password { username, password: password.into() })
}

/// Requests an ECR token, which is a username and password for HTTP basic authentication (ECR API reference,
/// `GetAuthorizationToken`). Returns the token and the time when it must be renewed.
async fn ecr_token(ecr: &aws_sdk_ecr::Client) -> Result<(Password, SystemTime), Error> {
    let failed = "GetAuthorizationToken";
    let output = ecr.get_authorization_token().send().await.map_err(Error::aws(failed))?;
    let data = output.authorization_data().first().ok_or("the response has no token").map_err(Error::aws(failed))?;
    let token = STANDARD.decode(data.authorization_token().unwrap_or_default()).map_err(Error::aws(failed))?;
    let token = String::from_utf8(token).map_err(|_| Error::aws(failed)("the token is not text"))?;
    let (username, password) = token.split_once(':').ok_or("the token has no colon").map_err(Error::aws(failed))?;
    let end = data.expires_at().and_then(|end| SystemTime::try_from(*end).ok()).unwrap_or_else(SystemTime::now);
    Ok((Password { username: username.to_owned(), password: password.into() }, end - TOKEN_MARGIN))
}
