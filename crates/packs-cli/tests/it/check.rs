use std::fs;

use pack_format::{Limits, ValidationError};
use serde_json::{Value, json};
use test_support::{
    archive::{Archive, Header, gzip, pax_record},
    generated,
    manifest::{MANIFEST, manifest_with},
    validation::{validate, validate_within},
};

use crate::support::{Printed, Work, packs};

const MISTAKES: &[(&str, &str)] = &[
    ("pack.yaml", "name: Bad_Name\nversion: 1.10\ndescription: x\n"),
    ("guide/triage.md", "# Triage\n"),
    ("notes.txt", ""),
];

const MISTAKES_PRINTED: &str = "\
error: archive: `guide/` is not allowed at the top of a pack; rename it to `guides/`, or remove it
--> pack/guide

error: archive: `notes.txt` is not allowed at the top of a pack; move it into one of `guides/`, `scripts/`, `data/`, \
`templates/`, or remove it (files allowed at the top: `pack.yaml`, `behavior.md`, `README.md`, `CHANGELOG.md`, \
`LICENSE*`, `LICENCE*`, `COPYING*`, `NOTICE*`, `THIRD_PARTY_NOTICES*`)
--> pack/notes.txt

error: pack.yaml: name: `Bad_Name` must start with a lower-case letter and contain only lower-case letters, digits and \
single hyphens between them: did you mean `bad-name`?
 --> pack/pack.yaml:1:7
  |
1 | name: Bad_Name
  |       ^^^^^^^^
  |
help: write `bad-name`
  |
1 - name: Bad_Name
1 + name: bad-name
  |

error: pack.yaml: version: `1.10` is a number, not text, and is not a semantic version such as `1.2.3` or \
`1.2.3-beta.1` (unexpected end of input while parsing minor version number); write `version: \"1.10.0\"`
 --> pack/pack.yaml:2:10
  |
2 | version: 1.10
  |          ^^^^
  |
help: write `version: \"1.10.0\"`
  |
2 - version: 1.10
2 + version: \"1.10.0\"
  |

4 problems.
";

#[test]
fn shows_each_problem_with_its_location_and_suggestion() {
    let printed = Work::with_pack(MISTAKES).packs(&["check", "pack"]);
    assert_eq!((printed.status, printed.err.as_str()), (1, ""));
    assert_eq!(printed.out, MISTAKES_PRINTED);
}

#[test]
fn shows_the_lines_of_files_in_an_archive() {
    let work = Work::new();
    let manifest = "name: Bad\nversion: 1.0.0\ndescription: x\n";
    for (archive, top) in [("top.tgz", "./"), ("wrapped.tgz", "wrapped/")] {
        work.write(archive, Archive::new().file(format!("{top}pack.yaml"), manifest).tar_gz());
        let printed = work.packs(&["check", archive]);
        assert_eq!(printed.status, 1);
        assert!(printed.out.contains(" --> pack.yaml:1:7\n  |\n1 | name: Bad\n  |       ^^^\n"), "{printed:?}");
    }
}

#[test]
fn a_valid_pack_may_have_warnings() {
    let work = Work::with_pack(&[("pack.yaml", MANIFEST), ("scripts/run", "true\n")]);
    let printed = work.packs(&["check", "pack"]);
    assert!(printed.success().ends_with("The pack is valid.\n"), "{printed:?}");
    let warning = "warning: archive: `scripts/run` is not executable; run `chmod +x` on it before you archive the pack";
    assert!(printed.out.contains(warning), "{printed:?}");
}

#[test]
fn checks_the_current_directory_by_default() {
    let work = Work::with_pack(MISTAKES);
    let printed = work.run(packs(&work.path("pack")).arg("check"));
    assert!(printed.out.contains("\n--> notes.txt\n"), "{printed:?}");
}

#[test]
fn a_community_pack_must_not_contain_secrets() {
    // The secret is split in two, because some repository hosts reject files that contain secrets.
    let secret = ["AKIA", "Q3EGRZ5XYTN2WVKD"].concat();
    let work = Work::with_pack(&[("pack.yaml", MANIFEST), ("data/key", &secret)]);
    assert_eq!(work.packs(&["check", "pack"]).status, 0);
    assert_eq!(work.packs(&["check", "pack", "--visibility", "community"]).status, 1);
    assert_eq!(work.packs(&["check", "pack", "--visibility", "public"]).status, 2);
}

#[test]
fn colors_are_printed_to_a_pipe_only_if_forced_and_never_with_no_color() {
    let work = Work::with_pack(MISTAKES);
    let out = |variables: &[(&str, &str)]| {
        work.run(packs(&work.path("")).args(["check", "pack"]).envs(variables.iter().copied())).out
    };
    assert_eq!(out(&[]), MISTAKES_PRINTED);
    assert!(out(&[("CLICOLOR_FORCE", "1")]).contains("\u{1b}[1m\u{1b}[91merror"));
    assert_eq!(out(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]), MISTAKES_PRINTED);
}

/// If control characters were printed, a pack could control the terminal of whoever checks it.
#[test]
fn control_and_bidirectional_characters_are_not_printed() {
    let manifest = "name: sample\nversion: 1.0.0\ndescription: \"a\u{1b}]0;b\u{202e}c\"\nx\u{1b}[2J: 1\n";
    let printed = Work::with_pack(&[("pack.yaml", manifest)]).packs(&["check", "pack"]);
    assert_eq!(printed.status, 1);
    assert!(!printed.out.contains(['\u{1b}', '\u{202e}']), "{printed:?}");
}

#[test]
fn json_shows_a_problem_as_the_api_does() {
    let printed = Work::with_pack(MISTAKES).packs(&["check", "pack", "--format", "json"]);
    assert_eq!(printed.status, 1);
    let report: Value = serde_json::from_str(&printed.out).unwrap();
    assert_eq!(
        (&report["valid"], &report["unlisted_problems"], &report["warnings"]),
        (&json!(false), &json!(0), &json!([]))
    );
    assert_eq!(
        report["problems"][2],
        json!({
            "field": "pack.yaml: name",
            "message": "line 1: `Bad_Name` must start with a lower-case letter and contain only lower-case letters, \
                digits and single hyphens between them: did you mean `bad-name`?",
            "file": "pack.yaml",
            "line": 1,
            "column": 7,
            "length": 8,
            "suggestion": { "description": "write `bad-name`", "replacement": "bad-name" },
        })
    );
}

#[test]
fn the_github_format_prints_annotations() {
    let work = Work::with_pack(&[("pack.yaml", "name: sample\nversion: v1\ndescription: x\n"), ("50%,:\n.md", "")]);
    let printed = work.packs(&["check", "pack", "--format", "github"]);
    assert_eq!(printed.status, 1);
    let lines: Vec<&str> = printed.out.lines().collect();
    assert!(
        lines[0].starts_with("::error title=packs,file=pack/pack.yaml::archive: entry `50%25,:\\n.md` "),
        "{printed:?}"
    );
    let work = Work::with_pack(&[("pack.yaml", "name: sample\nversion: v1\ndescription: x\n"), ("50%,:.md", "")]);
    let printed = work.packs(&["check", "pack", "--format", "github"]);
    let lines: Vec<&str> = printed.out.lines().collect();
    assert!(
        lines[0].starts_with("::error title=packs,file=pack/50%25%2C%3A.md::archive: `50%25,:.md` "),
        "{printed:?}"
    );
    let version =
        "::error title=packs,file=pack/pack.yaml,line=2,endLine=2,col=10,endColumn=11::pack.yaml: version: line 2: ";
    assert!(lines[1].starts_with(version), "{printed:?}");
    assert_eq!(lines.len(), 2);
}

#[test]
fn sarif_has_locations_and_fixes() {
    let printed = Work::with_pack(MISTAKES).packs(&["check", "pack", "--format", "sarif"]);
    assert_eq!(printed.status, 1);
    let log: Value = serde_json::from_str(&printed.out).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let results = &log["runs"][0]["results"];
    assert_eq!(
        results[1]["locations"],
        json!([{ "physicalLocation": { "artifactLocation": { "uri": "pack/notes.txt" } } }])
    );
    let region = json!({ "startLine": 1, "startColumn": 7, "endColumn": 15 });
    assert_eq!(results[2]["locations"][0]["physicalLocation"]["region"], region);
    let replacement = json!({ "deletedRegion": region, "insertedContent": { "text": "bad-name" } });
    assert_eq!(results[2]["fixes"][0]["artifactChanges"][0]["replacements"], json!([replacement]));
}

#[test]
fn rejects_a_path_that_is_neither_a_file_nor_a_directory() {
    let work = Work::new();
    work.packs(&["check", "pack"]).expect_error("cannot read `pack`: No such file or directory (os error 2)");
    work.packs(&["check", "/dev/null"])
        .expect_error("`/dev/null` is neither a file nor a directory; pass the directory or the archive of a pack");
}

/// Returns malicious, malformed and oversized archives, files in other formats, and a valid pack.
fn attacks() -> Vec<Vec<u8>> {
    let file = |name: &str| Archive::pack().file(name, "x").tar_gz();
    vec![
        Vec::new(),
        b"PK\x03\x04".to_vec(),
        Archive::pack().tar(),
        gzip(&Archive::pack().without_end_marker()),
        Archive::pack().tar_gz()[..60].to_vec(),
        [Archive::pack().tar_gz(), vec![1]].concat(),
        file("../x"),
        file("/x"),
        file("guides\\x"),
        file("guides/.wh.x"),
        file("guides/\u{202e}x"),
        file("pack.yaml"),
        file("PACK.YAML"),
        Archive::pack().symlink("guides/x", "y").tar_gz(),
        Archive::pack().pax(&[("size", b"9")]).file("guides/x", "y").tar_gz(),
        Archive::pack().extension(b'x', &pax_record("path", b"a\0b")).file("guides/x", "y").tar_gz(),
        Archive::pack().entry(Header::ustar("guides/x").typeflag(b'S'), "").tar_gz(),
        gzip(&vec![0; 65 << 20]),
        Archive::new().file("pack.yaml", "a: &a [*a]\n").tar_gz(),
        Archive::new().file("pack.yaml", manifest_with(&"- [".repeat(9_000))).tar_gz(),
        (0..60).fold(Archive::pack(), |archive, index| archive.file(format!("x{index}"), "")).tar_gz(),
        generated::small("1.0.0"),
    ]
}

/// Returns what the service finds in an archive, in the format of `packs check --format json`. Like `packs check`,
/// validates an archive that exceeds a request limit with the limits for archives sent to S3.
fn result_of_the_service(archive: &[u8]) -> Value {
    let result = match validate(archive) {
        Err(ValidationError::TooLarge(_)) => validate_within(archive, &Limits::large()),
        result => result,
    };
    let (problems, unlisted, warnings) = match result {
        Ok(valid) => (json!([]), 0, json!(valid.pack.warnings)),
        Err(ValidationError::Invalid(problems)) => (json!(problems.listed()), problems.unlisted(), json!([])),
        Err(ValidationError::TooLarge(limit)) => {
            (json!([{ "field": "archive", "message": limit.to_string() }]), 0, json!([]))
        }
        Err(ValidationError::Io(error)) => panic!("{error}"),
    };
    let is_valid = problems == json!([]);
    json!({ "valid": is_valid, "problems": problems, "unlisted_problems": unlisted, "warnings": warnings })
}

#[test]
fn agrees_with_the_service_about_test_cases_and_attacks() {
    let work = Work::new();
    let cases = concat!(env!("CARGO_MANIFEST_DIR"), "/../pack-format/tests/cases");
    let directories = ["accept", "reject"].map(|name| fs::read_dir(format!("{cases}/{name}")).unwrap());
    let cases = directories.into_iter().flatten().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    for (index, archive) in cases.chain(attacks()).enumerate() {
        work.write("archive", &archive);
        let Printed { status, out, err } = work.packs(&["check", "archive", "--format", "json"]);
        let report: Value = serde_json::from_str(&out).unwrap();
        let expected = result_of_the_service(&archive);
        assert_eq!(report, expected, "archive {index}");
        assert_eq!((status == 0, err.as_str()), (expected["valid"] == true, ""), "archive {index}");
        assert_eq!(work.packs(&["check", "archive"]).status, status, "archive {index}");
    }
}
