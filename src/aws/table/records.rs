use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::types::{AttributeValue, Delete, TransactWriteItem, Update, builders::UpdateBuilder};
use pack_format::{Digest, Manifest, PackName, Version};
use serde::{Deserialize, Serialize};

use super::{
    Key, Table, due,
    item::{self, Item, RecordItem},
    number,
    publishing::{NOT_LEASED, transacted},
    quotas::QuotaChange,
    seen::Seen,
    string,
    transaction::Transaction,
};
use crate::{
    aws::Error,
    identity::{Exceeded, OrgLimit, OrgLimits},
    records::{BuildState, OrgId, PackId, Quarantine, QuarantineReason, Record},
};

/// How long to wait before each rereading of a version claim whose record is missing. A replacement or a purge may have
/// deleted the record after the claim was read.
const REPLACEMENT_WAITS: [Duration; 3] =
    [Duration::from_millis(20), Duration::from_millis(60), Duration::from_millis(180)];

/// The maximum number of times that an upload tries to create a record while other writes keep changing the items that
/// [`Seen`] describes.
const MAX_LOOK_UPS: usize = 5;

/// The condition for overwriting a failed record. Only one of several concurrent writes succeeds, and none of them
/// undoes a change to the visibility or the references.
const STILL_FAILED: &str = "build_status = :failed AND attempt = :attempt AND visibility = :visibility \
                            AND reference_count = :references";

/// The result of writing a record.
#[derive(Debug, Clone)]
pub enum Created {
    Written,
    /// This record already has the name and version.
    Taken(Box<Record>),
    /// The version was published with this layer digest, and its pack was deleted.
    Deleted(Digest),
    /// An operator has quarantined the version.
    Quarantined(Quarantine),
    /// The record was not written, because the org would exceed this limit.
    Exceeds(Exceeded),
}

/// The result of one try to write an upload's record.
enum UploadWrite {
    Written,
    /// All other conditions hold, but the org would exceed this limit.
    Exceeds(Exceeded),
    /// A condition other than the limits failed.
    Refused,
}

/// The state of a name and version in an org.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionState {
    /// The version was never published, and no record has it.
    Free,
    /// This record has the version.
    Taken(Box<Record>),
    /// The version was published with this layer digest, and its pack was deleted. Only the same content may be
    /// uploaded as this version again.
    Deleted(Digest),
    /// An operator has quarantined the version. Nothing may be uploaded as this version.
    Quarantined(Quarantine),
}

/// The attributes of a version claim that an upload needs. If a claim has none of them, the version is free.
#[derive(Serialize, Deserialize)]
struct VersionClaimItem {
    #[serde(default)]
    pack_id: Option<PackId>,
    #[serde(default, skip_serializing)]
    layer_digest: Option<Digest>,
    #[serde(default, skip_serializing)]
    quarantine_reason: Option<QuarantineReason>,
}

impl Table {
    /// Writes a new record and its version claim in one transaction. The transaction also creates the item for a new
    /// name, updates the org's counters, and deletes the item of the begun upload in `seen`, if any. Reuses the claim
    /// of a deleted pack, unless the version is quarantined or was published with different content.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if a call to DynamoDB fails; the record may have been written. Returns
    /// [`Error::ConcurrentWrites`] if other writes keep changing the items that `seen` describes.
    pub async fn create(&self, record: &Record, seen: &Seen, limits: &OrgLimits) -> Result<Created, Error> {
        let mut seen = seen.clone();
        for _ in 0..MAX_LOOK_UPS {
            let mut writes = vec![transacted(self.claim(record, seen.has_claim))?, self.put_new(self.item(record)?)?];
            if !seen.has_name {
                writes.push(transacted(self.claim_name(record))?);
            }
            let written = self.write_upload(record, writes, &seen, seen.creation(record), limits).await?;
            if let UploadWrite::Written = written {
                return Ok(Created::Written);
            }
            if let Some(created) = self.resolve_failed_write(record).await? {
                return Ok(created);
            }
            if let UploadWrite::Exceeds(exceeded) = written {
                return Ok(Created::Exceeds(exceeded));
            }
            // `seen` is out of date: another upload has used the name or the version for the first time, or the begun
            // upload was removed.
            let Manifest { name, version, .. } = &record.release.manifest;
            seen = self.look_up(record.release.org_id, name, version, seen.begun).await?;
        }
        Err(Error::ConcurrentWrites)
    }

    /// Replaces the failed record `old` with `new`, which has the same name and version. Returns [`Created::Taken`] if
    /// `old` has changed since it was read, if the version is published or being built, or if the begun upload in
    /// `seen` was removed.
    ///
    /// # Errors
    /// Returns [`Error::Call`] as [`Table::create`] does, and [`Error::ConcurrentWrites`] if `old` was deleted.
    pub async fn replace(&self, old: &Record, new: &Record, seen: &Seen, limits: &OrgLimits) -> Result<Created, Error> {
        let claim = self
            .put(version_claim(new)?)
            .condition_expression(format!("pack_id = :old AND attribute_not_exists(layer_digest) AND {NOT_LEASED}"))
            .expression_attribute_values(":old", string(old.id))
            .expression_attribute_values(":now", string(new.created_at));
        let delete = Delete::builder()
            .table_name(&self.name)
            .set_key(Some(Key::record(old.id).attributes()))
            .condition_expression(STILL_FAILED)
            .set_expression_attribute_values(Some(still_failed(old)));
        let failed = Error::call("TransactWriteItems");
        let (claim, delete) = claim.build().and_then(|claim| Ok((claim, delete.build()?))).map_err(failed)?;
        let writes = vec![
            TransactWriteItem::builder().put(claim).build(),
            TransactWriteItem::builder().delete(delete).build(),
            self.put_new(self.item(new)?)?,
        ];
        self.overwrite(old, new, writes, seen, limits).await
    }

    /// Overwrites the failed record `old` with `new`, which is the same record queued again. Does not write if `old`
    /// has changed since it was read, or if the begun upload in `seen` was removed.
    ///
    /// # Errors
    /// The same as [`Table::replace`].
    pub async fn queue_again(
        &self,
        old: &Record,
        new: &Record,
        seen: &Seen,
        limits: &OrgLimits,
    ) -> Result<Created, Error> {
        let put = self
            .put(self.item(new)?)
            .condition_expression(STILL_FAILED)
            .set_expression_attribute_values(Some(still_failed(old)))
            .build()
            .map_err(Error::call("TransactWriteItems"))?;
        self.overwrite(old, new, vec![TransactWriteItem::builder().put(put).build()], seen, limits).await
    }

    /// Applies `writes`, which replace `old` with `new`. If a condition fails, reads the version's state to determine
    /// the result.
    async fn overwrite(
        &self,
        old: &Record,
        new: &Record,
        writes: Vec<TransactWriteItem>,
        seen: &Seen,
        limits: &OrgLimits,
    ) -> Result<Created, Error> {
        let change = QuotaChange::between(Some(old), Some(new));
        let written = self.write_upload(new, writes, seen, change, limits).await?;
        if let UploadWrite::Written = written {
            return Ok(Created::Written);
        }
        let created = self.resolve_failed_write(new).await?.ok_or(Error::ConcurrentWrites)?;
        match (written, created) {
            (UploadWrite::Exceeds(exceeded), Created::Taken(found)) if *found == *old => Ok(Created::Exceeds(exceeded)),
            (_, created) => Ok(created),
        }
    }

    /// Executes the writes of an upload, changes the counters and deletes the item of the begun upload, if any, in one
    /// transaction.
    async fn write_upload(
        &self,
        record: &Record,
        mut writes: Vec<TransactWriteItem>,
        seen: &Seen,
        mut change: QuotaChange,
        limits: &OrgLimits,
    ) -> Result<UploadWrite, Error> {
        let org = record.release.org_id;
        if let Some(upload) = seen.begun {
            writes.push(self.delete_upload(org, upload)?);
            change = change.with(OrgLimit::BegunUploads, -1);
        }
        let quota = self.change_quota(org, &change, Some(limits)).map(transacted).transpose()?;
        let quota_index = writes.len();
        writes.extend(quota);
        let Transaction::Refused(reasons) = self.try_transact(writes).await? else { return Ok(UploadWrite::Written) };
        let is_stale = reasons.iter().enumerate().any(|(index, reason)| index != quota_index && reason.is_refused);
        let counters = reasons.get(quota_index).filter(|_| !is_stale);
        let exceeded = counters.and_then(|reason| change.exceeded(reason.item.as_ref(), limits));
        Ok(exceeded.map_or(UploadWrite::Refused, UploadWrite::Exceeds))
    }

    /// Returns the update that makes the version claim name a new record. `exists` says whether the claim already
    /// exists.
    fn claim(&self, record: &Record, exists: bool) -> UpdateBuilder {
        let claim = self.update_claim(record, "SET pack_id = :id");
        if !exists {
            return claim.condition_expression("attribute_not_exists(pk)");
        }
        claim
            .condition_expression(
                "attribute_exists(pk) AND attribute_not_exists(pack_id) AND attribute_not_exists(quarantine_reason) \
                 AND (attribute_not_exists(layer_digest) OR layer_digest = :layer)",
            )
            .expression_attribute_values(":layer", string(record.release.layer_digest))
    }

    /// Returns the update that creates the item for a name.
    fn claim_name(&self, record: &Record) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.name)
            .set_key(Some(Key::name(record.release.org_id, &record.release.manifest.name).attributes()))
            .update_expression("SET created_at = :now")
            .condition_expression("attribute_not_exists(pk)")
            .expression_attribute_values(":now", string(record.created_at))
    }

    /// Reads a record with a strongly consistent read.
    pub async fn record(&self, id: PackId) -> Result<Option<Record>, Error> {
        let item: Option<RecordItem> = self.get(Key::record(id)).await?;
        Ok(item.map(Record::from))
    }

    /// Reads the state of a name and version in an org, with strongly consistent reads.
    ///
    /// # Errors
    /// Returns [`Error::MissingRecord`] if the version claim names a record that does not exist, even after the claim
    /// was read several times.
    pub async fn version(&self, org: OrgId, name: &PackName, version: &Version) -> Result<VersionState, Error> {
        let mut waits = REPLACEMENT_WAITS.into_iter();
        loop {
            let claim: Option<VersionClaimItem> = self.get(Key::version_claim(org, name, version)).await?;
            let Some(VersionClaimItem { pack_id, layer_digest, quarantine_reason }) = claim else {
                return Ok(VersionState::Free);
            };
            if let Some(reason) = quarantine_reason {
                return Ok(VersionState::Quarantined(Quarantine { pack_id, reason }));
            }
            let pack_id = match (pack_id, layer_digest) {
                (Some(pack_id), _) => pack_id,
                (None, Some(layer_digest)) => return Ok(VersionState::Deleted(layer_digest)),
                (None, None) => return Ok(VersionState::Free),
            };
            if let Some(record) = self.record(pack_id).await? {
                return Ok(VersionState::Taken(Box::new(record)));
            }
            tokio::time::sleep(waits.next().ok_or(Error::MissingRecord { pack_id })?).await;
        }
    }

    /// Returns the item for a record. If the record is pending, its job is due again `resend_after` after the last
    /// send.
    fn item(&self, record: &Record) -> Result<Item, Error> {
        let mut item = item::write(Key::record(record.id), RecordItem::from(record.clone()))?;
        let due_at = record.build.enqueued_at + self.resend_after;
        due::add_attributes(&mut item, record.id.random_byte(), record.build.status.is_pending().then_some(due_at));
        Ok(item)
    }

    /// Reads the state of the version of `wanted`, after a condition for writing `wanted` failed, and returns the
    /// result of the write. Returns `None` if `wanted` can still be written as this version.
    ///
    /// If the version's record has the id, the staging key and the attempt of `wanted`, returns [`Created::Written`]:
    /// an earlier try wrote the record, and the response was lost. There is one exception: if a begun upload is
    /// submitted twice at the same time and queues a failed record again, both submissions write the same id, staging
    /// key and attempt. One of them may then report the other's write as its own.
    async fn resolve_failed_write(&self, wanted: &Record) -> Result<Option<Created>, Error> {
        let manifest = &wanted.release.manifest;
        Ok(match self.version(wanted.release.org_id, &manifest.name, &manifest.version).await? {
            VersionState::Taken(found)
                if found.id == wanted.id
                    && found.build.staging_key == wanted.build.staging_key
                    && found.build.attempt == wanted.build.attempt =>
            {
                Some(Created::Written)
            }
            VersionState::Taken(found) => Some(Created::Taken(found)),
            VersionState::Deleted(layer_digest) if layer_digest == wanted.release.layer_digest => None,
            VersionState::Deleted(layer_digest) => Some(Created::Deleted(layer_digest)),
            VersionState::Quarantined(quarantine) => Some(Created::Quarantined(quarantine)),
            VersionState::Free => None,
        })
    }
}

/// Returns the values for the placeholders in [`STILL_FAILED`].
fn still_failed(old: &Record) -> HashMap<String, AttributeValue> {
    HashMap::from([
        (":failed".to_owned(), string(BuildState::Failed)),
        (":attempt".to_owned(), number(old.build.attempt)),
        (":visibility".to_owned(), string(old.release.visibility)),
        (":references".to_owned(), number(old.reference_count)),
    ])
}

fn version_claim(record: &Record) -> Result<Item, Error> {
    let claim = VersionClaimItem { pack_id: Some(record.id), layer_digest: None, quarantine_reason: None };
    item::write(Key::version_claim_of(record), claim)
}
