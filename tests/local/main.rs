//! The `local` binary, as a person and a script meet it.

mod issuer;
mod process;
mod replaced;
mod restart;
mod session;

use std::{
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use self::process::Local;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// The record, once its build is settled, or as it is when the time is over.
async fn settled(local: &Local, id: &str, within: Duration) -> Value {
    let started = Instant::now();
    loop {
        let (status, record) = local.get(&format!("/v1/packs/{id}")).await;
        assert_eq!(status, 200, "{record}");
        if record["build_status"] != "queued" || started.elapsed() > within {
            return record;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A pack as an archive, made by GNU tar.
fn archive(name: &str) -> Vec<u8> {
    let folder = folder();
    let manifest = format!("name: {name}\nversion: 1.0.0\ndescription: Made by a test\n");
    std::fs::write(folder.path().join("pack.yaml"), manifest).expect("written");
    let tar = Command::new("tar").args(["-czf", "-", "-C"]).arg(folder.path()).arg(".").output().expect("GNU tar");
    assert!(tar.status.success());
    tar.stdout
}

/// Runs a tool; a missing one skips what follows, or fails the test where `REQUIRE_TOOLS` is set.
fn tool(program: &str, arguments: &[&str]) -> Option<String> {
    match Command::new(program).args(arguments).output() {
        Ok(output) => {
            assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
            Some(String::from_utf8(output.stdout).expect("UTF-8"))
        }
        Err(error) if std::env::var_os("REQUIRE_TOOLS").is_none() => {
            println!("skipped, since {program} is not there: {error}");
            None
        }
        Err(error) => panic!("{program} is required: {error}"),
    }
}
