use lambda_http::{
    Body,
    http::{Response, StatusCode},
};
use serde_json::json;

use super::{Api, ApiError, audit::Audit, packs::pack_id, query::Query};
use crate::{aws::RateCounter, identity::Caller};

/// Handles `DELETE /v1/packs/{id}`. Deletions have a counter of their own, so that an org that has used up its uploads
/// can still delete packs. The response is the same for a malformed id, an unknown id and another org's pack.
pub(super) async fn delete(
    api: &Api,
    caller: &Caller,
    query: Query,
    id: &str,
    audit: &Audit,
) -> Result<Response<Body>, ApiError> {
    caller.check_may_change()?;
    api.rates.count(&caller.org, RateCounter::Deletions).await?;
    query.reject_all()?;
    let id = pack_id(id)?;
    let deletion = api.lifecycle.delete(caller, id).await?;
    audit.deleted(&deletion);
    if deletion.is_complete {
        Ok(super::json(StatusCode::OK, &json!({"status": "deleted"})))
    } else {
        Err(ApiError::RegistryCleanupFailed)
    }
}
