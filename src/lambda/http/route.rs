use lambda_http::{Request, RequestExt, http::Method, request::RequestContext};

use super::ApiError;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// `POST /v1/packs/upload`
    Upload,
    /// `POST /v1/packs/uploads`
    BeginUpload,
    /// `GET /v1/packs`
    List,
    /// `GET /v1/packs/{id}`
    Get {
        /// The id as the path has it, well-formed or not.
        id: String,
    },
    /// `GET /v1/openapi.json`
    Document,
}

impl Route {
    /// The route of a request. Paths match exactly: a trailing slash makes another path. HEAD and OPTIONS are methods
    /// like any other, and no route has them.
    ///
    /// # Errors
    /// [`ApiError::RouteNotFound`] for an unknown path, [`ApiError::MethodNotAllowed`] for another method.
    pub(super) fn from_request(request: &Request) -> Result<Self, ApiError> {
        let (route, method) = match path(request) {
            "/v1/packs" => (Self::List, Method::GET),
            "/v1/packs/upload" => (Self::Upload, Method::POST),
            "/v1/packs/uploads" => (Self::BeginUpload, Method::POST),
            "/v1/openapi.json" => (Self::Document, Method::GET),
            other => match other.strip_prefix("/v1/packs/") {
                Some(id) if !id.is_empty() && !id.contains('/') => (Self::Get { id: id.to_owned() }, Method::GET),
                _ => return Err(ApiError::RouteNotFound),
            },
        };
        if request.method() == method { Ok(route) } else { Err(ApiError::MethodNotAllowed { allow: method }) }
    }

    /// The route with its parameters as names, for the log.
    pub(super) fn template(&self) -> &'static str {
        match self {
            Self::Upload => "/v1/packs/upload",
            Self::BeginUpload => "/v1/packs/uploads",
            Self::List => "/v1/packs",
            Self::Get { .. } => "/v1/packs/{id}",
            Self::Document => "/v1/openapi.json",
        }
    }
}

/// The path without the stage. REST events have it that way; HTTP API events carry a stage that has a name in front of
/// `rawPath` (API Gateway developer guide, "Create AWS Lambda proxy integrations for HTTP APIs").
fn path(request: &Request) -> &str {
    let path = request.raw_http_path();
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context
            .stage
            .as_deref()
            .and_then(|stage| path.strip_prefix('/')?.strip_prefix(stage))
            .filter(|rest| rest.starts_with('/'))
            .unwrap_or(path),
        _ => path,
    }
}
