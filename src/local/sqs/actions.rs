use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde_json::{Map, Value, json};

use super::{
    Error, Server,
    attributes::{QueueAttributes, seconds},
    input::{
        Batch, ChangeMessageVisibility, Content, CreateQueue, DeleteEntry, DeleteMessage, GetQueueAttributes,
        GetQueueUrl, ReceiveMessage, SendEntry, SendMessage,
    },
    message,
    queue::{Message, Queue, Received},
};

/// The maximum size of a message body, in bytes (the limit of SQS since 2025-08).
const MAX_MESSAGE_BYTES: usize = 1 << 20;
/// The maximum number of entries in a batch, and of messages in a receive.
const MAX_BATCH: usize = 10;
/// The longest visibility timeout, in seconds: 12 hours.
const MAX_VISIBILITY: u64 = 43_200;

fn name(queue_url: &str) -> &str {
    queue_url.rsplit('/').next().unwrap_or_default()
}

fn queue<'a>(queues: &'a mut BTreeMap<String, Queue>, queue_url: &str) -> Result<&'a mut Queue, Error> {
    queues.get_mut(name(queue_url)).ok_or_else(Error::no_such_queue)
}

fn check_batch<T>(entries: &[T]) -> Result<(), Error> {
    match entries.len() {
        0 => Err(Error::new("EmptyBatchRequest", "There should be at least one entry in the request.")),
        1..=MAX_BATCH => Ok(()),
        _ => Err(Error::new("TooManyEntriesInBatchRequest", "At most 10 entries are allowed in a batch.")),
    }
}

impl Content {
    fn send(mut self, queue: &mut Queue, now: Instant) -> Result<Value, Error> {
        if self.message_body.is_empty() || self.message_body.len() > MAX_MESSAGE_BYTES {
            return Err(Error::invalid(format!("The message body must be from 1 to {MAX_MESSAGE_BYTES} bytes.")));
        }
        let delay = seconds(self.delay_seconds, 900)?;
        let trace_header =
            self.message_system_attributes.remove("AWSTraceHeader").and_then(|attribute| attribute.string_value);
        let message = Message::new(self.message_body, self.message_attributes, trace_header, self.message_group_id);
        let output = json!({ "MessageId": message.id, "MD5OfMessageBody": message::md5_of_body(&message.body) });
        queue.send(message, delay, now);
        Ok(output)
    }
}

impl Server {
    pub(super) fn create_queue(&self, input: CreateQueue) -> Result<Value, Error> {
        let attributes = QueueAttributes::try_from(input.attributes)?;
        let url = self.url(&input.queue_name);
        let mut queues = self.queues();
        let queue = queues.entry(input.queue_name).or_insert_with(|| Queue::new(attributes.clone()));
        if queue.attributes != attributes {
            return Err(Error::new("QueueNameExists", "A queue with this name exists with other attributes."));
        }
        Ok(json!({ "QueueUrl": url }))
    }

    pub(super) fn get_queue_url(&self, input: &GetQueueUrl) -> Result<Value, Error> {
        queue(&mut self.queues(), &input.queue_name)?;
        Ok(json!({ "QueueUrl": self.url(&input.queue_name) }))
    }

    pub(super) fn get_queue_attributes(&self, input: &GetQueueAttributes) -> Result<Value, Error> {
        let mut queues = self.queues();
        let queue = queue(&mut queues, &input.queue_url)?;
        let counts = queue.counts(Instant::now());
        let attributes = &queue.attributes;
        let redrive_policy = attributes.redrive_policy.as_ref().map(|policy| json!(policy).to_string());
        let all = [
            ("QueueArn", Some(format!("arn:aws:sqs:us-east-1:000000000000:{}", name(&input.queue_url)))),
            ("ApproximateNumberOfMessages", Some(counts.visible.to_string())),
            ("ApproximateNumberOfMessagesNotVisible", Some(counts.not_visible.to_string())),
            ("ApproximateNumberOfMessagesDelayed", Some(counts.delayed.to_string())),
            ("VisibilityTimeout", Some(attributes.visibility_timeout.as_secs().to_string())),
            ("ReceiveMessageWaitTimeSeconds", Some(attributes.receive_wait_time.as_secs().to_string())),
            ("RedrivePolicy", redrive_policy),
        ];
        let requested: Map<_, _> = all
            .into_iter()
            .filter(|(name, _)| input.attribute_names.iter().any(|requested| requested == "All" || requested == name))
            .filter_map(|(name, value)| Some((name.to_owned(), Value::String(value?))))
            .collect();
        Ok(json!({ "Attributes": requested }))
    }

    pub(super) fn send_message(&self, input: SendMessage) -> Result<Value, Error> {
        let output = input.content.send(queue(&mut self.queues(), &input.queue_url)?, Instant::now())?;
        self.arrivals.notify_waiters();
        Ok(output)
    }

    pub(super) fn send_message_batch(&self, input: Batch<SendEntry>) -> Result<Value, Error> {
        check_batch(&input.entries)?;
        let now = Instant::now();
        let mut queues = self.queues();
        let queue = queue(&mut queues, &input.queue_url)?;
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for SendEntry { id, content } in input.entries {
            match content.send(queue, now) {
                Ok(mut output) => {
                    output["Id"] = Value::String(id);
                    successful.push(output);
                }
                Err(error) => failed.push(error.batch_entry(&id)),
            }
        }
        self.arrivals.notify_waiters();
        Ok(json!({ "Successful": successful, "Failed": failed }))
    }

    pub(super) async fn receive_message(&self, input: ReceiveMessage) -> Result<Value, Error> {
        let max = input.max_number_of_messages.unwrap_or(1);
        if !(1..=MAX_BATCH).contains(&max) {
            return Err(Error::invalid("MaxNumberOfMessages must be from 1 to 10."));
        }
        let visibility = input.visibility_timeout.map(|timeout| seconds(timeout, MAX_VISIBILITY)).transpose()?;
        let wait = match input.wait_time_seconds {
            Some(wait) => seconds(wait, 20)?,
            None => queue(&mut self.queues(), &input.queue_url)?.attributes.receive_wait_time,
        };
        let deadline = Instant::now() + wait;
        let messages = loop {
            // Register for arrivals before receiving, so that a message sent in between is not missed.
            let mut arrival = std::pin::pin!(self.arrivals.notified());
            arrival.as_mut().enable();
            let now = Instant::now();
            let (messages, next_visible_at) = self.receive(&input.queue_url, max, visibility, now)?;
            if !messages.is_empty() || now >= deadline {
                break messages;
            }
            let wake_at = next_visible_at.map_or(deadline, |at| at.min(deadline));
            tokio::select! {
                () = arrival => {}
                () = tokio::time::sleep_until(wake_at.into()) => {}
            }
        };
        let system_names = [input.attribute_names, input.message_system_attribute_names].concat();
        let received =
            messages.iter().map(|message| message::received(message, &system_names, &input.message_attribute_names));
        Ok(json!({ "Messages": received.collect::<Vec<_>>() }))
    }

    /// Receives without waiting, and moves messages that were received too many times to the dead-letter queue. Returns
    /// the received messages, and the time at which the next hidden message becomes visible.
    fn receive(
        &self,
        queue_url: &str,
        max: usize,
        visibility: Option<Duration>,
        now: Instant,
    ) -> Result<(Vec<Message>, Option<Instant>), Error> {
        let mut queues = self.queues();
        let policy = queue(&mut queues, queue_url)?.attributes.redrive_policy.clone();
        // If the dead-letter queue does not exist, messages stay in this queue, however often they are received.
        let policy = policy.filter(|policy| queues.contains_key(policy.dead_letter_queue()));
        let queue = queue(&mut queues, queue_url)?;
        let visibility = visibility.unwrap_or(queue.attributes.visibility_timeout);
        let max_receive_count = policy.as_ref().map(|policy| policy.max_receive_count);
        let Received { messages, dead } = queue.receive(max, visibility, max_receive_count, now);
        let next_visible_at = queue.next_visible_at(now);
        if !dead.is_empty()
            && let Some(dead_letters) = policy.and_then(|policy| queues.get_mut(policy.dead_letter_queue()))
        {
            dead_letters.add_dead_letters(dead, now);
            self.arrivals.notify_waiters();
        }
        Ok((messages, next_visible_at))
    }

    pub(super) fn delete_message(&self, input: &DeleteMessage) -> Result<Value, Error> {
        queue(&mut self.queues(), &input.queue_url)?.delete(&input.receipt_handle);
        Ok(json!({}))
    }

    pub(super) fn delete_message_batch(&self, input: &Batch<DeleteEntry>) -> Result<Value, Error> {
        check_batch(&input.entries)?;
        let mut queues = self.queues();
        let queue = queue(&mut queues, &input.queue_url)?;
        let successful = input.entries.iter().map(|entry| {
            queue.delete(&entry.receipt_handle);
            json!({ "Id": entry.id })
        });
        Ok(json!({ "Successful": successful.collect::<Vec<_>>(), "Failed": [] }))
    }

    pub(super) fn change_message_visibility(&self, input: &ChangeMessageVisibility) -> Result<Value, Error> {
        let visibility = seconds(input.visibility_timeout, MAX_VISIBILITY)?;
        let mut queues = self.queues();
        if !queue(&mut queues, &input.queue_url)?.change_visibility(&input.receipt_handle, visibility, Instant::now()) {
            return Err(Error::new("MessageNotInflight", "The message is not in flight."));
        }
        self.arrivals.notify_waiters();
        Ok(json!({}))
    }
}
