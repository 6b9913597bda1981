use aws_sdk_dynamodb::{operation::delete_item::DeleteItemError, types::TransactWriteItem};

use super::{Key, Table, due, item, string};
use crate::{
    aws::Error,
    records::{PackEvent, PackId, Timestamp},
};

/// The time from an event until it is due is `resend_after` divided by this number. An event is due sooner than a job,
/// because no queue redelivers an event.
const SOONER: u32 = 60;

/// Events that have not been sent. An event is stored in the same transaction as the change that it reports, so no
/// event is lost.
impl Table {
    /// Returns this table, which stores events only if `stores_events` is true: one whenever a record is marked as
    /// ready or failed, and one whenever a purge removes a record.
    #[must_use]
    pub fn with_events(self, stores_events: bool) -> Self {
        Self { stores_events, ..self }
    }

    /// Returns the write that stores an event, or `None` if the table stores no events. The write belongs in the same
    /// transaction as the change that the event reports.
    pub(super) fn put_event(&self, event: &PackEvent) -> Result<Option<TransactWriteItem>, Error> {
        if !self.stores_events {
            return Ok(None);
        }
        let pack_id = event.detail.pack_id;
        let mut item = item::write(key(event), event)?;
        due::add_attributes(&mut item, pack_id.random_byte(), Some(event.detail.at + self.resend_after / SOONER));
        let put = self.put(item).build().map_err(Error::call("TransactWriteItems"))?;
        Ok(Some(TransactWriteItem::builder().put(put).build()))
    }

    /// Reads an event. Returns `None` if the event was removed, for example because it was sent.
    pub async fn event(&self, pack_id: PackId, event_id: &str) -> Result<Option<PackEvent>, Error> {
        self.get(Key::event(pack_id, event_id)).await
    }

    /// Removes an event that was sent or is no longer needed, unless a later event has replaced it in the table.
    pub async fn remove_event(&self, event: &PackEvent) -> Result<(), Error> {
        let delete = self.client.delete_item().table_name(&self.name).set_key(Some(key(event).attributes()));
        let delete = delete.condition_expression("#at = :at").expression_attribute_names("#at", "at");
        let delete = delete.expression_attribute_values(":at", string(event.detail.at));
        match delete.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(DeleteItemError::is_conditional_check_failed_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(Error::call("DeleteItem")(error)),
        }
    }

    /// Postpones an event that could not be sent. The interval between sends doubles each time, up to the maximum
    /// interval for jobs.
    pub async fn postpone_event(&self, event: &PackEvent, now: Timestamp) -> Result<(), Error> {
        let pause = now.since(event.detail.at).clamp(self.resend_after / SOONER, self.resend_after * due::MAX_BACKOFF);
        let update = self
            .update(key(event), "SET due_at = :due")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":due", string(now + pause));
        super::applied(update).await?;
        Ok(())
    }
}

fn key(event: &PackEvent) -> Key {
    Key::event(event.detail.pack_id, &event.detail.event_id)
}
