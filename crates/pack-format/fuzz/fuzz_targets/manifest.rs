//! Validates arbitrary bytes as `pack.yaml`. Validation must not panic, and a rejection must list at least one problem.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pack_format::ValidationError;
use test_support::validation::validate_manifest;

fuzz_target!(|content: &[u8]| {
    if let Err(ValidationError::Invalid(problems)) = validate_manifest(content) {
        assert!(!problems.is_empty(), "rejected without a problem");
    }
});
