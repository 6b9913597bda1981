use std::time::Duration;

use aws_sdk_dynamodb::{
    operation::put_item::PutItemError,
    types::{Delete, TransactWriteItem},
};
use pack_format::{PackName, Version};
use serde::{Deserialize, Serialize};

use super::{
    Key, Table,
    item::{self, RecordItem},
    number, string,
};
use crate::{
    aws::Error,
    records::{OrgId, PackId, Record},
};

/// How often, and after which wait, a guard is read anew whose record is not there: it is being replaced.
const REPLACEMENT_WAITS: [Duration; 3] =
    [Duration::from_millis(20), Duration::from_millis(60), Duration::from_millis(180)];

/// The condition of whatever overwrites a failed record, so that of several who try only one does.
const STILL_FAILED: &str = "build_status = :failed AND attempt = :attempt";

/// How the writing of a record ended.
#[derive(Debug, Clone)]
pub enum Created {
    /// It was written.
    Written,
    /// Its name and version belong to this record.
    Taken(Box<Record>),
}

/// The guard that makes a name and version unique in an org.
#[derive(Serialize, Deserialize)]
struct VersionClaimItem {
    pack_id: PackId,
}

impl Table {
    /// Writes a new record and takes its name and version, both or neither.
    ///
    /// # Errors
    /// When DynamoDB fails. If it did not answer the record may have been written.
    pub async fn create(&self, record: &Record) -> Result<Created, Error> {
        let writes = vec![self.put_absent(version_claim(record)?)?, self.put_absent(item(record)?)?];
        if self.transact(writes).await? {
            return Ok(Created::Written);
        }
        self.look_again(record).await
    }

    /// Replaces `old`, a failed record as it was read, by `new`, which has the same name and version.
    ///
    /// # Errors
    /// As [`Table::create`].
    pub async fn replace(&self, old: &Record, new: &Record) -> Result<Created, Error> {
        let guard = self
            .put(version_claim(new)?)
            .condition_expression("pack_id = :old")
            .expression_attribute_values(":old", string(old.id));
        let delete = Delete::builder()
            .table_name(&self.name)
            .set_key(Some(Key::record(old.id).attributes()))
            .condition_expression(STILL_FAILED)
            .expression_attribute_values(":failed", string("failed"))
            .expression_attribute_values(":attempt", number(old.build.attempt));
        let failed = Error::of("TransactWriteItems");
        let (guard, delete) = guard.build().and_then(|guard| Ok((guard, delete.build()?))).map_err(failed)?;
        let writes = vec![
            TransactWriteItem::builder().put(guard).build(),
            TransactWriteItem::builder().delete(delete).build(),
            self.put_absent(item(new)?)?,
        ];
        if self.transact(writes).await? {
            return Ok(Created::Written);
        }
        self.look_again(new).await
    }

    /// Overwrites `old`, a failed record as it was read, by `new`, the same record queued anew.
    ///
    /// # Errors
    /// As [`Table::create`].
    pub async fn queue_again(&self, old: &Record, new: &Record) -> Result<Created, Error> {
        let put = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(item(new)?))
            .condition_expression(STILL_FAILED)
            .expression_attribute_values(":failed", string("failed"))
            .expression_attribute_values(":attempt", number(old.build.attempt));
        match put.send().await {
            Ok(_) => Ok(Created::Written),
            Err(error) if error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => {
                self.look_again(new).await
            }
            Err(error) => Err(Error::of("PutItem")(error)),
        }
    }

    /// The record of this id, read consistently.
    ///
    /// # Errors
    /// When DynamoDB fails, or the item cannot be read.
    pub async fn record(&self, id: PackId) -> Result<Option<Record>, Error> {
        let item: Option<RecordItem> = self.get(Key::record(id)).await?;
        Ok(item.map(Record::from))
    }

    /// The record that has this name and version in this org, read consistently.
    ///
    /// # Errors
    /// When DynamoDB fails, or the item cannot be read.
    pub async fn released(&self, org: OrgId, name: &PackName, version: &Version) -> Result<Option<Record>, Error> {
        let mut waits = REPLACEMENT_WAITS.into_iter();
        loop {
            let guard: Option<VersionClaimItem> = self.get(Key::version_claim(org, name, version)).await?;
            let Some(VersionClaimItem { pack_id }) = guard else { return Ok(None) };
            if let Some(record) = self.record(pack_id).await? {
                return Ok(Some(record));
            }
            let wait = waits.next().ok_or_else(|| format!("{pack_id} has a name and version and is not there"));
            tokio::time::sleep(wait.map_err(Error::of("GetItem"))?).await;
        }
    }

    /// Who has the name and version of a record whose writing failed on a condition. It is the record itself where an
    /// earlier attempt did write it and its answer was lost: ids are never used twice, and a staging key only by those
    /// who submit one upload several times, to whom it is all the same which of them wrote the record.
    async fn look_again(&self, wanted: &Record) -> Result<Created, Error> {
        let manifest = &wanted.release.manifest;
        match self.released(wanted.release.org_id, &manifest.name, &manifest.version).await? {
            Some(found) if found.id == wanted.id && found.build.staging_key == wanted.build.staging_key => {
                Ok(Created::Written)
            }
            Some(found) => Ok(Created::Taken(Box::new(found))),
            None => Err(Error::of("GetItem")("a name and version is taken, and nobody has it")),
        }
    }
}

fn item(record: &Record) -> Result<item::Item, Error> {
    item::write(Key::record(record.id), RecordItem::from(record.clone()))
}

fn version_claim(record: &Record) -> Result<item::Item, Error> {
    let manifest = &record.release.manifest;
    let key = Key::version_claim(record.release.org_id, &manifest.name, &manifest.version);
    item::write(key, VersionClaimItem { pack_id: record.id })
}
