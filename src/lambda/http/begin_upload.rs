use std::collections::BTreeMap;

use lambda_http::{
    Body, Request,
    http::{Response, StatusCode},
};
use pack_format::{Digest, Problems};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Api, ApiError, body, json, query::Query};
use crate::{
    aws::{PresignedPut, RateCounter},
    identity::Caller,
    records::{Timestamp, UploadId},
    upload::Begun,
};

/// The response body: where and how to send the archive.
#[derive(Serialize)]
struct UploadView {
    upload_id: UploadId,
    url: String,
    method: &'static str,
    headers: BTreeMap<String, String>,
    expires_at: Timestamp,
}

struct BeginUploadRequest {
    size_bytes: u64,
    sha256: Digest,
}

/// Handles `POST /v1/packs/uploads`.
pub(super) async fn begin_upload(
    api: &Api,
    caller: &Caller,
    query: Query,
    request: Request,
) -> Result<Response<Body>, ApiError> {
    caller.check_may_upload(Timestamp::now())?;
    api.rates.count(&caller.org, RateCounter::Changes).await?;
    let mut problems = Problems::default();
    query.finish(&mut problems);
    let keys = body::read_object(&request, "the keys `size_bytes` and `sha256`", &mut problems)?;
    let body = keys.and_then(|keys| parse_body(keys, &mut problems)).filter(|_| problems.is_empty());
    let Some(BeginUploadRequest { size_bytes, sha256 }) = body else { return Err(ApiError::Validation(problems)) };
    let Begun { id, put, expires_at } = api.uploads.begin(&caller.org, size_bytes, sha256).await?;
    let PresignedPut { url, headers } = put;
    Ok(json(StatusCode::CREATED, &UploadView { upload_id: id, url, method: "PUT", headers, expires_at }))
}

/// Parses the members of the body, and adds a problem for each that is wrong. Returns `None` if `size_bytes` or
/// `sha256` is missing or invalid. An unknown member adds a problem, but does not change the result.
fn parse_body(mut keys: Map<String, Value>, problems: &mut Problems) -> Option<BeginUploadRequest> {
    let size_bytes = keys.remove("size_bytes").and_then(|value| as_integer(&value)).filter(|size| *size > 0);
    if size_bytes.is_none() {
        problems.add("size_bytes", "must be the archive's size in bytes, an integer greater than 0");
    }
    let sha256 = keys.remove("sha256").and_then(|value| format!("sha256:{}", value.as_str()?).parse().ok());
    if sha256.is_none() {
        problems.add(
            "sha256",
            "must be the archive's SHA-256 as 64 lower-case hexadecimal digits, as `sha256sum` prints it",
        );
    }
    body::reject_unknown(&keys, "the keys are `size_bytes` and `sha256`", problems);
    Some(BeginUploadRequest { size_bytes: size_bytes?, sha256: sha256? })
}

/// Returns the value if it is a non-negative integer. As in JSON Schema, `1.0` is an integer.
fn as_integer(value: &Value) -> Option<u64> {
    let from_float = || value.as_f64().filter(|number| number.fract() == 0.0 && *number >= 0.0);
    value.as_u64().or_else(|| from_float().map(|number| number as u64))
}
