use serde::Serialize;

use super::{DataDir, Endpoints, Error, seed::Keys};

/// The file in the data folder.
const FILE: &str = "local.json";

/// What a running local run tells scripts and tests, in `local.json`: the file is there exactly while requests are
/// accepted, unless the process was killed.
#[derive(Debug, Serialize)]
pub(super) struct Document<'a> {
    /// Where the API is.
    pub(super) url: &'a str,
    /// Where images are, `host:port`.
    pub(super) registry: String,
    /// Where the AWS services are.
    pub(super) endpoints: &'a Endpoints,
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
}
