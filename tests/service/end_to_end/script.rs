//! Tests of the client script `tests/scripts/upload-pack`.

use std::{
    fs,
    process::{Command, Output},
};

use serde_json::Value;

use crate::support::{Local, manifest, scratch, tool};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scripts/upload-pack");

#[tokio::test]
async fn the_script_uploads_small_and_large_packs_and_waits_for_their_builds() {
    let Some(_) = tool("curl") else { return };
    let local = Local::start().await;
    let (_guard, directory) = scratch();
    let pack = directory.join("pack");
    fs::create_dir_all(pack.join("data")).unwrap();
    let upload = |arguments: &[&str]| -> Output {
        let mut command = Command::new(SCRIPT);
        command.arg(&pack).args(arguments).env("PACKS_URL", local.url("")).env("PACKS_KEY", local.key("acme"));
        command.output().unwrap()
    };
    let expect_ready = |output: &Output| -> Value {
        assert!(output.status.success(), "{output:?}");
        let record: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(record["build_status"], "ready", "{record}");
        record
    };

    fs::write(pack.join("pack.yaml"), manifest("scripted", "1.0.0")).unwrap();
    let small = expect_ready(&upload(&["community"]));
    assert_eq!(small["visibility"], "community");
    let mut repeated = expect_ready(&upload(&["community"]));
    // The build is already ready, so the script prints the response to this upload, which has warnings.
    assert!(repeated.as_object_mut().unwrap().remove("warnings").is_some());
    assert_eq!(repeated, small);

    let mut noise = vec![0; 5_000_000];
    getrandom::fill(&mut noise).unwrap();
    fs::write(pack.join("data/noise"), noise).unwrap();
    fs::write(pack.join("pack.yaml"), manifest("scripted", "2.0.0")).unwrap();
    let output = upload(&[]);
    let large = expect_ready(&output);
    assert_eq!(large["version"], "2.0.0");
    assert!(String::from_utf8_lossy(&output.stderr).contains("100.0%"), "{output:?}");
    let through_s3 = local.log().contains("route=\"/v1/packs/uploads\"");
    assert!(through_s3, "{}", local.log());

    fs::write(pack.join("pack.yaml"), manifest("Scripted", "3.0.0")).unwrap();
    let output = upload(&[]);
    assert!(!output.status.success());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("did you mean `scripted`?"), "{stderr}");
}
