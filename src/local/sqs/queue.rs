use std::{
    collections::BTreeMap,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::{Map, Value};
use ulid::Ulid;

use super::attributes::QueueAttributes;

/// A queue and its messages. Callers pass the current time.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) attributes: QueueAttributes,
    /// The visible messages of each message group, by sequence number. No group is empty. Messages without a group
    /// share the group `None`.
    groups: BTreeMap<Option<String>, BTreeMap<u64, Message>>,
    /// The messages that are in flight or delayed, by sequence number. They become visible when their delay or
    /// visibility timeout has passed.
    hidden: BTreeMap<u64, Message>,
    next_sequence: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) body: String,
    /// The message attributes as sent: `{"name": {"DataType": …, "StringValue": …}}`.
    pub(super) attributes: Map<String, Value>,
    /// The system attribute `AWSTraceHeader`.
    pub(super) trace_header: Option<String>,
    /// The system attribute `MessageGroupId`.
    pub(super) group: Option<String>,
    /// Milliseconds since the Unix epoch, as in SQS.
    pub(super) sent_at: u64,
    /// Milliseconds since the Unix epoch.
    pub(super) first_received_at: Option<u64>,
    pub(super) receive_count: u32,
    /// When the message can be received next.
    visible_at: Instant,
    /// The position in the queue.
    sequence: u64,
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
    /// Messages that have been received too many times, for the dead-letter queue.
    pub(super) dead: Vec<Message>,
}

impl Message {
    pub(super) fn new(
        body: String,
        attributes: Map<String, Value>,
        trace_header: Option<String>,
        group: Option<String>,
    ) -> Self {
        Self {
            id: Ulid::generate().to_string(),
            body,
            attributes,
            trace_header,
            group,
            sent_at: epoch_milliseconds(),
            first_received_at: None,
            receive_count: 0,
            visible_at: Instant::now(),
            sequence: 0,
        }
    }

    /// Returns the handle of the latest receive. Handles of earlier receives are no longer valid.
    pub(super) fn receipt_handle(&self) -> String {
        format!("{}.{}", self.sequence, self.receive_count)
    }
}

impl Queue {
    pub(super) fn new(attributes: QueueAttributes) -> Self {
        Self { attributes, groups: BTreeMap::new(), hidden: BTreeMap::new(), next_sequence: 0 }
    }

    /// Adds a message that becomes visible after `delay`.
    pub(super) fn send(&mut self, mut message: Message, delay: Duration, now: Instant) {
        message.visible_at = now + delay;
        message.sequence = self.next_sequence;
        self.next_sequence += 1;
        self.hidden.insert(message.sequence, message);
        self.show(now);
    }

    /// Adds messages from a queue whose dead-letter queue is this one.
    pub(super) fn add_dead_letters(&mut self, messages: Vec<Message>, now: Instant) {
        for message in messages {
            self.send(message, Duration::ZERO, now);
        }
    }

    /// Receives at most `max` visible messages, and hides them for `visibility`. Each comes from the group with the
    /// fewest messages in flight, so that one group's backlog does not delay the others (Amazon SQS developer guide,
    /// "Fair queues"). A visible message that was already received `max_receive_count` times is removed instead, and
    /// returned in [`Received::dead`].
    pub(super) fn receive(
        &mut self,
        max: usize,
        visibility: Duration,
        max_receive_count: Option<u32>,
        now: Instant,
    ) -> Received {
        self.show(now);
        let mut received = Received::default();
        while received.messages.len() < max
            && let Some(mut message) = self.take_next()
        {
            if max_receive_count.is_some_and(|max| message.receive_count >= max) {
                received.dead.push(message);
                continue;
            }
            message.receive_count += 1;
            message.first_received_at.get_or_insert_with(epoch_milliseconds);
            message.visible_at = now + visibility;
            received.messages.push(message.clone());
            self.hidden.insert(message.sequence, message);
        }
        received
    }

    /// Takes the oldest visible message from the group with the fewest messages in flight.
    fn take_next(&mut self) -> Option<Message> {
        let mut in_flight: BTreeMap<&Option<String>, usize> = BTreeMap::new();
        for message in self.hidden.values().filter(|message| message.receive_count > 0) {
            *in_flight.entry(&message.group).or_default() += 1;
        }
        let oldest = |messages: &BTreeMap<u64, Message>| messages.first_key_value().map(|(sequence, _)| *sequence);
        let order = |(group, messages): &(&Option<String>, &BTreeMap<u64, Message>)| {
            (in_flight.get(*group).copied().unwrap_or_default(), oldest(messages))
        };
        let (group, messages) = self.groups.iter().min_by_key(order)?;
        let (group, sequence) = (group.clone(), oldest(messages)?);
        self.take_visible(&group, sequence)
    }

    fn take_visible(&mut self, group: &Option<String>, sequence: u64) -> Option<Message> {
        let messages = self.groups.get_mut(group)?;
        let message = messages.remove(&sequence);
        if messages.is_empty() {
            self.groups.remove(group);
        }
        message
    }

    /// Makes visible the messages whose delay or visibility timeout has passed.
    fn show(&mut self, now: Instant) {
        for (sequence, message) in self.hidden.extract_if(.., |_, message| message.visible_at <= now) {
            self.groups.entry(message.group.clone()).or_default().insert(sequence, message);
        }
    }

    /// Returns the time at which the next hidden message becomes visible.
    pub(super) fn next_visible_at(&self, now: Instant) -> Option<Instant> {
        self.hidden.values().map(|message| message.visible_at).filter(|at| *at > now).min()
    }

    /// Deletes the message with this handle. Does nothing if the message is gone or was received again.
    pub(super) fn delete(&mut self, receipt_handle: &str) {
        let is_it = |message: &&Message| message.receipt_handle() == receipt_handle;
        if let Some(sequence) = self.hidden.values().find(is_it).map(|message| message.sequence) {
            self.hidden.remove(&sequence);
            return;
        }
        // The handle is valid even if the visibility timeout has passed and the message is visible again.
        let found = self.groups.values().flat_map(BTreeMap::values).find(is_it);
        if let Some((group, sequence)) = found.map(|message| (message.group.clone(), message.sequence)) {
            self.take_visible(&group, sequence);
        }
    }

    /// Sets the visibility timeout of the message with this handle. Returns false if the message is not in flight.
    pub(super) fn change_visibility(&mut self, receipt_handle: &str, visibility: Duration, now: Instant) -> bool {
        let in_flight = |message: &&mut Message| message.receipt_handle() == receipt_handle && message.visible_at > now;
        let Some(message) = self.hidden.values_mut().find(in_flight) else { return false };
        message.visible_at = now + visibility;
        true
    }

    pub(super) fn counts(&self, now: Instant) -> Counts {
        let visible = self.groups.values().map(BTreeMap::len).sum();
        self.hidden.values().fold(Counts { visible, ..Counts::default() }, |mut counts, message| {
            match (message.visible_at > now, message.receive_count) {
                (false, _) => counts.visible += 1,
                (true, 0) => counts.delayed += 1,
                (true, _) => counts.not_visible += 1,
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
