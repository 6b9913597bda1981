use std::time::Duration;

use super::{ConfigError, reader::Reader, registry, resend_after, s3_path_style, timeouts};
use crate::{aws::Timeouts, registry::Settings};

/// The settings of `admin` for the commands that rebuild, quarantine, restore and delete packs.
#[derive(Debug, Clone)]
pub struct Operator {
    /// `TABLE_NAME`, required.
    pub table_name: String,
    /// `STAGING_BUCKET`, required. The bucket also stores the images of quarantined packs.
    pub staging_bucket: String,
    /// `BUILD_QUEUE_URL`, required.
    pub build_queue_url: String,
    /// `PURGE_QUEUE_URL`, required.
    pub purge_queue_url: String,
    /// The same as [`Builder::registry`](super::Builder::registry).
    pub registry: Settings,
    /// The same as [`Api::resend_after`](super::Api::resend_after).
    pub resend_after: Duration,
    /// `BUILD_LEASE_MS`: the duration of a command's lease on a version. It must exceed `PUSH_TIMEOUT_MS`.
    pub lease: Duration,
    /// The same as [`Api::timeouts`](super::Api::timeouts), except that `TRANSFER_ATTEMPT_TIMEOUT_MS` defaults to ten
    /// minutes, because an operator's connection may be slow.
    pub timeouts: Timeouts,
    /// The same as [`Api::s3_path_style`](super::Api::s3_path_style).
    pub s3_path_style: bool,
}

impl Operator {
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(lookup);
        let (table_name, staging_bucket) = (reader.required("TABLE_NAME"), reader.required("STAGING_BUCKET"));
        let (build_queue_url, purge_queue_url) =
            (reader.required("BUILD_QUEUE_URL"), reader.required("PURGE_QUEUE_URL"));
        let registry = registry(&mut reader);
        let resend_after = resend_after(&mut reader);
        let lease = reader.milliseconds("BUILD_LEASE_MS", Duration::from_secs(180));
        let default = Timeouts { transfer: Duration::from_secs(600), ..Timeouts::default() };
        let timeouts = timeouts(&mut reader, default);
        let s3_path_style = s3_path_style(&mut reader);
        reader.finish(|| {
            Some(Self {
                table_name: table_name?,
                staging_bucket: staging_bucket?,
                build_queue_url: build_queue_url?,
                purge_queue_url: purge_queue_url?,
                registry: registry?,
                resend_after,
                lease,
                timeouts,
                s3_path_style,
            })
        })
    }
}
