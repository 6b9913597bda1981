use lambda_http::http::{HeaderMap, header::AUTHORIZATION};

use super::{Api, ApiError, query::Query};
use crate::identity::{AuthenticationError, Caller, Credential};

/// Who sent the request, by its `Authorization` header and nothing else.
///
/// # Errors
/// [`ApiError::Unauthenticated`] and [`ApiError::CredentialInUrl`]; [`ApiError::Unavailable`] if nobody could tell.
pub(super) async fn caller(api: &Api, headers: &HeaderMap, query: &Query) -> Result<Caller, ApiError> {
    if query.holds_credential() {
        return Err(ApiError::CredentialInUrl);
    }
    let credential = bearer(headers)?;
    api.authenticator.authenticate(&credential).await.map_err(|error| match error {
        AuthenticationError::Unknown => ApiError::Unauthenticated { cause: "unknown API key" },
        AuthenticationError::Revoked => ApiError::Unauthenticated { cause: "revoked API key" },
        AuthenticationError::Directory(error) => error.into(),
    })
}

/// The credential of a `Bearer` authorization (RFC 6750, section 2.1); the scheme's case is of no account (RFC 9110,
/// section 11.1).
fn bearer(headers: &HeaderMap) -> Result<Credential, ApiError> {
    let refused = |cause| ApiError::Unauthenticated { cause };
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(refused("no Authorization header"))?;
    if values.next().is_some() {
        return Err(refused("several Authorization headers"));
    }
    let (scheme, token) =
        value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or(refused("malformed Authorization header"))?;
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Err(refused("not the Bearer scheme"));
    }
    token.trim_matches(' ').parse().map_err(|_| refused("malformed credential"))
}
