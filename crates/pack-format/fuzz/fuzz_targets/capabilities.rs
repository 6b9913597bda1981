#![no_main]
//! Any text as `capabilities`: an accepted fragment is written so that it parses to the same fragment again.

use libfuzzer_sys::fuzz_target;
use test_support::packs;

fuzz_target!(|yaml: &str| {
    let Ok(pack) = packs::validate_yaml(packs::capabilities(yaml)) else { return };
    let Some(written) = pack.manifest.capabilities else { return };
    // A flow list such as `[]` must be indented.
    let indented: String = written.lines().map(|line| format!("  {line}\n")).collect();
    let again = packs::validate_yaml(packs::capabilities(&indented)).expect("the written fragment is valid").manifest;
    assert_eq!(again.capabilities, Some(written));
});
