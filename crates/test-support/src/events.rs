//! The events under `events/`, as AWS hands them to a function.

use serde_json::Value;

/// One of them.
pub fn event(name: &str) -> Value {
    let path = format!("{}/../../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}
