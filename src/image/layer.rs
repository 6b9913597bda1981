//! The one layer of a pack's image: its files as the tar that GNU tar writes in POSIX format, byte for byte, with every
//! owner and time zero (README.md has the command). So the digest follows from the content alone.

use std::io::Write as _;

use bytes::{BufMut as _, Bytes, BytesMut};
use sha2::{Digest as _, Sha256};
use tar::{EntryType, Header};

use super::{Descriptor, LAYER_MEDIA_TYPE};
use crate::pack::{Digest, Entry, EntryKind, Tree};

/// The unit of a tar, in bytes: headers are one, contents are padded to one.
const BLOCK: usize = 512;
/// The length of a header's name field, in bytes.
const NAME_FIELD: usize = 100;
/// Two blocks of zeros end a tar.
static ZEROS: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// The layer's bytes, in pieces as they are at hand: headers, contents (shared with the tree, not copied) and padding.
pub fn chunks(tree: &Tree) -> impl Iterator<Item = Bytes> + Send + 'static {
    let tree = tree.clone();
    (0..tree.entries().len()).flat_map(move |index| entry(&tree, &tree.entries()[index])).chain([end()])
}

/// The layer's descriptor: the digest and size of [`chunks`].
pub(super) fn descriptor(tree: &Tree) -> Descriptor {
    let mut hasher = Sha256::new();
    let mut size = 0;
    for chunk in tree.entries().iter().flat_map(|of| entry(tree, of)).chain([end()]) {
        hasher.update(&chunk);
        size += chunk.len() as u64;
    }
    Descriptor { media_type: LAYER_MEDIA_TYPE, digest: Digest::from(hasher), size }
}

fn end() -> Bytes {
    Bytes::from_static(&ZEROS)
}

/// One entry: its headers, its content, and what fills the last block.
fn entry(tree: &Tree, entry: &Entry) -> impl Iterator<Item = Bytes> + use<> {
    let (headers, content) = match &entry.kind {
        EntryKind::Directory => (headers(&format!("{}/", entry.path), EntryType::Directory, 0o755, 0), Bytes::new()),
        EntryKind::File { executable, content } => {
            let mode = if *executable { 0o755 } else { 0o644 };
            (headers(&entry.path, EntryType::Regular, mode, content.len()), tree.content(content))
        }
    };
    let padding = Bytes::from_static(&ZEROS[..padding(content.len())]);
    [headers, content, padding].into_iter().filter(|chunk| !chunk.is_empty())
}

/// How many bytes fill the last block of `length` bytes.
fn padding(length: usize) -> usize {
    length.next_multiple_of(BLOCK) - length
}

/// The header of an entry, behind an extended header where the name does not fit or is not ASCII.
fn headers(name: &str, kind: EntryType, mode: u32, size: usize) -> Bytes {
    let main = header(name.as_bytes(), kind, mode, size);
    if name.len() <= NAME_FIELD && name.is_ascii() {
        return Bytes::copy_from_slice(main.as_bytes());
    }
    let record = path_record(name);
    let extended = header(extended_name(name).as_bytes(), EntryType::XHeader, 0o644, record.len());
    let mut headers = BytesMut::with_capacity(2 * BLOCK + record.len().next_multiple_of(BLOCK));
    headers.put_slice(extended.as_bytes());
    headers.put_slice(record.as_bytes());
    headers.put_bytes(0, padding(record.len()));
    headers.put_slice(main.as_bytes());
    headers.freeze()
}

/// A ustar header (POSIX.1-2017, `pax`, "ustar Interchange Format") whose name is cut to its field.
fn header(name: &[u8], kind: EntryType, mode: u32, size: usize) -> Header {
    let mut header = Header::new_ustar();
    let length = name.len().min(NAME_FIELD);
    header.as_old_mut().name[..length].copy_from_slice(&name[..length]);
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(size as u64);
    header.set_mtime(0);
    // GNU tar leaves the device fields of an extended header empty.
    if kind != EntryType::XHeader
        && let Some(ustar) = header.as_ustar_mut()
    {
        ustar.set_device_major(0);
        ustar.set_device_minor(0);
    }
    set_checksum(&mut header);
    header
}

/// Sets the checksum as GNU tar writes it: six digits, NUL, blank.
fn set_checksum(header: &mut Header) {
    header.as_old_mut().cksum = [b' '; 8];
    let sum: u32 = header.as_bytes().iter().copied().map(u32::from).sum();
    write!(&mut header.as_old_mut().cksum[..], "{sum:06o}\0 ").expect("the sum of 512 bytes has at most six digits");
}

/// The record of an extended header that gives a name: its own length, `path=`, the name, a line break (POSIX.1-2017,
/// `pax`, "pax Extended Header").
fn path_record(name: &str) -> String {
    let content = format!(" path={name}\n");
    // The length counts its own digits.
    let mut length = content.len();
    while length != content.len() + length.to_string().len() {
        length = content.len() + length.to_string().len();
    }
    format!("{length}{content}")
}

/// An extended header's own name, by GNU tar's `--pax-option=exthdr.name=%d/PaxHeaders/%f`.
fn extended_name(name: &str) -> String {
    let path = name.trim_end_matches('/');
    let (directory, file) = path.rsplit_once('/').unwrap_or((".", path));
    format!("{directory}/PaxHeaders/{file}")
}
