//! Tests for uploads whose archive is sent to S3: the client begins an upload, sends the archive, and submits the
//! upload.

use pack_upload::records::UploadId;
use reqwest::{StatusCode, multipart};
use serde_json::json;

use crate::support::{ApiResponse, Archive, BackendState, Local, form, put_archive};

/// Returns an archive that exceeds the limit for an archive in a request, but not Lambda's limit for an event.
fn large(name: &str) -> Vec<u8> {
    let mut noise = vec![0; 4_600_000];
    getrandom::fill(&mut noise).unwrap();
    let archive = Archive::pack_named(name, "1.0.0").file("data/noise", noise).tar_gz();
    assert!(archive.len() > 4_500_000, "{}", archive.len());
    archive
}

/// Returns the problems in the field `upload_id`. Panics if any other field has problems.
#[track_caller]
fn problems(response: &ApiResponse) -> &serde_json::Value {
    let fields = &response.expect_error(400, "validation_error")["details"]["fields"];
    assert_eq!(fields.as_object().unwrap().keys().collect::<Vec<_>>(), ["upload_id"]);
    &fields["upload_id"]
}

const UNKNOWN: &str =
    "is not an upload of this org, or the upload has expired; begin a new one with `POST /v1/packs/uploads`";
const NOT_SENT: &str = "has no archive yet; send it to the URL returned with this id";

#[tokio::test]
async fn a_pack_too_large_for_a_request_is_uploaded_through_s3() {
    let local = Local::start().await;
    let archive = large("large");
    let rejected = local.upload(archive.clone()).await;
    let error = rejected.expect_error(413, "payload_too_large");
    let larger = json!({"request": "POST /v1/packs/uploads", "value": 268_435_456});
    assert_eq!(error["details"]["larger"], larger);
    assert!(error["message"].as_str().unwrap().ends_with("; `POST /v1/packs/uploads` allows up to 268435456"));

    let before = BackendState::from_local(&local).await;
    let upload_id = local.send_archive("acme", archive).await;
    let checked = local.submit_as("acme", "?dry_run=true", &upload_id).await;
    checked.expect(StatusCode::OK);
    assert_eq!(BackendState::from_local(&local).await, before);

    let created = local.submit_as("acme", "", &upload_id).await;
    created.expect(StatusCode::CREATED);
    assert_eq!(created.text("image_digest"), checked.text("image_digest"));
    let built = local.wait_for_build("acme", created.text("id")).await;
    assert_eq!(built["build_status"], "ready");
    assert!(BackendState::from_local(&local).await.repositories.contains("acme/large"));

    let again = local.submit_as("acme", "", &upload_id).await;
    again.expect(StatusCode::OK);
    assert_eq!(again.body, built);
    let community = multipart::Form::new().text("upload_id", upload_id).text("visibility", "community");
    local.send_form("acme", "", community).await.expect_error(409, "version_exists");
}

#[tokio::test]
async fn uploading_the_same_archive_through_s3_returns_the_same_pack() {
    let local = Local::start().await;
    let archive = Archive::pack_named("either", "1.0.0").file("guides/a.md", "a").tar_gz();
    let direct = local.upload(archive.clone()).await;
    direct.expect(StatusCode::CREATED);
    let upload_id = local.send_archive("acme", archive).await;
    let sent = local.submit_as("acme", "", &upload_id).await;
    sent.expect(StatusCode::OK);
    assert_eq!((sent.text("id"), sent.text("image_digest")), (direct.text("id"), direct.text("image_digest")));
}

#[tokio::test]
async fn an_upload_id_is_accepted_only_from_its_org_and_only_after_the_archive_is_sent() {
    let local = Local::start().await;
    let archive = || Archive::pack_named("mine", "1.0.0").tar_gz();
    let before = BackendState::from_local(&local).await;
    let sent = local.send_archive("acme", archive()).await;
    let begun = local.begin_upload("acme", &archive()).await;
    // An id of `acme` that expired in 2025.
    let acme = "org_01JACME0000000000000000000".parse().unwrap();
    let expired = UploadId::generate(acme, "2025-01-01T00:00:00Z".parse().unwrap()).to_string();
    for id in [sent.as_str(), &expired, "upload_", "", "pack_01M857NA6Y6E1XYQ05DEPKJKQN"] {
        assert_eq!(problems(&local.submit_as("globex", "", id).await), &json!([UNKNOWN]), "{id}");
    }
    assert_eq!(problems(&local.submit_as("acme", "", &expired).await), &json!([UNKNOWN]));
    let not_sent = begun.text("upload_id");
    for query in ["", "?dry_run=true"] {
        assert_eq!(problems(&local.submit_as("acme", query, not_sent).await), &json!([NOT_SENT]));
    }

    let both = form(archive()).text("upload_id", sent.clone());
    let problem = json!(["is not allowed together with `archive`; send only one"]);
    assert_eq!(problems(&local.send_form("acme", "", both).await), &problem);
    let twice = multipart::Form::new().text("upload_id", sent.clone()).text("upload_id", sent.clone());
    assert_eq!(
        problems(&local.send_form("acme", "", twice).await),
        &json!(["appears more than once; send it only once"])
    );
    let several = multipart::Form::new().text("upload_id", not_sent.to_owned()).text("visibility", "all");
    let response = local.send_form("acme", "", several).await;
    let fields = &response.expect_error(400, "validation_error")["details"]["fields"];
    assert_eq!(fields.as_object().unwrap().keys().collect::<Vec<_>>(), ["upload_id", "visibility"]);
    assert_eq!(BackendState::from_local(&local).await, before);

    local.submit_as("acme", "", &sent).await.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn s3_accepts_only_the_announced_archive() {
    let local = Local::start().await;
    let archive = Archive::pack_named("announced", "1.0.0").tar_gz();
    let begun = local.begin_upload("acme", &archive).await;
    let mut other = archive.clone();
    other[20] ^= 1;
    assert_eq!(put_archive(&begun, other).await, StatusCode::BAD_REQUEST);
    assert_eq!(put_archive(&begun, archive[1..].to_vec()).await, StatusCode::FORBIDDEN);
    assert_eq!(problems(&local.submit_as("acme", "", begun.text("upload_id")).await), &json!([NOT_SENT]));
    // The client may send the announced archive more than once.
    for _ in 0..2 {
        assert_eq!(put_archive(&begun, archive.clone()).await, StatusCode::OK);
    }
    local.submit_as("acme", "", begun.text("upload_id")).await.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn both_kinds_of_upload_report_the_same_problems() {
    let local = Local::start_with(&[("LIMIT_ENTRIES", "4"), ("LIMIT_LARGE_FILE_BYTES", "20000000")]).await;
    let before = BackendState::from_local(&local).await;
    let invalid = Archive::new()
        .file("pack.yaml", "name: Bad_Name\nversion: 1.10\ndescripton: x\n")
        .symlink("data/link", "/etc/passwd")
        .file("notes.txt", "?")
        .tar_gz();
    let cut_off = Archive::pack_named("cut", "1.0.0").tar_gz();
    let cut_off = cut_off[..cut_off.len() - 1].to_vec();
    let many =
        (0..4).fold(Archive::pack_named("many", "1.0.0"), |archive, index| archive.file(format!("data/{index}"), ""));
    for archive in [invalid, cut_off, b"no archive".to_vec(), many.tar_gz()] {
        let direct = local.upload(archive.clone()).await;
        let upload_id = local.send_archive("acme", archive).await;
        let sent = local.submit_as("acme", "", &upload_id).await;
        assert_eq!(sent.status, direct.status);
        let without_id = |response: &ApiResponse| {
            let mut error = response.body["error"].clone();
            error.as_object_mut().unwrap().remove("request_id");
            error
        };
        assert_eq!(without_id(&sent), without_id(&direct));
    }

    // The limits are higher if the archive is sent to S3.
    let file = |size: usize| {
        let mut content: Vec<u8> = (0..size).map(|index| index as u8).collect();
        getrandom::fill(&mut content[..1 << 20]).unwrap();
        Archive::pack_named("file", "1.0.0").file("data/a", content).tar_gz()
    };
    let direct = local.upload(file(20_000_000)).await;
    let details = &direct.expect_error(413, "payload_too_large")["details"];
    assert_eq!(details["limit"], json!({"name": "file_bytes", "value": 16_777_216}));
    assert_eq!(details["larger"]["value"], 20_000_000);
    let upload_id = local.send_archive("acme", file(20_000_001)).await;
    let sent = local.submit_as("acme", "", &upload_id).await;
    let details = &sent.expect_error(413, "payload_too_large")["details"];
    assert_eq!(details, &json!({"limit": {"name": "file_bytes", "value": 20_000_000}}));
    assert_eq!(BackendState::from_local(&local).await, before);
    let upload_id = local.send_archive("acme", file(20_000_000)).await;
    let created = local.submit_as("acme", "", &upload_id).await;
    created.expect(StatusCode::CREATED);
    assert_eq!(local.wait_for_build("acme", created.text("id")).await["build_status"], "ready");
}

#[tokio::test]
async fn beginning_an_upload_requires_the_permission_to_upload() {
    let local = Local::start().await;
    let begin = |key: &str| {
        let request = local.request("POST", "/v1/packs/uploads").bearer_auth(key);
        async move { ApiResponse::send(request.json(&json!({}))).await }
    };
    begin("sk_nonsense").await.expect_error(401, "unauthenticated");
    for template in ["submit_observe", "read_only"] {
        let key = local.setting(&format!("/keys/acme/{template}"));
        begin(key).await.expect_error(403, "permission_denied");
    }
    begin(&local.key("pastdue")).await.expect_error(423, "billing_inactive");
    begin(&local.key("acme")).await.expect_error(400, "validation_error");
    assert!(!local.log().contains("X-Amz-Signature"), "the log contains a signature");
}
