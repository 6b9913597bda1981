//! Stored archives, in `tests/cases`, that some tar readers reject or read differently.

use crate::support::problems;

/// Asserts that the archive `tests/cases/reject/<name>.tar.gz` is rejected, and that one of its problems contains
/// `words`.
#[track_caller]
fn assert_case_rejected(name: &str, words: &str) {
    let path = format!("{}/tests/cases/reject/{name}.tar.gz", env!("CARGO_MANIFEST_DIR"));
    let problems = problems(&std::fs::read(path).unwrap());
    assert!(problems.iter().any(|problem| problem.contains(words)), "{name}: {problems:#?}");
}

#[test]
fn rejects_archives_that_readers_understand_differently() {
    for (name, words) in [
        ("gnu-blank-size-hides", "whose keyword starts with a space or tab"),
        ("xattr-newline-path", "a line in it that looks like a record of `path`"),
        ("schily-filetype", "has a PAX `SCHILY.filetype`"),
        ("uname-nul", "contains a PAX `uname` with a NUL"),
        ("pax-bad-uid", "contains the PAX `uid`"),
        ("ustar-nul-type-slash", "has the typeflag NUL and a name that ends with `/`"),
    ] {
        assert_case_rejected(name, words);
    }
}
