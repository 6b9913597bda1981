//! Handles Ctrl-C during an upload.

use std::sync::{Arc, OnceLock};

use crate::error::Error;

/// The exit status that shells report for a program ended by SIGINT: 128 plus the signal's number.
#[cfg(unix)]
const INTERRUPTED: i32 = 130;

/// The id of the uploaded pack. Empty until the service has accepted the pack.
#[derive(Debug, Clone, Default)]
pub(crate) struct Uploaded(Arc<OnceLock<String>>);

impl Uploaded {
    pub(crate) fn set(&self, id: &str) {
        self.0.get_or_init(|| id.to_owned());
    }
}

/// Makes SIGINT end the process. If the service has returned the pack's id, prints it first. If not, prints that the
/// pack may not have been uploaded. If the service has not accepted the pack, the upload leaves only data that the
/// service deletes later.
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

/// On other systems, Ctrl-C ends the process without a message.
#[cfg(not(unix))]
pub(crate) fn handle(_: &Uploaded) -> Result<(), Error> {
    Ok(())
}
