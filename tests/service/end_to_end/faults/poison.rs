use reqwest::StatusCode;
use serde_json::json;

use super::{
    scenario::archive,
    script::{Call, Fault, Role, Service, Trap},
    system::System,
};
use crate::support::event;

/// The receives and the sends after which a job is given up.
const RECEIVES: u64 = 5;
const SENDS: u64 = 5;

#[tokio::test]
async fn a_job_that_crashes_its_builder_ends_and_its_pack_can_be_uploaded_again() {
    let mut system = System::start(&[]).await;
    let created = system.upload(&archive("poison")).await.unwrap();
    created.expect(StatusCode::CREATED);
    let call = Call { caller: Role::Builder, service: Service::S3, operation: "GET object".to_owned() };
    system.script.set([Trap { call, skip: 0, fault: Fault::KilledAfter, times: u32::MAX }]);

    for sent in 1..=SENDS {
        for _ in 0..RECEIVES {
            assert_eq!(system.dead_letters().await, sent - 1);
            assert!(system.deliver().await);
        }
        assert!(!system.deliver().await, "it is no longer delivered");
        assert_eq!(system.dead_letters().await, sent);
        assert_eq!(read(&mut system, created.text("id")).await["build_status"], "queued");
        system.sweep().await;
    }
    assert!(!system.deliver().await, "it is no longer sent");
    let failed = read(&mut system, created.text("id")).await;
    assert_eq!(failed["build_status"], "failed");
    assert_eq!(failed["build_error"], "the image could not be built in 5 attempts; upload the same archive again");

    system.script.clear();
    let again = system.upload(&archive("poison")).await.unwrap();
    again.expect(StatusCode::OK);
    assert_eq!((again.text("id"), again.text("build_status")), (created.text("id"), "queued"));
    system.settle().await;
    system.expect_good(&created.body).await;
    assert_eq!(system.dead_letters().await, SENDS, "for an operator to look at");
}

async fn read(system: &mut System, id: &str) -> serde_json::Value {
    let mut get = event("get");
    get["rawPath"] = json!(format!("/v1/packs/{id}"));
    let answer = system.request(get).await.unwrap();
    answer.expect(StatusCode::OK);
    answer.body
}
