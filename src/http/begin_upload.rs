use std::collections::BTreeMap;

use lambda_http::{
    Body, Request,
    http::{Response, StatusCode, header::CONTENT_TYPE},
};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Api, ApiError, json, query::Query, shortened::shortened, upload::check_may_upload};
use crate::{
    identity::Caller,
    pack::{Digest, Problems, Timestamp, UploadId},
};

/// The field of a problem that no single key of the body has.
const BODY: &str = "body";

/// An upload that was begun.
#[derive(Serialize)]
struct UploadView {
    upload_id: UploadId,
    url: String,
    method: &'static str,
    headers: BTreeMap<String, String>,
    expires_at: Timestamp,
}

/// What the body of a request says.
struct Announcement {
    size_bytes: u64,
    sha256: Digest,
}

/// `POST /v1/packs/uploads`
pub(super) async fn begin_upload(
    api: &Api,
    caller: &Caller,
    query: Query,
    request: Request,
) -> Result<Response<Body>, ApiError> {
    check_may_upload(caller)?;
    let mut problems = Problems::default();
    query.finish(&mut problems);
    let announcement = read_body(&request, &mut problems)?.filter(|_| problems.is_empty());
    let Some(Announcement { size_bytes, sha256 }) = announcement else { return Err(ApiError::Validation(problems)) };
    let begun = api.uploads.begin(&caller.org, size_bytes, sha256).await?;
    let view = UploadView {
        upload_id: begun.id,
        url: begun.put.url,
        method: "PUT",
        headers: begun.put.headers,
        expires_at: begun.id.expires_at(),
    };
    Ok(json(StatusCode::CREATED, &view))
}

fn read_body(request: &Request, problems: &mut Problems) -> Result<Option<Announcement>, ApiError> {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        return Err(ApiError::UnsupportedMediaType { expected: "application/json" });
    }
    match serde_json::from_slice(request.body()) {
        Ok(Value::Object(keys)) => Ok(announcement(keys, problems)),
        Ok(_) => {
            problems.add(BODY, "must be a JSON object of `size_bytes` and `sha256`");
            Ok(None)
        }
        Err(error) => {
            problems.add(BODY, format_args!("is not JSON: {error}"));
            Ok(None)
        }
    }
}

fn announcement(mut keys: Map<String, Value>, problems: &mut Problems) -> Option<Announcement> {
    let size_bytes = keys.remove("size_bytes").and_then(|value| value.as_u64()).filter(|size| *size > 0);
    if size_bytes.is_none() {
        problems.add("size_bytes", "must be the archive's size in bytes, a whole number greater than zero");
    }
    let sha256 = keys.remove("sha256").and_then(|value| format!("sha256:{}", value.as_str()?).parse().ok());
    if sha256.is_none() {
        problems.add("sha256", "must be the archive's SHA-256, 64 lower-case hexadecimal digits as `sha256sum` prints");
    }
    for key in keys.keys() {
        problems.add(shortened(key), "is not a key of this request; its keys are `size_bytes` and `sha256`");
    }
    Some(Announcement { size_bytes: size_bytes?, sha256: sha256? })
}
