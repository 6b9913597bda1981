use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
};

use axum::serve::{ListenerExt as _, TapIo};
use tokio::net::TcpStream;

use super::{DataDir, Error};

/// The file in the data directory that records the ports.
const FILE: &str = "ports.json";
/// The range of the chosen ports. It is below the ephemeral ranges of Linux (from 32768) and macOS (from 49152), so no
/// outgoing connection can occupy a chosen port when the next run starts.
const RANGE: std::ops::Range<u16> = 20_000..32_768;
/// How many random ports to try for a backend before giving up.
const TRIES: u32 = 100;

/// The ports of the embedded backends. They stay the same between runs, because image references contain the
/// registry's port.
#[derive(Debug)]
pub(super) struct Ports {
    by_backend: BTreeMap<String, u16>,
}

impl Ports {
    /// Reads the ports that earlier runs chose.
    pub(super) fn load(data: &DataDir) -> Result<Self, Error> {
        let by_backend = match data.read(FILE)? {
            Some(content) => serde_json::from_slice(&content)
                .map_err(|error| Error::Data { path: data.file(FILE), source: error.into() })?,
            None => BTreeMap::new(),
        };
        Ok(Self { by_backend })
    }

    /// Listens on the backend's loopback port. A backend without a port is assigned a free one.
    pub(super) fn listen(&mut self, backend: &'static str, data: &DataDir) -> Result<TcpListener, Error> {
        let listener = match self.by_backend.get(backend) {
            Some(&port) => bind(port).map_err(|source| Error::Port { backend, port, path: data.file(FILE), source })?,
            None => {
                let listener = bind_any()?;
                self.by_backend.insert(backend.to_owned(), local_address(&listener).port());
                data.write_json(FILE, &self.by_backend)?;
                listener
            }
        };
        Ok(listener)
    }
}

/// Makes every connection send its data immediately (`TCP_NODELAY`). Otherwise, the second part of a response waits for
/// the client to acknowledge the first part, which may take 40 ms (RFC 896, Nagle's algorithm).
pub(super) fn without_delay(listener: tokio::net::TcpListener) -> TapIo<tokio::net::TcpListener, fn(&mut TcpStream)> {
    listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            tracing::warn!(%error, "cannot set TCP_NODELAY");
        }
    })
}

pub(super) fn local_address(listener: &TcpListener) -> SocketAddr {
    listener.local_addr().expect("a bound socket has an address")
}

fn bind(port: u16) -> io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn bind_any() -> Result<TcpListener, Error> {
    let mut result = Err(io::Error::from(io::ErrorKind::AddrInUse));
    for _ in 0..TRIES {
        let random = getrandom::u32().map_err(|error| io::Error::other(error.to_string()));
        let width = u32::from(RANGE.end - RANGE.start);
        result = random.and_then(|random| bind(RANGE.start + u16::try_from(random % width).unwrap_or_default()));
        if result.is_ok() {
            break;
        }
    }
    result.map_err(|source| Error::Listen { address: (Ipv4Addr::LOCALHOST, 0).into(), source })
}
