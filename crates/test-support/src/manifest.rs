//! The contents of `pack.yaml` files.

/// The minimal `pack.yaml`, in three lines.
pub const MANIFEST: &str = "name: sample\nversion: 1.0.0\ndescription: For a test.\n";

/// Returns a minimal `pack.yaml` with this name and version.
pub fn manifest(name: &str, version: &str) -> String {
    format!("name: {name}\nversion: {version}\ndescription: For a test.\n")
}

/// Returns the minimal `pack.yaml` followed by this YAML, which starts on line 4.
pub fn manifest_with(yaml: &str) -> String {
    format!("{MANIFEST}{yaml}")
}

/// Returns the minimal `pack.yaml` with these capabilities, which start on line 5.
pub fn manifest_with_capabilities(yaml: &str) -> String {
    manifest_with(&format!("capabilities:\n{yaml}"))
}

/// Returns the minimal `pack.yaml` with one capability that has only this rule, which starts on line 8.
pub fn manifest_with_rule(yaml: &str) -> String {
    let rule = yaml.replace('\n', "\n        ");
    manifest_with_capabilities(&format!("  - name: a\n    type: http\n    allow:\n      - {rule}\n"))
}
