use std::{fs::File, path::Path, process::Output};

use crate::{
    archive, folder,
    process::{Local, command},
};

/// Runs `local session`.
fn session(folder: &Path, arguments: &[&str]) -> Output {
    command(folder).arg("session").args(arguments).output().expect("it runs")
}

/// A session token.
#[track_caller]
fn token(folder: &Path, arguments: &[&str]) -> String {
    let output = session(folder, arguments);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_what_a_key_is_and_outlives_a_restart() {
    let folder = folder();
    let local = Local::start(folder.path(), &[]);
    let acme = token(folder.path(), &["acme"]);
    let (status, record) = local.upload_with(&acme, archive("by-session")).await;
    assert_eq!((status, record["org_id"].as_str()), (201, Some("org_01JACME0000000000000000000")), "{record}");
    assert_eq!(local.upload("acme", archive("by-session")).await.1["id"], record["id"]);

    for (arguments, expected) in [
        (&["acme", "--permissions", "workspace:read,tasks:write"][..], 403),
        (&["globex", "--permissions", "caps:write"], 400),
        (&["pastdue"], 423),
        (&["expired"], 423),
    ] {
        let (status, body) = local.upload_with(&token(folder.path(), arguments), Vec::new()).await;
        assert_eq!(status, expected, "{arguments:?}: {body}");
    }

    let issuer = local.document["issuer"].clone();
    assert!(issuer.as_str().is_some_and(|url| url.starts_with("http://127.0.0.1:")), "{issuer}");
    local.kill();
    let local = Local::start(folder.path(), &[]);
    assert_eq!(local.document["issuer"], issuer);
    let (status, again) = local.upload_with(&acme, archive("by-session")).await;
    assert_eq!((status, &again["id"]), (200, &record["id"]), "{again}");
}

#[tokio::test]
async fn another_local_run_does_not_accept_it() {
    let (mine, theirs) = (folder(), folder());
    let local = Local::start(mine.path(), &[]);
    drop(Local::start(theirs.path(), &[]));
    assert_eq!(local.upload_with(&token(theirs.path(), &["acme"]), Vec::new()).await.0, 401);
}

#[test]
fn what_cannot_be_minted_is_told() {
    let folder = folder();
    for (arguments, words) in [
        (&["acme"][..], "issuer.json, which a local run makes when it starts"),
        (&["nobody"], "[possible values: acme, globex, pastdue, expired]"),
        (&["acme", "--permissions", "caps:delete"], "not a scope"),
    ] {
        let output = command(folder.path())
            .arg("session")
            .args(arguments)
            .stderr(std::process::Stdio::piped())
            .output()
            .expect("it runs");
        assert!(!output.status.success() && output.stdout.is_empty());
        let told = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(told.contains(words), "{told}");
    }
}

/// The level that is set for logs leaves the audit trail alone.
#[tokio::test]
async fn the_audit_trail_is_written_at_every_level() {
    let folder = folder();
    let log = folder.path().join("log");
    let mut command = command(folder.path());
    command.env_remove("RUST_LOG").env_remove("AWS_LAMBDA_LOG_LEVEL").env("LOG_LEVEL", "error");
    let local = Local::spawn(folder.path(), command.stderr(File::create(&log).expect("a file")));
    let (status, record) = local.upload("acme", archive("told-of")).await;
    assert_eq!(status, 201, "{record}");
    assert_eq!(local.upload("pastdue", Vec::new()).await.0, 423);
    let log = std::fs::read_to_string(log).expect("a log");
    let lines: Vec<_> = log.lines().collect();
    let [accepted, refused] = lines[..] else { panic!("{log}") };
    assert!(accepted.contains("pack.upload") && accepted.contains(record["image_digest"].as_str().unwrap()), "{log}");
    assert!(refused.contains("request.refuse") && refused.contains("billing_inactive"), "{log}");
}
