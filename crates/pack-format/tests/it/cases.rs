//! Tests with the archives in `tests/cases`. Real tools wrote some of them. The others were crafted, most of them so
//! that tar readers interpret them differently.

use crate::support::{accepted_paths, problems};

fn case(path: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/cases/{path}.tar.gz", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Asserts that the archive `tests/cases/reject/<name>.tar.gz` is rejected, and that one of its problems contains
/// `words`.
#[track_caller]
fn assert_case_rejected(name: &str, words: &str) {
    let problems = problems(&case(&format!("reject/{name}")));
    assert!(problems.iter().any(|problem| problem.contains(words)), "{name}: {problems:#?}");
}

#[test]
fn accepts_archives_that_all_readers_interpret_in_the_same_way() {
    let long = "data/level-with-long-name-0/level-with-long-name-1/level-with-long-name-2/level-with-long-name-3/\
                level-with-long-name-4/level-with-long-name-5/";
    for (name, path) in [
        ("dart-ustar-version-0-space", "data/a.txt"),
        ("ant-plexus-ustar-version-nul", "data/a.txt"),
        ("tarlz-crc", &format!("{long}f")),
        ("dir-prefix-without-name", long),
        ("python-arcname-empty", "guides/a.md"),
        ("zeros-after-gzip", "guides/a.md"),
    ] {
        let paths = accepted_paths(&case(&format!("accept/{name}")));
        assert!(paths.iter().any(|found| found == path), "{name}: {paths:#?}");
    }
}

#[test]
fn rejects_invalid_archives_and_explains_the_problem() {
    for (name, words) in [
        ("gnu-blank-size-hides", "whose keyword starts with a space or tab"),
        ("xattr-newline-path", "whose value has a line that looks like a `path` record"),
        ("schily-filetype", "has a PAX `SCHILY.filetype`"),
        ("uname-nul", "contains a PAX `uname` with a NUL"),
        ("pax-bad-uid", "contains the PAX `uid`"),
        ("ustar-nul-type-slash", "has the typeflag NUL and a name that ends with `/`"),
        ("7zip-old-longname-in-v7", "7-Zip 9 and R write such headers"),
        ("java-uid-minus-2", "of entry `data/a` has a field `uid` that is -2"),
        ("rust-tar-negative-mtime", "of entry `data/a` has a field `mtime` that is 18446744073709551615"),
        ("double-gzip", "is compressed twice"),
        ("tar-failed-gzip-of-nothing", "is empty: tar wrote nothing"),
        ("symlink-after-dereference-is-hard-link", "`tar --dereference --hard-dereference`"),
        ("wrapped-pack-yml", "rename `my-pack/pack.yml` to `pack.yaml`"),
    ] {
        assert_case_rejected(name, words);
    }
}
