//! Tests for `local`'s worker, which delivers messages to a handler as the SQS event source mapping does.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use aws_sdk_sqs::{
    Client,
    types::{MessageAttributeValue, QueueAttributeName},
};
use pack_upload::local::worker;
use tokio_util::sync::CancellationToken;

use super::Embedded;

/// Returns the number of visible messages and the number of messages in flight.
async fn depth(client: &Client, url: &str) -> [u32; 2] {
    let attributes = client.get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::All);
    let attributes = attributes.send().await.unwrap().attributes.unwrap();
    use QueueAttributeName::{
        ApproximateNumberOfMessages as Visible, ApproximateNumberOfMessagesNotVisible as NotVisible,
    };
    [Visible, NotVisible].map(|name| attributes[&name].parse().unwrap())
}

async fn wait_for_depth(client: &Client, url: &str, expected: [u32; 2]) {
    let started = Instant::now();
    loop {
        let depth = depth(client, url).await;
        if depth == expected {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(10), "{depth:?} is not {expected:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn processed_messages_are_deleted_and_failed_ones_stay_in_the_queue() {
    let embedded = Embedded::start().await;
    let (client, url) = (embedded.clients.sqs.clone(), embedded.queues.builds.clone());
    let seen: Arc<Mutex<Vec<SqsEvent>>> = Arc::default();
    let handler = {
        let seen = Arc::clone(&seen);
        move |batch: SqsEvent| {
            let mut response = SqsBatchResponse::default();
            for record in &batch.records {
                match record.body.as_deref() {
                    Some("invalid") => {
                        let mut failure = BatchItemFailure::default();
                        failure.item_identifier = record.message_id.clone().unwrap();
                        response.batch_item_failures.push(failure);
                    }
                    Some("panic") => panic!("the message asks for a panic"),
                    Some("unknown id") => {
                        let mut failure = BatchItemFailure::default();
                        failure.item_identifier = "another batch".to_owned();
                        response.batch_item_failures.push(failure);
                    }
                    _ => {}
                }
            }
            seen.lock().unwrap().push(batch);
            async { response }
        }
    };
    for body in ["valid", "invalid", "also valid"] {
        let kind = MessageAttributeValue::builder().data_type("String").string_value("build").build().unwrap();
        let send = client.send_message().queue_url(&url).message_body(body).message_attributes("kind", kind);
        send.send().await.unwrap();
    }
    let stop = CancellationToken::new();
    let worker = tokio::spawn(worker::run(client.clone(), url.clone(), handler, stop.clone()));
    wait_for_depth(&client, &url, [0, 1]).await;
    {
        let seen = seen.lock().unwrap();
        let record = &seen[0].records[0];
        assert_eq!(record.body.as_deref(), Some("valid"));
        assert_eq!(record.attributes["ApproximateReceiveCount"], "1");
        assert_eq!(record.message_attributes["kind"].string_value.as_deref(), Some("build"));
        assert_eq!(record.event_source.as_deref(), Some("aws:sqs"));
        let arn = "arn:aws:sqs:us-east-1:000000000000:pack-upload-builds";
        assert_eq!(record.event_source_arn.as_deref(), Some(arn));
    }

    for (body, invisible) in [("panic", 2), ("unknown id", 3)] {
        client.send_message().queue_url(&url).message_body(body).send().await.unwrap();
        wait_for_depth(&client, &url, [0, invisible]).await;
    }
    client.send_message().queue_url(&url).message_body("valid").send().await.unwrap();
    wait_for_depth(&client, &url, [0, 3]).await;
    assert!(!worker.is_finished());

    // The worker is in the middle of a long poll, which must not delay the shutdown.
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(5), worker).await.unwrap().unwrap();
}
