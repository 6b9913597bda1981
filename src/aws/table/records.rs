use std::time::Duration;

use aws_sdk_dynamodb::{
    operation::put_item::PutItemError,
    types::{Delete, TransactWriteItem},
};
use pack_format::{Digest, PackName, Version};
use serde::{Deserialize, Serialize};

use super::{
    Key, Table, due,
    item::{self, Item, RecordItem},
    number,
    publishing::NOT_LEASED,
    string,
};
use crate::{
    aws::Error,
    records::{BuildState, OrgId, PackId, Quarantine, QuarantineReason, Record},
};

/// How long to wait before rereading a version claim whose record is missing, because a replacement may be in progress.
const REPLACEMENT_WAITS: [Duration; 3] =
    [Duration::from_millis(20), Duration::from_millis(60), Duration::from_millis(180)];

/// The condition for overwriting a failed record. Only one of several concurrent writes can meet it, and none that
/// would undo a change to the visibility or the references.
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
    /// Writes a new record and its version claim in one transaction. Reuses the claim of a deleted pack, unless the
    /// version is quarantined or was published with different content.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if DynamoDB fails. The record may have been written.
    pub async fn create(&self, record: &Record) -> Result<Created, Error> {
        let claim = self
            .update_claim(record, "SET pack_id = :id")
            .condition_expression(
                "attribute_not_exists(pack_id) AND attribute_not_exists(quarantine_reason) \
                 AND (attribute_not_exists(layer_digest) OR layer_digest = :layer)",
            )
            .expression_attribute_values(":layer", string(record.release.layer_digest))
            .build()
            .map_err(Error::call("TransactWriteItems"))?;
        let writes = vec![TransactWriteItem::builder().update(claim).build(), self.put_new(self.item(record)?)?];
        if self.transact(writes).await? {
            return Ok(Created::Written);
        }
        self.resolve_failed_write(record).await
    }

    /// Replaces the failed record `old` with `new`, which has the same name and version. Returns [`Created::Taken`] if
    /// `old` has changed since it was read, or if the version is published or being built.
    ///
    /// # Errors
    /// The same as [`Table::create`].
    pub async fn replace(&self, old: &Record, new: &Record) -> Result<Created, Error> {
        let claim = self
            .put(version_claim(new)?)
            .condition_expression(format!("pack_id = :old AND attribute_not_exists(layer_digest) AND {NOT_LEASED}"))
            .expression_attribute_values(":old", string(old.id))
            .expression_attribute_values(":now", string(new.created_at));
        let delete = Delete::builder()
            .table_name(&self.name)
            .set_key(Some(Key::record(old.id).attributes()))
            .condition_expression(STILL_FAILED)
            .expression_attribute_values(":failed", string(BuildState::Failed))
            .expression_attribute_values(":attempt", number(old.build.attempt))
            .expression_attribute_values(":visibility", string(old.release.visibility))
            .expression_attribute_values(":references", number(old.reference_count));
        let failed = Error::call("TransactWriteItems");
        let (claim, delete) = claim.build().and_then(|claim| Ok((claim, delete.build()?))).map_err(failed)?;
        let writes = vec![
            TransactWriteItem::builder().put(claim).build(),
            TransactWriteItem::builder().delete(delete).build(),
            self.put_new(self.item(new)?)?,
        ];
        if self.transact(writes).await? {
            return Ok(Created::Written);
        }
        self.resolve_failed_write(new).await
    }

    /// Overwrites the failed record `old` with `new`, which is the same record queued again. Does not write if `old`
    /// has changed since it was read.
    ///
    /// # Errors
    /// The same as [`Table::create`].
    pub async fn queue_again(&self, old: &Record, new: &Record) -> Result<Created, Error> {
        let put = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(self.item(new)?))
            .condition_expression(STILL_FAILED)
            .expression_attribute_values(":failed", string(BuildState::Failed))
            .expression_attribute_values(":attempt", number(old.build.attempt))
            .expression_attribute_values(":visibility", string(old.release.visibility))
            .expression_attribute_values(":references", number(old.reference_count));
        match put.send().await {
            Ok(_) => Ok(Created::Written),
            Err(error) if error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => {
                self.resolve_failed_write(new).await
            }
            Err(error) => Err(Error::call("PutItem")(error)),
        }
    }

    /// Reads a record with a strongly consistent read.
    pub async fn record(&self, id: PackId) -> Result<Option<Record>, Error> {
        let item: Option<RecordItem> = self.get(Key::record(id)).await?;
        Ok(item.map(Record::from))
    }

    /// Reads the state of a name and version in an org, with strongly consistent reads.
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

    /// Returns the item for a record. If the record is pending, its job is due `resend_after` after the last send.
    fn item(&self, record: &Record) -> Result<Item, Error> {
        let mut item = item::write(Key::record(record.id), RecordItem::from(record.clone()))?;
        let due_at = record.build.enqueued_at + self.resend_after;
        due::add_attributes(&mut item, record.id, record.build.status.is_pending().then_some(due_at));
        Ok(item)
    }

    /// Determines which record has the name and version of `wanted`, after the conditional write of `wanted` failed.
    ///
    /// If that record has the id and the staging key of `wanted`, an earlier try of the write succeeded and its
    /// response was lost. The staging key is compared too because a record that is queued again keeps its id. Repeated
    /// submissions of the same upload share a staging key, so one of them may report another's write as its own.
    async fn resolve_failed_write(&self, wanted: &Record) -> Result<Created, Error> {
        let manifest = &wanted.release.manifest;
        match self.version(wanted.release.org_id, &manifest.name, &manifest.version).await? {
            VersionState::Taken(found)
                if found.id == wanted.id && found.build.staging_key == wanted.build.staging_key =>
            {
                Ok(Created::Written)
            }
            VersionState::Taken(found) => Ok(Created::Taken(found)),
            VersionState::Deleted(layer_digest) => Ok(Created::Deleted(layer_digest)),
            VersionState::Quarantined(quarantine) => Ok(Created::Quarantined(quarantine)),
            VersionState::Free => Err(Error::MissingClaim),
        }
    }
}

fn version_claim(record: &Record) -> Result<Item, Error> {
    let claim = VersionClaimItem { pack_id: Some(record.id), layer_digest: None, quarantine_reason: None };
    item::write(Key::version_claim_of(record), claim)
}
