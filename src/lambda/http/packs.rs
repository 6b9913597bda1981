use lambda_http::{
    Body,
    http::{HeaderValue, Response, StatusCode, header::RETRY_AFTER},
};
use pack_format::Problems;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tracing::{Span, field};

use super::{Api, ApiError, json, json_body, query::Query, record::RecordView};
use crate::{
    catalog::Page,
    identity::Caller,
    records::{BuildStatus, PackId},
};

/// The value of `Retry-After`, in seconds, while a pack's build is pending.
const POLL_INTERVAL: HeaderValue = HeaderValue::from_static("1");

/// The maximum size of the packs in a page, in bytes of JSON. In base64, that is 5.6 MB, below Lambda's limit of 6 MB
/// for a response.
const MAX_PAGE_BYTES: usize = 4 << 20;

#[derive(Serialize)]
struct PageView {
    packs: Vec<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<PackId>,
}

impl PageView {
    /// Ends the page early if its packs would exceed [`MAX_PAGE_BYTES`]. A single pack never exceeds it, because the
    /// limits on `pack.yaml` also limit the size of the pack's record.
    fn new(page: &Page, caller: &Caller) -> Self {
        let (mut packs, mut bytes, mut last) = (Vec::new(), 0, None);
        for listed in &page.packs {
            let view = RecordView::from_listed(listed, caller);
            let pack = to_raw_value(&view).expect("structs with text keys always serialize");
            bytes += pack.get().len() + ",".len();
            if bytes > MAX_PAGE_BYTES {
                return Self { packs, next_cursor: last };
            }
            packs.push(pack);
            last = Some(listed.id);
        }
        Self { packs, next_cursor: page.next }
    }
}

/// Parses the id in a path, and adds it to the request's log span.
///
/// # Errors
/// Returns [`ApiError::PackNotFound`] if the id is malformed.
pub(super) fn pack_id(id: &str) -> Result<PackId, ApiError> {
    let id: PackId = id.parse().map_err(|_| ApiError::PackNotFound)?;
    Span::current().record("pack_id", field::display(id));
    Ok(id)
}

/// Handles `GET /v1/packs/{id}`. The response is the same for a malformed id, an unknown id and a pack that the caller
/// is not allowed to see.
pub(super) async fn get(api: &Api, caller: &Caller, query: Query, id: &str) -> Result<Response<Body>, ApiError> {
    api.rates.count_read(&caller.org)?;
    query.reject_all()?;
    let id = pack_id(id)?;
    let record = api.catalog.get(caller, id).await?.ok_or(ApiError::PackNotFound)?;
    let mut response = json(StatusCode::OK, &RecordView::from_record(&record, caller));
    if record.build.status == BuildStatus::Queued {
        response.headers_mut().insert(RETRY_AFTER, POLL_INTERVAL);
    }
    Ok(response)
}

/// Handles `GET /v1/packs`. The body is bytes, so that it is returned to Lambda as base64. Text would be escaped as a
/// JSON string, which could double its size.
pub(super) async fn list(api: &Api, caller: &Caller, query: Query) -> Result<Response<Body>, ApiError> {
    api.rates.count_read(&caller.org)?;
    let mut problems = Problems::default();
    let list = query.into_list(&mut problems);
    if !problems.is_empty() {
        return Err(ApiError::Validation(problems));
    }
    let page = api.catalog.list(caller, &list.filter, list.limit, list.after).await?;
    let body = serde_json::to_vec(&PageView::new(&page, caller)).expect("structs with text keys always serialize");
    Ok(json_body(StatusCode::OK, Body::Binary(body)))
}
