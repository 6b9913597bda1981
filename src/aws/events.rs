use aws_sdk_eventbridge::types::PutEventsRequestEntry;

use super::{Error, Table};
use crate::{error_chain::ErrorChain, records::PackEvent};

/// The `source` field of all events.
const SOURCE: &str = "pack-upload";

/// An EventBridge event bus.
#[derive(Debug, Clone)]
pub struct EventBus {
    client: aws_sdk_eventbridge::Client,
    name: String,
}

impl EventBus {
    pub fn new(client: aws_sdk_eventbridge::Client, name: String) -> Self {
        Self { client, name }
    }

    async fn put(&self, event: &PackEvent) -> Result<(), Error> {
        let detail = serde_json::to_string(&event.detail).map_err(Error::EncodeEvent)?;
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(SOURCE)
            .detail_type(event.kind.detail_type())
            .time(std::time::SystemTime::from(event.detail.at).into())
            .detail(detail)
            .build();
        let output = self.client.put_events().entries(entry).send().await.map_err(Error::call("PutEvents"))?;
        // The call succeeds even if EventBridge rejects the entry.
        match output.entries().iter().find_map(|entry| Some((entry.error_code()?, entry.error_message()))) {
            None if output.failed_entry_count() == 0 => Ok(()),
            failed => {
                let (code, message) = failed.unwrap_or_default();
                let message = format!("{code}: {}", message.unwrap_or_default());
                Err(Error::call("PutEvents")(message))
            }
        }
    }
}

/// A sender of the events that the table stores. Without an event bus, no event is sent.
#[derive(Debug, Clone)]
pub struct Events {
    table: Table,
    bus: Option<EventBus>,
}

impl Events {
    /// `table` must store events if there is a bus.
    pub fn new(table: Table, bus: Option<EventBus>) -> Self {
        Self { table, bus }
    }

    /// Sends an event that was just stored. If this fails, [`requeue`](crate::requeue) sends it later.
    pub async fn send(&self, event: &PackEvent) {
        if self.bus.is_none() {
            return;
        }
        if let Err(error) = self.deliver(event).await {
            let id = &event.detail.event_id;
            tracing::warn!(event_id = id, error = %ErrorChain(&error), "cannot send the event; requeue sends it later");
        }
    }

    /// Sends a stored event, and removes it from the table after EventBridge has accepted it. Without an event bus,
    /// only removes it. Returns whether the event was sent.
    ///
    /// # Errors
    /// Returns an error if EventBridge did not confirm the event, or if the call that removes it from the table failed.
    pub async fn deliver(&self, event: &PackEvent) -> Result<bool, Error> {
        if let Some(bus) = &self.bus {
            bus.put(event).await?;
        }
        self.table.remove_event(event).await?;
        Ok(self.bus.is_some())
    }
}
