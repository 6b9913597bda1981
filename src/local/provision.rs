use aws_sdk_sqs::types::QueueAttributeName;

use super::{Clients, Options, dynamodb};
use crate::aws;

/// The visibility timeout of jobs in seconds, several times the duration of a build.
const VISIBILITY_TIMEOUT: &str = "30";
/// How many times a job is delivered before it moves to the dead-letter queue.
const MAX_RECEIVE_COUNT: u32 = 5;

#[derive(Debug, Clone)]
pub struct QueueUrls {
    pub builds: String,
    /// The dead-letter queue of `builds`.
    pub dead_builds: String,
    pub purges: String,
    /// The dead-letter queue of `purges`.
    pub dead_purges: String,
}

/// Creates the table, the bucket and the queues if they are missing.
pub async fn provision(clients: &Clients, options: &Options) -> Result<QueueUrls, aws::Error> {
    dynamodb::create_table(&clients.dynamodb, &options.table_name).await?;
    create_bucket(&clients.s3, &options.staging_bucket).await?;
    let (builds, dead_builds) = create_queue(&clients.sqs, &options.build_queue).await?;
    let (purges, dead_purges) = create_queue(&clients.sqs, &options.purge_queue).await?;
    Ok(QueueUrls { builds, dead_builds, purges, dead_purges })
}

async fn create_bucket(client: &aws_sdk_s3::Client, name: &str) -> Result<(), aws::Error> {
    let found = client.head_bucket().bucket(name).send().await;
    match found.map_err(aws_sdk_s3::Error::from) {
        Ok(_) => return Ok(()),
        Err(aws_sdk_s3::Error::NotFound(_)) => {}
        Err(error) => return Err(aws::Error::call("HeadBucket")(error)),
    }
    client.create_bucket().bucket(name).send().await.map_err(aws::Error::call("CreateBucket"))?;
    Ok(())
}

/// Creates a queue and its dead-letter queue, and returns their URLs. Creating a queue that already exists with the
/// same attributes succeeds.
async fn create_queue(client: &aws_sdk_sqs::Client, name: &str) -> Result<(String, String), aws::Error> {
    let create = client.create_queue().queue_name(format!("{name}-dead")).send();
    let dead_letters = create.await.map_err(aws::Error::call("CreateQueue"))?.queue_url.unwrap_or_default();
    let attributes =
        client.get_queue_attributes().queue_url(&dead_letters).attribute_names(QueueAttributeName::QueueArn).send();
    let attributes = attributes.await.map_err(aws::Error::call("GetQueueAttributes"))?.attributes.unwrap_or_default();
    let redrive_policy = serde_json::json!({
        "deadLetterTargetArn": attributes.get(&QueueAttributeName::QueueArn),
        "maxReceiveCount": MAX_RECEIVE_COUNT,
    });
    let create = client
        .create_queue()
        .queue_name(name)
        .attributes(QueueAttributeName::VisibilityTimeout, VISIBILITY_TIMEOUT)
        .attributes(QueueAttributeName::RedrivePolicy, redrive_policy.to_string())
        .send();
    let queue = create.await.map_err(aws::Error::call("CreateQueue"))?.queue_url.unwrap_or_default();
    Ok((queue, dead_letters))
}
