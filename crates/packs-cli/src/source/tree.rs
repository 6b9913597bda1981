use std::{
    ffi::OsStr,
    fs::{self, Metadata},
    path::{Path, PathBuf},
};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::{cli::Reading, error::Error};

/// The file that lists the entries to omit from an archive.
const IGNORE_FILE: &str = ".packignore";

/// The directories that are allowed at the top of a pack. The service never treats one of them as a wrapping directory.
const PACK_DIRECTORIES: [&str; 4] = ["guides", "scripts", "data", "templates"];

/// The files and directories in a pack's directory, sorted by path.
#[derive(Debug)]
pub(super) struct Tree {
    root: PathBuf,
    entries: Vec<Entry>,
}

#[derive(Debug)]
pub(super) struct Entry {
    /// Relative to [`Tree::root`].
    pub(super) path: PathBuf,
    pub(super) is_directory: bool,
}

impl Tree {
    /// Lists a directory, except for omitted entries. Fails if any other entry cannot be read or archived.
    pub(super) fn read(root: &Path, reading: Reading) -> Result<Self, Error> {
        let mut reader = Reader { root, reading, ignored: ignored(root)?, entries: Vec::new() };
        reader.directory(Path::new(""), &[])?;
        let mut entries = reader.entries;
        entries.sort_by(|a, b| a.path.as_os_str().as_encoded_bytes().cmp(b.path.as_os_str().as_encoded_bytes()));
        Ok(Self { root: root.to_owned(), entries })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns the directory that the service treats as the pack: the wrapping directory if there is one, and the root
    /// otherwise.
    pub(super) fn pack_root(&self) -> PathBuf {
        let mut top = self.entries.iter().filter(|entry| entry.path.components().count() == 1);
        match (top.next(), top.next()) {
            (Some(Entry { path, is_directory: true }), None)
                if !PACK_DIRECTORIES.iter().any(|name| path == Path::new(name)) =>
            {
                self.root.join(path)
            }
            _ => self.root.clone(),
        }
    }
}

fn ignored(root: &Path) -> Result<Gitignore, Error> {
    let file = root.join(IGNORE_FILE);
    let mut builder = GitignoreBuilder::new(root);
    if fs::symlink_metadata(&file).is_ok()
        && let Some(error) = builder.add(&file)
    {
        return Err(Error::Ignore(error));
    }
    builder.build().map_err(Error::Ignore)
}

struct Reader<'a> {
    root: &'a Path,
    reading: Reading,
    ignored: Gitignore,
    entries: Vec<Entry>,
}

impl Reader<'_> {
    /// Adds the contents of a directory, except for omitted entries. To detect link loops, `parents` contains the
    /// canonical paths of the directories that contain this one.
    fn directory(&mut self, directory: &Path, parents: &[PathBuf]) -> Result<(), Error> {
        let full = self.root.join(directory);
        let canonical = fs::canonicalize(&full).map_err(Error::read(&full))?;
        if parents.contains(&canonical) {
            return Err(Error::LinkLoop(full));
        }
        let parents = [parents, &[canonical]].concat();
        for entry in fs::read_dir(&full).map_err(Error::read(&full))? {
            let name = entry.map_err(Error::read(&full))?.file_name();
            let path = directory.join(&name);
            let link = self.root.join(&path);
            let is_link = fs::symlink_metadata(&link).map_err(Error::read(&link))?.is_symlink();
            if self.is_omitted(&path, &name, link.is_dir()) {
                continue;
            }
            let metadata = self.metadata(&link, is_link)?;
            let is_directory = metadata.is_dir();
            if !is_directory && !metadata.is_file() {
                return Err(Error::SpecialFile(link));
            }
            self.entries.push(Entry { path: path.clone(), is_directory });
            if is_directory {
                self.directory(&path, &parents)?;
            }
        }
        Ok(())
    }

    fn is_omitted(&self, path: &Path, name: &OsStr, is_directory: bool) -> bool {
        let is_hidden = path.components().count() == 1 && name.as_encoded_bytes().starts_with(b".");
        let is_omitted = is_hidden || self.ignored.matched(path, is_directory).is_ignore();
        if is_omitted && self.reading.verbose {
            anstream::eprintln!("omitted: {}", path.display());
        }
        is_omitted
    }

    fn metadata(&self, path: &Path, is_link: bool) -> Result<Metadata, Error> {
        if !is_link {
            return fs::symlink_metadata(path).map_err(Error::read(path));
        }
        if !self.reading.follow_links {
            return Err(Error::Link(path.to_owned()));
        }
        fs::metadata(path).map_err(|source| Error::FollowLink { path: path.to_owned(), source })
    }
}
