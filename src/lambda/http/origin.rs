use lambda_http::{Request, http::HeaderName};

use super::{Api, ApiError};

/// The header in which the proxy in front of API Gateway sends its secret. If a client sends this header, the proxy
/// replaces it.
const ORIGIN_SECRET: HeaderName = HeaderName::from_static("x-origin-secret");

/// Checks that a request came through the proxy, if origin secrets are configured. Removes the header, so that nothing
/// can log the secret.
pub(super) fn check_origin(api: &Api, request: &mut Request) -> Result<(), ApiError> {
    let secret = request.headers_mut().remove(ORIGIN_SECRET);
    match &api.origin_secrets {
        None => Ok(()),
        Some(secrets) if secret.is_some_and(|secret| secrets.accept(secret.as_bytes())) => Ok(()),
        Some(_) => Err(ApiError::ProxyBypassed),
    }
}
