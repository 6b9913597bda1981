use std::{
    collections::BTreeMap,
    io::{self, Write as _},
};

use futures_util::future::join_all;
use reqwest::StatusCode;

use super::{
    fault::{Call, Fault, PlannedFault, Role, Service},
    lambda_stack::{LambdaStack, delete, update},
    workflow::{ACME, Workflow, archive},
};

/// The number of stacks. Each runs one case at a time, and a case spends most of its time waiting.
const CONCURRENT_STACKS: usize = 4;

/// Returns the calls that a workflow [covers](Workflow::covers) and makes if no call fails, each with the number of
/// earlier calls of the same kind. Runs the workflow twice and returns the calls of the second run, because the first
/// build of a stack may make different calls.
async fn calls_of(workflow: Workflow) -> Vec<(Call, u32)> {
    let mut stack = workflow.start_stack().await;
    for name in ["first-build", "no-fault"] {
        let prepared = workflow.prepare(&mut stack, name).await;
        stack.injector.take_calls();
        workflow.run(&mut stack, name, prepared).await;
        stack.settle().await;
    }
    let mut kinds: BTreeMap<Call, u32> = BTreeMap::new();
    let numbered = stack.injector.take_calls().into_iter().map(|call| {
        let count = kinds.entry(call.clone()).or_default();
        *count += 1;
        (call, *count - 1)
    });
    numbered.filter(|(call, _)| workflow.covers(call)).collect()
}

/// Returns the cases for a call. Each fault is injected once in one case. Most faults are also injected several times
/// in another case, to outlast the caller's retries. For a transaction, one more case combines two faults.
fn cases_for((call, skip): (Call, u32)) -> Vec<Vec<PlannedFault>> {
    // Enough faults to outlast the retries. The SDK tries a call three times, so five faults fail one invocation and
    // the first two tries of the next. A registry call is tried once per delivery of the job, so two faults fail two of
    // the five deliveries.
    let persistent = if call.service == Service::Registry { 2 } else { 5 };
    let mut faults = vec![(Fault::Hangs, 1), (Fault::KilledBefore, 1), (Fault::KilledAfter, 1)];
    for fault in [Fault::RequestLost, Fault::ResponseLost, Fault::Throttled, Fault::InternalError] {
        faults.extend([(fault, 1), (fault, persistent)]);
    }
    if call.caller == Role::Api {
        faults.push((Fault::Hangs, persistent));
    }
    if call.operation == "GET object" {
        faults.extend([(Fault::ResponseTruncated, 1), (Fault::ResponseTruncated, 2)]);
    }
    let is_transaction = call.operation == "TransactWriteItems";
    if is_transaction {
        // `Table` itself tries a conflicting transaction 25 times.
        faults.extend([(Fault::TransactionConflict, 1), (Fault::TransactionConflict, 25)]);
    }
    let planned = |skip, fault, times| PlannedFault { call: call.clone(), skip, fault, times };
    let mut cases: Vec<_> = faults.into_iter().map(|(fault, times)| vec![planned(skip, fault, times)]).collect();
    if is_transaction {
        // The first transaction is applied, but its response is lost. The retry after the conflict uses a different
        // idempotency token, so DynamoDB does not recognize it as a repeat.
        cases.push(vec![planned(skip, Fault::ResponseLost, 1), planned(skip + 1, Fault::TransactionConflict, 1)]);
    }
    cases
}

/// Runs one case and checks the invariants.
async fn run_case(stack: &mut LambdaStack, workflow: Workflow, name: &str, faults: Vec<PlannedFault>) {
    let prepared = workflow.prepare(stack, name).await;
    stack.injector.inject(faults);
    let first = workflow.run(stack, name, prepared).await;
    stack.settle().await;
    stack.injector.clear();
    let accepted = first.filter(|response| {
        if !response.status.is_success() {
            response.expect_error(503, "unavailable");
            assert!(response.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0));
        }
        response.status.is_success()
    });
    if let Some(accepted) = &accepted {
        accepted.expect(workflow.expected_status());
        if workflow.build_succeeds() {
            stack.expect_ready(&accepted.body).await;
        }
    }

    let again = stack.upload(&archive(name)).await.expect("no fault is left");
    match accepted {
        Some(accepted) => {
            again.expect(StatusCode::OK);
            assert_eq!(again.text("id"), accepted.text("id"));
        }
        None => assert!(again.status.is_success(), "{}", again.body),
    }
    stack.settle().await;
    stack.expect_ready(&again.body).await;
    assert_eq!(stack.dead_letters().await, 0);
}

/// Runs one case of a workflow that deletes a pack, and checks the invariants. [`LambdaStack::invoke`] checks that the
/// pack's image cannot be pulled after its record is gone.
async fn run_deletion(stack: &mut LambdaStack, workflow: Workflow, name: &str, faults: Vec<PlannedFault>) {
    let uploaded = workflow.prepare(stack, name).await.expect("the pack was uploaded");
    let id = uploaded.text("id").to_owned();
    stack.injector.inject(faults);
    let first = workflow.run(stack, name, Some(uploaded)).await;
    stack.settle().await;
    stack.injector.clear();
    if let Some(response) = first.filter(|response| !response.status.is_success()) {
        match response.status.as_u16() {
            502 => response.expect_error(502, "registry_cleanup_failed"),
            _ => response.expect_error(503, "unavailable"),
        };
        assert!(response.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0));
    }

    // If the first request began the deletion, the pack is gone. Otherwise, this request begins the deletion.
    let again = stack.request(delete(&id)).await.expect("no fault is left");
    assert!([404, 502].contains(&again.status.as_u16()), "{}", again.body);
    stack.settle().await;
    let last = stack.request(delete(&id)).await.expect("no fault is left");
    last.expect_error(404, "pack_not_found");

    let uploaded = stack.upload(&archive(name)).await.expect("no fault is left");
    uploaded.expect(StatusCode::CREATED);
    stack.settle().await;
    stack.expect_ready(&uploaded.body).await;
    assert_eq!(stack.dead_letters().await, 0);
}

/// Runs one case of a workflow that changes the visibility. Repeating the request must succeed, whether or not the
/// first one took effect.
async fn run_change(stack: &mut LambdaStack, workflow: Workflow, name: &str, faults: Vec<PlannedFault>) {
    let uploaded = workflow.prepare(stack, name).await.expect("the pack was uploaded");
    let id = uploaded.text("id").to_owned();
    stack.injector.inject(faults);
    let first = workflow.run(stack, name, Some(uploaded)).await;
    stack.injector.clear();
    if let Some(response) = first.filter(|response| response.status != StatusCode::OK) {
        response.expect_error(503, "unavailable");
        assert!(response.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0));
    }

    let again = stack.request(update(&id)).await.expect("no fault is left");
    again.expect(StatusCode::OK);
    assert_eq!([again.text("visibility"), again.text("build_status")], ["community", "ready"]);
}

/// Runs one case of [`Workflow::BeginUpload`]. [`LambdaStack::invoke`] checks that the begun upload is counted if and
/// only if it was stored.
async fn run_beginning(stack: &mut LambdaStack, workflow: Workflow, name: &str, faults: Vec<PlannedFault>) {
    stack.injector.inject(faults);
    let first = workflow.run(stack, name, None).await;
    stack.injector.clear();
    if let Some(response) = first.filter(|response| response.status != StatusCode::CREATED) {
        response.expect_error(503, "unavailable");
        assert!(response.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0));
    }
    let again = workflow.run(stack, name, None).await.expect("no fault is left");
    again.expect(StatusCode::CREATED);
}

/// Runs one case of [`Workflow::RemoveUpload`]. If a fault interrupts the removal, the next sweep must complete it.
async fn run_removal(stack: &mut LambdaStack, workflow: Workflow, name: &str, faults: Vec<PlannedFault>) {
    let begun = workflow.prepare(stack, name).await.expect("the upload has begun");
    let upload_id = begun.text("upload_id");
    stack.injector.inject(faults);
    workflow.run(stack, name, None).await;
    stack.injector.clear();
    stack.sweep().await;
    assert!(!stack.table.is_begun(ACME.parse().unwrap(), upload_id.parse().unwrap()).await.unwrap());
    let (s3, bucket) = (&stack.embedded.clients.s3, &stack.embedded.options.staging_bucket);
    let key = format!("uploads/{ACME}/{upload_id}.tar.gz");
    assert!(s3.head_object().bucket(bucket).key(key).send().await.is_err(), "the archive is deleted");
}

async fn matrix(workflow: Workflow) {
    let cases: Vec<_> = calls_of(workflow).await.into_iter().flat_map(cases_for).enumerate().collect();
    assert!(!cases.is_empty());
    let runs = (0..CONCURRENT_STACKS).map(|first| {
        let cases = cases.iter().skip(first).step_by(CONCURRENT_STACKS);
        async move {
            let mut stack = workflow.start_stack().await;
            for (index, faults) in cases {
                let names: Vec<_> = faults.iter().map(PlannedFault::to_string).collect();
                println!("{workflow:?} {index}: {}", names.join(", then "));
                let name = format!("case-{index}");
                let faults = faults.clone();
                match workflow {
                    Workflow::SetVisibility => run_change(&mut stack, workflow, &name, faults).await,
                    Workflow::DeletePack | Workflow::ResendLostPurge => {
                        run_deletion(&mut stack, workflow, &name, faults).await;
                    }
                    Workflow::BeginUpload => run_beginning(&mut stack, workflow, &name, faults).await,
                    Workflow::RemoveUpload => run_removal(&mut stack, workflow, &name, faults).await,
                    _ => run_case(&mut stack, workflow, &name, faults).await,
                }
            }
            stack.check_tags().await;
        }
    });
    join_all(runs).await;
    // The test harness hides what a passing test prints, so write to standard error directly.
    let mut stderr = io::stderr().lock();
    writeln!(stderr, "fault matrix for {workflow:?}: {} cases", cases.len()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_survives_every_fault() {
    matrix(Workflow::Upload).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_after_a_failed_build_survives_every_fault() {
    matrix(Workflow::RetryFailedBuild).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replacing_a_failed_pack_survives_every_fault() {
    matrix(Workflow::ReplaceFailedPack).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn submitting_an_archive_in_s3_survives_every_fault() {
    matrix(Workflow::SubmitSentArchive).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn building_an_expired_archive_survives_every_fault() {
    matrix(Workflow::BuildExpiredArchive).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resending_a_lost_job_survives_every_fault() {
    matrix(Workflow::ResendLostJob).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failing_a_build_after_its_last_try_survives_every_fault() {
    matrix(Workflow::FailAfterLastTry).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn setting_the_visibility_survives_every_fault() {
    matrix(Workflow::SetVisibility).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_survives_every_fault() {
    matrix(Workflow::DeletePack).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resending_a_lost_purge_survives_every_fault() {
    matrix(Workflow::ResendLostPurge).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beginning_an_upload_survives_every_fault() {
    matrix(Workflow::BeginUpload).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn removing_an_upload_that_was_not_submitted_survives_every_fault() {
    matrix(Workflow::RemoveUpload).await;
}
