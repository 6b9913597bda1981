use lambda_http::{
    Body,
    http::{HeaderValue, Response, StatusCode, header::RETRY_AFTER},
};
use pack_format::Problems;
use serde::Serialize;
use tracing::{Span, field};

use super::{Api, ApiError, json, query::Query, record::RecordView};
use crate::{
    identity::Caller,
    records::{BuildStatus, PackId},
};

/// The value of `Retry-After`, in seconds, while a pack's build is pending.
const POLL_INTERVAL: HeaderValue = HeaderValue::from_static("1");

#[derive(Serialize)]
struct PageView<'a> {
    packs: Vec<RecordView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<PackId>,
}

/// Handles `GET /v1/packs/{id}`. The response to a malformed id, an unknown id and another org's private pack is the
/// same.
pub(super) async fn get(api: &Api, caller: &Caller, query: Query, id: &str) -> Result<Response<Body>, ApiError> {
    let mut problems = Problems::default();
    query.finish(&mut problems);
    if !problems.is_empty() {
        return Err(ApiError::Validation(problems));
    }
    let id: PackId = id.parse().map_err(|_| ApiError::PackNotFound)?;
    Span::current().record("pack_id", field::display(id));
    let record = api.catalog.get(caller, id).await?.ok_or(ApiError::PackNotFound)?;
    let mut response = json(StatusCode::OK, &RecordView::from_record(&record, caller));
    if record.build.status == BuildStatus::Queued {
        response.headers_mut().insert(RETRY_AFTER, POLL_INTERVAL);
    }
    Ok(response)
}

/// Handles `GET /v1/packs`.
pub(super) async fn list(api: &Api, caller: &Caller, query: Query) -> Result<Response<Body>, ApiError> {
    let mut problems = Problems::default();
    let list = query.into_list(&mut problems);
    if !problems.is_empty() {
        return Err(ApiError::Validation(problems));
    }
    let page = api.catalog.list(caller, &list.filter, list.limit, list.after).await?;
    let packs = page.records.iter().map(|record| RecordView::from_record(record, caller)).collect();
    Ok(json(StatusCode::OK, &PageView { packs, next_cursor: page.next }))
}
