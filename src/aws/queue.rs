use std::marker::PhantomData;

use aws_sdk_sqs::types::{MessageSystemAttributeNameForSends, MessageSystemAttributeValue, QueueAttributeName};
use serde::{Deserialize, Serialize};

use super::Error;
use crate::{
    records::{OrgId, PackId, Record},
    telemetry::Trace,
};

/// An SQS queue for one kind of job: builds or purges.
#[derive(Debug, Clone)]
pub struct Queue<J> {
    client: aws_sdk_sqs::Client,
    url: String,
    jobs: PhantomData<fn(J)>,
}

/// A build job. Its JSON is the body of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    pub pack_id: PackId,
    /// The attempt that this job belongs to.
    pub attempt: u32,
}

/// A purge job. Its JSON is the body of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PurgeJob {
    #[serde(rename = "purge")]
    pub pack_id: PackId,
}

impl From<&Record> for Job {
    /// Returns the job for the record's current attempt.
    fn from(record: &Record) -> Self {
        Self { pack_id: record.id, attempt: record.build.attempt }
    }
}

impl<J: Serialize> Queue<J> {
    pub fn new(client: aws_sdk_sqs::Client, url: String) -> Self {
        Self { client, url, jobs: PhantomData }
    }

    /// Sends a job for an org and passes the current trace in `AWSTraceHeader`. The org is the message group, so that
    /// one org's backlog does not delay the jobs of others (Amazon SQS developer guide, "Fair queues").
    ///
    /// # Errors
    /// Returns [`Error::Call`] if SQS did not confirm the message. It may have been sent anyway.
    pub async fn send(&self, org: OrgId, job: J) -> Result<(), Error> {
        let body = serde_json::to_string(&job).map_err(Error::EncodeJob)?;
        let mut message =
            self.client.send_message().queue_url(&self.url).message_body(body).message_group_id(org.to_string());
        if let Some(trace) = Trace::current() {
            let header = MessageSystemAttributeValue::builder().data_type("String").string_value(trace.header());
            let header = header.build().map_err(Error::call("SendMessage"))?;
            message = message.message_system_attributes(MessageSystemAttributeNameForSends::AwsTraceHeader, header);
        }
        message.send().await.map_err(Error::call("SendMessage"))?;
        Ok(())
    }

    /// Returns whether jobs are waiting in the queue. Jobs in flight do not count. The number that SQS returns is
    /// approximate: it may be a minute old, or older.
    pub async fn has_waiting_jobs(&self) -> Result<bool, Error> {
        let name = QueueAttributeName::ApproximateNumberOfMessages;
        let get = self.client.get_queue_attributes().queue_url(&self.url).attribute_names(name.clone());
        let attributes = get.send().await.map_err(Error::call("GetQueueAttributes"))?.attributes.unwrap_or_default();
        Ok(attributes.get(&name).is_some_and(|count| count != "0"))
    }
}
