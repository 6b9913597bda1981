use std::{
    io,
    path::{Path, PathBuf},
};

use pack_format::Digest;
use ulid::Ulid;

use super::{
    Upload,
    endpoint::{Name, Reference},
};

/// The folders in that of a repository. No component of a name begins like these.
pub(super) const MANIFESTS: &str = "_manifests";
pub(super) const TAGS: &str = "_tags";

/// The registry's folder:
/// ```text
/// blobs/sha256/<hex>                             contents, manifests among them
/// repositories/<name>/_manifests/sha256/<hex>    the descriptors of a repository's manifests
/// repositories/<name>/_tags/<tag>                those that its tags point at
/// uploads/<id>                                   what has not come whole
/// ```
/// Whatever is there outside of `uploads` is there whole.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
}

impl Store {
    /// Takes the folder over from a process that may have ended in the middle of anything.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let uploads = folder.join("uploads");
        found(std::fs::remove_dir_all(&uploads))?;
        std::fs::create_dir_all(uploads)?;
        Ok(Self { folder: folder.to_owned() })
    }

    pub(super) fn blob(&self, digest: Digest) -> PathBuf {
        self.folder.join("blobs").join(relative(digest))
    }

    pub(super) fn repositories(&self) -> PathBuf {
        self.folder.join("repositories")
    }

    pub(super) fn repository(&self, name: Name) -> PathBuf {
        self.repositories().join(name.as_str())
    }

    pub(super) fn descriptor(&self, name: Name, reference: Reference) -> PathBuf {
        let repository = self.repository(name);
        match reference {
            Reference::Tag(tag) => repository.join(TAGS).join(tag),
            Reference::Digest(digest) => repository.join(MANIFESTS).join(relative(digest)),
        }
    }

    pub(super) fn upload(&self, id: Ulid) -> Upload {
        Upload::new(self.folder.join("uploads").join(id.to_string()))
    }
}

fn relative(digest: Digest) -> String {
    digest.to_string().replace(':', "/")
}

/// What came of looking for something that need not be there.
pub(super) fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}
