//! Which calls the functions are seen to make. They are kept under target/tmp, where tests/stack holds them against what
//! each function's role allows.

use std::{fs, path::Path};

/// Keeps that a function made a call: as a file of the call's name, so that tests need not know of one another.
pub(crate) fn seen(function: &str, call: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("calls").join(function);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(call), "").unwrap();
}
