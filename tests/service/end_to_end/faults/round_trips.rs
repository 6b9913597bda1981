//! Counts the sequential calls to AWS per upload. Each call adds a round trip to the response time.

use std::time::Duration;

use reqwest::StatusCode;

use super::{lambda_stack::LambdaStack, workflow::archive};

/// The delay of each call, long enough for concurrent calls to overlap.
const DELAY: Duration = Duration::from_millis(50);

#[tokio::test]
async fn an_upload_waits_for_four_calls_or_three_if_its_credential_is_cached() {
    let mut stack = LambdaStack::start(&[("CREDENTIAL_CACHE_MS", "60000")]).await;
    stack.injector.delay_calls(DELAY);
    for (name, expected) in [
        ("cold", &["BatchGetItem", "PUT object", "TransactWriteItems", "SendMessage"][..]),
        ("warm", &["PUT object", "TransactWriteItems", "SendMessage"]),
    ] {
        stack.upload(&archive(name)).await.unwrap().expect(StatusCode::CREATED);
        // The request is counted (`UpdateItem`) while the archive is staged. Either call may end first and be the one
        // in the sequence, so give both the same name.
        let operations = stack.injector.take_sequential_operations();
        let operations = operations.iter().map(|operation| operation.replace("UpdateItem", "PUT object"));
        assert_eq!(operations.collect::<Vec<_>>(), expected, "{name}");
    }
}
