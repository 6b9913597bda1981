use lambda_http::{
    Request, RequestExt as _,
    http::{HeaderMap, header::AUTHORIZATION},
    request::RequestContext,
};

use super::{Api, ApiError, query::Query};
use crate::{
    error_chain::ErrorChain,
    identity::{AuthenticationError, Caller, Credential, SessionError},
};

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
        AuthenticationError::Directory(error) => error.into(),
        AuthenticationError::Session(SessionError::Jwks(error)) => ApiError::Unavailable(error.into()),
        refused => ApiError::Unauthenticated { cause: ErrorChain(&refused).to_string() },
    })
}

/// Makes sure that the request was sent to the host of the caller's org, if orgs have hosts. The host is the one that
/// API Gateway found its API by, since a header says whatever the client wants.
///
/// # Errors
/// [`ApiError::WrongHost`]
pub(super) fn check_host(api: &Api, caller: &Caller, request: &Request) -> Result<(), ApiError> {
    let Some(base_domain) = &api.base_domain else { return Ok(()) };
    let addressed = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV1(context)) => context.domain_name.as_deref(),
        Some(RequestContext::ApiGatewayV2(context)) => context.domain_name.as_deref(),
        _ => None,
    };
    let host = base_domain.host(&caller.org.slug);
    if addressed.is_some_and(|addressed| addressed.eq_ignore_ascii_case(&host)) {
        Ok(())
    } else {
        Err(ApiError::WrongHost { host })
    }
}

/// The credential of a `Bearer` authorization (RFC 6750, section 2.1); the scheme's case is of no account (RFC 9110,
/// section 11.1).
fn bearer(headers: &HeaderMap) -> Result<Credential, ApiError> {
    let refused = |cause: &str| ApiError::Unauthenticated { cause: cause.to_owned() };
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or_else(|| refused("no Authorization header"))?;
    if values.next().is_some() {
        return Err(refused("several Authorization headers"));
    }
    let (scheme, token) = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .ok_or_else(|| refused("malformed Authorization header"))?;
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Err(refused("not the Bearer scheme"));
    }
    token.trim_matches(' ').parse().map_err(|_| refused("malformed credential"))
}
