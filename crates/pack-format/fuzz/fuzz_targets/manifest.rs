#![no_main]
//! Any bytes as `pack.yaml`: validation does not panic, and a rejected manifest has at least one problem.

use libfuzzer_sys::fuzz_target;
use pack_format::ValidationError;
use test_support::packs;

fuzz_target!(|content: &[u8]| {
    if let Err(ValidationError::Invalid(problems)) = packs::validate_yaml(content) {
        assert!(!problems.is_empty(), "rejected without a problem");
    }
});
