use test_support::archive::{Archive, Header, LINK_NAME, SIZE};

use crate::support::{assert_rejected, assert_tar_rejected};

const HARD_LINK: &str = "is a hard link, which is not allowed; archive the file itself (`tar --dereference \
                         --hard-dereference`), or replace the link with a copy of the file (with bsdtar, do this and \
                         use `-L`)";
const SYMBOLIC_LINK: &str = "is a symbolic link, which is not allowed; archive what it points to (`tar --dereference \
                             --hard-dereference`, `bsdtar -L`), or replace the link with a copy of the file";
const INCREMENTAL: &str = "belongs to an incremental dump; create the archive without `--listed-incremental` and \
                           `--incremental`";

fn header(typeflag: u8) -> Header {
    Header::ustar("guides/a").typeflag(typeflag)
}

#[test]
fn rejects_anything_but_files_and_directories() {
    for (typeflag, problem) in [
        (b'1', HARD_LINK),
        (b'2', SYMBOLIC_LINK),
        (b'3', "is a device; only files and directories are allowed"),
        (b'4', "is a device; only files and directories are allowed"),
        (b'6', "is a FIFO; only files and directories are allowed"),
        (b'7', "is a contiguous file (typeflag `7`); archive it as a regular file"),
        (b'S', "is a sparse file; archive it without `tar --sparse`"),
        (b'D', INCREMENTAL),
        (b'N', INCREMENTAL),
        (b'M', "is continued from another volume; archive it without `tar --multi-volume`"),
        (b'V', "is a volume label; create the archive without `tar --label`"),
        (b'X', "is of an unknown type; only files and directories are allowed"),
        (b'Z', "is of an unknown type; only files and directories are allowed"),
        (0xff, "is of an unknown type; only files and directories are allowed"),
    ] {
        assert_rejected(
            Archive::pack().header(header(typeflag)).file("guides/b.md", b"read on"),
            &[&format!("entry `guides/a` at byte 1024 {problem}")],
        );
    }
}

#[test]
fn rejects_a_symbolic_link_to_any_target() {
    for target in ["pack.yaml", "../../etc/passwd", "/etc/passwd", "."] {
        assert_rejected(
            Archive::pack().header(header(b'2').field(LINK_NAME, target)),
            &[&format!("entry `guides/a` at byte 1024 {SYMBOLIC_LINK}")],
        );
    }
}

#[test]
fn reports_only_the_link_if_a_file_is_inside_a_symbolic_link() {
    assert_rejected(
        Archive::pack().header(header(b'2').field(LINK_NAME, "/tmp")).file("guides/a/b", b"x"),
        &[&format!("entry `guides/a` at byte 1024 {SYMBOLIC_LINK}")],
    );
}

#[test]
fn stops_reading_at_contents_that_only_some_readers_skip() {
    let hidden = Archive::new().file("guides/hidden.md", b"").without_end_marker();
    for (typeflag, problem) in [
        (b'1', HARD_LINK),
        (b'2', SYMBOLIC_LINK),
        (b'5', "is a directory but has content"),
        (b'6', "is a FIFO; only files and directories are allowed"),
        (b'S', "is a sparse file; archive it without `tar --sparse`"),
    ] {
        assert_rejected(
            Archive::pack().entry(header(typeflag), &hidden),
            &[
                &format!("entry `guides/a` at byte 1024 {problem}"),
                "the archive was not read past entry `guides/a` at byte 1024: tar readers disagree on whether its 512 bytes of data are content or further entries",
            ],
        );
    }
}

#[test]
fn continues_reading_after_a_contiguous_file_with_content() {
    assert_rejected(
        Archive::pack().entry(header(b'7'), b"content").file("guides/\u{7}", b""),
        &[
            "entry `guides/a` at byte 1024 is a contiguous file (typeflag `7`); archive it as a regular file",
            "entry `guides/\\u{7}` at byte 2048 has a name that contains the control character U+0007; rename it",
        ],
    );
}

#[test]
fn rejects_a_file_whose_name_ends_with_a_slash() {
    let problem = "entry `guides/a/` at byte 1024 is a file, but its name ends with `/`, which marks a directory; create the archive with `tar --format=posix`";
    assert_rejected(Archive::pack().header(Header::ustar("guides/a/")), &[problem]);
    for header in [Header::ustar("guides/a/"), Header::v7("guides/a/"), Header::ustar("guides/a/").typeflag(0)] {
        assert_rejected(
            Archive::pack().entry(header, b"content"),
            &[
                problem,
                "the archive was not read past entry `guides/a/` at byte 1024: tar readers disagree on whether its 7 bytes of data are content or further entries",
            ],
        );
    }
}

#[test]
fn rejects_an_entry_if_only_one_of_its_names_ends_with_a_slash() {
    let problem = "entry `guides/a` at byte 2048 is a file, but the name in its header ends with `/`, which marks a directory; rename it, or create the archive with `tar --format=posix`";
    let old = Header::ustar("guides/b/").typeflag(0);
    assert_rejected(Archive::pack().pax(&[("path", b"guides/a")]).header(old.clone()), &[problem]);
    assert_rejected(Archive::pack().long_name("guides/a").header(old), &[problem]);
    let problem = "entry `guides/a/` at byte 2048 is a file, but its name ends with `/`, which marks a directory; create the archive with `tar --format=posix`";
    let old = Header::ustar("guides/a").typeflag(0);
    assert_rejected(Archive::pack().pax(&[("path", b"guides/a/")]).header(old.clone()), &[problem]);
    assert_rejected(Archive::pack().long_name("guides/a/").header(old), &[problem]);
}

#[test]
fn rejects_the_root_as_a_file() {
    for name in ["./", "."] {
        let problem = match name {
            "./" => {
                "is a file, but its name ends with `/`, which marks a directory; create the archive with `tar --format=posix`"
            }
            _ => "is a file, but its name refers to the pack's own directory",
        };
        assert_rejected(
            Archive::pack().header(Header::ustar(name)),
            &[&format!("entry `{name}` at byte 1024 {problem}")],
        );
    }
}

#[test]
fn rejects_truncated_content() {
    let cut = Archive::pack().header(Header::ustar("guides/a").size(513)).raw(&[b'x'; 512]).without_end_marker();
    assert_tar_rejected(&cut, &["entry `guides/a` at byte 1024 is truncated; create the archive again"]);
}

#[test]
fn rejects_a_size_beyond_the_end_of_the_archive() {
    let mut size = [0; 12];
    size[0] = 0x80;
    size[9] = 0x7f;
    assert_rejected(
        Archive::pack().header(Header::gnu("guides/a").field(SIZE, size)),
        &["entry `guides/a` at byte 1024 is truncated; create the archive again"],
    );
}

#[test]
fn rejects_a_nul_typeflag_on_a_name_that_ends_with_a_slash() {
    for header in [Header::ustar("guides/a/"), Header::gnu("guides/a/")] {
        assert_rejected(
            Archive::pack().header(header.typeflag(0)),
            &["entry `guides/a/` at byte 1024 has the typeflag NUL and a name that ends with `/`, which makes it a \
               file to some tar readers and a directory to others; create the archive with `tar --format=posix`"],
        );
    }
}
