//! Whatever stalls, a request is answered in time, and what became of it is safe.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::Value;

use super::{
    scenario::archive,
    script::{Call, Fault, Role, Service, Trap},
    system::{System, upload},
};
use crate::support::{Answer, event};

const DEADLINE: Duration = Duration::from_secs(3);
const SEND: Duration = Duration::from_secs(1);
/// For all that is no waiting: validating, in a debug build on a busy machine, and the answer itself.
const SLACK: Duration = Duration::from_secs(1);

/// A single call may take longer than the deadline, so that nothing but the deadline ends it.
async fn system() -> System {
    let variables = [
        ("REQUEST_DEADLINE_MS", "3000"),
        ("SEND_TIMEOUT_MS", "1000"),
        ("CALL_ATTEMPT_TIMEOUT_MS", "2000"),
        ("TRANSFER_ATTEMPT_TIMEOUT_MS", "20000"),
    ];
    System::start(&variables).await
}

fn stalls(service: Service, operation: &str, times: u32) -> Trap {
    let call = Call { caller: Role::Api, service, operation: operation.to_owned() };
    Trap { call, skip: 0, fault: Fault::Stalls, times }
}

/// The answer to a request, and how long it took.
async fn time(system: &mut System, event: Value) -> (Answer, Duration) {
    let began = Instant::now();
    let answer = system.request(event).await.unwrap();
    (answer, began.elapsed())
}

async fn expect_unavailable_in_time(system: &mut System, event: Value, traps: Vec<Trap>) {
    system.script.set(traps);
    let (answer, took) = time(system, event).await;
    system.script.clear();
    answer.expect_error(503, "unavailable");
    assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0));
    assert!(took < DEADLINE + SLACK, "{took:?}");
}

#[tokio::test]
async fn an_upload_is_unavailable_by_the_deadline_whatever_stalls() {
    let mut system = system().await;
    let always = u32::MAX;
    for traps in [
        vec![stalls(Service::DynamoDb, "BatchGetItem", always)],
        vec![stalls(Service::S3, "PUT object", always)],
        vec![stalls(Service::DynamoDb, "TransactWriteItems", always)],
        // The time that one takes is not there for the next.
        vec![stalls(Service::DynamoDb, "BatchGetItem", 1), stalls(Service::S3, "PUT object", always)],
    ] {
        expect_unavailable_in_time(&mut system, upload(&archive("late")), traps).await;
    }
    let answer = system.upload(&archive("late")).await.unwrap();
    answer.expect(StatusCode::CREATED);
    system.settle().await;
    system.expect_good(&answer.body).await;
}

#[tokio::test]
async fn reads_are_unavailable_by_the_deadline() {
    let mut system = system().await;
    for (name, operation) in [("get", "BatchGetItem"), ("get", "GetItem"), ("list", "Query")] {
        let trap = stalls(Service::DynamoDb, operation, u32::MAX);
        expect_unavailable_in_time(&mut system, event(name), vec![trap]).await;
    }
}

#[tokio::test]
async fn once_the_record_is_written_the_answer_does_not_wait_for_the_queue() {
    let mut system = system().await;
    system.script.set([stalls(Service::Sqs, "SendMessage", u32::MAX)]);
    let (answer, took) = time(&mut system, upload(&archive("unsent"))).await;
    system.script.clear();
    answer.expect(StatusCode::CREATED);
    assert!(took < SEND + SLACK, "{took:?}");
    system.settle().await;
    system.expect_good(&answer.body).await;
}
