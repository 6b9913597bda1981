//! Sessions that `local` issues, and what is told of their doings.

use std::{path::Path, process::Output};

use reqwest::StatusCode;

use crate::support::{Answer, Archive, Local, form, scratch};

/// Runs `local session`.
fn session(data: &Path, arguments: &[&str]) -> Output {
    Local::command(data).arg("session").args(arguments).output().unwrap()
}

/// A session token.
#[track_caller]
fn token(data: &Path, arguments: &[&str]) -> String {
    let output = session(data, arguments);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The upload of a pack with this session.
async fn upload(local: &Local, token: &str) -> Answer {
    let request = local.request("POST", "/v1/packs/upload").bearer_auth(token);
    Answer::read(request.multipart(form(Archive::pack_named("by-session", "1.0.0").tar_gz())).send().await.unwrap())
        .await
}

#[tokio::test]
async fn a_session_is_what_a_key_is_and_outlives_a_restart() {
    let local = Local::start().await;
    let acme = token(local.data(), &["acme"]);
    let created = upload(&local, &acme).await;
    created.expect(StatusCode::CREATED);
    assert_eq!(created.text("org_id"), "org_01JACME0000000000000000000");
    let by_key = local.upload(Archive::pack_named("by-session", "1.0.0").tar_gz()).await;
    assert_eq!(by_key.text("id"), created.text("id"));

    for (arguments, status) in [
        (&["acme", "--permissions", "workspace:read,tasks:write"][..], 403),
        (&["globex", "--permissions", "caps:write"], 201),
        (&["pastdue"], 423),
        (&["expired"], 423),
    ] {
        let answer = upload(&local, &token(local.data(), arguments)).await;
        assert_eq!(answer.status, status, "{arguments:?}: {}", answer.body);
    }

    let issuer = local.said("/issuer").to_owned();
    let local = Local::start_in(local.kill(), &[]).await;
    assert_eq!(local.said("/issuer"), issuer);
    let again = upload(&local, &acme).await;
    again.expect(StatusCode::OK);
    assert_eq!(again.text("id"), created.text("id"));
}

#[tokio::test]
async fn another_local_run_does_not_accept_it() {
    let (mine, theirs) = (Local::start().await, Local::start().await);
    upload(&mine, &token(theirs.data(), &["acme"])).await.expect_error(401, "unauthenticated");
}

#[test]
fn what_cannot_be_minted_is_told() {
    let (_guard, data) = scratch();
    for (arguments, words) in [
        (&["acme"][..], "issuer.json, which a local run makes when it starts"),
        (&["nobody"], "[possible values: acme, globex, pastdue, expired]"),
        (&["acme", "--permissions", "caps:delete"], "not a scope"),
    ] {
        let output = session(&data, arguments);
        assert!(!output.status.success() && output.stdout.is_empty());
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains(words), "{told}");
    }
}

/// The level that is set for logs leaves the audit trail alone.
#[tokio::test]
async fn the_audit_trail_is_written_at_every_level() {
    let local = Local::start_with(&[("LOG_LEVEL", "error")]).await;
    let created = local.upload(Archive::pack_named("told-of", "1.0.0").tar_gz()).await;
    created.expect(StatusCode::CREATED);
    local.upload_as("pastdue", "", Vec::new()).await.expect_error(423, "billing_inactive");
    let log = local.log();
    let lines: Vec<_> = log.lines().collect();
    let [accepted, refused] = lines[..] else { panic!("{log}") };
    assert!(accepted.contains("pack.upload") && accepted.contains(created.text("image_digest")), "{log}");
    assert!(refused.contains("request.refuse") && refused.contains("billing_inactive"), "{log}");
}
