//! Checks responses against openapi.yaml.

use std::sync::LazyLock;

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

/// openapi.yaml as the JSON that the service serves.
pub(crate) static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!(concat!(env!("OUT_DIR"), "/openapi.json"))).unwrap());

/// Asserts that openapi.yaml documents a response to this method and path with this status, headers and body.
#[track_caller]
pub(crate) fn expect_documented(method: &str, path: &str, status: u16, headers: &HeaderMap, body: &Value) {
    let context = format!("{status} to {method} {path}: {headers:?} {body}");
    let response = response(method, path, status).unwrap_or_else(|| panic!("openapi.yaml has no {context}"));
    for (name, header) in response["headers"].as_object().into_iter().flatten() {
        let header = resolve(header);
        let Some(value) = headers.get(name) else {
            assert_ne!(header["required"], true, "{name} is missing from {context}");
            continue;
        };
        let text = value.to_str().unwrap();
        let is_integer = header["schema"]["type"] == "integer";
        let value = if is_integer { json!(text.parse::<i64>().unwrap()) } else { json!(text) };
        expect_valid(&header["schema"], &value, &context);
    }
    let content_type = headers.get("content-type").map(|value| value.to_str().unwrap());
    let content = content_type.and_then(|content_type| response["content"].get(content_type));
    let content = content.unwrap_or_else(|| panic!("openapi.yaml does not have the content type of {context}"));
    expect_valid(&content["schema"], body, &context);
}

/// Returns the documented response. If no operation has this path and method, looks for a shared response with this
/// status, such as `RouteNotFound`.
fn response(method: &str, path: &str, status: u16) -> Option<&'static Value> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let item =
        paths.get(path).or_else(|| paths.iter().find(|(template, _)| matches(template, path)).map(|(_, item)| item));
    let operation = item.and_then(|item| item.get(method.to_ascii_lowercase()));
    let name = match (item, operation, status) {
        (_, Some(operation), _) => return operation["responses"].get(status.to_string()).map(resolve),
        (Some(_), None, 405) => "MethodNotAllowed",
        (None, None, 404) => "RouteNotFound",
        (_, None, 403) => "PermissionDenied",
        _ => return None,
    };
    Some(&DOCUMENT["components"]["responses"][name])
}

fn matches(template: &str, path: &str) -> bool {
    template.split('/').count() == path.split('/').count()
        && template
            .split('/')
            .zip(path.split('/'))
            .all(|(expected, found)| expected == found || (expected.starts_with('{') && !found.is_empty()))
}

/// Follows a `$ref`. Returns any other value unchanged.
pub(crate) fn resolve(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(reference) => DOCUMENT.pointer(reference.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

/// Asserts that `value` matches a schema from openapi.yaml. The panic message contains `context`.
#[track_caller]
pub(crate) fn expect_valid(schema: &Value, value: &Value, context: &str) {
    // References in the schema point into `components`, so include it.
    let schema = json!({ "allOf": [schema], "components": DOCUMENT["components"] });
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "not valid according to openapi.yaml: {context}\n{errors:#?}");
}
