use serde::Serialize;

use super::{DataDir, Endpoints, Error, seed::Keys};

/// The name of the document's file in the data directory.
const FILE: &str = "local.json";
/// The sample pack in this repository, as an absolute path so that the printed command works in any directory.
const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packs/sample");

/// `local.json`, which tells scripts and tests how to reach a local run. The file exists while the API accepts
/// requests. If the process is killed, the file remains until the next start deletes it.
#[derive(Debug, Serialize)]
pub(super) struct Document<'a> {
    pub(super) url: &'a str,
    /// The registry's address, `host:port[/prefix]`.
    pub(super) registry: String,
    /// The URL of the issuer of session tokens.
    pub(super) issuer: &'a str,
    pub(super) endpoints: &'a Endpoints,
    pub(super) table_name: &'a str,
    pub(super) staging_bucket: &'a str,
    pub(super) build_queue_url: &'a str,
    pub(super) purge_queue_url: &'a str,
    pub(super) keys: &'a Keys,
}

impl Document<'_> {
    /// Deletes the file if it exists.
    pub(super) fn delete(data: &DataDir) -> Result<(), Error> {
        data.delete(FILE)
    }

    pub(super) fn write(&self, data: &DataDir) -> Result<(), Error> {
        data.write_json(FILE, self)
    }

    /// Prints the API's URL, and a command that uploads the sample pack.
    pub(super) fn print_banner(&self, data: &DataDir) {
        let url = self.url;
        println!("The API is listening on {url}. Endpoints and API keys are in {}.", data.file(FILE).display());
        if let Some(key) = self.keys.get("acme").and_then(|keys| keys.get("full_access")) {
            println!("To upload the sample pack, run:\n");
            // Do not use `tar -z`: on macOS, tar pads the compressed output with zeros if it writes to a pipe.
            let archive = format!("tar -cf - -C '{SAMPLE}' . | gzip");
            let authorization = format!("-H 'Authorization: Bearer {key}'");
            println!("{archive} | curl --fail-with-body -F archive=@- {authorization} {url}/v1/packs/upload");
        }
    }
}
