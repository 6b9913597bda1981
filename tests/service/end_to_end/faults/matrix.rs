use std::{
    collections::BTreeMap,
    io::{self, Write as _},
};

use futures_util::future::join_all;
use reqwest::StatusCode;

use super::{
    scenario::{Scenario, archive},
    script::{Call, Fault, Role, Service, Trap},
    system::System,
};

/// How many cases are under way at a time, each lane in a system of its own: most of their time is waiting.
const LANES: usize = 4;

/// What oci-client asks before every call, and always answers to itself with the same: where to log in.
const PING: &str = "GET base";

/// The calls that a scenario makes when nothing fails, each with how many of its kind came before it; of the pings only
/// the first, since one that fails is as good as the failing of the call that it goes before.
async fn path(scenario: Scenario) -> Vec<(Call, u32)> {
    let mut system = scenario.system().await;
    let before = scenario.prepare(&mut system, "path").await;
    system.script.take_seen();
    scenario.act(&mut system, "path", before).await;
    system.settle().await;
    let mut kinds: BTreeMap<Call, u32> = BTreeMap::new();
    let numbered = system.script.take_seen().into_iter().map(|call| {
        let count = kinds.entry(call.clone()).or_default();
        *count += 1;
        (call, *count - 1)
    });
    numbered
        .filter(|(call, _)| scenario.roles().contains(&call.caller))
        .filter(|(call, count)| call.operation != PING || *count == 0)
        .collect()
}

/// Everything that can befall a call, once and for longer than its caller tries: a case each.
fn cases((call, skip): (Call, u32)) -> Vec<Vec<Trap>> {
    // The SDK tries three times. Calls to the registry are tried again only with the whole job, of which the queue
    // delivers five in all.
    let lasting = if call.service == Service::Registry { 2 } else { 5 };
    let mut faults = vec![(Fault::Stalls, 1), (Fault::KilledBefore, 1), (Fault::KilledAfter, 1)];
    for fault in [Fault::Fails, Fault::AnswerLost, Fault::Throttles, Fault::InternalError] {
        faults.extend([(fault, 1), (fault, lasting)]);
    }
    if call.caller == Role::Api {
        faults.push((Fault::Stalls, lasting));
    }
    if call.operation == "GET object" {
        faults.extend([(Fault::CutOff, 1), (Fault::CutOff, 2)]);
    }
    let is_transaction = call.operation == "TransactWriteItems";
    if is_transaction {
        // The service itself tries six times.
        faults.extend([(Fault::TransactionConflict, 1), (Fault::TransactionConflict, 6)]);
    }
    let trap = |skip, fault, times| Trap { call: call.clone(), skip, fault, times };
    let mut cases: Vec<_> = faults.into_iter().map(|(fault, times)| vec![trap(skip, fault, times)]).collect();
    if is_transaction {
        // It was done, and the service, which cannot know, does it once more with another idempotency token.
        cases.push(vec![trap(skip, Fault::AnswerLost, 1), trap(skip + 1, Fault::TransactionConflict, 1)]);
    }
    cases
}

/// One case, and all that must hold afterwards.
async fn endure(system: &mut System, scenario: Scenario, name: &str, traps: Vec<Trap>) {
    let before = scenario.prepare(system, name).await;
    system.script.set(traps);
    let first = scenario.act(system, name, before).await;
    system.settle().await;
    system.script.clear();
    let accepted = first.filter(|answer| {
        if !answer.status.is_success() {
            answer.expect_error(503, "unavailable");
            assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0));
        }
        answer.status.is_success()
    });
    if let Some(accepted) = &accepted {
        accepted.expect(scenario.status());
        if scenario.ends_well() {
            system.expect_good(&accepted.body).await;
        }
    }

    let again = system.upload(&archive(name)).await.expect("nothing is killed any more");
    match accepted {
        Some(accepted) => {
            again.expect(StatusCode::OK);
            assert_eq!(again.text("id"), accepted.text("id"));
        }
        None => assert!(again.status.is_success(), "{}", again.body),
    }
    system.settle().await;
    system.expect_good(&again.body).await;
    assert_eq!(system.dead_letters().await, 0);
}

async fn matrix(scenario: Scenario) {
    let cases: Vec<_> = path(scenario).await.into_iter().flat_map(cases).enumerate().collect();
    assert!(!cases.is_empty());
    let lanes = (0..LANES).map(|lane| {
        let cases = cases.iter().skip(lane).step_by(LANES);
        async move {
            let mut system = scenario.system().await;
            for (index, traps) in cases {
                let faults: Vec<_> = traps.iter().map(Trap::to_string).collect();
                println!("{scenario:?} {index}: {}", faults.join(", then "));
                endure(&mut system, scenario, &format!("case-{index}"), traps.clone()).await;
            }
        }
    });
    join_all(lanes).await;
    // Past the test harness, which keeps what a passing test prints to itself.
    let mut terminal = io::stderr().lock();
    writeln!(terminal, "fault matrix of {scenario:?}: {} cases", cases.len()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upload() {
    matrix(Scenario::Upload).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upload_again() {
    matrix(Scenario::UploadAgain).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upload_instead() {
    matrix(Scenario::UploadInstead).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sent() {
    matrix(Scenario::Sent).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expired() {
    matrix(Scenario::Expired).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost() {
    matrix(Scenario::Lost).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed() {
    matrix(Scenario::GivenUp).await;
}
