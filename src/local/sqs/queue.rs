use std::{
    collections::VecDeque,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::{Map, Value};
use ulid::Ulid;

use super::attributes::QueueAttributes;

/// One queue and its messages, oldest first. It knows no clock: whoever calls says what time it is.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) attributes: QueueAttributes,
    messages: VecDeque<Message>,
}

/// A message in a queue.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) body: String,
    /// The sender's own attributes, as sent: `{"name": {"DataType": …, "StringValue": …}}`.
    pub(super) attributes: Map<String, Value>,
    /// The system attribute `AWSTraceHeader`.
    pub(super) trace_header: Option<String>,
    /// Milliseconds since the epoch, as SQS has it.
    pub(super) sent_at: u64,
    /// Milliseconds since the epoch.
    pub(super) first_received_at: Option<u64>,
    pub(super) receive_count: u32,
    /// Nobody receives it earlier.
    visible_at: Instant,
    /// Sent with a delay that has not been cut short by a receive.
    delayed: bool,
}

/// How many messages stand how, in SQS's words.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) visible: usize,
    pub(super) not_visible: usize,
    pub(super) delayed: usize,
}

/// What a receive yields.
#[derive(Debug, Default)]
pub(super) struct Received {
    /// For the receiver.
    pub(super) messages: Vec<Message>,
    /// Received too often already: for the dead-letter queue.
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

    /// Names the message as of its latest receive; an earlier receive's handle no longer does.
    pub(super) fn receipt_handle(&self) -> String {
        format!("{}.{}", self.id, self.receive_count)
    }
}

impl Queue {
    pub(super) fn new(attributes: QueueAttributes) -> Self {
        Self { attributes, messages: VecDeque::new() }
    }

    /// Takes a message in, to be received after `delay`.
    pub(super) fn send(&mut self, mut message: Message, delay: Duration, now: Instant) {
        message.visible_at = now + delay;
        message.delayed = !delay.is_zero();
        self.messages.push_back(message);
    }

    /// Takes in what another queue gave up on.
    pub(super) fn bury(&mut self, messages: Vec<Message>, now: Instant) {
        for mut message in messages {
            message.visible_at = now;
            self.messages.push_back(message);
        }
    }

    /// At most `max` visible messages, which nobody else receives for `visibility`.
    pub(super) fn receive(&mut self, max: usize, visibility: Duration, now: Instant) -> Received {
        let mut received = Received::default();
        let max_receive_count = self.attributes.redrive_policy.as_ref().map(|policy| policy.max_receive_count);
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

    /// When the next message that nobody may receive yet becomes visible.
    pub(super) fn next_visible_at(&self, now: Instant) -> Option<Instant> {
        self.messages.iter().map(|message| message.visible_at).filter(|at| *at > now).min()
    }

    /// Deletes the message of this receipt; without effect if it is gone or was received again since.
    pub(super) fn delete(&mut self, receipt_handle: &str) {
        // Those in flight are mostly the oldest.
        let index = self.messages.iter().position(|message| message.receipt_handle() == receipt_handle);
        index.and_then(|index| self.messages.remove(index));
    }

    /// Makes the message of this receipt visible after `visibility`; false if it is not in flight by this receipt.
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
