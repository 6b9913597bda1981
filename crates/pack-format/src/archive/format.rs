//! Recognizes what was uploaded instead of a `.tar.gz` by the first bytes of the file or of its unpacked content, and
//! suggests a fix.

use super::{gzip::MAGIC, header::BLOCK};
use crate::Quoted;

/// The number of leading bytes needed to recognize a format: the size of a tar header.
pub(super) const HEAD: usize = BLOCK;

/// The fix to suggest for an upload that does not contain a tar.
pub(super) const CREATE: &str = "create the archive with `tar -czf pack.tar.gz -C my-pack .`";

/// A file format that authors upload instead of a `.tar.gz`.
struct Format {
    magic: &'static [u8],
    /// A phrase that follows "is", such as `a zip file`.
    description: &'static str,
    fix: &'static str,
}

const FORMATS: [Format; 5] = [
    Format {
        magic: b"PK\x03\x04",
        description: "a zip file",
        fix: "unpack it, and create the archive with `tar -czf pack.tar.gz -C my-pack .`",
    },
    Format {
        magic: b"7z\xbc\xaf\x27\x1c",
        description: "a 7z file",
        fix: "unpack it, and create the archive with `tar -czf pack.tar.gz -C my-pack .`",
    },
    Format {
        magic: b"\xfd7zXZ\0",
        description: "compressed with xz",
        fix: "compress it with gzip instead (`xz -dc pack.tar.xz | gzip > pack.tar.gz`)",
    },
    Format {
        magic: b"BZh",
        description: "compressed with bzip2",
        fix: "compress it with gzip instead (`bzip2 -dc pack.tar.bz2 | gzip > pack.tar.gz`)",
    },
    Format {
        magic: b"\x28\xb5\x2f\xfd",
        description: "compressed with zstd",
        fix: "compress it with gzip instead (`zstd -dc pack.tar.zst | gzip > pack.tar.gz`)",
    },
];

/// U+FFFD in UTF-8. Decoding binary data as UTF-8 replaces each invalid sequence with this character.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();
/// The gzip magic after a conversion from Latin-1 to UTF-8.
const LATIN_1_MAGIC: &[u8] = "\u{1f}\u{8b}".as_bytes();

/// Explains why an upload without a valid gzip header is not a `.tar.gz`, and suggests a fix. `head` is the start of
/// the upload, at most [`HEAD`] bytes. Returns `None` if it starts like a gzip file or the format is not recognized.
pub(super) fn explain_upload(head: &[u8]) -> Option<String> {
    if head.is_empty() {
        return Some(
            "is empty; look for an error message from tar or from the program that uploads the archive".to_owned(),
        );
    }
    if head.starts_with(&MAGIC) {
        return None;
    }
    if let Some(Format { description, fix, .. }) = find(head) {
        return Some(format!("is {description}, not a .tar.gz; {fix}"));
    }
    if is_tar(head) {
        return Some("is a tar that is not compressed; compress it with `gzip pack.tar`".to_owned());
    }
    let start = &head[..head.len().min(16)];
    if head.starts_with(LATIN_1_MAGIC) || start.windows(REPLACEMENT.len()).any(|bytes| bytes == REPLACEMENT) {
        let problem = "was converted to text in transit, which damaged it; send the file as binary data, with curl as \
                       `--form archive=@pack.tar.gz`";
        return Some(problem.to_owned());
    }
    explain_text(head)
}

/// Explains what a gzip file contains instead of a tar, and suggests a fix. `head` is the start of the unpacked
/// content. Returns `None` if the format is not recognized.
pub(super) fn explain_content(head: &[u8]) -> Option<String> {
    if head.starts_with(&MAGIC) {
        return Some(
            "is compressed twice; decompress it once with `gunzip`, and compress a tar only once \
             (`tar -czf pack.tar.gz -C my-pack .`)"
                .to_owned(),
        );
    }
    find(head).map(|Format { description, .. }| {
        format!("is a gzip file whose content is {description}, not a tar; unpack both, and {CREATE}")
    })
}

/// Returns whether a file's first block contains the magic of a tar header (POSIX.1-1988, `ustar`).
pub(super) fn is_tar(head: &[u8]) -> bool {
    head.get(257..262) == Some(b"ustar")
}

fn find(head: &[u8]) -> Option<&'static Format> {
    FORMATS.iter().find(|format| head.starts_with(format.magic))
}

/// Explains an upload that is a short string, such as the path of the archive.
fn explain_text(head: &[u8]) -> Option<String> {
    let text = str::from_utf8(head).ok()?.trim();
    if text.is_empty() || head.len() >= HEAD || text.contains(char::is_control) {
        return None;
    }
    let found = Quoted::new(text);
    if text.starts_with("[object ") {
        return Some(format!("is the text {found}: the client converted an object to text; send the file's bytes"));
    }
    let is_path = text.len() <= 100 && text.chars().all(|c| c.is_ascii_alphanumeric() || "./_-~@".contains(c));
    let path = if is_path { text.trim_start_matches('@') } else { "pack.tar.gz" };
    Some(format!("is the text {found}, not a file; to send a file with curl, write `--form archive=@{path}`"))
}
