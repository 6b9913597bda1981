#![no_main]
//! Any bytes as `pack.yaml`: no panic, and the verdict always has a reason.

#[path = "../../support/packs.rs"]
#[expect(dead_code, reason = "a target needs one of the helpers")]
mod packs;

use libfuzzer_sys::fuzz_target;
use pack_upload::pack::Rejection;

fuzz_target!(|content: &[u8]| {
    if let Err(Rejection::Invalid(problems)) = packs::judge_yaml(content) {
        assert!(!problems.is_empty(), "refused without a reason");
    }
});
