use serde::Serialize;

use super::{DataDir, Endpoints, Error, seed::Keys};

/// The file in the data folder.
const FILE: &str = "local.json";
/// The sample pack of this repository, wherever the command is pasted.
const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packs/sample");

/// What a running local run tells scripts and tests, in `local.json`: the file is there exactly while requests are
/// accepted, unless the process was killed.
#[derive(Debug, Serialize)]
pub(super) struct Document<'a> {
    /// Where the API is.
    pub(super) url: &'a str,
    /// Where images are, `host:port`.
    pub(super) registry: String,
    /// Who issues sessions.
    pub(super) issuer: &'a str,
    /// Where the AWS services are.
    pub(super) endpoints: &'a Endpoints,
    /// The table.
    pub(super) table_name: &'a str,
    /// The staging bucket.
    pub(super) staging_bucket: &'a str,
    /// Where build jobs go.
    pub(super) build_queue_url: &'a str,
    /// The secrets of the API keys, by org and permission template.
    pub(super) keys: &'a Keys,
}

impl Document<'_> {
    /// Deletes what an earlier run left.
    pub(super) fn delete(data: &DataDir) -> Result<(), Error> {
        data.delete(FILE)
    }

    pub(super) fn write(&self, data: &DataDir) -> Result<(), Error> {
        data.write_json(FILE, self)
    }

    /// Tells whoever started the run where everything is, and what to try.
    pub(super) fn announce(&self, data: &DataDir) {
        let url = self.url;
        println!("Listening on {url}; endpoints and keys are in {}", data.file(FILE).display());
        if let Some(key) = self.keys.get("acme").and_then(|keys| keys.get("full_access")) {
            println!("Upload the sample pack:\n");
            // Not `tar -z`: macOS's tar pads what it compresses into a pipe, and nothing may follow a gzip stream.
            let archive = format!("tar -cf - -C '{SAMPLE}' . | gzip");
            let authorization = format!("-H 'Authorization: Bearer {key}'");
            println!("{archive} | curl --fail-with-body -F archive=@- {authorization} {url}/v1/packs/upload");
        }
    }
}
