use std::{io::Write, path::Path};

use flate2::{Compression, write::GzEncoder};

/// A `pack.yaml` of this name and version.
pub(crate) fn manifest(name: &str, version: &str) -> String {
    format!("name: {name}\nversion: {version}\ndescription: A pack for a test\n")
}

/// The directory of the sample pack that the README uploads.
pub(crate) fn sample_pack() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packs/sample"))
}

/// A pack's archive in the making, as an ordinary author's tar would write it.
pub(crate) struct PackArchive {
    tar: tar::Builder<GzEncoder<Vec<u8>>>,
}

impl PackArchive {
    /// An archive with nothing in it yet.
    pub(crate) fn empty() -> Self {
        Self { tar: tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default())) }
    }

    /// An archive that holds the smallest good `pack.yaml`.
    pub(crate) fn new(name: &str, version: &str) -> Self {
        Self::empty().file("pack.yaml", manifest(name, version))
    }

    /// Adds a file.
    pub(crate) fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.file_with_mode(path, content, 0o644)
    }

    /// Adds a file of this mode.
    pub(crate) fn file_with_mode(mut self, path: &str, content: impl AsRef<[u8]>, mode: u32) -> Self {
        let content = content.as_ref();
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(mode);
        self.tar.append_data(&mut header, path, content).unwrap();
        self
    }

    /// Adds a symbolic link, which no pack may hold.
    pub(crate) fn symlink(mut self, path: &str, target: &str) -> Self {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        self.tar.append_link(&mut header, path, target).unwrap();
        self
    }

    /// The `.tar.gz`.
    pub(crate) fn finish(self) -> Vec<u8> {
        let mut gzip = self.tar.into_inner().unwrap();
        gzip.flush().unwrap();
        gzip.finish().unwrap()
    }
}
