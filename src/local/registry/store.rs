use std::{
    io,
    path::{Path, PathBuf},
};

use pack_format::Digest;
use tokio::fs;
use ulid::Ulid;

use super::{
    PartialFile,
    endpoint::{Name, Reference},
};

/// The directories in each repository's directory. They cannot clash with a repository, because no component of a name
/// starts with an underscore.
pub(super) const MANIFESTS: &str = "_manifests";
pub(super) const TAGS: &str = "_tags";

/// The registry's storage, a directory with these files:
/// ```text
/// blobs/sha256/<hex>                             blobs and manifests
/// repositories/<name>/_manifests/sha256/<hex>    the descriptors of a repository's manifests
/// repositories/<name>/_tags/<tag>                the descriptors of the manifests that the tags point to
/// uploads/<id>                                   incomplete files
/// ```
/// Files outside `uploads` are always complete.
#[derive(Debug)]
pub(super) struct Store {
    directory: PathBuf,
}

impl Store {
    /// Opens the directory, and deletes the incomplete files that an earlier process left behind.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        let uploads = directory.join("uploads");
        found(std::fs::remove_dir_all(&uploads))?;
        std::fs::create_dir_all(uploads)?;
        Ok(Self { directory: directory.to_owned() })
    }

    pub(super) fn blob(&self, digest: Digest) -> PathBuf {
        self.directory.join("blobs").join(relative(digest))
    }

    pub(super) fn repositories(&self) -> PathBuf {
        self.directory.join("repositories")
    }

    pub(super) fn repository(&self, name: Name) -> PathBuf {
        self.repositories().join(name.as_str())
    }

    pub(super) async fn tags(&self, name: Name<'_>) -> io::Result<Vec<String>> {
        entries(&self.repository(name).join(TAGS)).await
    }

    /// Returns the digests of a repository's manifests, in ascending order.
    pub(super) async fn manifests(&self, name: Name<'_>) -> io::Result<Vec<Digest>> {
        let mut names = entries(&self.repository(name).join(MANIFESTS).join("sha256")).await?;
        names.sort();
        Ok(names.iter().filter_map(|name| format!("sha256:{name}").parse().ok()).collect())
    }

    pub(super) fn descriptor(&self, name: Name, reference: Reference) -> PathBuf {
        let repository = self.repository(name);
        match reference {
            Reference::Tag(tag) => repository.join(TAGS).join(tag),
            Reference::Digest(digest) => repository.join(MANIFESTS).join(relative(digest)),
        }
    }

    pub(super) fn partial_file(&self, id: Ulid) -> PartialFile {
        PartialFile::new(self.directory.join("uploads").join(id.to_string()))
    }
}

fn relative(digest: Digest) -> String {
    digest.to_string().replace(':', "/")
}

/// Maps [`io::ErrorKind::NotFound`] to `None`.
pub(super) fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

/// Returns the names of a directory's entries, or no names if the directory does not exist.
pub(super) async fn entries(directory: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    if let Some(mut entries) = found(fs::read_dir(directory).await)? {
        while let Some(entry) = entries.next_entry().await? {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(names)
}
