use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
};

use super::{DataDir, Error};

/// The file in the data folder that keeps them.
const FILE: &str = "ports.json";
/// Where ports are chosen from: below the ephemeral ranges of Linux (32768 on) and macOS (49152 on), so that no
/// outgoing connection of anybody holds one of them at the next start.
const RANGE: std::ops::Range<u16> = 20_000..32_768;
/// How many ports are tried before giving up.
const ATTEMPTS: u32 = 100;

/// The ports of the embedded backends, chosen once: image references name the registry's.
#[derive(Debug)]
pub(super) struct Ports {
    kept: BTreeMap<String, u16>,
}

impl Ports {
    /// The ports kept in the data folder.
    pub(super) fn load(data: &DataDir) -> Result<Self, Error> {
        let kept = match data.read(FILE)? {
            Some(content) => serde_json::from_slice(&content)
                .map_err(|error| Error::Data { path: data.file(FILE), source: error.into() })?,
            None => BTreeMap::new(),
        };
        Ok(Self { kept })
    }

    /// Listens on loopback, on the backend's port; on a free one if it has none yet.
    pub(super) fn listen(&mut self, backend: &'static str, data: &DataDir) -> Result<TcpListener, Error> {
        let listener = match self.kept.get(backend) {
            Some(&port) => bind(port).map_err(|source| Error::Port { backend, port, path: data.file(FILE), source })?,
            None => {
                let listener = bind_any()?;
                self.kept.insert(backend.to_owned(), local_address(&listener).port());
                data.write_json(FILE, &self.kept)?;
                listener
            }
        };
        Ok(listener)
    }
}

/// The address that a listener has.
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
    for _ in 0..ATTEMPTS {
        let random = getrandom::u32().map_err(|error| io::Error::other(error.to_string()));
        let width = u32::from(RANGE.end - RANGE.start);
        result = random.and_then(|random| bind(RANGE.start + u16::try_from(random % width).unwrap_or_default()));
        if result.is_ok() {
            break;
        }
    }
    result.map_err(|source| Error::Listen { address: (Ipv4Addr::LOCALHOST, 0).into(), source })
}
