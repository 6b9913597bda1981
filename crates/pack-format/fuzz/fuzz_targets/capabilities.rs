//! Validates arbitrary text as `capabilities`. Validating the stored fragment again must return the same fragment.

#![no_main]

use libfuzzer_sys::fuzz_target;
use test_support::{manifest::manifest_with_capabilities, validation::validate_manifest};

fuzz_target!(|yaml: &str| {
    let Ok(validated) = validate_manifest(manifest_with_capabilities(yaml)) else { return };
    let Some(fragment) = validated.pack.manifest.capabilities else { return };
    // Indent the fragment, since a flow list such as `[]` must not start at the beginning of a line.
    let indented: String = fragment.lines().map(|line| format!("  {line}\n")).collect();
    let again = validate_manifest(manifest_with_capabilities(&indented)).expect("the fragment is valid");
    assert_eq!(again.pack.manifest.capabilities, Some(fragment));
});
