use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use flate2::Crc;
use serde::{Deserialize, Serialize};
use strum::Display;

/// An upper bound on the number of bytes that a pattern needs, including its prefix.
pub(super) const LONGEST: usize = 256;

/// The kind of a secret, displayed with an article, such as `an AWS access key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretKind {
    #[strum(serialize = "an AWS access key")]
    AwsAccessKey,
    #[strum(serialize = "a private key")]
    PrivateKey,
    #[strum(serialize = "a GitHub token")]
    GithubToken,
    #[strum(serialize = "a Slack token")]
    SlackToken,
    #[strum(serialize = "an OpenAI API key")]
    OpenaiKey,
    #[strum(serialize = "an Anthropic API key")]
    AnthropicKey,
}

/// How to recognize a secret: by its prefix, which is `before` followed by `needle`, and by a check of the bytes after
/// it.
struct Pattern {
    before: &'static str,
    /// The part of the prefix to search for. The search looks for the first three bytes of each needle, so these bytes
    /// should be rare in text: they include a capital letter, `_` or `-`.
    needle: &'static str,
    kind: SecretKind,
    /// Checks the bytes after the prefix. The prefix alone also occurs in examples in documentation, so each check
    /// requires a length, a checksum or a marker.
    check: fn(&[u8]) -> bool,
}

impl Pattern {
    const fn new(before: &'static str, needle: &'static str, kind: SecretKind, check: fn(&[u8]) -> bool) -> Self {
        Self { before, needle, kind, check }
    }
}

static PATTERNS: [Pattern; 13] = [
    Pattern::new("A", "KIA", SecretKind::AwsAccessKey, is_aws_access_key),
    Pattern::new("A", "SIA", SecretKind::AwsAccessKey, is_aws_access_key),
    Pattern::new("----", "-BEGIN ", SecretKind::PrivateKey, is_private_key),
    Pattern::new("g", "hp_", SecretKind::GithubToken, is_github_token),
    Pattern::new("g", "ho_", SecretKind::GithubToken, is_github_token),
    Pattern::new("g", "hu_", SecretKind::GithubToken, is_github_token),
    Pattern::new("g", "hs_", SecretKind::GithubToken, is_github_token),
    Pattern::new("g", "hr_", SecretKind::GithubToken, is_github_token),
    Pattern::new("github", "_pat_", SecretKind::GithubToken, is_fine_grained_github_token),
    Pattern::new("xo", "xb-", SecretKind::SlackToken, is_slack_token),
    Pattern::new("xo", "xp-", SecretKind::SlackToken, is_slack_token),
    Pattern::new("", "sk-ant-", SecretKind::AnthropicKey, is_anthropic_key),
    Pattern::new("", "sk-", SecretKind::OpenaiKey, is_openai_key),
];

static NEEDLES: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let needles = PATTERNS.iter().map(|pattern| pattern.needle);
    let mut builder = AhoCorasick::builder();
    builder.match_kind(MatchKind::LeftmostFirst);
    // This kind is the fastest to build. With any kind, a vectorized search for the needles does most of the work.
    builder.kind(Some(AhoCorasickKind::NoncontiguousNFA));
    builder.build(needles).expect("thirteen short patterns are within every limit")
});

/// Returns the offset and the kind of each secret in `bytes`, sorted by offset.
pub(super) fn find(bytes: &[u8]) -> impl Iterator<Item = (usize, SecretKind)> {
    NEEDLES.find_iter(bytes).filter_map(|found| {
        let Pattern { before, kind, check, .. } = &PATTERNS[found.pattern()];
        let start = found.start().checked_sub(before.len())?;
        (bytes[start..].starts_with(before.as_bytes()) && check(&bytes[found.end()..])).then_some((start, *kind))
    })
}

/// Returns whether `rest` completes the ID of an AWS access key: base32, 20 characters in total (IAM user guide,
/// "Unique identifiers"). Ignores the IDs in AWS's own examples, which end with `EXAMPLE`.
fn is_aws_access_key(rest: &[u8]) -> bool {
    let id = run(rest, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    id.len() == 16
        && id.iter().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'2'..=b'7'))
        // Almost every ID contains a digit, unlike a word in capital letters.
        && id.iter().any(u8::is_ascii_digit)
        && !id.ends_with(b"EXAMPLE")
}

/// Returns whether `rest` continues the first line of a private key in PEM or PGP format (RFC 7468, section 10; RFC
/// 9580, section 6.2), except `ENCRYPTED PRIVATE KEY`. Requires at least 40 base64 characters after that line, because
/// an example such as `-----BEGIN PRIVATE KEY-----…` has fewer. Allows for the escaped line breaks in JSON and the
/// indented lines in YAML.
fn is_private_key(rest: &[u8]) -> bool {
    // The longest label has 21 characters.
    const MAX_LABEL: usize = 32;
    // The label, dashes, blanks and body fit in `LONGEST` bytes.
    const MAX_BLANKS: usize = 64;
    const BLANKS: [&[u8]; 6] = [b"\r", b"\n", b"\\r", b"\\n", b" ", b"\t"];
    let label = run(&rest[..rest.len().min(MAX_LABEL)], |byte| byte.is_ascii_uppercase() || byte == b' ');
    let is_private = label.ends_with(b"PRIVATE KEY") || label.ends_with(b"PRIVATE KEY BLOCK");
    if !is_private || label.starts_with(b"ENCRYPTED") {
        return false;
    }
    let Some(mut body) = rest[label.len()..].strip_prefix(b"-----") else { return false };
    for _ in 0..MAX_BLANKS {
        let Some(stripped) = BLANKS.iter().find_map(|blank| body.strip_prefix(*blank)) else { break };
        body = stripped;
    }
    run(body, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')).len() >= 40
}

/// Returns whether `rest` completes a token. A token's last six characters are the CRC-32 of the 30 before them, in
/// base62 (GitHub blog, "Behind GitHub's new authentication token formats").
fn is_github_token(rest: &[u8]) -> bool {
    let token = run(rest, |byte| byte.is_ascii_alphanumeric());
    let Some((random, checksum)) = token.split_at_checked(30) else { return false };
    let mut crc = Crc::new();
    crc.update(random);
    checksum == base62(crc.sum())
}

/// Encodes a number as six base62 digits.
fn base62(mut number: u32) -> [u8; 6] {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(number % 62) as usize];
        number /= 62;
    }
    digits
}

/// Returns whether `rest` completes a fine-grained token: 22 characters, `_` and 59 more characters.
fn is_fine_grained_github_token(rest: &[u8]) -> bool {
    let token = run(rest, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
    token.len() == 82 && token.iter().position(|byte| *byte == b'_') == Some(22)
}

/// Returns whether `rest` completes a bot or user token: two numbers of 10 to 13 digits, and at least 24 more
/// characters.
fn is_slack_token(rest: &[u8]) -> bool {
    let token = run(rest, |byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let mut parts = token.splitn(3, |byte| *byte == b'-');
    let mut is_number =
        || parts.next().is_some_and(|part| (10..=13).contains(&part.len()) && part.iter().all(u8::is_ascii_digit));
    is_number() && is_number() && parts.next().is_some_and(|secret| secret.len() >= 24)
}

/// Returns whether `rest` completes a key. Every key has a marker in the middle, `OpenAI` in base64, with at least 20
/// characters before and after it.
fn is_openai_key(rest: &[u8]) -> bool {
    const MARKER: &[u8] = b"T3BlbkFJ";
    let key = run(rest, is_key_character);
    let marker = key.windows(MARKER.len()).position(|window| window == MARKER);
    marker.is_some_and(|start| start >= 20 && key.len() - start - MARKER.len() >= 20)
}

/// Returns whether `rest` completes a key: at least 100 characters that end with `AA`. A key consists of a prefix such
/// as `sk-ant-api03-` and 95 more characters.
fn is_anthropic_key(rest: &[u8]) -> bool {
    let key = run(rest, is_key_character);
    key.len() >= 100 && key.ends_with(b"AA")
}

fn is_key_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Returns the leading bytes that satisfy `is_allowed`, at most as many as the checks need.
fn run(bytes: &[u8], is_allowed: impl Fn(u8) -> bool) -> &[u8] {
    let length = bytes.iter().take(LONGEST - "github_pat_".len()).take_while(|byte| is_allowed(**byte)).count();
    &bytes[..length]
}
