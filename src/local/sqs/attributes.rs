use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::Error;

/// The supported attributes of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct QueueAttributes {
    /// `VisibilityTimeout`: 0 s to 12 h, by default 30 s.
    pub(super) visibility_timeout: Duration,
    /// `ReceiveMessageWaitTimeSeconds`: the default wait time of a receive, 0 s to 20 s.
    pub(super) receive_wait_time: Duration,
    pub(super) redrive_policy: Option<RedrivePolicy>,
}

/// When a message moves to a dead-letter queue, and to which queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RedrivePolicy {
    pub(super) dead_letter_target_arn: String,
    /// The maximum number of times that a message is received before it moves.
    #[serde(deserialize_with = "count")]
    pub(super) max_receive_count: u32,
}

impl RedrivePolicy {
    /// Returns the name of the dead-letter queue, which is the last part of its ARN.
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

    fn try_from(values: BTreeMap<String, String>) -> Result<Self, Error> {
        let mut attributes = Self::default();
        for (name, text) in values {
            let invalid = || Error::invalid(format!("{text:?} is not a valid value of {name}."));
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
                    return Err(Error::new(
                        "InvalidAttributeName",
                        format!("The local SQS does not support the attribute {name}."),
                    ));
                }
            }
        }
        Ok(attributes)
    }
}

/// Converts a number of seconds, which must be from 0 to `max`, to a duration.
pub(super) fn seconds(seconds: i64, max: u64) -> Result<Duration, Error> {
    match u64::try_from(seconds) {
        Ok(seconds) if seconds <= max => Ok(Duration::from_secs(seconds)),
        _ => Err(Error::invalid(format!("{seconds} seconds is out of range; must be from 0 to {max}."))),
    }
}

/// Deserializes a count that is a number or a string. SQS accepts both, and clients send both.
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
