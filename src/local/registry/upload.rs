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

/// Content that has not come whole: a file that is deleted with this, unless it is kept.
#[derive(Debug)]
pub(super) struct Upload {
    path: PathBuf,
    hasher: Sha256,
    size: u64,
}

impl Upload {
    /// One of which nothing has come. No file may be there.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, hasher: Sha256::new(), size: 0 }
    }

    /// How much has come, in bytes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The digest of what has come.
    pub(super) fn digest(&self) -> Digest {
        self.hasher.clone().into()
    }

    /// Takes a chunk in, of whatever size. After an error the upload is of no more use.
    pub(super) async fn append(&mut self, chunk: Body) -> Result<(), Error> {
        let mut file = File::options().create(true).append(true).open(&self.path).await?;
        let mut pieces = chunk.into_data_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(Error::BrokenOff)?;
            self.hasher.update(&piece);
            self.size += piece.len() as u64;
            file.write_all(&piece).await?;
        }
        Ok(file.flush().await?)
    }

    /// Puts what has come in its place, at once and for good.
    pub(super) async fn keep(self, place: &Path) -> io::Result<()> {
        File::open(&self.path).await?.sync_all().await?;
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent).await?;
        }
        fs::rename(&self.path, place).await
    }
}

impl Drop for Upload {
    /// Does nothing to what was kept, which is elsewhere. What cannot be deleted waits for the next start.
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
