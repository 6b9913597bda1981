use std::{
    fs::{self, File},
    path::Path,
};

use crate::error::Error;

/// Calls `write` to write a file. An existing file is replaced only after `write` has succeeded. A device or a pipe is
/// written to directly.
pub fn write(path: &Path, write: impl FnOnce(&mut File) -> Result<(), Error>) -> Result<(), Error> {
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return write(&mut File::create(path).map_err(Error::write(path))?);
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // By default, `tempfile` creates a file that only its owner can read. `File::create_new` leaves the permissions to
    // the umask.
    let create = |path: &Path| File::create_new(path);
    let mut file = tempfile::Builder::new().prefix(".packs-").make_in(directory, create).map_err(Error::write(path))?;
    write(file.as_file_mut())?;
    file.persist(path).map_err(|error| Error::Write { path: path.to_owned(), source: error.error })?;
    Ok(())
}
