use pack_format::{PackName, Version};

use super::{Key, Table, capabilities, item::Item, quotas::QuotaChange};
use crate::{
    aws::Error,
    identity::OrgLimit,
    records::{CapabilityHistory, OrgId, Record, UploadId},
};

/// What an upload reads before it writes its record. If `has_name`, `has_claim` or `begun` is no longer correct, the
/// write fails.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Whether the org has used the name before.
    pub(super) has_name: bool,
    /// Whether the version has a claim, with or without a record.
    pub(super) has_claim: bool,
    /// The id of the begun upload that is being submitted. `None` if there is none, or if it is no longer counted as
    /// begun.
    pub begun: Option<UploadId>,
    /// The stored capabilities of the name's versions. `None` if they cannot be read.
    pub history: Option<CapabilityHistory>,
}

impl Seen {
    /// Returns the change to the counters when `record` is created.
    pub(super) fn creation(&self, record: &Record) -> QuotaChange {
        QuotaChange::between(None, Some(record))
            .with(OrgLimit::Names, i128::from(!self.has_name))
            .with(OrgLimit::Versions, i128::from(!self.has_claim))
    }
}

impl Table {
    /// Reads what the upload of a version depends on, in one round trip. `upload` is the id of the begun upload that is
    /// being submitted, if any.
    pub async fn look_up(
        &self,
        org: OrgId,
        name: &PackName,
        version: &Version,
        upload: Option<UploadId>,
    ) -> Result<Seen, Error> {
        let keys = [Key::name(org, name), Key::version_claim(org, name, version)];
        let keys = keys.into_iter().chain(upload.map(|upload| Key::upload(org, upload)));
        let mut seen = Seen { history: Some(CapabilityHistory::default()), ..Seen::default() };
        for item in self.batch_get(keys.map(Key::attributes).collect()).await? {
            match partition(&item) {
                "NAME" => {
                    seen.has_name = true;
                    seen.history = capabilities::history(item).ok();
                }
                "VERSION" => seen.has_claim = true,
                _ => seen.begun = upload,
            }
        }
        Ok(seen)
    }
}

/// Returns the part of an item's partition key before the first `#`, which differs among the items that
/// [`Table::look_up`] reads.
fn partition(item: &Item) -> &str {
    let key = item.get("pk").and_then(|key| key.as_s().ok());
    key.and_then(|key| key.split('#').next()).unwrap_or_default()
}
