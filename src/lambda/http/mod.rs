//! The HTTP API: routes, authentication, request parsing, responses, the error envelope and audit lines. The use cases
//! contain the rules for packs.
//!
//! A request is checked in this order, so that no response reveals anything that the caller is not allowed to know: the
//! origin secret (403), the route (404, 405), the credential (401), the host and the permission (403), the org's
//! billing (423), its request rate (429), the request itself (415, 413, 400), the existing packs (404, 409), and last
//! the org's quotas (429).
//!
//! openapi.yaml describes the API. The API serves it as JSON, and requires no credential for that.

mod attestations;
mod audit;
mod authenticate;
mod begin_upload;
mod body;
mod delete;
mod error;
mod error_sources;
mod event;
mod media_type;
mod origin;
mod packs;
mod query;
mod record;
mod route;
mod update;
mod upload;

use std::{convert::Infallible, panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;
use lambda_http::{
    Body, Request, RequestExt,
    http::{Response, StatusCode, header},
    request::RequestContext,
};
use serde::Serialize;
use tokio::time::{Instant, timeout_at};
use tower::Service;
use tracing::{Instrument, Span, error_span, field};

use self::{
    audit::Audit,
    error::ApiError,
    query::Query,
    route::{Operation, Route},
};
pub use self::{error::ErrorCode, event::function};
use crate::{
    aws::Table,
    catalog::Catalog,
    identity::{self, Authenticator, BaseDomain, Caller, OriginSecrets},
    lifecycle::Lifecycle,
    rates::Rates,
    telemetry::{Metrics, Trace},
    upload::Uploads,
};

/// The body of `GET /v1/openapi.json`: openapi.yaml as JSON, converted by the build script.
const DOCUMENT: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));

/// The state that all request handlers share.
#[derive(Debug)]
pub struct Api {
    authenticator: Authenticator<Table>,
    base_domain: Option<BaseDomain>,
    origin_secrets: Option<OriginSecrets>,
    catalog: Catalog,
    lifecycle: Lifecycle,
    uploads: Uploads,
    rates: Rates,
}

impl Api {
    /// Creates the API. It reads packs and API keys from the table in `uploads`, and attestations from the staging
    /// bucket in `uploads`.
    pub fn new(uploads: Uploads, lifecycle: Lifecycle, identity: &identity::Settings) -> Self {
        let authenticator = Authenticator::new(uploads.table.clone(), identity);
        let catalog = Catalog::new(uploads.table.clone(), uploads.staging.attestations());
        let rates = Rates::new(uploads.table.clone(), uploads.org_limits.clone());
        let identity::Settings { base_domain, origin_secrets, .. } = identity.clone();
        Self { authenticator, base_domain, origin_secrets, catalog, lifecycle, uploads, rates }
    }

    /// Handles a request within the deadline. An upload enforces the deadline itself, because the deadline must not
    /// apply after the record is written.
    async fn answer(
        &self,
        route: Result<Route, ApiError>,
        request: Request,
        arrived_at: Instant,
        audit: &Audit,
    ) -> Result<Response<Body>, ApiError> {
        let operation = route?.operation;
        let query = Query::from_request(&request);
        let deadline = arrived_at + self.uploads.deadline;
        let caller = || async { timeout_at(deadline, self.caller(&request, &query, audit)).await? };
        match operation {
            // The documents are public, so these operations need no credential.
            Operation::GetDocument => Ok(json_body(StatusCode::OK, DOCUMENT.into())),
            Operation::GetPackSchema => Ok(json_body(StatusCode::OK, pack_format::MANIFEST_SCHEMA.into())),
            Operation::UploadPack => upload::upload(self, &caller().await?, query, request, arrived_at, audit).await,
            Operation::BeginUpload => {
                timeout_at(deadline, begin_upload::begin_upload(self, &caller().await?, query, request)).await?
            }
            Operation::ListPacks => timeout_at(deadline, packs::list(self, &caller().await?, query)).await?,
            Operation::GetPack { id } => timeout_at(deadline, packs::get(self, &caller().await?, query, &id)).await?,
            Operation::GetAttestations { id } => {
                timeout_at(deadline, attestations::of_pack(self, &caller().await?, query, &id)).await?
            }
            Operation::GetAttestationKeys => timeout_at(deadline, attestations::keys(self)).await?,
            Operation::DeletePack { id } => {
                timeout_at(deadline, delete::delete(self, &caller().await?, query, &id, audit)).await?
            }
            Operation::UpdatePack { id } => {
                timeout_at(deadline, update::update(self, &caller().await?, query, &request, &id, audit)).await?
            }
        }
    }

    /// Authenticates the caller, adds the caller to the request's log span and audit lines, and checks the request's
    /// host.
    async fn caller(&self, request: &Request, query: &Query, audit: &Audit) -> Result<Caller, ApiError> {
        let caller = authenticate::caller(self, request.headers(), query).await?;
        audit.set_caller(&caller);
        let span = Span::current();
        span.record("org_id", field::display(caller.org.id));
        span.record("credential_id", &caller.credential_id);
        authenticate::check_host(self, &caller, request)?;
        Ok(caller)
    }
}

/// Returns the API as a service for requests from an API Gateway HTTP API, a REST API or a Function URL. The service
/// never fails: even a panic becomes a response.
pub fn service(
    api: Arc<Api>,
) -> impl Service<Request, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send {
    tower::service_fn(move |request: Request| {
        let api = Arc::clone(&api);
        async move { Ok(Box::pin(exchange(&api, request)).await) }
    })
}

/// Handles one request in its own log span, and writes one log line with the result.
async fn exchange(api: &Api, mut request: Request) -> Response<Body> {
    let arrived_at = Instant::now();
    let request_id = request_id(&request);
    let trace = request.lambda_context_ref().and_then(Trace::from_context);
    let route = origin::check_origin(api, &mut request).and_then(|()| Route::from_request(&request));
    let is_upload = matches!(route, Ok(Route { operation: Operation::UploadPack, .. }));
    // The span has the level ERROR, so that it is enabled at every log level.
    let span = error_span!(
        "request",
        request_id,
        trace_id = trace.as_ref().map(Trace::id),
        method = request.method().as_str(),
        route = route.as_ref().map_or("none", |route| route.template),
        org_id = field::Empty,
        credential_id = field::Empty,
        pack_id = field::Empty,
    );
    let audit = Audit::new(request_id.clone());
    // Box the future, because each wrapper would otherwise copy it on the stack in a debug build.
    let answer = Box::pin(api.answer(route, request, arrived_at, &audit));
    let answer = Trace::scope(trace, answer).instrument(span.clone());
    let answer = AssertUnwindSafe(answer).catch_unwind().await;
    let answer = answer.unwrap_or(Err(ApiError::Panicked));
    let duration_ms = arrived_at.elapsed().as_micros() as f64 / 1_000.0;
    let _entered = span.enter();
    match answer {
        Ok(response) => {
            tracing::info!(status = response.status().as_u16(), duration_ms, "request completed");
            response
        }
        Err(error) => {
            let status = error.status();
            let (status_code, code): (_, &str) = (status.as_u16(), error.code().into());
            if status.is_server_error() {
                tracing::error!(status = status_code, code, duration_ms, cause = error.cause(), "request failed");
            } else {
                tracing::info!(status = status_code, code, duration_ms, cause = error.cause(), "request rejected");
            }
            if matches!(status, StatusCode::FORBIDDEN | StatusCode::LOCKED | StatusCode::TOO_MANY_REQUESTS) {
                audit.rejected(&error);
            }
            if let Some(exceeded) = error.exceeded() {
                Metrics::by("Limit", exceeded.limit.to_string()).count("LimitedRequests", 1).write();
            }
            if is_upload {
                Metrics::by("Outcome", code).count("Uploads", 1).write();
            }
            error.into_response(&request_id)
        }
    }
}

/// Returns the id that API Gateway or Lambda assigned to the request, never one from the client. API Gateway's access
/// log contains the same id.
fn request_id(request: &Request) -> String {
    let from_gateway = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV1(context)) => context.request_id.clone(),
        Some(RequestContext::ApiGatewayV2(context)) => context.request_id.clone(),
        _ => None,
    };
    let from_lambda = || request.lambda_context_ref().map(|context| context.request_id.clone());
    from_gateway.or_else(from_lambda).unwrap_or_default()
}

fn json(status: StatusCode, body: &impl Serialize) -> Response<Body> {
    json_body(status, serde_json::to_string(body).expect("structs and maps with text keys always serialize").into())
}

/// Returns a JSON response that must not be cached. Most responses contain an org's data, which changes when builds
/// finish.
fn json_body(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}
