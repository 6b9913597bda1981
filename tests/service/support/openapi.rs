//! Checks of responses against openapi.yaml.

use std::sync::LazyLock;

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

/// openapi.yaml as JSON, as the service serves it.
pub(crate) static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!(concat!(env!("OUT_DIR"), "/openapi.json"))).unwrap());

/// Fails unless openapi.yaml documents this status with these headers and this body for the path.
#[track_caller]
pub(crate) fn expect_documented(path: &str, status: u16, headers: &HeaderMap, body: &Value) {
    let context = format!("{status} for {path}: {headers:?} {body}");
    let response = response(path, status).unwrap_or_else(|| panic!("openapi.yaml does not document {context}"));
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
    expect_valid(
        &content.unwrap_or_else(|| panic!("openapi.yaml does not document the content type of {context}"))["schema"],
        body,
        &context,
    );
}

/// The documented response with this status. Each path has one operation; every other method is a 405.
fn response(path: &str, status: u16) -> Option<&'static Value> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let item =
        paths.get(path).or_else(|| paths.iter().find(|(template, _)| matches(template, path)).map(|(_, item)| item));
    let name = match (item, status) {
        (Some(_), 405) => "MethodNotAllowed",
        (None, 404) => "RouteNotFound",
        _ => {
            let operation = item?.as_object().unwrap().values().next()?;
            return operation["responses"].get(status.to_string()).map(resolve);
        }
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

/// The target of a `$ref`, or the value itself if it is not a reference.
pub(crate) fn resolve(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(reference) => DOCUMENT.pointer(reference.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

/// Fails, printing `context`, unless `value` is valid under a schema of openapi.yaml.
#[track_caller]
pub(crate) fn expect_valid(schema: &Value, value: &Value, context: &str) {
    // The references in the schema are resolved within the components.
    let schema = json!({ "allOf": [schema], "components": DOCUMENT["components"] });
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "openapi.yaml does not allow {context}\n{errors:#?}");
}
