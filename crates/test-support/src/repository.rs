use std::path::Path;

/// Returns the directory of the sample pack, which `local` suggests uploading.
pub fn sample_pack() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/packs/sample"))
}

/// Reads the event in `events/<name>.json`.
#[cfg(feature = "service")]
pub fn event(name: &str) -> serde_json::Value {
    let path = format!("{}/../../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}
