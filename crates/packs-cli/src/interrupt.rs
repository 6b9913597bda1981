//! Ctrl-C during an upload.

use std::sync::{Arc, OnceLock};

use crate::error::Error;

/// The exit status of a program that SIGINT ended, as shells report it: 128 and the number of the signal.
#[cfg(unix)]
const INTERRUPTED: i32 = 130;

/// The id of the pack that an upload has created, once the service has accepted it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Uploaded(Arc<OnceLock<String>>);

impl Uploaded {
    pub(crate) fn set(&self, id: &str) {
        self.0.get_or_init(|| id.to_owned());
    }
}

/// From now on, SIGINT ends the process at once, and prints the id of the pack if the service has accepted it. Until
/// then, an upload leaves nothing but an archive in S3, which expires.
#[cfg(unix)]
pub(crate) fn handle(uploaded: &Uploaded) -> Result<(), Error> {
    use signal_hook::{consts::SIGINT, iterator::Signals};

    let mut signals = Signals::new([SIGINT]).map_err(Error::Signal)?;
    let Uploaded(uploaded) = uploaded.clone();
    std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            match uploaded.get() {
                Some(id) => anstream::eprintln!("interrupted: {id} is uploaded; `packs show {id}` prints its status"),
                None => anstream::eprintln!(
                    "interrupted; the pack may not have been uploaded: `packs list` shows it if it was"
                ),
            }
            std::process::exit(INTERRUPTED);
        }
    });
    Ok(())
}

/// Other systems end the process themselves.
#[cfg(not(unix))]
pub(crate) fn handle(_: &Uploaded) -> Result<(), Error> {
    Ok(())
}
