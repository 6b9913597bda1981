use std::{
    collections::VecDeque,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::{Map, Value};
use ulid::Ulid;

use super::attributes::QueueAttributes;

/// A queue and its messages, oldest first. Callers pass the current time.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) attributes: QueueAttributes,
    messages: VecDeque<Message>,
}

#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) body: String,
    /// The message attributes as sent: `{"name": {"DataType": …, "StringValue": …}}`.
    pub(super) attributes: Map<String, Value>,
    /// The system attribute `AWSTraceHeader`.
    pub(super) trace_header: Option<String>,
    /// Milliseconds since the Unix epoch, as in SQS.
    pub(super) sent_at: u64,
    /// Milliseconds since the Unix epoch.
    pub(super) first_received_at: Option<u64>,
    pub(super) receive_count: u32,
    /// The earliest time of the next receive.
    visible_at: Instant,
    /// Whether the message was sent with a delay and has not been received yet.
    delayed: bool,
}

/// The number of messages in each state. The states have the same names as in SQS.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) visible: usize,
    pub(super) not_visible: usize,
    pub(super) delayed: usize,
}

/// The messages that one `ReceiveMessage` call takes from the queue.
#[derive(Debug, Default)]
pub(super) struct Received {
    pub(super) messages: Vec<Message>,
    /// Messages that have been received too often, for the dead-letter queue.
    pub(super) dead: Vec<Message>,
}

impl Message {
    pub(super) fn new(body: String, attributes: Map<String, Value>, trace_header: Option<String>) -> Self {
        Self {
            id: Ulid::generate().to_string(),
            body,
            attributes,
            trace_header,
            sent_at: epoch_milliseconds(),
            first_received_at: None,
            receive_count: 0,
            visible_at: Instant::now(),
            delayed: false,
        }
    }

    /// Returns the handle of the latest receive. Handles of earlier receives are no longer valid.
    pub(super) fn receipt_handle(&self) -> String {
        format!("{}.{}", self.id, self.receive_count)
    }
}

impl Queue {
    pub(super) fn new(attributes: QueueAttributes) -> Self {
        Self { attributes, messages: VecDeque::new() }
    }

    /// Adds a message that becomes visible after `delay`.
    pub(super) fn send(&mut self, mut message: Message, delay: Duration, now: Instant) {
        message.visible_at = now + delay;
        message.delayed = !delay.is_zero();
        self.messages.push_back(message);
    }

    /// Adds messages from a queue that has this queue as its dead-letter queue.
    pub(super) fn add_dead_letters(&mut self, messages: Vec<Message>, now: Instant) {
        for mut message in messages {
            message.visible_at = now;
            self.messages.push_back(message);
        }
    }

    /// Receives at most `max` visible messages, and hides them for `visibility`. If it finds a visible message that has
    /// been received more often than `max_receive_count`, removes that message.
    pub(super) fn receive(
        &mut self,
        max: usize,
        visibility: Duration,
        max_receive_count: Option<u32>,
        now: Instant,
    ) -> Received {
        let mut received = Received::default();
        let mut index = 0;
        while received.messages.len() < max
            && let Some(message) = self.messages.get_mut(index)
        {
            if message.visible_at > now {
                index += 1;
            } else if max_receive_count.is_some_and(|max| message.receive_count >= max) {
                received.dead.extend(self.messages.remove(index));
            } else {
                message.receive_count += 1;
                message.first_received_at.get_or_insert_with(epoch_milliseconds);
                message.visible_at = now + visibility;
                message.delayed = false;
                received.messages.push(message.clone());
                index += 1;
            }
        }
        received
    }

    /// Returns the time at which the next hidden message becomes visible.
    pub(super) fn next_visible_at(&self, now: Instant) -> Option<Instant> {
        self.messages.iter().map(|message| message.visible_at).filter(|at| *at > now).min()
    }

    /// Deletes the message with this handle. Does nothing if the message is gone or was received again.
    pub(super) fn delete(&mut self, receipt_handle: &str) {
        // Messages in flight are usually the oldest, so the search ends early.
        let index = self.messages.iter().position(|message| message.receipt_handle() == receipt_handle);
        index.and_then(|index| self.messages.remove(index));
    }

    /// Makes the message with this handle visible after `visibility`. Returns false if it is not in flight.
    pub(super) fn change_visibility(&mut self, receipt_handle: &str, visibility: Duration, now: Instant) -> bool {
        let in_flight = |message: &&mut Message| message.receipt_handle() == receipt_handle && message.visible_at > now;
        let Some(message) = self.messages.iter_mut().find(in_flight) else { return false };
        message.visible_at = now + visibility;
        true
    }

    pub(super) fn counts(&self, now: Instant) -> Counts {
        self.messages.iter().fold(Counts::default(), |mut counts, message| {
            match (message.visible_at > now, message.delayed) {
                (false, _) => counts.visible += 1,
                (true, false) => counts.not_visible += 1,
                (true, true) => counts.delayed += 1,
            }
            counts
        })
    }
}

fn epoch_milliseconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs() * 1000 + u64::from(since.subsec_millis()))
}
