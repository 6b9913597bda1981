use std::{io, net::SocketAddr, path::PathBuf};

use crate::{aws, config::ConfigError};

/// Why a local run did not start, or had to end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data folder cannot be made, read or written.
    #[error("cannot use {}", path.display())]
    Data {
        /// What could not be used.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another local run has the data folder.
    #[error("{} is in use by another local run; end it, or name another folder with --data-dir", .0.display())]
    InUse(PathBuf),
    /// A port that is kept in the data folder is taken by something else.
    #[error(
        "port {port} of the {backend} backend is taken; free it, or delete {} to choose ports anew, \
         after which image references made so far name a registry that is not there",
        path.display()
    )]
    Port {
        /// Whose port it is.
        backend: &'static str,
        /// The port.
        port: u16,
        /// Where it is kept.
        path: PathBuf,
        /// Why it cannot be bound.
        source: io::Error,
    },
    /// No local run has made an issuer in the data folder.
    #[error("cannot read {}, which a local run makes when it starts", path.display())]
    NoIssuer {
        /// Where it is kept.
        path: PathBuf,
        /// Why it cannot be read.
        source: io::Error,
    },
    /// No free port was found, or the address given cannot be bound.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The process cannot listen for signals.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    /// The environment is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An embedded backend did not start, or ended.
    #[error("the {backend} backend failed")]
    Backend {
        /// Which.
        backend: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The table, bucket or queues could not be made, or orgs and keys could not be written.
    #[error("cannot create what is missing")]
    Provision(#[from] aws::Error),
}
