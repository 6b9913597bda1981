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

/// Authenticates the caller by the `Authorization` header. No other source of credentials is accepted.
///
/// # Errors
/// Returns [`ApiError::CredentialInUrl`] if the query contains a credential, [`ApiError::Unauthenticated`] if the
/// header's credential is missing or not accepted, and [`ApiError::Unavailable`] or [`ApiError::Internal`] if it could
/// not be checked.
pub(super) async fn caller(api: &Api, headers: &HeaderMap, query: &Query) -> Result<Caller, ApiError> {
    if query.holds_credential() {
        return Err(ApiError::CredentialInUrl);
    }
    let credential = bearer(headers)?;
    api.authenticator.authenticate(&credential).await.map_err(|error| match error {
        AuthenticationError::Directory(error) => error.into(),
        AuthenticationError::Session(SessionError::Jwks(error)) => ApiError::Unavailable(error.into()),
        rejected => ApiError::Unauthenticated { cause: ErrorChain(&rejected).to_string() },
    })
}

/// If a base domain is configured, checks that the request was sent to the host of the caller's org. The host is taken
/// from API Gateway's request context, because a client can send any `Host` header.
pub(super) fn check_host(api: &Api, caller: &Caller, request: &Request) -> Result<(), ApiError> {
    let Some(base_domain) = &api.base_domain else { return Ok(()) };
    let requested = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV1(context)) => context.domain_name.as_deref(),
        Some(RequestContext::ApiGatewayV2(context)) => context.domain_name.as_deref(),
        _ => None,
    };
    let host = base_domain.host(&caller.org.slug);
    if requested.is_some_and(|requested| requested.eq_ignore_ascii_case(&host)) {
        Ok(())
    } else {
        Err(ApiError::WrongHost { host })
    }
}

/// Parses the credential in an `Authorization: Bearer` header (RFC 6750, section 2.1). The scheme is case-insensitive
/// (RFC 9110, section 11.1).
fn bearer(headers: &HeaderMap) -> Result<Credential, ApiError> {
    let unauthenticated = |cause: &str| ApiError::Unauthenticated { cause: cause.to_owned() };
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or_else(|| unauthenticated("no Authorization header"))?;
    if values.next().is_some() {
        return Err(unauthenticated("several Authorization headers"));
    }
    let (scheme, token) = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .ok_or_else(|| unauthenticated("malformed Authorization header"))?;
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Err(unauthenticated("not the Bearer scheme"));
    }
    token.trim_matches(' ').parse().map_err(|_| unauthenticated("malformed credential"))
}
