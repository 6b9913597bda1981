use test_support::{archive::Archive, manifest::MANIFEST};

use crate::support::Work;

const MISTAKES: &str = "\
name: Bad_Name
version: 1.10
descripton: For a tëst.
capabilities:
- {name: a, type: http, allow: [{domains: [*.b.com, https://c.com/], methods: [get]}]}
";

const FIXED: &str = "\
name: bad-name
version: \"1.10.0\"
description: For a tëst.
capabilities:
- {name: a, type: http, allow: [{domains: [\"*.b.com\", c.com], methods: [GET]}]}
";

/// The keys of a manifest are checked only if its syntax is valid, so `--fix` must apply suggestions in several rounds.
#[test]
fn applies_the_suggestions_and_reports_the_remaining_problems() {
    let work = Work::with_pack(&[("pack.yml", MISTAKES), ("guide/triage.md", "# Triage\n"), ("notes.txt", "")]);
    let printed = work.packs(&["check", "--fix", "pack"]);
    assert_eq!(printed.status, 1);
    assert!(printed.out.starts_with("error: archive: `notes.txt` is not allowed"), "{printed:?}");
    assert!(printed.out.ends_with("--> pack/notes.txt\n\n1 problem.\n"), "{printed:?}");
    let expected = "\
        fixed pack/guide: rename it to `guides`\n\
        fixed pack/pack.yml: rename it to `pack.yaml`\n\
        fixed pack/pack.yaml:5:44: put the text in quotes\n\
        fixed pack/pack.yaml:1:7: write `bad-name`\n\
        fixed pack/pack.yaml:2:10: write `version: \"1.10.0\"`\n\
        fixed pack/pack.yaml:3:1: rename the key to `description`\n\
        fixed pack/pack.yaml:5:55: write `c.com`\n\
        fixed pack/pack.yaml:5:82: write `GET`\n";
    assert_eq!(printed.err, expected);
    assert_eq!(work.read("pack/pack.yaml"), FIXED);
    assert_eq!(work.read("pack/guides/triage.md"), "# Triage\n");
}

#[test]
fn changes_nothing_in_a_valid_pack() {
    let work = Work::with_pack(&[("pack.yaml", MANIFEST)]);
    let printed = work.packs(&["check", "--fix", "pack"]);
    assert_eq!((printed.success(), printed.err.as_str()), ("The pack is valid.\n", ""));
    assert_eq!(work.read("pack/pack.yaml"), MANIFEST);
}

#[test]
fn fixes_a_pack_in_a_wrapping_directory() {
    let work = Work::with_pack(&[("wrapped/pack.yaml", "name: Bad\nversion: 1.0.0\ndescription: x\n")]);
    let printed = work.packs(&["check", "--fix", "pack"]);
    assert_eq!(printed.success(), "The pack is valid.\n");
    assert_eq!(printed.err, "fixed pack/wrapped/pack.yaml:1:7: write `bad`\n");
}

#[test]
fn does_not_rename_to_an_existing_path() {
    let work = Work::with_pack(&[("pack.yaml", MANIFEST), ("guide/a.md", "a"), (".gitkeep", "")]);
    work.write("pack/.packignore", "guides/\n");
    std::fs::create_dir(work.path("pack/guides")).unwrap();
    let printed = work.packs(&["check", "--fix", "pack"]);
    assert_eq!((printed.status, printed.err.as_str()), (1, ""));
    assert_eq!(work.read("pack/guide/a.md"), "a");
}

#[test]
fn archives_cannot_be_fixed() {
    let work = Work::new();
    work.write("pack.tgz", Archive::pack().tar_gz());
    work.packs(&["check", "--fix", "pack.tgz"])
        .expect_error("`--fix` cannot change files in an archive; pass the pack's directory");
}
