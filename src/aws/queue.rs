use aws_sdk_sqs::types::{MessageSystemAttributeNameForSends, MessageSystemAttributeValue};
use serde::{Deserialize, Serialize};

use super::Error;
use crate::{
    records::{PackId, Record},
    telemetry::Trace,
};

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

impl From<&Record> for Job {
    /// The job of a record's current attempt.
    fn from(record: &Record) -> Self {
        Self { pack_id: record.id, attempt: record.build.attempt }
    }
}

impl Queue {
    /// The queue of this URL.
    pub fn new(client: aws_sdk_sqs::Client, url: String) -> Self {
        Self { client, url }
    }

    /// Sends a job, which carries the current trace.
    ///
    /// # Errors
    /// When SQS did not confirm it; the job may have been sent all the same.
    pub async fn send(&self, job: Job) -> Result<(), Error> {
        let body = serde_json::to_string(&job).map_err(Error::of("SendMessage"))?;
        let mut message = self.client.send_message().queue_url(&self.url).message_body(body);
        if let Some(trace) = Trace::current() {
            let header = MessageSystemAttributeValue::builder().data_type("String").string_value(trace.header());
            let header = header.build().map_err(Error::of("SendMessage"))?;
            message = message.message_system_attributes(MessageSystemAttributeNameForSends::AwsTraceHeader, header);
        }
        message.send().await.map_err(Error::of("SendMessage"))?;
        Ok(())
    }
}
