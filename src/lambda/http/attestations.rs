use lambda_http::{
    Body,
    http::{Response, StatusCode},
};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Api, ApiError, json, packs::pack_id, query::Query};
use crate::identity::Caller;

#[derive(Serialize)]
struct BundlesView {
    bundles: Vec<Box<RawValue>>,
}

#[derive(Serialize)]
struct KeysView {
    keys: Vec<KeyView>,
}

#[derive(Serialize)]
struct KeyView {
    hint: String,
    pem: String,
}

/// Handles `GET /v1/packs/{id}/attestations`. The response is the same for a malformed id, an unknown id and another
/// org's pack. Even a community pack's attestations are for its owner only, because they name the org.
pub(super) async fn of_pack(api: &Api, caller: &Caller, query: Query, id: &str) -> Result<Response<Body>, ApiError> {
    api.rates.count_read(&caller.org)?;
    query.reject_all()?;
    let bundles = api.catalog.attestations(caller, pack_id(id)?).await?.ok_or(ApiError::PackNotFound)?;
    Ok(json(StatusCode::OK, &BundlesView { bundles }))
}

/// Handles `GET /v1/attestation-keys`. The keys are public, so no credential is needed.
pub(super) async fn keys(api: &Api) -> Result<Response<Body>, ApiError> {
    let keys = api.catalog.attestation_keys().await?;
    let keys = keys.iter().map(|key| KeyView { hint: key.hint(), pem: key.to_pem() }).collect();
    Ok(json(StatusCode::OK, &KeysView { keys }))
}
