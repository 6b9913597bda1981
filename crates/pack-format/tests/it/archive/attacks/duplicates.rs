use test_support::archive::Archive;

use crate::support::assert_rejected;

#[test]
fn rejects_a_name_that_appears_twice() {
    assert_rejected(
        Archive::pack().file("guides/a", b"1").file("guides/a", b"2"),
        &["entry `guides/a` at byte 2048 appears twice in the archive, first at byte 1024; keep only one of them"],
    );
    assert_rejected(
        Archive::pack().file("guides/a", b"1").file("./guides/a", b"1"),
        &["entry `./guides/a` at byte 2048 appears twice in the archive, first at byte 1024; keep only one of them"],
    );
    assert_rejected(
        Archive::pack().directory("guides").directory("guides/"),
        &["entry `guides/` at byte 1536 appears twice in the archive, first at byte 1024; keep only one of them"],
    );
}

#[test]
fn rejects_a_second_manifest() {
    assert_rejected(
        Archive::pack().file("pack.yaml", b"name: other\n"),
        &["entry `pack.yaml` at byte 1024 appears twice in the archive, first at byte 0; keep only one of them"],
    );
    assert_rejected(
        Archive::pack().file("PACK.YAML", b"name: other\n"),
        &["entry `PACK.YAML` at byte 1024 differs from `pack.yaml` at byte 0 only in case or Unicode \
             normalization, and some file systems treat such names as the same; rename one of them"],
    );
}

#[test]
fn rejects_names_that_are_equal_on_some_file_systems() {
    for (one, other) in [
        ("guides/a.md", "guides/A.md"),
        ("guides/é", "guides/e\u{301}"),
        ("guides/É", "guides/e\u{301}"),
        ("guides/straße", "guides/STRASSE"),
        ("guides/ﬁ", "guides/FI"),
        ("guides/ς", "guides/Σ"),
        ("guides/K", "guides/\u{212a}"),
        ("guides/ᾳ", "guides/ΑΙ"),
        ("guides/\u{345}\u{301}", "guides/\u{301}\u{345}"),
    ] {
        let archive = Archive::pack().file(one, b"");
        let position = archive.position();
        assert_rejected(
            archive.file(other, b""),
            &[&format!(
                "entry `{other}` at byte {position} differs from `{one}` at byte 1024 only in case or Unicode \
                 normalization, and some file systems treat such names as the same; rename one of them"
            )],
        );
    }
}

#[test]
fn rejects_names_that_differ_only_in_invisible_characters() {
    for (one, other, escaped) in [
        ("guides/ab", "guides/a\u{ad}b", "guides/a\\u{ad}b"),
        ("guides/ab", "guides/a\u{34f}b", "guides/a\\u{34f}b"),
        ("guides/می\u{200c}خواهم", "guides/میخواهم", "guides/میخواهم"),
        ("guides/❤", "guides/❤\u{fe0f}", "guides/❤\\u{fe0f}"),
    ] {
        let archive = Archive::pack().file(one, b"");
        let (position, one) = (archive.position(), one.replace('\u{200c}', "\\u{200c}"));
        assert_rejected(
            archive.file(other, b""),
            &[&format!(
                "entry `{escaped}` at byte {position} differs from `{one}` at byte 1024 only in invisible characters; \
                 rename one of them"
            )],
        );
    }
}

#[test]
fn rejects_directories_that_are_equal_on_some_file_systems() {
    assert_rejected(
        Archive::pack().file("guides/Sub/a", b"").file("guides/sub/b", b""),
        &["entry `guides/sub/b` at byte 1536 differs from `guides/Sub` at byte 1024 only in case or Unicode \
             normalization, and some file systems treat such names as the same; rename one of them"],
    );
}

#[test]
fn rejects_a_path_that_is_both_a_file_and_a_directory() {
    assert_rejected(
        Archive::pack().file("guides/a", b"").file("guides/a/b", b""),
        &["entry `guides/a/b` at byte 1536 is inside `guides/a`, which is a file at byte 1024; rename one of them"],
    );
    assert_rejected(
        Archive::pack().file("guides/a/b", b"").file("guides/a", b""),
        &["entry `guides/a` at byte 1536 is a file, but the entry at byte 1024 makes it a directory; rename one of \
             them"],
    );
    assert_rejected(
        Archive::pack().file("guides/a", b"").directory("guides/a"),
        &["entry `guides/a` at byte 1536 is a directory, but the entry at byte 1024 is a file of the same name; \
             rename one of them"],
    );
    assert_rejected(
        Archive::pack().file("guides/a", b"").file("guides/A/b", b""),
        &["entry `guides/A/b` at byte 1536 differs from `guides/a` at byte 1024 only in case or Unicode \
             normalization, and some file systems treat such names as the same; rename one of them"],
    );
}
