use std::{
    fs::{self, File, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::Error;

/// The data directory of a local run, locked against other runs.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// The operating system releases the lock when the process ends, even if it is killed.
    _lock: File,
}

impl DataDir {
    /// Creates the directory if it is missing, and locks it.
    ///
    /// # Errors
    /// Returns [`Error::InUse`] if another local run has locked the directory.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let data = |source| Error::Data { path: path.to_owned(), source };
        fs::create_dir_all(path).map_err(data)?;
        let path = path.canonicalize().map_err(data)?;
        let lock = File::options().create(true).truncate(false).write(true).open(path.join("lock")).map_err(data)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Error::InUse(path)),
            Err(TryLockError::Error(source)) => Err(data(source)),
        }
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Creates a subdirectory if it is missing, and returns its path.
    pub(super) fn directory(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.path.join(name);
        fs::create_dir_all(&path).map_err(|source| Error::Data { path: path.clone(), source })?;
        Ok(path)
    }

    /// Reads a file. Returns `None` if it does not exist.
    pub(super) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let path = self.file(name);
        match fs::read(&path) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::Data { path, source }),
        }
    }

    /// Like [`DataDir::write`], but serializes the content as JSON.
    pub(super) fn write_json(&self, name: &str, document: &impl Serialize) -> Result<(), Error> {
        let error = |source: serde_json::Error| Error::Data { path: self.file(name), source: source.into() };
        let mut content = serde_json::to_vec_pretty(document).map_err(error)?;
        content.push(b'\n');
        self.write(name, &content)
    }

    /// Writes a file atomically: a reader sees either the old content or the new. On Unix, other users cannot read the
    /// file.
    pub(super) fn write(&self, name: &str, content: &[u8]) -> Result<(), Error> {
        let path = self.file(name);
        let temporary = self.file(&format!(".{name}.new"));
        let write = || {
            let mut options = File::options();
            options.create(true).truncate(true).write(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&temporary)?;
            file.write_all(content)?;
            file.sync_all()?;
            fs::rename(&temporary, &path)
        };
        write().map_err(|source| Error::Data { path, source })
    }

    pub(super) fn delete(&self, name: &str) -> Result<(), Error> {
        let path = self.file(name);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Error::Data { path, source }),
            _ => Ok(()),
        }
    }
}
