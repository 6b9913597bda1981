use std::{
    fs::{File, Metadata},
    io::{self, BufWriter, Read, Write},
    path::Path,
};

use flate2::{Compression, write::GzEncoder};
use tar::{Builder, EntryType, Header};

use super::tree::{Entry, Tree};
use crate::error::Error;

/// The modification time of every entry: 1980-01-01T00:00:01Z, the same as in the image's layer.
const MTIME: u64 = 315_532_801;

/// Writes an archive whose bytes depend only on the paths of files and directories, and on the contents and execute
/// bits of the files. `on_write` converts an error from `output`.
pub(super) fn write(tree: &Tree, output: &mut File, on_write: impl Fn(io::Error) -> Error) -> Result<(), Error> {
    let mut archive = Builder::new(GzEncoder::new(BufWriter::new(output), Compression::default()));
    for entry in tree.entries() {
        append(&mut archive, tree.root(), entry, &on_write)?;
    }
    let buffer = archive.into_inner().and_then(GzEncoder::finish).map_err(&on_write)?;
    buffer.into_inner().map_err(|error| on_write(error.into_error()))?;
    Ok(())
}

fn append(
    archive: &mut Builder<impl Write>,
    root: &Path,
    entry: &Entry,
    on_write: impl Fn(io::Error) -> Error,
) -> Result<(), Error> {
    if entry.is_directory {
        return archive
            .append_data(&mut header(EntryType::Directory, 0o755, 0), entry.path.join(""), io::empty())
            .map_err(on_write);
    }
    let path = root.join(&entry.path);
    let file = File::open(&path).map_err(Error::read(&path))?;
    let before = file.metadata().map_err(Error::read(&path))?;
    let mode = if is_executable(&before) { 0o755 } else { 0o644 };
    let mut content = Content { file, remaining: before.len(), error: None };
    let appended = archive.append_data(&mut header(EntryType::Regular, mode, before.len()), &entry.path, &mut content);
    let Content { mut file, remaining, error } = content;
    if let Some(source) = error {
        return Err(Error::Read { path, source });
    }
    appended.map_err(on_write)?;
    let after = file.metadata().map_err(Error::read(&path))?;
    let has_more = file.read(&mut [0]).map_err(Error::read(&path))? > 0;
    if remaining > 0 || has_more || before.modified().ok() != after.modified().ok() {
        return Err(Error::Changed(path));
    }
    Ok(())
}

fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(MTIME);
    header.set_size(size);
    header
}

/// A reader of the next `remaining` bytes of a file. Stores a read error, so that the caller can distinguish it from a
/// write error.
struct Content {
    file: File,
    remaining: u64,
    error: Option<io::Error>,
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match (&mut self.file).take(self.remaining).read(buffer) {
            Ok(read) => {
                self.remaining -= read as u64;
                Ok(read)
            }
            Err(error) => {
                let kind = error.kind();
                self.error = Some(error);
                Err(kind.into())
            }
        }
    }
}

#[cfg(unix)]
fn is_executable(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o111 != 0
}

/// Only Unix has execute bits.
#[cfg(not(unix))]
fn is_executable(_: &Metadata) -> bool {
    false
}
