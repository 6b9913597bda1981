//! Tests for secrets in a pack's files.

use std::io::BufReader;

use pack_format::{Limits, Location, Secret, SecretKind, ValidationError, Visibility};
use test_support::{
    archive::Archive,
    listing::read_directory,
    manifest::MANIFEST,
    sample_pack,
    validation::{problems, validate, validate_as, validate_within},
};

const RANDOM: &str = "9fKc2LmQ7xTzB4vWn8RjY3hGpD6sEaUo5iXtCq1ZkNwMbJyHrVlPgFdSe0TuAi4b";

/// Returns secrets of every kind. Each is concatenated from parts, because some repository hosts reject files that
/// contain secrets.
fn secrets() -> Vec<(SecretKind, String)> {
    let join = |parts: &[&str]| parts.concat();
    vec![
        (SecretKind::AwsAccessKey, join(&["AKIA", "Q3EGRZ5XYTN2WVKD"])),
        (SecretKind::AwsAccessKey, join(&["ASIA", "Q3EGRZ5XYTN2WVKD"])),
        (SecretKind::PrivateKey, join(&["-----BEGIN ", "PRIVATE KEY-----\n", RANDOM, "\n"])),
        (SecretKind::PrivateKey, join(&["-----BEGIN ", "RSA PRIVATE KEY-----\r\n", RANDOM])),
        (SecretKind::PrivateKey, join(&["-----BEGIN ", "OPENSSH PRIVATE KEY-----\n", RANDOM])),
        (SecretKind::PrivateKey, join(&["-----BEGIN ", "PGP PRIVATE KEY BLOCK-----\n\n", RANDOM])),
        (SecretKind::PrivateKey, join(&["-----BEGIN ", "PRIVATE KEY-----\\n", RANDOM, "\\n"])),
        (SecretKind::PrivateKey, join(&["-----BEGIN ", "EC PRIVATE KEY-----\n\t", &" ".repeat(60), RANDOM])),
        // This token is an example from GitHub's description of the format.
        (SecretKind::GithubToken, join(&["ghp_", "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17"])),
        (SecretKind::GithubToken, join(&["github_pat_", &"1".repeat(22), "_", &"a".repeat(59)])),
        (SecretKind::SlackToken, join(&["xoxb-", "123456789012-1234567890123-", &RANDOM[..24]])),
        (SecretKind::SlackToken, join(&["xoxp-", "123456789012-1234567890123-123456789012-", &"a".repeat(32)])),
        (SecretKind::OpenaiKey, join(&["sk-", &RANDOM[..20], "T3BlbkFJ", &RANDOM[20..40]])),
        (SecretKind::OpenaiKey, join(&["sk-proj-", RANDOM, "T3BlbkFJ", RANDOM])),
        (SecretKind::AnthropicKey, join(&["sk-ant-", "api03-", &RANDOM[..50], &RANDOM[..43], "AA"])),
    ]
}

/// Returns the secrets found in an org pack with this additional file.
#[track_caller]
fn found(file: &str, content: impl AsRef<[u8]>) -> Vec<Secret> {
    validate(&Archive::pack().file(file, content).tar_gz()).unwrap().pack.secrets
}

fn secret(kind: SecretKind, file: &str, line: u64) -> Secret {
    Secret { kind, file: file.to_owned(), line }
}

#[test]
fn a_secret_is_reported_with_its_file_and_line() {
    for (kind, text) in secrets() {
        for (content, line) in [
            (text.clone(), 1),
            (format!("key: \"{text}\"\n"), 1),
            (format!("# A\n\nexport KEY={text}\n"), 3),
            (format!("{{\"a\": 1,\r\n \"b\": \"x{text}\"}}"), 2),
            (format!("a: 1\rb: {text}\r"), 2),
            (format!("{}\r\n{text}", " ".repeat((8 << 10) - 1)), 2),
        ] {
            assert_eq!(found("data/settings", &content), [secret(kind, "data/settings", line)], "{content}");
        }
    }
}

#[test]
fn text_that_only_resembles_a_secret_is_not_reported() {
    let github = ["ghp_", "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq18"].concat();
    for text in [
        "AKIAIOSFODNN7EXAMPLE",
        "AKIAQ3EGRZ5XYTN2WVKDX",
        "AKIAQ3EGRZ5XYTN2WVK",
        "AKIAq3EGRZ5XYTN2WVKD",
        "AKIAABCDEFGHIJKLMNOP",
        "-----BEGIN PRIVATE KEY-----\n…",
        "-----BEGIN PRIVATE KEY-----\nMIIE...\n-----END PRIVATE KEY-----",
        &format!("-----BEGIN PUBLIC KEY-----\n{RANDOM}"),
        &format!("-----BEGIN PRIVATE KEY-----{}{RANDOM}", "\n".repeat(1_000)),
        &format!("-----BEGIN CERTIFICATE-----\n{RANDOM}"),
        &format!("-----BEGIN ENCRYPTED PRIVATE KEY-----\n{RANDOM}"),
        &github,
        &format!("ghp_{}", "x".repeat(36)),
        "ghp_short",
        "github_pat_11ABC",
        "xoxb-your-token-here",
        "xoxb-123456789012-1234567890123-short",
        "sk-…",
        "sk-1234567890abcdef1234567890abcdef1234567890abcdef",
        "disk-T3BlbkFJ",
        "sk-ant-api03-…",
        "risk-assessment",
    ] {
        assert_eq!(found("guides/a.md", text), [], "{text}");
    }
}

/// Archives are unpacked in chunks of 64 KiB, and the file's content starts at byte 1,536. At some of these offsets,
/// the secret spans two chunks.
#[test]
fn a_secret_that_spans_two_chunks_is_reported_once() {
    let (kind, text) = secrets().remove(0);
    for offset in (63_900..64_100).step_by(2) {
        let content = format!("{}{text}\n", "x\n".repeat(offset / 2));
        let expected = secret(kind, "data/a", offset as u64 / 2 + 1);
        assert_eq!(found("data/a", content), [expected], "{offset}");
    }
}

/// The archive is unpacked in chunks of a few bytes, because its reader returns one byte at a time.
#[test]
fn every_kind_of_secret_is_found_in_an_archive_that_is_read_byte_by_byte() {
    let secrets = secrets();
    let content: String = secrets.iter().map(|(_, text)| format!("{}{text}\n", "- item\n".repeat(300))).collect();
    let archive = Archive::pack().file("data/a", &content).tar_gz();
    let reader = BufReader::with_capacity(1, &archive[..]);
    let found = validate_within(reader, &Limits::default()).unwrap().pack.secrets;
    let line = |text: &str| content[..content.find(text).unwrap()].lines().count() as u64 + 1;
    let expected: Vec<_> = secrets.iter().map(|(kind, text)| secret(*kind, "data/a", line(text))).collect();
    assert_eq!(found, expected);
}

#[test]
fn all_secrets_are_reported_up_to_a_limit_of_fifty() {
    let lines = secrets().iter().map(|(_, text)| format!("{text}\n")).collect::<Vec<_>>();
    assert_eq!(found("data/a", lines.concat()).len(), lines.len());
    assert_eq!(found("data/a", lines.concat().repeat(10)).len(), 50);
}

#[test]
fn secrets_in_dropped_files_do_not_count_towards_the_limit() {
    let (kind, text) = secrets().remove(0);
    let archive = Archive::new()
        .file(".gitignore", format!("{text}\n").repeat(60))
        .file("pack.yaml", MANIFEST)
        .file("data/a", &text);
    let secrets = validate(&archive.tar_gz()).unwrap().pack.secrets;
    assert_eq!(secrets, [secret(kind, "data/a", 1)]);
}

#[test]
fn secrets_are_sorted_by_path_and_omitted_for_dropped_files() {
    let (kind, text) = secrets().remove(0);
    let archive = Archive::new()
        .file("pack/scripts/b.sh", &text)
        .file("pack/guides/.DS_Store", &text)
        .file("pack/data/empty", "")
        .file("pack/data/a", &text)
        .file("pack/pack.yaml", MANIFEST);
    let secrets = validate(&archive.tar_gz()).unwrap().pack.secrets;
    assert_eq!(secrets, [secret(kind, "data/a", 1), secret(kind, "scripts/b.sh", 1)]);
}

#[test]
fn secrets_in_a_community_pack_are_reported_with_its_other_problems() {
    let (_, text) = secrets().remove(0);
    let archive = Archive::pack().file("data/keys", format!("\n{text}")).file("unknown", "").tar_gz();
    let found = problems(&validate_as(&archive[..], &Limits::default(), Visibility::Community));
    let (fields, messages): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    assert_eq!(fields, ["archive", "archive"]);
    assert!(messages[0].starts_with("`unknown` is not allowed at the top of a pack"), "{messages:?}");
    assert_eq!(
        messages[1],
        "`data/keys` line 2 has what looks like an AWS access key; every org can see a community pack, so revoke \
         the credential and remove it from the file"
    );
    assert!(messages.iter().all(|message| !message.contains(&text)), "the secret is not repeated");
}

#[test]
fn the_problem_for_a_secret_has_its_file_and_line() {
    let (_, text) = secrets().remove(0);
    let archive = Archive::new().file("pack/pack.yaml", MANIFEST).file("pack/data/keys", format!("\n{text}")).tar_gz();
    let result = validate_as(&archive[..], &Limits::default(), Visibility::Community);
    let Err(ValidationError::Invalid(problems)) = result else { panic!("accepted") };
    let location = Location::Line { file: "data/keys".to_owned(), line: 2 };
    assert_eq!(problems.listed()[0].location, Some(location));
}

#[test]
fn the_sample_pack_has_no_secrets() {
    let archive = Archive::new().listing(&read_directory(sample_pack())).tar_gz();
    let pack = validate_as(&archive[..], &Limits::default(), Visibility::Community).unwrap().pack;
    assert_eq!(pack.secrets, []);
}
