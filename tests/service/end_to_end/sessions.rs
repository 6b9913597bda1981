//! Tests for the session tokens that `local session` prints, and for the audit lines that `local` logs.

use std::{path::Path, process::Output};

use reqwest::StatusCode;

use crate::support::{ApiResponse, Archive, Local, form, scratch};

fn session(data: &Path, arguments: &[&str]) -> Output {
    Local::command(data).arg("session").args(arguments).output().unwrap()
}

/// Returns the token that `local session` prints.
#[track_caller]
fn token(data: &Path, arguments: &[&str]) -> String {
    let output = session(data, arguments);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

async fn upload(local: &Local, token: &str) -> ApiResponse {
    let request = local.request("POST", "/v1/packs/upload").bearer_auth(token);
    ApiResponse::send(request.multipart(form(Archive::pack_named("by-session", "1.0.0").tar_gz()))).await
}

#[tokio::test]
async fn a_session_works_like_a_key_and_survives_a_restart() {
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
        (&["acme", "--audience", "https://your-org.example"], 200),
        (&["pastdue"], 423),
        (&["expired"], 423),
    ] {
        let response = upload(&local, &token(local.data(), arguments)).await;
        assert_eq!(response.status, status, "{arguments:?}: {}", response.body);
    }

    let issuer = local.setting("/issuer").to_owned();
    let local = Local::start_in(local.kill(), &[]).await;
    assert_eq!(local.setting("/issuer"), issuer);
    let again = upload(&local, &acme).await;
    again.expect(StatusCode::OK);
    assert_eq!(again.text("id"), created.text("id"));
}

#[tokio::test]
async fn a_session_from_another_local_run_is_rejected() {
    let (local, other) = (Local::start().await, Local::start().await);
    upload(&local, &token(other.data(), &["acme"])).await.expect_error(401, "unauthenticated");
}

#[test]
fn local_session_explains_invalid_arguments() {
    let (_guard, data) = scratch();
    for (arguments, words) in [
        (&["acme"][..], "issuer.json, which a local run with this data directory creates"),
        (&["nobody"], "[possible values: acme, globex, pastdue, expired]"),
        (
            &["acme", "--permissions", "caps:delete"],
            "not a permission; use caps:write, workspace:read, workspace:write, tasks:write or audit:read",
        ),
    ] {
        let output = session(&data, arguments);
        assert!(!output.status.success() && output.stdout.is_empty());
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(words), "{stderr}");
    }
}

#[tokio::test]
async fn audit_lines_are_logged_at_every_log_level() {
    // Empty variables count as not set.
    let variables = [("RUST_LOG", ""), ("AWS_LAMBDA_LOG_LEVEL", ""), ("LOG_LEVEL", "error")];
    let local = Local::start_with(&variables).await;
    let created = local.upload(Archive::pack_named("audited", "1.0.0").tar_gz()).await;
    created.expect(StatusCode::CREATED);
    local.upload_as("pastdue", "", Vec::new()).await.expect_error(423, "billing_inactive");
    let log = local.log();
    let lines: Vec<_> = log.lines().collect();
    let [accepted, rejected] = lines[..] else { panic!("{log}") };
    assert!(accepted.contains("pack.upload") && accepted.contains(created.text("image_digest")), "{log}");
    assert!(rejected.contains("request.reject") && rejected.contains("billing_inactive"), "{log}");
}
