//! The mistakes that authors make most, and what comes back: `MISTAKES.md` is written by this test, run with
//! `UPDATE_GOLDEN=1`.

use std::{fmt::Write as _, fs, path::Path};

use test_support::{
    archive::gzip,
    packs::{MINIMAL, archive, capabilities, more, problems, rule, validate_bytes},
};

/// A mistake: what it is, what it looks like, and the upload that has it.
struct Mistake {
    title: &'static str,
    looks: &'static str,
    upload: Vec<u8>,
}

const HEAD: &str = "# The twenty most common mistakes

Every problem of an upload comes back at once, under `error.details.fields`: its field, and what to do. This document is
written by the test `gate::mistakes`.

| | the mistake | what it looks like | what comes back |
|---|---|---|---|
";

#[test]
fn the_document_shows_what_comes_back() {
    let mut document = String::from(HEAD);
    let mistakes = mistakes();
    assert_eq!(mistakes.len(), 20);
    for (index, mistake) in mistakes.iter().enumerate() {
        let found = problems(&validate_bytes(&mistake.upload));
        assert!(!found.is_empty(), "{} is accepted", mistake.title);
        let answers: Vec<String> = found
            .iter()
            .flat_map(|(field, messages)| messages.iter().map(move |message| format!("**{field}**: {message}")))
            .collect();
        let answers = answers.join("<br>").replace('|', "\\|");
        writeln!(document, "| {} | {} | {} | {answers} |", index + 1, mistake.title, mistake.looks)
            .expect("a String takes whatever is written to it");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("MISTAKES.md");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &document).expect("the document is written");
    }
    assert_eq!(document, fs::read_to_string(&path).expect("the document is there"));
}

fn mistakes() -> Vec<Mistake> {
    let pack = |files: &[(&str, &str)]| {
        let mut all: Vec<(&str, &[u8])> = vec![("pack.yaml", MINIMAL.as_bytes())];
        all.extend(files.iter().map(|(path, content)| (*path, content.as_bytes())));
        archive(&all)
    };
    let yaml = |yaml: &str| archive(&[("pack.yaml", yaml.as_bytes())]);
    let of = |title, looks, upload| Mistake { title, looks, upload };
    vec![
        of("A zip file", "`zip -r pack.zip .`", b"PK\x03\x04\x14\x00\x00\x00\x08\x00".to_vec()),
        of("An archive that is not compressed", "`tar -cf pack.tar .`", {
            let mut tar = tar::Builder::new(Vec::new());
            let mut header = tar::Header::new_ustar();
            header.set_size(MINIMAL.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, "pack.yaml", MINIMAL.as_bytes()).expect("a Vec takes it");
            tar.into_inner().expect("a Vec takes it")
        }),
        of("A symbolic link in the pack", "`guides/latest.md → v2.md`", {
            let mut tar = tar::Builder::new(Vec::new());
            let mut header = tar::Header::new_ustar();
            header.set_size(MINIMAL.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, "pack.yaml", MINIMAL.as_bytes()).expect("a Vec takes it");
            let mut header = tar::Header::new_ustar();
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            header.set_mode(0o777);
            tar.append_link(&mut header, "guides/latest.md", "v2.md").expect("a Vec takes it");
            gzip(&tar.into_inner().expect("a Vec takes it"))
        }),
        of(
            "The directory around the pack is archived too",
            "`my-packs/pack.yaml` beside `README.md`",
            archive(&[("my-packs/pack.yaml", MINIMAL.as_bytes()), ("README.md", b"")]),
        ),
        of("The manifest has another name", "`pack.yml`", archive(&[("pack.yml", MINIMAL.as_bytes())])),
        of("A file that has no place in a pack", "`Makefile`", pack(&[("Makefile", "")])),
        of("A misspelt directory", "`guide/triage.md`", pack(&[("guide/triage.md", "")])),
        of(
            "A version without quotes",
            "`version: 1.10`",
            yaml("name: sample\nversion: 1.10\ndescription: For a test.\n"),
        ),
        of(
            "A version that is a git tag",
            "`version: v1.2.3`",
            yaml("name: sample\nversion: v1.2.3\ndescription: For a test.\n"),
        ),
        of(
            "A name in upper case, or with underscores",
            "`name: My_Pack`",
            yaml("name: My_Pack\nversion: 1.0.0\ndescription: For a test.\n"),
        ),
        of(
            "A misspelt key",
            "`descripton: For a test.`",
            yaml("name: sample\nversion: 1.0.0\ndescripton: For a test.\n"),
        ),
        of("An optional key left empty", "`display_name:`", yaml(&more("display_name:\n"))),
        of("A tab in the indentation", "`⇥- runbook-search`", yaml(&more("suggested_packs:\n\t- runbook-search\n"))),
        of(
            "A colon in text without quotes",
            "`description: Triage: first steps`",
            yaml("name: sample\nversion: 1.0.0\ndescription: Triage: first steps\n"),
        ),
        of(
            "Text where a list belongs",
            "`suggested_packs: runbook-search, status-page`",
            yaml(&more("suggested_packs: runbook-search, status-page\n")),
        ),
        of("Methods in lower case", "`methods: [get]`", yaml(&rule("domains: [api.example.com]\nmethods: [get]\n"))),
        of(
            "A URL where a host belongs",
            "`domains: [\"https://api.example.com/v1\"]`",
            yaml(&rule("domains: [\"https://api.example.com/v1\"]\nmethods: [GET]\n")),
        ),
        of(
            "A glob without quotes",
            "`domains: [*.example.com]`",
            yaml(&rule("domains: [*.example.com]\nmethods: [GET]\n")),
        ),
        of(
            "A path without its slash",
            "`paths: [v1/users]`",
            yaml(&rule("domains: [api.example.com]\nmethods: [GET]\npaths: [v1/users]\n")),
        ),
        of(
            "Rules without `allow`",
            "`domains` beside `name` and `type`",
            yaml(&capabilities("  - name: api\n    type: http\n    domains: [api.example.com]\n    methods: [GET]\n")),
        ),
    ]
}
