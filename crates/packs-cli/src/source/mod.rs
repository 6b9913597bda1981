//! Reads a pack's directory or archive, and writes the archive of a directory.

mod archive;
mod tree;

use std::{
    fs::{self, File},
    io::{self, BufReader, Read, Seek},
    path::{Path, PathBuf},
};

use flate2::read::MultiGzDecoder;

use self::tree::Tree;
use crate::{cli::Reading, error::Error, output};

/// The maximum number of bytes to read from a file to show one of its lines. Only lines of `pack.yaml` and
/// `behavior.md` are shown, and both files are smaller in practice.
const MAX_SHOWN: u64 = 16 << 20;

/// A pack's archive: the file that the author named, or an unnamed temporary file with the archive of a directory.
#[derive(Debug)]
pub struct Source {
    /// The directory that contains `pack.yaml`. `None` if the author named an archive.
    root: Option<PathBuf>,
    archive: File,
    size: u64,
}

impl Source {
    /// Opens an archive, or archives a directory.
    pub fn open(path: &Path, reading: Reading) -> Result<Self, Error> {
        let metadata = fs::metadata(path).map_err(Error::read(path))?;
        if metadata.is_dir() {
            let tree = Tree::read(path, reading)?;
            let mut archive = tempfile::tempfile().map_err(Error::Temporary)?;
            archive::write(&tree, &mut archive, Error::Temporary)?;
            let size = archive.metadata().map_err(Error::Temporary)?.len();
            return Ok(Self { root: Some(tree.pack_root()), archive, size });
        }
        if !metadata.is_file() {
            return Err(Error::NoPack(path.to_owned()));
        }
        let archive = File::open(path).map_err(Error::read(path))?;
        Ok(Self { root: None, archive, size: metadata.len() })
    }

    /// Returns the size of the archive, in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns a reader positioned at the start of the archive.
    pub fn reader(&self) -> io::Result<BufReader<&File>> {
        let mut archive = &self.archive;
        archive.rewind()?;
        Ok(BufReader::new(archive))
    }

    /// Returns the archive, with an unspecified file position.
    pub fn archive(&self) -> &File {
        &self.archive
    }

    /// Returns the directory that contains `pack.yaml`, or `None` if the author named an archive.
    pub fn root(&self) -> Option<&Path> {
        self.root.as_deref()
    }

    /// Returns the path of a file in the pack, for messages: a path that the author can open, or, if the author named
    /// an archive, the path in the pack.
    pub fn shown_path(&self, file: &str) -> PathBuf {
        let path = self.root.as_ref().map_or_else(|| PathBuf::from(file), |root| root.join(file));
        path.strip_prefix(".").map(Path::to_owned).unwrap_or(path)
    }

    /// Returns the text of a file in the pack, or `None` if the file cannot be read.
    pub fn text(&self, file: &str) -> Option<String> {
        match &self.root {
            Some(root) => text(File::open(root.join(file)).ok()?),
            None => self.archived_text(file),
        }
    }

    /// Returns the text of a file at the top of the archive or in a wrapping directory.
    fn archived_text(&self, file: &str) -> Option<String> {
        let mut archive = tar::Archive::new(MultiGzDecoder::new(self.reader().ok()?));
        for entry in archive.entries().ok()? {
            let entry = entry.ok()?;
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let path = path.trim_start_matches("./");
            if path == file || path.split_once('/').is_some_and(|(_, path)| path == file) {
                return text(entry);
            }
        }
        None
    }
}

/// Returns the first [`MAX_SHOWN`] bytes of a file as text, or `None` if they are not UTF-8 or cannot be read.
fn text(file: impl Read) -> Option<String> {
    let mut text = String::new();
    file.take(MAX_SHOWN).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Writes the archive of a directory to `output`.
pub fn write_archive(directory: &Path, output: &Path, reading: Reading) -> Result<(), Error> {
    if !fs::metadata(directory).map_err(Error::read(directory))?.is_dir() {
        return Err(Error::NotADirectory(directory.to_owned()));
    }
    let tree = Tree::read(directory, reading)?;
    output::write(output, |file| archive::write(&tree, file, Error::write(output)))
}
