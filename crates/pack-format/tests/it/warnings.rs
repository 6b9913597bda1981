//! Tests for warnings about valid packs.

use pack_format::{Grants, Version, Warning};
use test_support::{
    archive::Archive,
    listing::read_directory,
    sample_pack,
    validation::{validate, validate_manifest},
};

/// Returns the warnings about a pack with a minimal `pack.yaml` and these additional entries.
#[track_caller]
fn warnings(archive: Archive) -> Vec<String> {
    let warnings = validate(&archive.tar_gz()).unwrap().pack.warnings;
    assert!(warnings.iter().all(|warning| warning.field == "archive"), "{warnings:?}");
    warnings.into_iter().map(|warning| warning.message).collect()
}

#[test]
fn a_pack_in_the_documented_layout_has_no_warnings() {
    let archive = Archive::pack()
        .file("behavior.md", "Be kind.")
        .file("guides/a/b.md", "")
        .file("data/a", "")
        .file("templates/.hidden", "")
        .executable("scripts/run.sh", "#!/bin/sh\n")
        .executable("scripts/program", b"\x7fELF\x02");
    assert_eq!(warnings(archive), [""; 0]);
}

#[test]
fn files_for_people_and_empty_directories_are_reported() {
    let not_documented = |name| {
        format!("`{name}` is not part of the documented layout of a pack; it is kept, but agents do not expect it")
    };
    for (archive, expected) in [
        (Archive::pack().file("README.md", ""), not_documented("README.md")),
        (Archive::pack().file("CHANGELOG.md", ""), not_documented("CHANGELOG.md")),
        (Archive::pack().file("LICENSE", ""), not_documented("LICENSE")),
        (Archive::pack().directory("guides/"), "`guides` has no files".to_owned()),
        (Archive::pack().directory("data/a/b/"), "`data` has no files".to_owned()),
    ] {
        assert_eq!(warnings(archive), [expected]);
    }
}

#[test]
fn scripts_that_cannot_be_run_are_reported() {
    const NO_INTERPRETER: &str = "`scripts/run` does not start with `#!` and an interpreter, such as `#!/bin/sh`";
    const NOT_EXECUTABLE: &str = "`scripts/run` is not executable; run `chmod +x` on it before you archive the pack";
    for (archive, expected) in [
        (Archive::pack().executable("scripts/run", "echo"), &[NO_INTERPRETER][..]),
        (Archive::pack().executable("scripts/run", ""), &[NO_INTERPRETER]),
        (Archive::pack().file("scripts/run", "#!/bin/sh"), &[NOT_EXECUTABLE]),
        (Archive::pack().file("scripts/run", "echo"), &[NO_INTERPRETER, NOT_EXECUTABLE]),
        (Archive::pack().file("data/run", "echo"), &[]),
    ] {
        assert_eq!(warnings(archive), expected);
    }
}

#[test]
fn at_most_fifty_warnings_are_listed() {
    let archive = (0..60).fold(Archive::pack(), |archive, n| archive.file(format!("scripts/{n}.sh"), "#!/bin/sh"));
    assert_eq!(warnings(archive).len(), 50);
}

#[test]
fn a_secret_is_a_warning_in_an_org_pack() {
    let key = ["AKIA", "Q3EGRZ5XYTN2WVKD"].concat();
    assert_eq!(
        warnings(Archive::pack().file("data/keys", format!("\n\n{key}"))),
        [
            "`data/keys` line 3 has what looks like an AWS access key; if it is live, revoke it and remove it from the pack"
        ]
    );
}

#[test]
fn the_sample_pack_has_one_warning() {
    let archive = Archive::new().listing(&read_directory(sample_pack()));
    assert_eq!(
        warnings(archive),
        ["`README.md` is not part of the documented layout of a pack; it is kept, but agents do not expect it"]
    );
}

/// Returns the grants in a manifest with these rules.
#[track_caller]
fn grants(rules: &str) -> Grants {
    let yaml = format!(
        "name: a\nversion: 1.1.0\ndescription: x\ncapabilities:\n  - {{name: a, type: http, allow: [{rules}]}}\n"
    );
    let manifest = validate_manifest(yaml).unwrap().pack.manifest;
    Grants::from_capabilities(&manifest.capabilities.unwrap())
}

#[test]
fn capabilities_that_the_previous_version_did_not_have_are_reported() {
    let previous = grants("{domains: [a.example, '*.b.example'], methods: [GET, HEAD]}");
    let version: Version = "1.0.0".parse().unwrap();
    for (rules, expected) in [
        ("{domains: [a.example], methods: [GET]}", &[][..]),
        ("{domains: [A.Example.], methods: [HEAD]}, {domains: ['*.b.example'], methods: [GET], paths: [/x]}", &[]),
        ("{domains: ['a.example.:443'], methods: [GET]}", &[]),
        ("{domains: ['a.example:0443'], methods: [GET]}", &[]),
        ("{domains: ['a.example:80'], methods: [GET]}", &["allows `a.example:80`"]),
        (
            "{domains: ['a.example:080'], methods: [GET], allow_insecure: true}",
            &["allows `a.example` without TLS (`allow_insecure`)"],
        ),
        ("{domains: [c.example], methods: [GET]}", &["allows `c.example`"]),
        ("{domains: [x.b.example], methods: [GET]}", &["allows `x.b.example`"]),
        ("{domains: [a.example], methods: [GET, POST, PUT]}", &["allows `POST`, `PUT` to `a.example`"]),
        (
            "{domains: [a.example], methods: [GET], allow_insecure: true}",
            &["allows `a.example` without TLS (`allow_insecure`)"],
        ),
        ("{domains: [a.example], methods: [GET], allow_insecure: false}", &[]),
        (
            "{domains: [d.example, a.example], methods: [DELETE], allow_insecure: true}",
            &[
                "allows `DELETE` to `a.example`",
                "allows `a.example` without TLS (`allow_insecure`)",
                "allows `d.example`",
                "allows `d.example` without TLS (`allow_insecure`)",
            ],
        ),
    ] {
        let expected: Vec<_> = expected
            .iter()
            .map(|message| Warning {
                field: "pack.yaml: capabilities".to_owned(),
                message: format!("{message}, which version 1.0.0 did not"),
            })
            .collect();
        assert_eq!(grants(rules).warnings_since(&previous, &version), expected, "{rules}");
    }
    assert_eq!(previous.warnings_since(&Grants::from_capabilities(""), &version).len(), 2);
    assert_eq!(Grants::from_capabilities("").warnings_since(&previous, &version), []);
}
