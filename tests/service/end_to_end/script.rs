//! The client script in README.md.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

use crate::support::{Local, manifest, scratch, tool};

/// Writes the script from README.md to an executable file.
fn write_script(path: &Path) {
    let readme = include_str!("../../../README.md");
    let (_, script) = readme.split_once("```sh\n#!/bin/sh\n# upload-pack ").expect("README.md has the script");
    let (script, _) = script.split_once("```\n").expect("the script ends");
    fs::write(path, format!("#!/bin/sh\n# upload-pack {script}")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn the_script_uploads_small_and_large_packs_and_waits_for_their_builds() {
    let Some(_) = tool("curl") else { return };
    let local = Local::start().await;
    let (_guard, directory) = scratch();
    let script = directory.join("upload-pack");
    write_script(&script);
    let pack = directory.join("pack");
    fs::create_dir_all(pack.join("data")).unwrap();
    let upload = |arguments: &[&str]| -> Output {
        let mut command = Command::new(&script);
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
    assert_eq!(expect_ready(&upload(&["community"])), small);

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
