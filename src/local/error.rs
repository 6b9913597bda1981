use std::{io, net::SocketAddr, path::PathBuf};

use crate::{aws, config::ConfigError, signing};

/// Why a local run failed to start or stopped unexpectedly, or why `local session` created no token.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or directory in the data directory cannot be created, read or written.
    #[error("cannot use {}", path.display())]
    Data { path: PathBuf, source: io::Error },
    #[error("{} is in use by another local run; stop it, or choose another directory with --data-dir", .0.display())]
    InUse(PathBuf),
    /// The port recorded for a backend in the data directory cannot be bound.
    #[error(
        "the {backend} backend cannot listen on its port {port}; free the port, or delete {} to choose new ports, \
         which breaks existing image references",
        path.display()
    )]
    Port {
        backend: &'static str,
        port: u16,
        /// The file that records the ports.
        path: PathBuf,
        source: io::Error,
    },
    #[error("cannot read {}, which a local run with this data directory creates", path.display())]
    NoIssuer { path: PathBuf, source: io::Error },
    #[error("cannot listen on {address}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Signing(#[from] signing::Error),
    /// An embedded backend failed to start, or stopped unexpectedly.
    #[error("the {backend} backend failed")]
    Backend { backend: &'static str, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("cannot set up the backends")]
    Provision(#[from] aws::Error),
}
