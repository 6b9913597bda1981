use serde::{Deserialize, Serialize};

use super::Error;
use crate::pack::PackId;

/// The build queue.
#[derive(Debug, Clone)]
pub struct Queue {
    client: aws_sdk_sqs::Client,
    url: String,
}

/// A build job: the record to build, and which attempt this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// The record's id.
    pub pack_id: PackId,
    /// The attempt that the job is for.
    pub attempt: u32,
}

impl Queue {
    /// The queue of this URL.
    pub fn new(client: aws_sdk_sqs::Client, url: String) -> Self {
        Self { client, url }
    }

    /// Sends a job.
    pub async fn send(&self, _job: Job) -> Result<(), Error> {
        todo!("{:?} {}", self.client, self.url)
    }
}
