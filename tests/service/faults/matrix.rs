use std::collections::BTreeMap;

use super::{
    proxy::{Call, Fault, Service, Trap},
    system::System,
};

/// More than the SDK's attempts, so that a fault outlasts its retries.
const LASTING: u32 = 5;

/// Calls that the service makes whether or not there is an upload: they are not on any upload's path.
const BACKGROUND: [&str; 3] = ["ReceiveMessage", "Query", "Head"];

/// Each call of one upload and its build, and which one of its kind it is.
async fn path_of_an_upload(system: &mut System) -> Vec<(Call, u32)> {
    system.script.take_seen();
    let answer = system.upload("path").await.unwrap();
    answer.expect(reqwest::StatusCode::CREATED);
    system.settle().await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let mut kinds: BTreeMap<Call, u32> = BTreeMap::new();
    let mut path = Vec::new();
    for call in system.script.take_seen() {
        if BACKGROUND.contains(&call.operation.as_str()) {
            continue;
        }
        let nth = kinds.entry(call.clone()).or_default();
        path.push((call, *nth));
        *nth += 1;
    }
    path
}

/// The faults that this call can have, each once and lasting.
fn faults(call: &Call) -> Vec<(Fault, u32)> {
    let mut faults = Vec::new();
    for fault in [Fault::Fails, Fault::AnswerLost, Fault::Throttles, Fault::InternalError] {
        faults.extend([(fault, 1), (fault, LASTING)]);
    }
    if call.operation == "TransactWriteItems" {
        faults.extend([(Fault::TransactionConflict, 1), (Fault::TransactionConflict, LASTING * 4)]);
    }
    let around_the_commit_point = ["PutObject", "TransactWriteItems", "SendMessage"].contains(&&*call.operation);
    let around_the_push = call.service == Service::Registry || call.operation == "UpdateItem";
    if around_the_commit_point || around_the_push {
        faults.extend([(Fault::Stalls, 1), (Fault::KilledBefore, 1), (Fault::KilledAfter, 1)]);
    }
    faults
}

/// One upload with one fault, and all that must hold afterwards.
async fn endure(system: &mut System, case: usize, traps: Vec<Trap>) {
    let name = format!("case-{case}");
    let expected_hits = traps.len();
    system.script.set(traps);
    let first = system.upload(&name).await;
    system.settle().await;
    let hit = system.script.clear();
    assert_eq!(hit, expected_hits, "every trap was hit");
    let record = match first {
        Some(answer) if answer.status == 201 => answer.body,
        refused => {
            if let Some(answer) = refused {
                answer.expect_error(503, "unavailable");
                assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0));
            }
            let again = system.upload(&name).await.expect("no trap is set");
            assert!([200, 201].contains(&again.status.as_u16()), "{}", again.body);
            again.body
        }
    };
    system.settle().await;
    system.expect_good(&record).await;
}

async fn matrix_of(service: Service) {
    let mut system = System::start().await;
    let path = path_of_an_upload(&mut system).await;
    let mut case = 0;
    for (call, nth) in path.into_iter().filter(|(call, _)| call.service == service) {
        for (fault, times) in faults(&call) {
            case += 1;
            println!("{case}: {call} #{nth}: {fault:?} × {times}");
            let trap = Trap { call: call.clone(), skip: nth, fault, times };
            endure(&mut system, case, vec![trap]).await;
        }
    }
    assert!(case > 0, "the path has calls of {service:?}");
    println!("fault matrix of {service:?}: {case} cases");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3() {
    matrix_of(Service::S3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dynamodb() {
    matrix_of(Service::DynamoDb).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqs() {
    matrix_of(Service::Sqs).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registry() {
    matrix_of(Service::Registry).await;
}

/// The job is lost, so that requeue must send it again: and each of its calls fails in turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requeue() {
    let mut system = System::start().await;
    let lost = Trap {
        call: Call { service: Service::Sqs, operation: "SendMessage".to_owned() },
        skip: 0,
        fault: Fault::Fails,
        times: 3,
    };
    let mut case = 0;
    for (service, operation) in [
        (Service::DynamoDb, "Query"),
        (Service::DynamoDb, "GetItem"),
        (Service::DynamoDb, "UpdateItem"),
        (Service::Sqs, "SendMessage"),
    ] {
        for fault in [
            Fault::Fails,
            Fault::AnswerLost,
            Fault::Throttles,
            Fault::InternalError,
            Fault::KilledBefore,
            Fault::KilledAfter,
        ] {
            let call = Call { service, operation: operation.to_owned() };
            let skip = if operation == "SendMessage" { 3 } else { 0 };
            for times in [1, LASTING] {
                if times > 1 && matches!(fault, Fault::KilledBefore | Fault::KilledAfter) {
                    continue;
                }
                case += 1;
                println!("{case}: requeue: {call}: {fault:?} × {times}");
                let trap = Trap { call: call.clone(), skip, fault, times };
                endure(&mut system, case, vec![lost.clone(), trap]).await;
            }
        }
    }
    println!("fault matrix of requeue: {case} cases");
}
