use lambda_http::{Request, RequestExt, http::Method, request::RequestContext};

use super::ApiError;

/// An operation of the API, named after its `operationId` in openapi.yaml. `id` is the path segment as received and has
/// not been validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operation {
    UploadPack,
    BeginUpload,
    ListPacks,
    GetPack { id: String },
    UpdatePack { id: String },
    DeletePack { id: String },
    GetAttestations { id: String },
    GetAttestationKeys,
    GetDocument,
    GetPackSchema,
}

/// A path template, and the operation for each method that the path supports. Each `fn` receives the nonempty segment
/// that matches `{id}`, or an empty string if the template has no `{id}`.
type Path = (&'static str, &'static [(Method, fn(&str) -> Operation)]);

/// All paths of the API. The first matching template applies, so fixed paths come before `{id}`.
static PATHS: [Path; 8] = [
    ("/v1/packs", &[(Method::GET, |_| Operation::ListPacks)]),
    ("/v1/packs/upload", &[(Method::POST, |_| Operation::UploadPack)]),
    ("/v1/packs/uploads", &[(Method::POST, |_| Operation::BeginUpload)]),
    (
        "/v1/packs/{id}",
        &[
            (Method::GET, |id| Operation::GetPack { id: id.to_owned() }),
            (Method::DELETE, |id| Operation::DeletePack { id: id.to_owned() }),
            (Method::PATCH, |id| Operation::UpdatePack { id: id.to_owned() }),
        ],
    ),
    ("/v1/packs/{id}/attestations", &[(Method::GET, |id| Operation::GetAttestations { id: id.to_owned() })]),
    ("/v1/attestation-keys", &[(Method::GET, |_| Operation::GetAttestationKeys)]),
    ("/v1/openapi.json", &[(Method::GET, |_| Operation::GetDocument)]),
    ("/v1/pack.schema.json", &[(Method::GET, |_| Operation::GetPackSchema)]),
];

/// The operation that a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) operation: Operation,
    /// The path with parameter names instead of values, for the log.
    pub(super) template: &'static str,
}

impl Route {
    /// Finds the route for a request. Paths match exactly: a path with a trailing slash is a different path. No path
    /// supports HEAD or OPTIONS.
    ///
    /// # Errors
    /// Returns [`ApiError::RouteNotFound`] if no path matches, and [`ApiError::MethodNotAllowed`] if the path does not
    /// support the method.
    pub(super) fn from_request(request: &Request) -> Result<Self, ApiError> {
        let path = path(request);
        let matched = PATHS.iter().find_map(|(template, methods)| Some((template, methods, id(template, path)?)));
        let (template, methods, id) = matched.ok_or_else(|| {
            let (method, path) = (request.method().clone(), path.to_owned());
            ApiError::RouteNotFound { method, path }
        })?;
        match methods.iter().find(|(method, _)| method == request.method()) {
            Some((_, operation)) => Ok(Self { operation: operation(id), template }),
            None => {
                let methods: Vec<&str> = methods.iter().map(|(method, _)| method.as_str()).collect();
                Err(ApiError::MethodNotAllowed { allow: methods.join(", ") })
            }
        }
    }
}

/// Matches a path against a template. Returns the path's segment at `{id}`, or an empty string if the template has no
/// `{id}`. Returns `None` if the path does not match.
fn id<'a>(template: &str, path: &'a str) -> Option<&'a str> {
    let Some((before, after)) = template.split_once("{id}") else { return (template == path).then_some("") };
    let id = path.strip_prefix(before)?.strip_suffix(after)?;
    (!id.is_empty() && !id.contains('/')).then_some(id)
}

/// Returns the path without the stage. HTTP API events prefix `rawPath` with a named stage (API Gateway developer
/// guide, "Create AWS Lambda proxy integrations for HTTP APIs"); REST API events omit it.
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
