//! Tests for the embedded SQS: visibility timeouts, long polls, message groups, batches, the dead-letter queue and
//! error codes.

use std::time::{Duration, Instant};

use aws_sdk_sqs::{
    Client,
    error::ProvideErrorMetadata,
    types::{
        DeleteMessageBatchRequestEntry, Message, MessageAttributeValue, MessageSystemAttributeName,
        MessageSystemAttributeNameForSends, MessageSystemAttributeValue, QueueAttributeName,
        SendMessageBatchRequestEntry,
    },
};
use futures_util::future::join_all;

use super::Embedded;

async fn receive(client: &Client, url: &str, max: i32, visibility: i32, wait: i32) -> Vec<Message> {
    let receive = client.receive_message().queue_url(url).max_number_of_messages(max).visibility_timeout(visibility);
    let receive = receive.wait_time_seconds(wait).message_system_attribute_names(MessageSystemAttributeName::All);
    receive.message_attribute_names("All").send().await.unwrap().messages.unwrap_or_default()
}

async fn counts(client: &Client, url: &str) -> [String; 3] {
    use QueueAttributeName::{
        ApproximateNumberOfMessages as Visible, ApproximateNumberOfMessagesDelayed as Delayed,
        ApproximateNumberOfMessagesNotVisible as NotVisible,
    };
    let attributes = client.get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::All);
    let attributes = attributes.send().await.unwrap().attributes.unwrap();
    [Visible, NotVisible, Delayed].map(|name| attributes[&name].clone())
}

#[tokio::test]
async fn a_received_message_has_the_fields_of_a_lambda_event() {
    let embedded = Embedded::start().await;
    let (client, url) = (&embedded.clients.sqs, &embedded.queues.builds);
    let string =
        |value: &str| MessageAttributeValue::builder().data_type("String").string_value(value).build().unwrap();
    let trace = MessageSystemAttributeValue::builder().data_type("String").string_value("Root=1-5e1b4151").build();
    let send =
        client.send_message().queue_url(url).message_body("{\"é\":1}").message_attributes("kind", string("build"));
    let send =
        send.message_system_attributes(MessageSystemAttributeNameForSends::AwsTraceHeader, trace.unwrap()).send();
    let sent = send.await.unwrap();
    assert_eq!(sent.md5_of_message_body(), Some("5a278f779cec8fae6d58e7de58a4dd03"));

    let [message] = &receive(client, url, 10, 30, 0).await[..] else { panic!("expected one message") };
    assert_eq!(message.body(), Some("{\"é\":1}"));
    assert_eq!(message.message_id(), sent.message_id());
    assert_eq!(message.md5_of_body(), sent.md5_of_message_body());
    assert_eq!(message.message_attributes().unwrap()["kind"].string_value(), Some("build"));
    let system = message.attributes().unwrap();
    assert_eq!(system[&MessageSystemAttributeName::AwsTraceHeader], "Root=1-5e1b4151");
    assert_eq!(system[&MessageSystemAttributeName::ApproximateReceiveCount], "1");
    let sent_at: u64 = system[&MessageSystemAttributeName::SentTimestamp].parse().unwrap();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
    assert!(now - u128::from(sent_at) < 60_000);
}

#[tokio::test]
async fn a_received_message_is_invisible_until_it_is_released() {
    let embedded = Embedded::start().await;
    let (client, url) = (&embedded.clients.sqs, &embedded.queues.builds);
    for number in 0..20 {
        client.send_message().queue_url(url).message_body(number.to_string()).send().await.unwrap();
    }
    let received = join_all((0..8).map(|_| receive(client, url, 10, 30, 0))).await.concat();
    let mut bodies: Vec<u32> = received.iter().map(|message| message.body().unwrap().parse().unwrap()).collect();
    bodies.sort_unstable();
    assert_eq!(bodies, Vec::from_iter(0..20), "each message once");
    assert_eq!(counts(client, url).await, ["0", "20", "0"]);

    let first = received[0].receipt_handle().unwrap();
    client.change_message_visibility().queue_url(url).receipt_handle(first).visibility_timeout(0).send().await.unwrap();
    let [again] = &receive(client, url, 10, 30, 0).await[..] else { panic!("expected one message") };
    assert_eq!(again.message_id(), received[0].message_id());
    let count = &again.attributes().unwrap()[&MessageSystemAttributeName::ApproximateReceiveCount];
    assert_eq!(count, "2");

    // The receipt handle from the earlier receive no longer deletes the message.
    client.delete_message().queue_url(url).receipt_handle(first).send().await.unwrap();
    assert_eq!(counts(client, url).await, ["0", "20", "0"]);
    let stale =
        client.change_message_visibility().queue_url(url).receipt_handle(first).visibility_timeout(0).send().await;
    assert!(stale.unwrap_err().into_service_error().is_message_not_inflight());
    client.delete_message().queue_url(url).receipt_handle(again.receipt_handle().unwrap()).send().await.unwrap();
    assert_eq!(counts(client, url).await, ["0", "19", "0"]);
}

#[tokio::test]
async fn a_long_poll_returns_as_soon_as_a_message_is_visible() {
    let embedded = Embedded::start().await;
    let (client, url) = (&embedded.clients.sqs, &embedded.queues.builds);
    let started = Instant::now();
    let send = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        client.send_message().queue_url(url).message_body("late").send().await.unwrap();
    };
    let (received, ()) = tokio::join!(receive(client, url, 1, 1, 20), send);
    assert_eq!(received.len(), 1);
    assert!((Duration::from_millis(300)..Duration::from_secs(10)).contains(&started.elapsed()));

    // A long poll also ends if a message becomes visible again. Without a message, it ends after the wait time.
    assert_eq!(receive(client, url, 1, 30, 20).await.len(), 1);
    assert!((Duration::from_secs(1)..Duration::from_secs(10)).contains(&started.elapsed()));
    let empty = Instant::now();
    assert_eq!(receive(client, url, 1, 30, 1).await.len(), 0);
    assert!((Duration::from_secs(1)..Duration::from_secs(10)).contains(&empty.elapsed()));
}

#[tokio::test]
async fn a_message_received_five_times_moves_to_the_dead_letter_queue() {
    let embedded = Embedded::start().await;
    let (client, url, dead) = (&embedded.clients.sqs, &embedded.queues.builds, &embedded.queues.dead_builds);
    client.send_message().queue_url(url).message_body("hopeless").send().await.unwrap();
    for attempt in 1..=5 {
        assert_eq!(receive(client, url, 10, 0, 0).await.len(), 1, "attempt {attempt}");
    }
    assert_eq!(counts(client, dead).await, ["0", "0", "0"]);
    assert_eq!(receive(client, url, 10, 0, 0).await.len(), 0);
    assert_eq!(counts(client, url).await, ["0", "0", "0"]);
    assert_eq!(receive(client, dead, 10, 0, 0).await[0].body(), Some("hopeless"));
}

#[tokio::test]
async fn a_queue_whose_dead_letter_queue_is_missing_keeps_its_messages() {
    let embedded = Embedded::start().await;
    let client = &embedded.clients.sqs;
    let policy = r#"{"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:missing", "maxReceiveCount": 2}"#;
    let create = client.create_queue().queue_name("jobs").attributes(QueueAttributeName::RedrivePolicy, policy);
    let url = create.send().await.unwrap().queue_url.unwrap();
    client.send_message().queue_url(&url).message_body("kept").send().await.unwrap();
    for attempt in 1..=4 {
        assert_eq!(receive(client, &url, 10, 0, 0).await.len(), 1, "attempt {attempt}");
    }
}

#[tokio::test]
async fn a_backlog_of_one_message_group_does_not_delay_another() {
    let embedded = Embedded::start().await;
    let (client, url) = (&embedded.clients.sqs, &embedded.queues.builds);
    for body in ["a1", "a2", "a3", "a4", "b1", "b2", "c1"] {
        let send = client.send_message().queue_url(url).message_body(body).message_group_id(&body[..1]);
        send.send().await.unwrap();
    }
    let first = receive(client, url, 2, 30, 0).await;
    let bodies = |messages: &[Message]| messages.iter().map(|one| one.body().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(bodies(&first), ["a1", "b1"], "no group has a message in flight");
    assert_eq!(first[0].attributes().unwrap()[&MessageSystemAttributeName::MessageGroupId], "a");
    client.delete_message().queue_url(url).receipt_handle(first[1].receipt_handle().unwrap()).send().await.unwrap();
    assert_eq!(bodies(&receive(client, url, 10, 30, 0).await), ["b2", "c1", "a2", "a3", "a4"]);
}

#[tokio::test]
async fn a_batch_reports_each_entry_separately() {
    let embedded = Embedded::start().await;
    let (client, url) = (&embedded.clients.sqs, &embedded.queues.builds);
    let entry = |id: &str, body: &str, delay| {
        let entry = SendMessageBatchRequestEntry::builder().id(id).message_body(body).delay_seconds(delay);
        entry.build().unwrap()
    };
    let entries = vec![entry("a", "now", 0), entry("b", "later", 900), entry("c", "never", 901)];
    let sent = client.send_message_batch().queue_url(url).set_entries(Some(entries)).send().await.unwrap();
    assert_eq!(sent.successful().iter().map(|entry| entry.id()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(
        sent.failed().iter().map(|entry| (entry.id(), entry.code())).collect::<Vec<_>>(),
        [("c", "InvalidParameterValue")]
    );
    assert_eq!(counts(client, url).await, ["1", "0", "1"]);

    let received = receive(client, url, 10, 30, 0).await;
    let receipt = received[0].receipt_handle().unwrap();
    let entry = DeleteMessageBatchRequestEntry::builder().id("a").receipt_handle(receipt).build().unwrap();
    client.delete_message_batch().queue_url(url).entries(entry).send().await.unwrap();
    assert_eq!(counts(client, url).await, ["0", "0", "1"]);
}

#[tokio::test]
async fn errors_have_the_same_codes_as_in_sqs() {
    let embedded = Embedded::start().await;
    let client = &embedded.clients.sqs;
    let url = client.get_queue_url().queue_name("pack-upload-builds").send().await.unwrap();
    assert_eq!(url.queue_url(), Some(embedded.queues.builds.as_str()));
    let missing = client.get_queue_url().queue_name("no-such-queue").send().await.unwrap_err();
    assert!(missing.into_service_error().is_queue_does_not_exist());
    let other = client.create_queue().queue_name("pack-upload-builds").send().await.unwrap_err();
    assert!(other.into_service_error().is_queue_name_exists());
    let unknown = client.list_queues().send().await.unwrap_err();
    assert_eq!(unknown.code(), Some("AWS.SimpleQueueService.UnsupportedOperation"));
}
