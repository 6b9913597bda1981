//! Tests for the request deadline: if a backend hangs, the API responds in time, and it is safe to retry the request.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{
    fault::{Call, Fault, PlannedFault, Role, Service},
    lambda_stack::{LambdaStack, upload},
    workflow::archive,
};
use crate::support::{ApiResponse, event};

const DEADLINE: Duration = Duration::from_secs(3);
const SEND: Duration = Duration::from_secs(1);
/// How much longer than its deadline or timeout a request may take, in a debug build on a busy machine.
const SLACK: Duration = Duration::from_secs(1);

/// Starts a stack in which a hanging call to DynamoDB or S3 and its retries take longer than the deadline, so that only
/// the deadline can end the request. A hanging call to SQS ends earlier, after the send timeout.
async fn start_stack() -> LambdaStack {
    let variables = [
        ("REQUEST_DEADLINE_MS", "3000"),
        ("SEND_TIMEOUT_MS", "1000"),
        ("CALL_ATTEMPT_TIMEOUT_MS", "2000"),
        ("TRANSFER_ATTEMPT_TIMEOUT_MS", "20000"),
    ];
    LambdaStack::start(&variables).await
}

fn stalls(service: Service, operation: &str, times: u32) -> PlannedFault {
    let call = Call { caller: Role::Api, service, operation: operation.to_owned() };
    PlannedFault { call, skip: 0, fault: Fault::Hangs, times }
}

/// Sends a request. Returns the response and how long it took.
async fn time(stack: &mut LambdaStack, event: Value) -> (ApiResponse, Duration) {
    let began = Instant::now();
    let response = stack.request(event).await.unwrap();
    (response, began.elapsed())
}

async fn expect_unavailable_in_time(stack: &mut LambdaStack, event: Value, faults: Vec<PlannedFault>) {
    stack.injector.inject(faults);
    let (response, took) = time(stack, event).await;
    stack.injector.clear();
    response.expect_error(503, "unavailable");
    assert!(response.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0));
    assert!(took < DEADLINE + SLACK, "{took:?}");
}

#[tokio::test]
async fn an_upload_gets_a_503_by_the_deadline_if_a_backend_hangs() {
    let mut stack = start_stack().await;
    let always = u32::MAX;
    for faults in [
        vec![stalls(Service::DynamoDb, "BatchGetItem", always)],
        vec![stalls(Service::S3, "PUT object", always)],
        vec![stalls(Service::DynamoDb, "TransactWriteItems", always)],
        // The deadline applies to all calls together.
        vec![stalls(Service::DynamoDb, "BatchGetItem", 1), stalls(Service::S3, "PUT object", always)],
    ] {
        expect_unavailable_in_time(&mut stack, upload(&archive("late")), faults).await;
    }
    let response = stack.upload(&archive("late")).await.unwrap();
    response.expect(StatusCode::CREATED);
    stack.settle().await;
    stack.expect_ready(&response.body).await;
}

#[tokio::test]
async fn reads_get_a_503_by_the_deadline_if_their_backend_hangs() {
    let mut stack = start_stack().await;
    let list = |query: &str| {
        let mut event = event("list");
        event["rawQueryString"] = json!(query);
        event
    };
    let mut keys = list("");
    keys["rawPath"] = json!("/v1/attestation-keys");
    for (event, service, operation) in [
        (event("get"), Service::DynamoDb, "BatchGetItem"),
        (event("get"), Service::DynamoDb, "GetItem"),
        (list(""), Service::DynamoDb, "Query"),
        (list("name=tools"), Service::DynamoDb, "Query"),
        (list("name=tools&version=1.0.0"), Service::DynamoDb, "Query"),
        (keys, Service::S3, "GET object"),
    ] {
        let planned = stalls(service, operation, u32::MAX);
        expect_unavailable_in_time(&mut stack, event, vec![planned]).await;
    }
}

#[tokio::test]
async fn a_hanging_queue_delays_the_response_only_by_the_send_timeout() {
    let mut stack = start_stack().await;
    stack.injector.inject([stalls(Service::Sqs, "SendMessage", u32::MAX)]);
    let (response, took) = time(&mut stack, upload(&archive("unsent"))).await;
    stack.injector.clear();
    response.expect(StatusCode::CREATED);
    assert!(took < SEND + SLACK, "{took:?}");
    stack.settle().await;
    stack.expect_ready(&response.body).await;
}
