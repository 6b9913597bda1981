use aws_sdk_dynamodb::types::{Delete, TransactWriteItem};

use super::{Key, Table, number, publishing::Lease, string};
use crate::{
    aws::Error,
    records::{BuildState, Record, Timestamp},
};

/// The steps by which a purge removes a deleted pack. Each is one transaction of the record and its version claim, and
/// returns whether it applied.
impl Table {
    /// Begins a purge: counts a try, and takes the lease unless a build or another purge holds it.
    pub async fn begin_purge(&self, record: &Record, lease: &Lease, now: Timestamp) -> Result<bool, Error> {
        let try_again = self
            .update_record(record, "SET tries = tries + :one")
            .condition_expression("build_status = :deleting AND attempt = :attempt")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":deleting", string(BuildState::Deleting));
        self.transact_updates([try_again, self.take_lease(record, lease, now)]).await
    }

    /// Removes the record and ends the lease. The claim of a published version stays without its record, so that no other
    /// content takes the version. Any other claim is removed.
    pub async fn remove(&self, record: &Record, lease: &Lease) -> Result<bool, Error> {
        let failed = Error::call("TransactWriteItems");
        let delete = Delete::builder()
            .table_name(&self.name)
            .set_key(Some(Key::record(record.id).attributes()))
            .condition_expression("build_status = :deleting")
            .expression_attribute_values(":deleting", string(BuildState::Deleting))
            .build()
            .map_err(failed)?;
        let claim = if self.is_published(record).await? {
            self.release_claim(record, lease)?
        } else {
            self.delete_claim(record, lease)?
        };
        self.transact(vec![TransactWriteItem::builder().delete(delete).build(), claim]).await
    }

    fn release_claim(&self, record: &Record, lease: &Lease) -> Result<TransactWriteItem, Error> {
        let release = self
            .update_claim(record, "REMOVE pack_id, lease_holder, publishing_until")
            .condition_expression("pack_id = :id AND lease_holder = :holder AND attribute_exists(layer_digest)")
            .expression_attribute_values(":holder", string(&lease.holder))
            .build()
            .map_err(Error::call("TransactWriteItems"))?;
        Ok(TransactWriteItem::builder().update(release).build())
    }

    fn delete_claim(&self, record: &Record, lease: &Lease) -> Result<TransactWriteItem, Error> {
        let delete = Delete::builder()
            .table_name(&self.name)
            .set_key(Some(Key::version_claim_of(record).attributes()))
            .condition_expression("pack_id = :id AND lease_holder = :holder AND attribute_not_exists(layer_digest)")
            .expression_attribute_values(":id", string(record.id))
            .expression_attribute_values(":holder", string(&lease.holder))
            .build()
            .map_err(Error::call("TransactWriteItems"))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }
}
