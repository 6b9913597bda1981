use std::{
    io,
    path::{Path, PathBuf},
};

use axum::body::Body;
use futures_util::StreamExt as _;
use pack_format::Digest;
use sha2::{Digest as _, Sha256};
use tokio::{
    fs::{self, File},
    io::AsyncWriteExt as _,
};

use super::Error;

/// A file that is being received. It is deleted on drop unless it was persisted.
#[derive(Debug)]
pub(super) struct PartialFile {
    path: PathBuf,
    hasher: Sha256,
    size: u64,
}

impl PartialFile {
    /// Returns an empty file, which the first append creates. No file may exist at `path`.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, hasher: Sha256::new(), size: 0 }
    }

    /// Returns the number of bytes received.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Returns the digest of the bytes received.
    pub(super) fn digest(&self) -> Digest {
        self.hasher.clone().into()
    }

    /// Appends a chunk of any size. The file must not be used after an error.
    pub(super) async fn append(&mut self, chunk: Body) -> Result<(), Error> {
        let mut file = File::options().create(true).append(true).open(&self.path).await?;
        let mut frames = chunk.into_data_stream();
        while let Some(frame) = frames.next().await {
            let frame = frame.map_err(Error::ChunkIncomplete)?;
            self.hasher.update(&frame);
            self.size += frame.len() as u64;
            file.write_all(&frame).await?;
        }
        Ok(file.flush().await?)
    }

    /// Flushes the file to disk and moves it to `path` atomically.
    pub(super) async fn persist(self, path: &Path) -> io::Result<()> {
        File::open(&self.path).await?.sync_all().await?;
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).await?;
        }
        fs::rename(&self.path, path).await
    }
}

impl Drop for PartialFile {
    /// Deletes the file. Has no effect after [`PartialFile::persist`], which moves the file. If deleting fails,
    /// [`Store::open`] deletes the file on the next start.
    ///
    /// [`Store::open`]: super::Store::open
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
