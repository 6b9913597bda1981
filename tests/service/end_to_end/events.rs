//! Tests for the events that the Lambda functions send to EventBridge.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use aws_sdk_eventbridge::types::Target;
use aws_sdk_sqs::types::QueueAttributeName;
use axum::{Json, Router, body::Bytes, extract::State};
use pack_upload::{
    aws::Lease,
    local::{Clients, Endpoints},
    records::Timestamp,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::faults::{LambdaStack, delete};
use crate::support::{ApiResponse, Archive, AwsEmulator, Local, options, record_call};

/// A fake EventBridge that records the events it accepts.
#[derive(Default)]
struct EventBridge {
    entries: Mutex<Vec<Value>>,
    /// Whether each response to `PutEvents` has the status 200 but reports that the event was not accepted.
    rejects: AtomicBool,
}

impl EventBridge {
    /// Starts the fake and the Lambda functions, configured to send events to the fake.
    async fn start(variables: &[(&str, &str)]) -> (Arc<Self>, LambdaStack) {
        let bridge = Arc::<Self>::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(put_events).with_state(Arc::clone(&bridge));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let bus = [("EVENT_BUS_NAME", "packs"), ("AWS_ENDPOINT_URL_EVENTBRIDGE", &*url)];
        (bridge, LambdaStack::start(&[&bus[..], variables].concat()).await)
    }

    /// Asserts that exactly one event was accepted since the last call, that its `detail` matches
    /// docs/event.schema.json, and that its other fields are correct. Returns the `detail`. `caller` is the Lambda
    /// function that sent the event.
    #[track_caller]
    fn take(&self, caller: &str, detail_type: &str) -> Value {
        let mut entries = std::mem::take(&mut *self.entries.lock().unwrap());
        // The SDK retries a slow call, so an event can arrive twice.
        entries.dedup();
        let [entry] = &entries[..] else { panic!("expected one event: {entries:?}") };
        record_call(caller, "EventBridge.PutEvents");
        assert_eq!(
            (&entry["EventBusName"], &entry["Source"], &entry["DetailType"]),
            (&json!("packs"), &json!("pack-upload"), &json!(detail_type))
        );
        let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
        let schema = std::fs::read_to_string("docs/event.schema.json").unwrap();
        let schema: Value = serde_json::from_str(&schema).unwrap();
        jsonschema::validate(&schema, &detail).unwrap();
        detail
    }
}

async fn put_events(State(bridge): State<Arc<EventBridge>>, input: Bytes) -> Json<Value> {
    let mut input: Value = serde_json::from_slice(&input).unwrap();
    if bridge.rejects.load(Ordering::SeqCst) {
        let entry = json!({"ErrorCode": "ThrottlingException", "ErrorMessage": "Rate exceeded"});
        return Json(json!({"FailedEntryCount": 1, "Entries": [entry]}));
    }
    bridge.entries.lock().unwrap().append(input["Entries"].as_array_mut().unwrap());
    Json(json!({"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}))
}

async fn upload(stack: &mut LambdaStack) -> ApiResponse {
    stack.upload(&Archive::pack_named("tools", "1.0.0").tar_gz()).await.expect("nothing is killed")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_transition_sends_one_event() {
    let (bridge, mut stack) = EventBridge::start(&[("MAX_TRIES", "1")]).await;
    let uploaded = upload(&mut stack).await;
    let id = uploaded.text("id");
    stack.lose_job().await;
    let record = stack.table.record(id.parse().unwrap()).await.unwrap().unwrap();
    let now = Timestamp::now();
    assert!(stack.table.begin_build(&record, &Lease::new(now), now).await.unwrap());
    stack.sweep().await;
    let failed = bridge.take("requeue", "Pack Failed");
    let error = "the image could not be built after 1 try; upload the same archive again";
    assert_eq!((&failed["pack_id"], &failed["build_error"]), (&json!(id), &json!(error)));

    upload(&mut stack).await;
    stack.settle().await;
    let ready = bridge.take("builder", "Pack Ready");
    let mut expected = json!({
        "event_id": format!("{id}/2/ready"),
        "pack_id": id,
        "org_id": uploaded.body["org_id"],
        "name": "tools",
        "version": "1.0.0",
        "image_ref": uploaded.body["image_ref"],
        "image_digest": uploaded.body["image_digest"],
        "layer_digest": uploaded.body["layer_digest"],
        "at": ready["at"],
    });
    assert_eq!(ready, expected);

    stack.request(delete(id)).await;
    stack.settle().await;
    let deleted = bridge.take("builder", "Pack Deleted");
    expected["event_id"] = json!(format!("{id}/2/deleted"));
    expected["at"] = deleted["at"].clone();
    assert_eq!(deleted, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_was_not_accepted_is_sent_again() {
    let (bridge, mut stack) = EventBridge::start(&[]).await;
    bridge.rejects.store(true, Ordering::SeqCst);
    let uploaded = upload(&mut stack).await;
    while stack.deliver().await {}
    stack.expect_ready(&uploaded.body).await;
    stack.sweep().await;
    assert!(bridge.entries.lock().unwrap().is_empty());

    bridge.rejects.store(false, Ordering::SeqCst);
    stack.settle().await;
    let ready = bridge.take("requeue", "Pack Ready");
    assert_eq!(ready["pack_id"], uploaded.body["id"]);
    stack.sweep().await;
    assert!(bridge.entries.lock().unwrap().is_empty());
}

/// Runs only with an AWS emulator (see `tests/scripts/on-moto`). The event bus does not exist at first, so sending the
/// event fails, and requeue sends it later.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_reaches_the_target_of_a_rule() {
    let Ok(endpoint) = std::env::var("TEST_AWS_ENDPOINT") else { return };
    let variables = [
        ("EVENT_BUS_NAME", "packs"),
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", &*endpoint),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local-secret"),
        ("REQUEUE_AFTER_MS", "1000"),
    ];
    let local = Local::start_with(&variables).await;
    let created = local.upload(Archive::pack_named("tools", "1.0.0").tar_gz()).await;
    assert_eq!(local.wait_for_build("acme", created.text("id")).await["build_status"], "ready");
    local.wait_for_log("cannot send the event; requeue sends it later").await;

    let endpoints = Endpoints { s3: endpoint.clone(), dynamodb: endpoint.clone(), sqs: endpoint.clone() };
    let emulated = AwsEmulator::from_env(local.data()).unwrap().options(options(local.data()));
    let sqs = Clients::new(&endpoints, &emulated).await.sqs;
    let queue = sqs.create_queue().queue_name("events").send().await.unwrap().queue_url.unwrap();
    let arn = sqs.get_queue_attributes().queue_url(&queue).attribute_names(QueueAttributeName::QueueArn);
    let arn = arn.send().await.unwrap().attributes.unwrap()[&QueueAttributeName::QueueArn].clone();
    let address = endpoint.strip_prefix("http://").unwrap().parse().unwrap();
    let config = crate::support::sdk(address).await.into_builder().region(aws_config::Region::new("us-east-1")).build();
    let events = aws_sdk_eventbridge::Client::new(&config);
    events.create_event_bus().name("packs").send().await.unwrap();
    let pattern = json!({"source": ["pack-upload"]}).to_string();
    events.put_rule().event_bus_name("packs").name("all").event_pattern(pattern).send().await.unwrap();
    let target = Target::builder().id("queue").arn(arn).build().unwrap();
    events.put_targets().event_bus_name("packs").rule("all").targets(target).send().await.unwrap();

    let began = Instant::now();
    let message = loop {
        let received = sqs.receive_message().queue_url(&queue).send().await.unwrap().messages.unwrap_or_default();
        if let Some(message) = received.into_iter().next() {
            break message;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "no event: {}", local.log());
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let event: Value = serde_json::from_str(message.body().unwrap()).unwrap();
    assert_eq!((&event["detail-type"], &event["source"]), (&json!("Pack Ready"), &json!("pack-upload")));
    assert_eq!(event["detail"]["pack_id"], created.body["id"]);
}
