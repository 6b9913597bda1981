use serde_json::json;
use test_support::{archive::Archive, manifest::manifest};

use crate::{
    server::{Server, json as respond},
    support::Work,
};

const CAPABILITIES: &str = "capabilities:
- name: a
  type: http
  allow:
  - {domains: [api.example.com], methods: [GET, POST]}
  - {domains: [old.example.com], methods: [GET]}
";
const MORE_CAPABILITIES: &str = "capabilities:
- name: a
  type: http
  allow:
  - {domains: [api.example.com], methods: [GET, DELETE]}
  - {domains: [new.example.com], methods: [GET], allow_insecure: true}
";

fn work() -> Work {
    let first = format!("{}{CAPABILITIES}", manifest("sample", "1.0.0"));
    let work = Work::with_pack(&[("pack.yaml", &first), ("guides/a.md", "a"), ("guides/b.md", "b"), ("data/c", "c")]);
    let second = format!("{}{MORE_CAPABILITIES}", manifest("sample", "1.1.0"));
    let archive = Archive::new().file("pack.yaml", second).file("guides/a.md", "A").executable("data/c", "c");
    work.write("new.tgz", archive.file("guides/d.md", "d").tar_gz());
    work
}

const CAPABILITIES_PRINTED: &str = "\
capabilities:
  + `DELETE` to `api.example.com`
  + `new.example.com`
  + `new.example.com` without TLS (`allow_insecure`)
  - `POST` to `api.example.com`
  - `old.example.com`
";

#[test]
fn shows_files_and_capabilities_that_differ() {
    let printed = work().packs(&["diff", "pack", "new.tgz"]);
    let expected = format!(
        "--- sample 1.0.0\n+++ sample 1.1.0\n{CAPABILITIES_PRINTED}files:\n  ~ data/c\n  ~ guides/a.md\n  - guides/b.md\n  + guides/d.md\n  ~ pack.yaml\n"
    );
    assert_eq!(printed.success(), expected);
}

#[test]
fn equal_packs_have_no_differences() {
    let printed = work().packs(&["diff", "pack", "pack"]);
    assert_eq!(
        printed.success(),
        "--- sample 1.0.0\n+++ sample 1.0.0\ncapabilities: no difference\nfiles: no difference\n"
    );
}

/// `packs diff` does not list changes to `paths`. If nothing else in the capabilities differs, it prints a summary.
#[test]
fn other_differences_in_capabilities_are_mentioned() {
    let work = work();
    let narrower = CAPABILITIES.replace("[GET]}", "[GET], paths: [/v1]}");
    work.write("paths.tgz", Archive::new().file("pack.yaml", manifest("sample", "1.0.0") + &narrower).tar_gz());
    let printed = work.packs(&["diff", "pack", "paths.tgz"]);
    assert!(
        printed.success().contains("\ncapabilities: differ, but allow the same methods and hosts\n"),
        "{printed:?}"
    );
}

#[test]
fn a_record_has_capabilities_but_no_files() {
    let work = work();
    let id = "pack_01JACME1000000000000000000";
    let capabilities = CAPABILITIES.split_once('\n').unwrap().1;
    let record =
        json!({ "name": "sample", "version": "1.0.0", "layer_digest": "sha256:1", "capabilities": capabilities });
    let printed = Server::start([respond(200, &record)]).packs(&work, &["diff", id, "new.tgz"]);
    let files = "files: differ, but the service does not list the files of a record\n";
    assert_eq!(printed.success(), format!("--- sample 1.0.0\n+++ sample 1.1.0\n{CAPABILITIES_PRINTED}{files}"));
}

#[test]
fn an_invalid_pack_is_not_compared() {
    let work = work();
    work.write("bad.tgz", Archive::new().tar_gz());
    let printed = work.packs(&["diff", "pack", "bad.tgz"]);
    assert_eq!((printed.status, printed.out.as_str()), (1, ""));
    assert!(printed.err.contains("pack.yaml: is missing"), "{printed:?}");
}
