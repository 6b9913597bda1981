//! Recognises what authors upload in place of a `.tar.gz`, by its first bytes.

use super::{gzip::MAGIC, header::BLOCK};
use crate::Quoted;

/// The number of bytes at the start of an upload that are needed to recognise it: a tar header.
pub(super) const HEAD: usize = BLOCK;

/// The command that creates a valid archive.
pub(super) const CREATE: &str = "create the archive with `tar -czf pack.tar.gz -C my-pack .`";

/// A file format that is not a `.tar.gz`.
struct Format {
    magic: &'static [u8],
    /// What a file in this format is, as a phrase that follows "is".
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

/// U+FFFD in UTF-8. It replaces bytes that are not UTF-8.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();
/// The magic of gzip after a conversion from Latin-1 to UTF-8.
const LATIN_1_MAGIC: &[u8] = "\u{1f}\u{8b}".as_bytes();

/// Returns what is wrong with an upload that does not start with a gzip header, and the fix. `head` has its first
/// bytes, at most [`HEAD`]. Returns `None` if nothing better is known than that it is not a gzip file.
pub(super) fn explain_upload(head: &[u8]) -> Option<String> {
    if head.is_empty() {
        return Some("is empty: tar or the upload read nothing, so look at their error messages".to_owned());
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
        let problem = "was converted to text on its way, which damaged it; send the file as binary data, with curl as \
                       `--form archive=@pack.tar.gz`";
        return Some(problem.to_owned());
    }
    explain_text(head)
}

/// Returns what is wrong with a gzip file whose content does not start with a tar header, and the fix. `head` has the
/// first bytes of the content.
pub(super) fn explain_content(head: &[u8]) -> Option<String> {
    if head.starts_with(&MAGIC) {
        return Some(
            "is compressed twice; upload it as `gunzip` unpacks it, and compress a tar only once \
             (`tar -czf pack.tar.gz -C my-pack .`)"
                .to_owned(),
        );
    }
    find(head).map(|Format { description, .. }| {
        format!("is a gzip file whose content is {description}, not a tar; unpack both, and {CREATE}")
    })
}

/// Returns whether these bytes start with the magic of a tar header (POSIX.1-1988, `ustar`).
pub(super) fn is_tar(head: &[u8]) -> bool {
    head.get(257..262) == Some(b"ustar")
}

fn find(head: &[u8]) -> Option<&'static Format> {
    FORMATS.iter().find(|format| head.starts_with(format.magic))
}

/// Explains a form part that holds text, such as the path of the archive.
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
