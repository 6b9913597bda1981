//! Tests for a job that always crashes the builder.

use reqwest::StatusCode;
use serde_json::json;

use super::{
    fault::{Call, Fault, PlannedFault, Role, Service},
    lambda_stack::LambdaStack,
    workflow::archive,
};
use crate::support::event;

/// The number of receives after which a message moves to the dead-letter queue.
const RECEIVES: u64 = 5;
/// The number of sends after which requeue marks a build as failed. Each receive is a try, and 25 tries are allowed.
const SENDS: u64 = 5;

#[tokio::test]
async fn a_build_that_crashes_the_builder_fails_and_the_pack_can_be_uploaded_again() {
    let mut stack = LambdaStack::start(&[]).await;
    let created = stack.upload(&archive("poison")).await.unwrap();
    created.expect(StatusCode::CREATED);
    let call = Call { caller: Role::Builder, service: Service::S3, operation: "GET object".to_owned() };
    stack.injector.inject([PlannedFault { call, skip: 0, fault: Fault::KilledAfter, times: u32::MAX }]);

    for sent in 1..=SENDS {
        for _ in 0..RECEIVES {
            assert_eq!(stack.dead_letters().await, sent - 1);
            assert!(stack.deliver().await);
        }
        assert!(!stack.deliver().await, "the message is in the dead-letter queue");
        assert_eq!(stack.dead_letters().await, sent);
        assert_eq!(read(&mut stack, created.text("id")).await["build_status"], "queued");
        stack.sweep().await;
    }
    assert!(!stack.deliver().await, "requeue does not send the job again");
    let failed = read(&mut stack, created.text("id")).await;
    assert_eq!(failed["build_status"], "failed");
    assert_eq!(failed["build_error"], "the image could not be built after 25 tries; upload the same archive again");

    stack.injector.clear();
    let again = stack.upload(&archive("poison")).await.unwrap();
    again.expect(StatusCode::OK);
    assert_eq!((again.text("id"), again.text("build_status")), (created.text("id"), "queued"));
    stack.settle().await;
    stack.expect_ready(&created.body).await;
    assert_eq!(stack.dead_letters().await, SENDS, "the dead letters remain for the operator");
}

async fn read(stack: &mut LambdaStack, id: &str) -> serde_json::Value {
    let mut get = event("get");
    get["rawPath"] = json!(format!("/v1/packs/{id}"));
    let response = stack.request(get).await.unwrap();
    response.expect(StatusCode::OK);
    response.body
}
