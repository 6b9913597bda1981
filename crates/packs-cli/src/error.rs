use std::{
    io,
    path::{Path, PathBuf},
};

use attestation::InvalidPublicKey;

use crate::{registry::RegistryError, service::ServiceError};

/// Why a command failed. Problems with a pack are not errors: see [`Outcome`](crate::Outcome).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read `{}`", .path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write `{}`", .path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot follow the symbolic link `{}`", .path.display())]
    FollowLink { path: PathBuf, source: io::Error },
    #[error(
        "`{}` is a symbolic link; follow it with `--follow-links`, or list it in `.packignore`",
        .0.display()
    )]
    Link(PathBuf),
    #[error("the symbolic link `{}` points to a directory that contains it", .0.display())]
    LinkLoop(PathBuf),
    #[error("`{}` is neither a file nor a directory; remove it, or list it in `.packignore`", .0.display())]
    SpecialFile(PathBuf),
    #[error("`{}` is neither a file nor a directory; pass the directory or the archive of a pack", .0.display())]
    NoPack(PathBuf),
    #[error("`{}` changed while it was being read; run the command again", .0.display())]
    Changed(PathBuf),
    #[error("cannot read `.packignore`")]
    Ignore(#[source] ignore::Error),
    #[error("cannot write to the temporary directory")]
    Temporary(#[source] io::Error),
    #[error("cannot validate the archive")]
    Validate(#[source] io::Error),
    #[error("`--fix` cannot change files in an archive; pass the pack's directory")]
    FixArchive,
    #[error("`{}` is not a directory", .0.display())]
    NotADirectory(PathBuf),
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error("cannot use `{}`", .path.display())]
    InvalidKey { path: PathBuf, source: InvalidPublicKey },
    #[error("`--username` is for a registry; verify an image reference instead of a pack's id")]
    UnusedUsername,
    #[error("the response from the service has no valid `{0}`")]
    MissingField(&'static str),
    #[error("the build of {id} failed: {reason}")]
    BuildFailed { id: String, reason: String },
    /// The pack was quarantined or deleted before its image was built.
    #[error("{id} is {status}")]
    NotBuilt { id: String, status: String },
    #[error("the build of {0} is still queued; `packs show {0}` prints its status")]
    BuildQueued(String),
    #[error("cannot handle Ctrl-C")]
    Signal(#[source] io::Error),
    #[error("cannot write the output")]
    Output(#[from] io::Error),
}

impl Error {
    /// Returns a closure for `map_err` that wraps an error in [`Error::Read`].
    pub(crate) fn read(path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Read { path: path.to_owned(), source }
    }

    /// Returns a closure for `map_err` that wraps an error in [`Error::Write`].
    pub(crate) fn write(path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Write { path: path.to_owned(), source }
    }
}
