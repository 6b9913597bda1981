use aws_sdk_dynamodb::types::{Delete, TransactWriteItem};
use serde::{Deserialize, Serialize};

use super::{Key, Table, Transaction, due, item, publishing::transacted, quotas::QuotaChange, string};
use crate::{
    aws::Error,
    identity::{Exceeded, OrgLimit, OrgLimits},
    records::{OrgId, Timestamp, UploadId},
};

#[derive(Serialize, Deserialize)]
struct BegunItem {
    begun_at: Timestamp,
}

/// Begun uploads, whose archives the clients send to S3. The item of such an upload exists until a submission writes a
/// record or [`requeue`](crate::requeue) removes the upload with its archive. Requeue finds the items in the index
/// `due`.
impl Table {
    /// Stores a begun upload and adds it to the org's counter. If the org would exceed its limit for begun uploads,
    /// stores nothing and returns that limit.
    pub async fn begin_upload(
        &self,
        org: OrgId,
        upload: UploadId,
        now: Timestamp,
        limits: &OrgLimits,
    ) -> Result<Option<Exceeded>, Error> {
        let mut item = item::write(Key::upload(org, upload), BegunItem { begun_at: now })?;
        due::add_attributes(&mut item, upload.random_byte(), Some(now + UploadId::KEEP_FOR));
        let change = QuotaChange::default().with(OrgLimit::BegunUploads, 1);
        let quota = self.change_quota(org, &change, Some(limits)).map(transacted).transpose()?;
        let writes = [self.put_new(item)?].into_iter().chain(quota).collect();
        match self.try_transact(writes).await? {
            Transaction::Written => Ok(None),
            // If the item exists, the upload has begun: an earlier try wrote the item, and its response was lost.
            Transaction::Refused(reasons) if reasons.first().is_some_and(|reason| reason.is_refused) => Ok(None),
            Transaction::Refused(reasons) => {
                Ok(reasons.get(1).and_then(|reason| change.exceeded(reason.item.as_ref(), limits)))
            }
        }
    }

    /// Returns whether an upload has begun, no submission has written its record, and it has not been removed.
    pub async fn is_begun(&self, org: OrgId, upload: UploadId) -> Result<bool, Error> {
        let item: Option<BegunItem> = self.get(Key::upload(org, upload)).await?;
        Ok(item.is_some())
    }

    /// Sets the time from which `requeue` may remove a begun upload. Does nothing if the upload's record was written or
    /// the upload was removed.
    pub async fn reschedule_upload(&self, org: OrgId, upload: UploadId, due_at: Timestamp) -> Result<(), Error> {
        let update = self
            .update(Key::upload(org, upload), "SET due_at = :due")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":due", string(due_at));
        super::applied(update).await?;
        Ok(())
    }

    /// Removes a begun upload from the table and subtracts it from the org's counter. Does not delete the archive.
    /// Returns false if the upload's record was written or the upload was already removed.
    pub async fn remove_upload(&self, org: OrgId, upload: UploadId) -> Result<bool, Error> {
        let change = QuotaChange::default().with(OrgLimit::BegunUploads, -1);
        let quota = self.change_quota(org, &change, None).map(transacted).transpose()?;
        self.transact([self.delete_upload(org, upload)?].into_iter().chain(quota).collect()).await
    }

    /// Returns the write that deletes the item of a begun upload. The write fails if the item does not exist. In the
    /// same transaction, the caller must subtract the upload from the org's counter.
    pub(super) fn delete_upload(&self, org: OrgId, upload: UploadId) -> Result<TransactWriteItem, Error> {
        let delete = Delete::builder()
            .table_name(&self.name)
            .set_key(Some(Key::upload(org, upload).attributes()))
            .condition_expression("attribute_exists(pk)")
            .build()
            .map_err(Error::call("TransactWriteItems"))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }
}
