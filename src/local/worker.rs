//! Replaces Lambda's event source mapping, which passes batches of messages from the queue to the Lambda function.

use std::{collections::BTreeMap, future::Future, time::Duration};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use aws_sdk_sqs::{
    Client,
    types::{DeleteMessageBatchRequestEntry, Message, MessageAttributeValue, MessageSystemAttributeName},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{aws, error_chain::ErrorChain};

/// How long to wait after a failed call to the queue.
const PAUSE: Duration = Duration::from_secs(1);

/// Passes batches from the queue to the handler, and deletes the messages that the handler did not report as failed.
/// Failed messages become visible again after the visibility timeout. If the handler panics, all messages in the batch
/// count as failed.
///
/// When `stop` is canceled, finishes the current batch and returns.
pub async fn run<Handler, Handling>(client: Client, queue_url: String, handler: Handler, stop: CancellationToken)
where
    Handler: Fn(SqsEvent) -> Handling + Clone + Send + 'static,
    Handling: Future<Output = SqsBatchResponse> + Send + 'static,
{
    while let Some(received) = stop.run_until_cancelled(receive(&client, &queue_url)).await {
        let result = match received {
            Ok(messages) if messages.is_empty() => Ok(()),
            Ok(messages) => {
                let handled = handle(&handler, &queue_url, &messages).await;
                delete(&client, &queue_url, handled).await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            tracing::warn!(error = %ErrorChain(&error), "a call to the queue failed");
            stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
        }
    }
}

async fn receive(client: &Client, queue_url: &str) -> Result<Vec<Message>, aws::Error> {
    // One message per batch, as in template.yaml.
    let receive = client.receive_message().queue_url(queue_url).max_number_of_messages(1).wait_time_seconds(20);
    let receive =
        receive.message_system_attribute_names(MessageSystemAttributeName::All).message_attribute_names("All");
    Ok(receive.send().await.map_err(aws::Error::call("ReceiveMessage"))?.messages.unwrap_or_default())
}

/// Invokes the handler with a batch. Returns the messages to delete.
async fn handle<'a, Handler, Handling>(handler: &Handler, queue_url: &str, messages: &'a [Message]) -> Vec<&'a Message>
where
    Handler: Fn(SqsEvent) -> Handling + Clone + Send + 'static,
    Handling: Future<Output = SqsBatchResponse> + Send + 'static,
{
    let arn = arn(queue_url);
    let records: Vec<_> = messages.iter().map(|message| record(message, &arn)).collect();
    let event = json!({ "Records": records });
    let event = match serde_json::from_value(event) {
        Ok(event) => event,
        Err(error) => {
            tracing::error!(%error, "the batch is not a valid SQS event");
            return Vec::new();
        }
    };
    // Run the handler in a separate task, so that a panic fails the batch but does not stop the worker.
    let handler = handler.clone();
    let handled = tokio::spawn(async move { handler(event).await });
    let Ok(response) = handled.await else { return Vec::new() };
    let failures: Vec<_> =
        response.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect();
    let is = |message: &&Message, id: &str| message.message_id() == Some(id);
    // An id that is not in the batch fails the entire batch (Lambda developer guide, "Reporting batch item failures").
    if failures.iter().any(|id| !messages.iter().any(|message| is(&message, id))) {
        return Vec::new();
    }
    messages.iter().filter(|message| !failures.iter().any(|id| is(message, id))).collect()
}

async fn delete(client: &Client, queue_url: &str, messages: Vec<&Message>) -> Result<(), aws::Error> {
    if messages.is_empty() {
        return Ok(());
    }
    let entries = messages.iter().enumerate().map(|(index, message)| {
        let receipt_handle = message.receipt_handle().unwrap_or_default();
        let entry = DeleteMessageBatchRequestEntry::builder().id(index.to_string()).receipt_handle(receipt_handle);
        entry.build().expect("id and receipt handle are set")
    });
    let delete = client.delete_message_batch().queue_url(queue_url).set_entries(Some(entries.collect()));
    delete.send().await.map_err(aws::Error::call("DeleteMessageBatch"))?;
    Ok(())
}

/// Derives the queue's ARN from its URL, whose path is `/<account>/<name>`.
fn arn(queue_url: &str) -> String {
    let mut path = queue_url.rsplit('/');
    let (name, account) = (path.next().unwrap_or_default(), path.next().unwrap_or_default());
    format!("arn:aws:sqs:us-east-1:{account}:{name}")
}

/// Converts a message to a record of Lambda's SQS event.
fn record(message: &Message, queue_arn: &str) -> Value {
    let attributes = message.attributes().into_iter().flatten();
    let attributes: BTreeMap<_, _> = attributes.map(|(name, value)| (name.as_str(), value)).collect();
    let message_attributes = message.message_attributes().into_iter().flatten();
    let message_attributes: BTreeMap<_, _> = message_attributes.map(|(name, value)| (name, attribute(value))).collect();
    json!({
        "messageId": message.message_id(),
        "receiptHandle": message.receipt_handle(),
        "body": message.body(),
        "md5OfBody": message.md5_of_body(),
        "attributes": attributes,
        "messageAttributes": message_attributes,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": "us-east-1",
    })
}

fn attribute(value: &MessageAttributeValue) -> Value {
    json!({
        "stringValue": value.string_value(),
        "binaryValue": value.binary_value().map(|blob| STANDARD.encode(blob)),
        "dataType": value.data_type(),
    })
}
