use lambda_http::{
    Body,
    http::{Response, StatusCode},
};
use pack_format::Problems;
use serde_json::json;
use tracing::{Span, field};

use super::{Api, ApiError, audit::Audit, query::Query};
use crate::{identity::Caller, records::PackId};

/// Handles `DELETE /v1/packs/{id}`. The response is the same for a malformed id, an unknown id and another org's pack.
pub(super) async fn delete(
    api: &Api,
    caller: &Caller,
    query: Query,
    id: &str,
    audit: &Audit,
) -> Result<Response<Body>, ApiError> {
    caller.check_may_change()?;
    let mut problems = Problems::default();
    query.finish(&mut problems);
    if !problems.is_empty() {
        return Err(ApiError::Validation(problems));
    }
    let id: PackId = id.parse().map_err(|_| ApiError::PackNotFound)?;
    Span::current().record("pack_id", field::display(id));
    let deletion = api.lifecycle.delete(caller, id).await?;
    audit.deleted(&deletion);
    if deletion.is_complete {
        Ok(super::json(StatusCode::OK, &json!({"status": "deleted"})))
    } else {
        Err(ApiError::RegistryCleanupFailed)
    }
}
