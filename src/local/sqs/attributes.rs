use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::Error;

/// The attributes of a queue that are honoured here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct QueueAttributes {
    /// `VisibilityTimeout`: 0 s to 12 h, 30 s unless told.
    pub(super) visibility_timeout: Duration,
    /// `ReceiveMessageWaitTimeSeconds`: how long a receive waits that does not say, 0 s to 20 s.
    pub(super) receive_wait_time: Duration,
    /// `RedrivePolicy`.
    pub(super) redrive_policy: Option<RedrivePolicy>,
}

/// When a message moves to the dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RedrivePolicy {
    /// The dead-letter queue's ARN, whose last part is its name.
    pub(super) dead_letter_target_arn: String,
    /// How often a message may be received.
    #[serde(deserialize_with = "count")]
    pub(super) max_receive_count: u32,
}

impl RedrivePolicy {
    pub(super) fn dead_letter_queue(&self) -> &str {
        self.dead_letter_target_arn.rsplit(':').next().unwrap_or_default()
    }
}

impl Default for QueueAttributes {
    fn default() -> Self {
        Self { visibility_timeout: Duration::from_secs(30), receive_wait_time: Duration::ZERO, redrive_policy: None }
    }
}

impl TryFrom<BTreeMap<String, String>> for QueueAttributes {
    type Error = Error;

    fn try_from(texts: BTreeMap<String, String>) -> Result<Self, Error> {
        let mut attributes = Self::default();
        for (name, text) in texts {
            let invalid = || Error::invalid(format!("{text:?} is not a valid value of {name}"));
            match name.as_str() {
                "VisibilityTimeout" => {
                    attributes.visibility_timeout = seconds(text.parse().map_err(|_| invalid())?, 43_200)?
                }
                "ReceiveMessageWaitTimeSeconds" => {
                    attributes.receive_wait_time = seconds(text.parse().map_err(|_| invalid())?, 20)?;
                }
                "RedrivePolicy" => {
                    attributes.redrive_policy = Some(serde_json::from_str(&text).map_err(|_| invalid())?);
                }
                _ => {
                    return Err(Error::new("InvalidAttributeName", format!("the local queue has no attribute {name}")));
                }
            }
        }
        Ok(attributes)
    }
}

/// A duration in seconds, from 0 to `max`.
pub(super) fn seconds(seconds: i64, max: u64) -> Result<Duration, Error> {
    match u64::try_from(seconds) {
        Ok(seconds) if seconds <= max => Ok(Duration::from_secs(seconds)),
        _ => Err(Error::invalid(format!("{seconds} seconds is not from 0 to {max}"))),
    }
}

/// SQS takes the count as a number and as a string of one, and so do the tools that write it.
fn count<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Count {
        Number(u32),
        Text(String),
    }
    match Count::deserialize(deserializer)? {
        Count::Number(count) => Ok(count),
        Count::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}
