//! Writes a pack's files and directories as one canonical tar: the layer of the pack's image. The layer's digest
//! depends only on the pack.
//!
//! The tar is byte for byte what GNU tar writes in POSIX format, with owner and group 0 and a fixed modification time
//! (docs/architecture.md shows the command).

use std::io::{self, ErrorKind, Read, Seek, Write};

use sha2::{Digest as _, Sha256};
use tar::{EntryType, Header};

use super::{Descriptor, LAYER_MEDIA_TYPE};
use crate::{Digest, Entry, EntryKind, Tree};

/// The size of a tar block, in bytes. A header is one block, and contents are padded to full blocks.
const BLOCK: u64 = 512;
/// The size of a header's name field, in bytes.
const NAME_FIELD: usize = 100;
/// The modification time of every entry: 1980-01-01T00:00:01Z, the same as in the config.
const MTIME: u64 = 315_532_801;
/// The end-of-archive marker: two blocks of zeros. Slices of it also serve as padding.
static ZEROS: [u8; 1_024] = [0; 1_024];

/// Writes a pack's layer to `layer`. `contents` must be what [`validate`](crate::validate) or
/// [`unpack`](crate::unpack) wrote for the pack.
pub fn write(tree: &Tree, contents: &mut (impl Read + Seek), layer: &mut impl Write) -> io::Result<()> {
    for entry in tree.entries() {
        layer.write_all(&entry_headers(entry))?;
        if let EntryKind::File { content, .. } = entry.kind {
            let size = content.size();
            if io::copy(&mut content.open(&mut *contents)?, layer)? < size {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            layer.write_all(padding(size))?;
        }
    }
    write_end(layer)
}

/// Writes the end-of-archive marker.
pub(crate) fn write_end(layer: &mut impl Write) -> io::Result<()> {
    layer.write_all(&ZEROS)
}

/// Returns the descriptor of the layer that [`write()`] writes.
pub(super) fn hash(tree: &Tree, contents: &mut (impl Read + Seek)) -> io::Result<Descriptor> {
    let mut layer = HashWriter { hasher: Sha256::new(), size: 0 };
    write(tree, contents, &mut layer)?;
    Ok(Descriptor { media_type: LAYER_MEDIA_TYPE, digest: Digest::from(layer.hasher), size: layer.size })
}

/// A writer that hashes and counts the bytes written to it.
struct HashWriter {
    hasher: Sha256,
    size: u64,
}

impl Write for HashWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns the padding that follows `size` bytes of content.
pub(crate) fn padding(size: u64) -> &'static [u8] {
    &ZEROS[..(size.wrapping_neg() % BLOCK) as usize]
}

/// Returns the header blocks that precede the content of an entry.
pub(crate) fn entry_headers(entry: &Entry) -> Vec<u8> {
    match &entry.kind {
        EntryKind::Directory => headers(&format!("{}/", entry.path), EntryType::Directory, 0o755, 0),
        EntryKind::File { executable, content } => {
            let mode = if *executable { 0o755 } else { 0o644 };
            headers(&entry.path, EntryType::Regular, mode, content.size())
        }
    }
}

/// Returns the header of an entry, preceded by a PAX extended header if the name is too long or not ASCII.
fn headers(name: &str, kind: EntryType, mode: u32, size: u64) -> Vec<u8> {
    let main = header(name.as_bytes(), kind, mode, size);
    if name.len() <= NAME_FIELD && name.is_ascii() {
        return main.as_bytes().to_vec();
    }
    let record = path_record(name);
    let length = record.len() as u64;
    let extended = header(extended_name(name).as_bytes(), EntryType::XHeader, 0o644, length);
    [extended.as_bytes(), record.as_bytes(), padding(length), main.as_bytes()].concat()
}

/// Returns a ustar header (POSIX.1-2017, `pax`, "ustar Interchange Format"). Truncates a name that is too long.
fn header(name: &[u8], kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_ustar();
    let length = name.len().min(NAME_FIELD);
    header.as_old_mut().name[..length].copy_from_slice(&name[..length]);
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(size);
    header.set_mtime(MTIME);
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

/// Sets the checksum in the form that GNU tar writes: six octal digits, a NUL and a space.
fn set_checksum(header: &mut Header) {
    header.as_old_mut().cksum = [b' '; 8];
    let sum: u32 = header.as_bytes().iter().copied().map(u32::from).sum();
    write!(&mut header.as_old_mut().cksum[..], "{sum:06o}\0 ").expect("the sum of 512 bytes has at most six digits");
}

/// Returns the PAX record that sets a name: the record's length, a space, `path=`, the name and a line feed
/// (POSIX.1-2017, `pax`, "pax Extended Header").
fn path_record(name: &str) -> String {
    let content = format!(" path={name}\n");
    // The length includes its own digits.
    let mut length = content.len();
    while length != content.len() + length.to_string().len() {
        length = content.len() + length.to_string().len();
    }
    format!("{length}{content}")
}

/// Returns the name of an extended header, in the form that `tar --pax-option=exthdr.name=%d/PaxHeaders/%f` sets.
fn extended_name(name: &str) -> String {
    let path = name.trim_end_matches('/');
    let (directory, file) = path.rsplit_once('/').unwrap_or((".", path));
    format!("{directory}/PaxHeaders/{file}")
}
