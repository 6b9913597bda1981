//! Tests for the effects of `admin pack quarantine`, `restore` and `delete` on the pack's owner and on other orgs.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::lifecycle::{build, expect_image, start_with_each_registry};
use crate::support::{Archive, Local};

const REASON: &str = "its script uploads the workspace to another host";

/// Runs `admin pack <command> <id>`, and asserts that it succeeds and prints an audit line.
#[track_caller]
fn admin(local: &Local, command: &str, id: &str, more: &[&str]) {
    let output = local.admin(&[&["pack", command, id], more].concat());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}");
    let line: Value = text.lines().find_map(|line| serde_json::from_str(line).ok()).unwrap();
    assert_eq!(
        [&line["target"], &line["event_type"], &line["actor"], &line["pack_id"]],
        ["audit", &format!("pack.{command}"), "local", id]
    );
}

fn tools(behavior: &str) -> Vec<u8> {
    Archive::pack_named("tools", "1.0.0").file("behavior.md", behavior).tar_gz()
}

/// Asserts that uploads of the same content and of different content are rejected with these details.
async fn expect_no_upload(local: &Local, details: Value) {
    for behavior in ["hello", "other"] {
        for query in ["", "?dry_run=true"] {
            let response = local.upload_as("acme", query, tools(behavior)).await;
            assert_eq!(response.expect_error(409, "pack_quarantined")["details"], details);
        }
    }
}

#[tokio::test]
async fn an_operator_quarantines_restores_and_deletes_a_pack() {
    for (local, _registry) in start_with_each_registry().await {
        let pack = build(&local, tools("hello")).await;
        let (id, path) = (pack.text("id"), format!("/v1/packs/{}", pack.text("id")));
        local.set_visibility("acme", id, "community").await.expect(StatusCode::OK);
        local.get("globex", &path).await.expect(StatusCode::OK);

        admin(&local, "quarantine", id, &["--reason", REASON]);
        expect_image(&local, &pack.body, false).await;
        local.get("globex", &path).await.expect_error(404, "pack_not_found");
        assert_eq!(local.get("globex", "/v1/packs").await.body["packs"], json!([]));
        let mut own = vec![local.get("acme", &path).await.body];
        for list in ["/v1/packs", "/v1/packs?name=tools", "/v1/packs?name=tools&version=1.0.0"] {
            own.push(local.get("acme", list).await.body["packs"][0].clone());
        }
        for record in own {
            assert_eq!([&record["build_status"], &record["quarantine_reason"]], ["quarantined", REASON]);
        }
        let details = json!({"pack_id": id, "quarantine_reason": REASON});
        expect_no_upload(&local, details.clone()).await;
        for response in [local.set_visibility("acme", id, "org").await, local.delete("acme", id).await] {
            assert_eq!(response.expect_error(409, "pack_quarantined")["details"], details);
        }
        local.delete("globex", id).await.expect_error(404, "pack_not_found");

        admin(&local, "restore", id, &[]);
        assert_eq!(local.wait_for_build("acme", id).await["build_status"], "ready");
        expect_image(&local, &pack.body, true).await;
        local.get("globex", &path).await.expect(StatusCode::OK);

        admin(&local, "quarantine", id, &["--reason", REASON]);
        admin(&local, "delete", id, &[]);
        local.get("acme", &path).await.expect_error(404, "pack_not_found");
        expect_image(&local, &pack.body, false).await;
        expect_no_upload(&local, json!({"quarantine_reason": REASON})).await;
    }
}
