use std::iter;

use aws_sdk_dynamodb::types::{Delete, TransactWriteItem};

use super::{
    Key, Table, number,
    publishing::{Lease, counted, updates},
    quotas::QuotaChange,
    string,
};
use crate::{
    aws::Error,
    records::{BuildState, PackEvent, Record, Timestamp},
};

/// The steps by which a purge removes a deleted pack. Each step is one transaction on the record and its version claim,
/// and returns whether it took effect.
impl Table {
    /// Begins a purge of a record that is being deleted: increments `tries` and takes the lease. Does neither if
    /// another holder has the lease, or if the record no longer exists.
    pub async fn begin_purge(&self, record: &Record, lease: &Lease, now: Timestamp) -> Result<bool, Error> {
        let try_again = self
            .update_record(record, "SET tries = tries + :one, tried_at = :now")
            .condition_expression("build_status = :deleting AND attempt = :attempt")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":now", string(now))
            .expression_attribute_values(":deleting", string(BuildState::Deleting));
        self.transact_updates([try_again, self.take_lease(record, lease, now)]).await
    }

    /// Removes the record and the version's capabilities, subtracts the record from the org's counters, releases the
    /// lease, and stores the event that reports the deletion. The claim stays, without a record, for two reasons: it
    /// reserves a published version for the same content, and a late build needs the claim's lease to delete what the
    /// build has pushed.
    pub async fn remove(&self, record: &Record, lease: &Lease, now: Timestamp) -> Result<bool, Error> {
        let delete = Delete::builder()
            .table_name(&self.name)
            .set_key(Some(Key::record(record.id).attributes()))
            .condition_expression(format!("build_status = :deleting AND {}", counted(record.build.is_counted)))
            .expression_attribute_values(":deleting", string(BuildState::Deleting))
            .build();
        let release = self
            .update_claim(record, "REMOVE pack_id, lease_holder, publishing_until")
            .condition_expression("pack_id = :id AND lease_holder = :holder")
            .expression_attribute_values(":holder", string(&lease.holder));
        let delete = delete.map_err(Error::call("TransactWriteItems"))?;
        let quota = self.change_quota(record.release.org_id, &QuotaChange::between(Some(record), None), None);
        let changes = iter::once(release).chain(self.remove_capabilities(record).await?).chain(quota);
        let mut writes = updates(changes)?;
        writes.push(TransactWriteItem::builder().delete(delete).build());
        writes.extend(self.put_event(&PackEvent::deleted(record, now))?);
        self.transact(writes).await
    }
}
