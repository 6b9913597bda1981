#![no_main]
//! Any text as `capabilities`: what is accepted is written out so that it reads as the same again.

use libfuzzer_sys::fuzz_target;
use test_support::packs;

fuzz_target!(|yaml: &str| {
    let Ok(pack) = packs::validate_yaml(packs::capabilities(yaml)) else { return };
    let Some(written) = pack.manifest.capabilities else { return };
    // A flow list such as `[]` may not stand at the beginning of a line.
    let indented: String = written.lines().map(|line| format!("  {line}\n")).collect();
    let again = packs::validate_yaml(packs::capabilities(&indented)).expect("what was written is read").manifest;
    assert_eq!(again.capabilities, Some(written));
});
