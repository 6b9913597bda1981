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

/// How many messages a queue holds, visible and not.
async fn depth(client: &Client, url: &str) -> [u32; 2] {
    let attributes = client.get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::All);
    let attributes = attributes.send().await.expect("attributes").attributes.expect("some");
    use QueueAttributeName::{
        ApproximateNumberOfMessages as Visible, ApproximateNumberOfMessagesNotVisible as NotVisible,
    };
    [Visible, NotVisible].map(|name| attributes[&name].parse().expect("a number"))
}

async fn eventually(client: &Client, url: &str, expected: [u32; 2]) {
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
async fn processed_messages_are_deleted_and_failed_ones_are_redelivered() {
    let embedded = Embedded::start().await;
    let (client, url) = (embedded.clients.sqs.clone(), embedded.queues.builds.clone());
    let seen: Arc<Mutex<Vec<SqsEvent>>> = Arc::default();
    let handler = {
        let seen = Arc::clone(&seen);
        move |batch: SqsEvent| {
            let mut response = SqsBatchResponse::default();
            for record in &batch.records {
                match record.body.as_deref() {
                    Some("bad") => {
                        let mut failure = BatchItemFailure::default();
                        failure.item_identifier = record.message_id.clone().expect("an id");
                        response.batch_item_failures.push(failure);
                    }
                    Some("panic") => panic!("asked to panic"),
                    Some("stranger") => {
                        let mut failure = BatchItemFailure::default();
                        failure.item_identifier = "not of this batch".to_owned();
                        response.batch_item_failures.push(failure);
                    }
                    _ => {}
                }
            }
            seen.lock().expect("a lock").push(batch);
            async { response }
        }
    };
    for body in ["good", "bad", "fine"] {
        let kind = MessageAttributeValue::builder().data_type("String").string_value("build").build().expect("a value");
        let send = client.send_message().queue_url(&url).message_body(body).message_attributes("kind", kind);
        send.send().await.expect("sent");
    }
    let stop = CancellationToken::new();
    let worker = tokio::spawn(worker::run(client.clone(), url.clone(), handler, stop.clone()));
    eventually(&client, &url, [0, 1]).await;
    {
        let seen = seen.lock().expect("a lock");
        let record = &seen[0].records[0];
        assert_eq!(record.body.as_deref(), Some("good"));
        assert_eq!(record.attributes["ApproximateReceiveCount"], "1");
        assert_eq!(record.message_attributes["kind"].string_value.as_deref(), Some("build"));
        assert_eq!(record.event_source.as_deref(), Some("aws:sqs"));
        let arn = "arn:aws:sqs:us-east-1:000000000000:pack-upload-builds";
        assert_eq!(record.event_source_arn.as_deref(), Some(arn));
    }

    for (body, kept) in [("panic", 2), ("stranger", 3)] {
        client.send_message().queue_url(&url).message_body(body).send().await.expect("sent");
        eventually(&client, &url, [0, kept]).await;
    }
    client.send_message().queue_url(&url).message_body("good").send().await.expect("sent");
    eventually(&client, &url, [0, 3]).await;
    assert!(!worker.is_finished());

    // It waits in a long poll now, and ends at once all the same.
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(5), worker).await.expect("it ends").expect("without a panic");
}
