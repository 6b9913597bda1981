//! Checks that `MISTAKES.md`, which shows authors' most common mistakes, has the current messages. Run this test with
//! `UPDATE_GOLDEN=1` to update the file.

use std::{fmt::Write as _, fs, path::Path};

use test_support::{
    archive::Archive,
    manifest::{MANIFEST, manifest_with, manifest_with_capabilities, manifest_with_rule},
    validation::{problems, validate},
};

struct Mistake {
    title: &'static str,
    /// The mistake as it appears in a command, a path or `pack.yaml`.
    example: &'static str,
    upload: Vec<u8>,
}

const HEAD: &str = "# The twenty most common mistakes

One response reports all problems of an upload, in `error.details.fields`: for each field, what is wrong and how to fix
it. The test `mistakes` generates this document.

| | mistake | example | problems reported |
|---|---|---|---|
";

#[test]
fn mistakes_md_shows_the_current_messages() {
    let mut document = String::from(HEAD);
    let mistakes = mistakes();
    assert_eq!(mistakes.len(), 20);
    for (index, mistake) in mistakes.iter().enumerate() {
        let problems = problems(&validate(&mistake.upload));
        assert!(!problems.is_empty(), "{} is accepted", mistake.title);
        let problems: Vec<String> = problems.iter().map(|(field, message)| format!("**{field}**: {message}")).collect();
        let problems = problems.join("<br>").replace('|', "\\|");
        writeln!(document, "| {} | {} | {} | {problems} |", index + 1, mistake.title, mistake.example).unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("MISTAKES.md");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &document).unwrap();
    }
    assert_eq!(document, fs::read_to_string(&path).unwrap());
}

fn mistakes() -> Vec<Mistake> {
    let yaml = |yaml: &str| Archive::new().file("pack.yaml", yaml).tar_gz();
    let mistake = |title, example, upload| Mistake { title, example, upload };
    vec![
        mistake("A zip file", "`zip -r pack.zip .`", b"PK\x03\x04\x14\x00\x00\x00\x08\x00".to_vec()),
        mistake("An archive that is not compressed", "`tar -cf pack.tar .`", Archive::pack().tar()),
        mistake(
            "A symbolic link in the pack",
            "`guides/latest.md → v2.md`",
            Archive::pack().symlink("guides/latest.md", "v2.md").tar_gz(),
        ),
        mistake(
            "A parent directory archived with the pack",
            "`my-packs/pack.yaml` next to `README.md`",
            Archive::new().file("my-packs/pack.yaml", MANIFEST).file("README.md", "").tar_gz(),
        ),
        mistake("A misnamed manifest", "`pack.yml`", Archive::new().file("pack.yml", MANIFEST).tar_gz()),
        mistake("A file that a pack must not contain", "`Makefile`", Archive::pack().file("Makefile", "").tar_gz()),
        mistake("A misspelt directory", "`guide/triage.md`", Archive::pack().file("guide/triage.md", "").tar_gz()),
        mistake(
            "A version without quotes",
            "`version: 1.10`",
            yaml("name: sample\nversion: 1.10\ndescription: For a test.\n"),
        ),
        mistake(
            "A version that is a git tag",
            "`version: v1.2.3`",
            yaml("name: sample\nversion: v1.2.3\ndescription: For a test.\n"),
        ),
        mistake(
            "A name in upper case, or with underscores",
            "`name: My_Pack`",
            yaml("name: My_Pack\nversion: 1.0.0\ndescription: For a test.\n"),
        ),
        mistake(
            "A misspelt key",
            "`descripton: For a test.`",
            yaml("name: sample\nversion: 1.0.0\ndescripton: For a test.\n"),
        ),
        mistake("An optional key without a value", "`display_name:`", yaml(&manifest_with("display_name:\n"))),
        mistake(
            "A tab in the indentation",
            "`⇥- runbook-search`",
            yaml(&manifest_with("suggested_packs:\n\t- runbook-search\n")),
        ),
        mistake(
            "A colon in text without quotes",
            "`description: Triage: first steps`",
            yaml("name: sample\nversion: 1.0.0\ndescription: Triage: first steps\n"),
        ),
        mistake(
            "Text instead of a list",
            "`suggested_packs: runbook-search, status-page`",
            yaml(&manifest_with("suggested_packs: runbook-search, status-page\n")),
        ),
        mistake(
            "Methods in lower case",
            "`methods: [get]`",
            yaml(&manifest_with_rule("domains: [api.example.com]\nmethods: [get]\n")),
        ),
        mistake(
            "A URL instead of a host",
            "`domains: [\"https://api.example.com/v1\"]`",
            yaml(&manifest_with_rule("domains: [\"https://api.example.com/v1\"]\nmethods: [GET]\n")),
        ),
        mistake(
            "A glob without quotes",
            "`domains: [*.example.com]`",
            yaml(&manifest_with_rule("domains: [*.example.com]\nmethods: [GET]\n")),
        ),
        mistake(
            "A path without a leading slash",
            "`paths: [v1/users]`",
            yaml(&manifest_with_rule("domains: [api.example.com]\nmethods: [GET]\npaths: [v1/users]\n")),
        ),
        mistake(
            "Rules without `allow`",
            "`domains` next to `name` and `type`",
            yaml(&manifest_with_capabilities(
                "  - name: api\n    type: http\n    domains: [api.example.com]\n    methods: [GET]\n",
            )),
        ),
    ]
}
