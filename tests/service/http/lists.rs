//! Tests for `GET /v1/packs`: its parameters, and the maximum size of a page.

use base64::{Engine, engine::general_purpose::STANDARD};
use pack_upload::{aws::Created, records::OrgId};
use serde_json::{Value, json};

use super::{ApiResponse, event, test_api::TestApi};
use crate::table::support::{community, create, record, shared};

/// The maximum size of a response, in bytes: a little less than Lambda's limit.
const LAMBDA_LIMIT: usize = 6 << 20;

fn acme() -> OrgId {
    "org_01JACME0000000000000000000".parse().unwrap()
}

async fn list(api: &TestApi, query: &str) -> ApiResponse {
    let mut event = event("list");
    event["rawQueryString"] = json!(query);
    api.send(&event).await
}

/// Writes 1,000 records for acme with this description.
async fn write_records(api: &TestApi, description: &str) {
    for n in 0..1_000 {
        let mut record = record(acme(), "large", &format!("1.{n}.0"), &n.to_string());
        record.release.manifest.description = description.to_owned();
        record.release.manifest.capabilities = Some("- name: x\n".to_owned());
        assert!(matches!(create(&api.table, &record).await, Created::Written));
    }
}

/// Invokes the Lambda function. Returns the size of its response, in bytes, and the page that the client receives.
async fn page(api: &TestApi, query: &str) -> (usize, Value) {
    let mut event = event("list");
    event["rawQueryString"] = json!(query);
    let response = api.invoke(event).await;
    assert_eq!((&response["statusCode"], &response["isBase64Encoded"]), (&json!(200), &json!(true)));
    let body = STANDARD.decode(response["body"].as_str().unwrap()).unwrap();
    (response.to_string().len(), serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn a_thousand_records_whose_descriptions_are_quotation_marks_fit_on_one_page() {
    let api = TestApi::start().await;
    write_records(&api, &"\"".repeat(1_024)).await;
    let (size, page) = page(&api, "").await;
    assert_eq!((page["packs"].as_array().unwrap().len(), page.get("next_cursor")), (1_000, None));
    assert!(size < LAMBDA_LIMIT, "{size}");
    assert_eq!(page["packs"][0].get("capabilities"), None);
}

#[tokio::test]
async fn a_page_ends_at_4_mib_and_the_next_page_continues_the_list() {
    let api = TestApi::start().await;
    write_records(&api, &"\u{1f9ed}".repeat(1_024)).await;
    let (size, first) = page(&api, "").await;
    assert!((5 << 20..LAMBDA_LIMIT).contains(&size), "{size}");
    let cursor = first["next_cursor"].as_str().unwrap();
    let (_, second) = page(&api, &format!("cursor={cursor}")).await;
    assert_eq!(second.get("next_cursor"), None);
    let packs = [first, second].map(|page| page["packs"].as_array().unwrap().clone()).concat();
    let ids: Vec<_> = packs.iter().map(|pack| pack["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 1_000);
    assert!(ids.is_sorted_by(|newer, older| newer > older), "newest first, none twice");
}

#[tokio::test]
async fn a_list_is_filtered_by_owner_visibility_name_and_version() {
    let api = TestApi::start().await;
    let other = OrgId::generate();
    for record in [
        record(acme(), "own-private", "1.0.0", "a"),
        community(record(acme(), "own-queued", "1.0.0", "b")),
        shared(record(acme(), "own-shared", "1.0.0", "c")),
        shared(record(other, "other-shared", "1.0.0", "d")),
        shared(record(other, "other-shared", "1.1.0", "e")),
        record(other, "other-private", "1.0.0", "f"),
    ] {
        assert!(matches!(create(&api.table, &record).await, Created::Written));
    }
    for (query, expected) in [
        (
            "",
            &["other-shared 1.0.0", "other-shared 1.1.0", "own-private 1.0.0", "own-queued 1.0.0", "own-shared 1.0.0"]
                [..],
        ),
        ("owned=true", &["own-private 1.0.0", "own-queued 1.0.0", "own-shared 1.0.0"]),
        ("owned=false", &["other-shared 1.0.0", "other-shared 1.1.0"]),
        ("visibility=org", &["own-private 1.0.0"]),
        ("visibility=community", &["other-shared 1.0.0", "other-shared 1.1.0", "own-queued 1.0.0", "own-shared 1.0.0"]),
        ("owned=true&visibility=community", &["own-queued 1.0.0", "own-shared 1.0.0"]),
        ("owned=false&visibility=org", &[]),
        ("name=other-shared", &["other-shared 1.0.0", "other-shared 1.1.0"]),
        ("name=other-shared&version=1.0.0", &["other-shared 1.0.0"]),
        ("name=other-shared&owned=true", &[]),
        ("name=own-private&visibility=org&owned=true", &["own-private 1.0.0"]),
    ] {
        let response = list(&api, query).await;
        assert_eq!(response.status, 200, "{query}: {}", response.body);
        let text = |pack: &Value, field: &str| pack[field].as_str().unwrap().to_owned();
        let packs = response.body["packs"].as_array().unwrap().iter();
        let mut packs: Vec<_> = packs.map(|pack| format!("{} {}", text(pack, "name"), text(pack, "version"))).collect();
        packs.sort();
        assert_eq!(packs, expected, "{query}");
    }
}

#[tokio::test]
async fn every_problem_in_a_query_is_reported() {
    let api = TestApi::start().await;
    assert_eq!(
        list(&api, "limit=1001&owned=yes&visibility=all&version=1.0.0&page=2").await.fields(),
        &json!({
            "limit": ["must be an integer from 1 to 1000"],
            "owned": ["must be `true` or `false`"],
            "page": ["is not a query parameter of this request"],
            "version": ["is allowed only together with `name`"],
            "visibility": ["must be `org` or `community`"],
        })
    );
    let fields = list(&api, "limit=0&name=X&version=1").await;
    assert_eq!(fields.fields().as_object().unwrap().keys().collect::<Vec<_>>(), ["limit", "name", "version"]);
    assert_eq!(list(&api, "limit=1000").await.status, 200);
}
