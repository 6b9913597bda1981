use std::{
    fs::{self, File},
    os::unix::{fs::symlink, net::UnixListener},
    process::Command,
    time::{Duration, SystemTime},
};

use test_support::{archive::Archive, manifest::MANIFEST, validation::validate};

use crate::support::{Work, packs};

const PACK: &[(&str, &str)] = &[("pack.yaml", MANIFEST), ("guides/a.md", "a"), ("data/", "")];

fn archive(work: &Work) -> Vec<u8> {
    work.packs(&["archive", "pack", "-o", "pack.tgz"]).success();
    fs::read(work.path("pack.tgz")).unwrap()
}

/// Returns the paths in the archive of the `pack` directory.
fn paths(work: &Work) -> Vec<String> {
    let listing = validate(&archive(work)).unwrap().listing();
    listing.into_keys().collect()
}

#[test]
fn the_bytes_depend_only_on_names_contents_and_execute_bits() {
    let work = Work::with_pack(PACK);
    let first = archive(&work);
    let file = File::options().write(true).open(work.path("pack/guides/a.md")).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(1_000_000)).unwrap();
    run(&work, "chmod 600 pack/pack.yaml && chmod 2700 pack/guides");
    assert_eq!(archive(&work), first);
    // The same files, created in a different order.
    let other = Work::with_pack(&[PACK[2], PACK[1], PACK[0]]);
    assert_eq!(archive(&other), first);
    run(&work, "chmod +x pack/guides/a.md");
    assert_ne!(archive(&work), first);
}

#[test]
fn omits_top_level_dotfiles_and_the_entries_in_packignore() {
    let work = Work::with_pack(PACK);
    for path in
        [".git/config", ".env", "guides/.hidden", "guides/draft.md", "data/cache/x", "data/keep.log", "data/a.log"]
    {
        let path = work.path(&format!("pack/{path}"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }
    work.write("pack/.packignore", "# drafts\n/guides/draft*\ncache/\n*.log\n!keep.log\n");
    assert_eq!(paths(&work), ["data/", "data/keep.log", "guides/", "guides/.hidden", "guides/a.md", "pack.yaml"]);
    let printed = work.packs(&["archive", "pack", "-o", "pack.tgz", "--verbose"]);
    let mut omitted: Vec<&str> = printed.err.lines().collect();
    omitted.sort_unstable();
    assert_eq!(
        omitted,
        [
            "omitted: .env",
            "omitted: .git",
            "omitted: .packignore",
            "omitted: data/a.log",
            "omitted: data/cache",
            "omitted: guides/draft.md",
        ]
    );
}

#[test]
fn long_names_and_names_that_are_not_ascii_are_kept() {
    let name = format!("guides/{}/Größe {}.md", "d".repeat(200), "f".repeat(200));
    let work = Work::with_pack(&[PACK[0], (&name, "x")]);
    assert!(paths(&work).contains(&name));
}

#[test]
fn rejects_a_link_unless_it_is_followed() {
    let work = Work::with_pack(PACK);
    work.write("outside.md", "outside");
    symlink("a.md", work.path("pack/guides/b.md")).unwrap();
    work.packs(&["archive", "pack", "-o", "pack.tgz"]).expect_error(
        "`pack/guides/b.md` is a symbolic link; follow it with `--follow-links`, or list it in `.packignore`",
    );
    symlink("../../outside.md", work.path("pack/data/c.md")).unwrap();
    symlink("../guides", work.path("pack/data/linked")).unwrap();
    work.packs(&["archive", "pack", "-o", "followed.tgz", "--follow-links"]).success();
    let pack = validate(&fs::read(work.path("followed.tgz")).unwrap()).unwrap();
    let expected = Archive::new()
        .files(&[("data/c.md", "outside"), ("data/linked/a.md", "a"), ("data/linked/b.md", "a")])
        .files(&[("guides/a.md", "a"), ("guides/b.md", "a"), ("pack.yaml", MANIFEST)]);
    assert_eq!(pack.listing(), validate(&expected.tar_gz()).unwrap().listing());
}

#[test]
fn rejects_a_dangling_link_and_a_link_loop() {
    let work = Work::with_pack(PACK);
    symlink("missing", work.path("pack/guides/b.md")).unwrap();
    let archive = ["archive", "pack", "-o", "pack.tgz", "--follow-links"];
    work.packs(&archive)
        .expect_error("cannot follow the symbolic link `pack/guides/b.md`: No such file or directory (os error 2)");
    fs::remove_file(work.path("pack/guides/b.md")).unwrap();
    symlink("..", work.path("pack/guides/up")).unwrap();
    work.packs(&archive).expect_error("the symbolic link `pack/guides/up` points to a directory that contains it");
    fs::remove_file(work.path("pack/guides/up")).unwrap();
    symlink("self", work.path("pack/guides/self")).unwrap();
    work.packs(&archive).expect_error(
        "cannot follow the symbolic link `pack/guides/self`: Too many levels of symbolic links (os error 40)",
    );
}

#[test]
fn rejects_a_device_and_a_socket() {
    let work = Work::with_pack(PACK);
    let _socket = UnixListener::bind(work.path("pack/data/socket")).unwrap();
    let archive = ["archive", "pack", "-o", "pack.tgz", "--follow-links"];
    work.packs(&archive)
        .expect_error("`pack/data/socket` is neither a file nor a directory; remove it, or list it in `.packignore`");
    fs::remove_file(work.path("pack/data/socket")).unwrap();
    symlink("/dev/zero", work.path("pack/data/zero")).unwrap();
    work.packs(&archive)
        .expect_error("`pack/data/zero` is neither a file nor a directory; remove it, or list it in `.packignore`");
}

/// The unreadable file is `/proc/self/mem`: reading it from the start fails, even for root.
#[test]
fn writes_nothing_if_a_file_cannot_be_read() {
    let work = Work::with_pack(PACK);
    work.write("pack.tgz", "before");
    symlink("/proc/self/mem", work.path("pack/data/unreadable")).unwrap();
    let printed = work.packs(&["archive", "pack", "-o", "pack.tgz", "--follow-links"]);
    printed.expect_error("cannot read `pack/data/unreadable`: Input/output error (os error 5)");
    assert_eq!(work.read("pack.tgz"), "before");
    let names = fs::read_dir(work.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.count(), 2, "a temporary file is left behind");
}

/// `/proc/self/status` has a size of 0, but reading it returns content, so it seems to grow while it is read.
#[test]
fn fails_if_a_file_changes_while_it_is_read() {
    let work = Work::with_pack(PACK);
    symlink("/proc/self/status", work.path("pack/data/status")).unwrap();
    work.packs(&["archive", "pack", "-o", "pack.tgz", "--follow-links"])
        .expect_error("`pack/data/status` changed while it was being read; run the command again");
    assert!(!work.path("pack.tgz").exists());
}

#[test]
fn fails_if_the_archive_or_a_temporary_file_cannot_be_written() {
    let work = Work::with_pack(PACK);
    let message = "cannot write `/dev/full`: No space left on device (os error 28)";
    work.packs(&["archive", "pack", "-o", "/dev/full"]).expect_error(message);
    work.packs(&["archive", "pack", "-o", "missing/pack.tgz"])
        .expect_error("cannot write `missing/pack.tgz`: No such file or directory (os error 2)");
    let mut limited = Command::new("sh");
    let script = format!("trap '' XFSZ; ulimit -f 0; exec {} check pack", env!("CARGO_BIN_EXE_packs"));
    work.run(limited.args(["-c", &script]).current_dir(work.path("")))
        .expect_error("cannot write to the temporary directory: File too large (os error 27)");
}

#[test]
fn archive_needs_a_directory_and_an_output_file() {
    let work = Work::new();
    work.write("file", "");
    work.packs(&["archive", "file", "-o", "pack.tgz"]).expect_error("`file` is not a directory");
    let printed = work.run(packs(&work.path("")).args(["archive", "."]));
    assert_eq!(printed.status, 2);
}

fn run(work: &Work, command: &str) {
    let status = Command::new("sh").args(["-c", command]).current_dir(work.path("")).status().unwrap();
    assert!(status.success(), "{command}");
}
