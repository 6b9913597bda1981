use lambda_http::{
    Body, Request,
    http::{Response, StatusCode},
};
use pack_format::Problems;
use serde_json::{Map, Value};

use super::{Api, ApiError, audit::Audit, body, json, packs::pack_id, query::Query, record::RecordView};
use crate::{aws::RateCounter, identity::Caller, records::Visibility};

/// Handles `PATCH /v1/packs/{id}`. The response is the same for a malformed id, an unknown id and another org's pack.
pub(super) async fn update(
    api: &Api,
    caller: &Caller,
    query: Query,
    request: &Request,
    id: &str,
    audit: &Audit,
) -> Result<Response<Body>, ApiError> {
    caller.check_may_change()?;
    api.rates.count(&caller.org, RateCounter::Changes).await?;
    let mut problems = Problems::default();
    query.finish(&mut problems);
    let members = body::read_object(request, "the key `visibility`", &mut problems)?;
    let visibility = members.and_then(|members| visibility(members, &mut problems)).filter(|_| problems.is_empty());
    let Some(visibility) = visibility else { return Err(ApiError::Validation(problems)) };
    let id = pack_id(id)?;
    let record = api.lifecycle.set_visibility(caller, id, visibility).await?.ok_or(ApiError::PackNotFound)?;
    audit.visibility_set(&record);
    Ok(json(StatusCode::OK, &RecordView::from_record(&record, caller)))
}

/// Parses the members of the body, and adds a problem for each that is wrong. Returns `None` if `visibility` is missing
/// or invalid. An unknown member adds a problem, but does not change the result.
fn visibility(mut members: Map<String, Value>, problems: &mut Problems) -> Option<Visibility> {
    let visibility = members.remove("visibility").and_then(|value| value.as_str()?.parse().ok());
    if visibility.is_none() {
        problems.add("visibility", "must be `org` or `community`");
    }
    body::reject_unknown(&members, "the key is `visibility`", problems);
    visibility
}
