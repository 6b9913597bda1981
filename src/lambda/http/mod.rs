//! The edge: routes, the form, the error envelope. Knows HTTP and decides nothing.
//!
//! Checks come in an order in which nobody learns what they have no right to: the route (404, 405), the credential
//! (401), its org's host and its scope (403), the org's billing (423), the request (415, 413, 400), and last what is
//! there already (409). openapi.yaml describes all of it, and is served to anybody.

mod audit;
mod authenticate;
mod begin_upload;
mod error;
mod event;
mod packs;
mod query;
mod record;
mod route;
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

pub use self::event::function;
use self::{error::ApiError, query::Query, route::Route};
use crate::{
    aws::Table,
    catalog::Catalog,
    identity::{self, Authenticator, BaseDomain, Caller},
    telemetry::{Metrics, Trace},
    upload::Uploads,
};

/// What `GET /v1/openapi.json` answers: openapi.yaml as JSON, which the build script made of it.
const DOCUMENT: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));

/// All that the handlers need.
#[derive(Debug)]
pub struct Api {
    authenticator: Authenticator<Table>,
    base_domain: Option<BaseDomain>,
    catalog: Catalog,
    uploads: Uploads,
}

impl Api {
    /// The API over these uploads, and over the table that they write, for whom these settings let in.
    pub fn new(uploads: Uploads, identity: &identity::Settings) -> Self {
        let authenticator = Authenticator::new(uploads.table.clone(), identity);
        let catalog = Catalog::new(uploads.table.clone());
        Self { authenticator, base_domain: identity.base_domain.clone(), catalog, uploads }
    }

    /// The answer, or an error once the deadline has passed. An upload keeps to that by itself: from its commit point on
    /// its answer is settled.
    async fn answer(
        &self,
        route: Result<Route, ApiError>,
        request: Request,
        arrived_at: Instant,
    ) -> Result<Response<Body>, ApiError> {
        let route = route?;
        let query = Query::from_request(&request);
        let deadline = arrived_at + self.uploads.deadline;
        let caller = || async { timeout_at(deadline, self.caller(&request, &query)).await? };
        match route {
            // What the API is like is no secret, so nobody is asked who they are.
            Route::Document => Ok(json_text(StatusCode::OK, DOCUMENT.to_owned())),
            Route::Upload => upload::upload(self, &caller().await?, query, request, arrived_at).await,
            Route::BeginUpload => {
                timeout_at(deadline, begin_upload::begin_upload(self, &caller().await?, query, request)).await?
            }
            Route::List => timeout_at(deadline, packs::list(self, &caller().await?, query)).await?,
            Route::Get { id } => timeout_at(deadline, packs::get(self, &caller().await?, query, &id)).await?,
        }
    }

    /// Who asks, which the log of the request then knows too.
    async fn caller(&self, request: &Request, query: &Query) -> Result<Caller, ApiError> {
        let caller = authenticate::caller(self, request.headers(), query).await?;
        let span = Span::current();
        span.record("org_id", field::display(caller.org.id));
        span.record("credential_id", &caller.credential_id);
        authenticate::check_host(self, &caller, request)?;
        Ok(caller)
    }
}

/// The API as a service of requests that came as API Gateway HTTP API, REST API or Function URL events. It never fails:
/// a panic too becomes an answer.
pub fn service(
    api: Arc<Api>,
) -> impl Service<Request, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send {
    tower::service_fn(move |request: Request| {
        let api = Arc::clone(&api);
        async move { Ok(Box::pin(exchange(&api, request)).await) }
    })
}

/// Answers one request, and logs it once. What is logged on the way carries the same span.
async fn exchange(api: &Api, request: Request) -> Response<Body> {
    let arrived_at = Instant::now();
    let request_id = request_id(&request);
    let trace = request.lambda_context_ref().and_then(Trace::from_context);
    let route = Route::from_request(&request);
    let is_upload = matches!(route, Ok(Route::Upload));
    // At the level of errors, so that a filter which lets only errors through does not take their context away.
    let span = error_span!(
        "request",
        request_id,
        trace_id = trace.as_ref().map(Trace::id),
        method = request.method().as_str(),
        route = route.as_ref().map_or("none", Route::template),
        org_id = field::Empty,
        credential_id = field::Empty,
        pack_id = field::Empty,
    );
    // On the heap, since a debug build moves it from one wrapper to the next on the stack.
    let answer = Box::pin(api.answer(route, request, arrived_at));
    let answer = Trace::scope(trace, answer).instrument(span.clone());
    let answer = AssertUnwindSafe(answer).catch_unwind().await;
    let answer = answer.unwrap_or(Err(ApiError::Panicked));
    let duration_ms = arrived_at.elapsed().as_micros() as f64 / 1_000.0;
    let _entered = span.enter();
    match answer {
        Ok(response) => {
            tracing::info!(status = response.status().as_u16(), duration_ms, "answered");
            response
        }
        Err(error) => {
            let status = error.status();
            let (status_code, code) = (status.as_u16(), error.code());
            if status.is_server_error() {
                tracing::error!(status = status_code, code, duration_ms, cause = error.cause(), "failed");
            } else {
                tracing::info!(status = status_code, code, duration_ms, cause = error.cause(), "refused");
            }
            if matches!(status, StatusCode::FORBIDDEN | StatusCode::LOCKED) {
                audit::refused(&error);
            }
            if is_upload {
                Metrics::by("Outcome", code).count("Uploads", 1).write();
            }
            error.into_response(&request_id)
        }
    }
}

/// The server's own id for the request, which API Gateway's access log carries too; never one that a client chose.
fn request_id(request: &Request) -> String {
    let from_gateway = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV1(context)) => context.request_id.clone(),
        Some(RequestContext::ApiGatewayV2(context)) => context.request_id.clone(),
        _ => None,
    };
    let from_lambda = || request.lambda_context_ref().map(|context| context.request_id.clone());
    from_gateway.or_else(from_lambda).unwrap_or_default()
}

/// A JSON response of this value.
fn json(status: StatusCode, body: &impl Serialize) -> Response<Body> {
    json_text(status, serde_json::to_string(body).expect("structs and maps with text keys always serialise"))
}

/// A JSON response. Answers are a tenant's data and change as builds go on: no cache keeps them.
fn json_text(status: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(Body::Text(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}
