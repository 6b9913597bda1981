//! Parses JSON request bodies.

use lambda_http::Request;
use pack_format::{Escaped, Problems};
use serde_json::{Map, Value};

use super::{ApiError, media_type::MediaType};

/// The field for problems with the body as a whole.
const BODY: &str = "body";

/// Reads the body as a JSON object. If it is not one, adds a problem and returns `None`. `keys` is a phrase that names
/// the expected keys in the problem's message, such as ``the key `visibility` ``.
///
/// # Errors
/// Returns [`ApiError::UnsupportedMediaType`] if the content type is not `application/json`.
pub(super) fn read_object(
    request: &Request,
    keys: &str,
    problems: &mut Problems,
) -> Result<Option<Map<String, Value>>, ApiError> {
    MediaType::Json.check(request.headers())?;
    match serde_json::from_slice(request.body()) {
        Ok(Value::Object(members)) => return Ok(Some(members)),
        Ok(_) => problems.add(BODY, format_args!("must be a JSON object with {keys}")),
        Err(error) => problems.add(BODY, format_args!("is not valid JSON: {error}")),
    }
    Ok(None)
}

/// Adds a problem for each member that was not read. `known` is a phrase such as ``the key is `visibility` ``.
pub(super) fn reject_unknown(unread: &Map<String, Value>, known: &str, problems: &mut Problems) {
    for key in unread.keys() {
        problems.add(Escaped::new(key).to_string(), format_args!("is not a known key; {known}"));
    }
}
