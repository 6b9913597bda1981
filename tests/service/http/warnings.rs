//! Tests for the warnings in responses to uploads, and for secrets in packs.

use pack_upload::records::{Record, Timestamp};
use serde_json::{Value, json};

use super::{
    ApiResponse, event,
    test_api::{TestApi, form, upload},
};
use crate::{
    support::{Archive, BackendState},
    table::support::publish,
};

const README: &str =
    "`README.md` is not part of the documented layout of a pack; it is kept, but agents do not expect it";
const SECRET: &str = "`data/keys` line 2 has what looks like an AWS access key";

/// Returns the archive of a pack with an AWS access key on the second line of `data/keys`.
fn pack_with_secret() -> Vec<u8> {
    let key = ["AKIA", "Q3EGRZ5XYTN2WVKD"].concat();
    Archive::pack_named("leaky", "1.0.0").file("data/keys", format!("# keys\n{key}\n")).tar_gz()
}

async fn get(api: &TestApi, id: &Value) -> ApiResponse {
    let mut get = event("get");
    get["rawPath"] = json!(format!("/v1/packs/{}", id.as_str().unwrap()));
    api.send(&get).await
}

async fn record(api: &TestApi, id: &Value) -> Record {
    api.table.record(id.as_str().unwrap().parse().unwrap()).await.unwrap().unwrap()
}

#[tokio::test]
async fn uploads_and_dry_runs_have_warnings_and_reads_have_none() {
    let api = TestApi::start().await;
    let archive = Archive::pack_named("warned", "1.0.0").file("README.md", "").tar_gz();
    let mut dry_run = upload(&form(&[("archive", &archive)]));
    dry_run["rawQueryString"] = json!("dry_run=true");
    let checked = api.send(&dry_run).await;
    let created = api.upload(&[("archive", &archive)]).await;
    let again = api.upload(&[("archive", &archive)]).await;
    assert_eq!((checked.status, created.status, again.status), (200, 201, 200));
    for response in [&checked, &created, &again] {
        assert_eq!(response.body["warnings"], json!([{"field": "archive", "message": README}]));
    }
    assert_eq!(get(&api, &created.body["id"]).await.body.get("warnings"), None);

    let plain = api.upload(&[("archive", &Archive::pack_named("plain", "1.0.0").tar_gz())]).await;
    assert_eq!((plain.status, plain.body.get("warnings")), (201, None));
}

#[tokio::test]
async fn a_secret_is_a_warning_in_an_org_pack_and_a_problem_in_a_community_pack() {
    let api = TestApi::start().await;
    let archive = pack_with_secret();
    let before = BackendState::from_embedded(&api.embedded).await;
    let rejected = api.upload(&[("archive", &archive), ("visibility", b"community")]).await;
    let problem =
        format!("{SECRET}; every org can see a community pack, so revoke the credential and remove it from the file");
    assert_eq!(rejected.fields(), &json!({"archive": [problem]}));
    assert_eq!(BackendState::from_embedded(&api.embedded).await, before);

    let created = api.upload(&[("archive", &archive)]).await;
    assert_eq!(created.status, 201);
    let warning = format!("{SECRET}; if it is live, revoke it and remove it from the pack");
    assert_eq!(created.body["warnings"], json!([{"field": "archive", "message": warning}]));
    let [found] = &record(&api, &created.body["id"]).await.release.secrets_found[..] else {
        panic!("expected one secret")
    };
    assert_eq!((found.file.as_str(), found.line), ("data/keys", 2));

    let mut update = event("update");
    update["rawPath"] = json!(format!("/v1/packs/{}", created.body["id"].as_str().unwrap()));
    update["body"] = json!(r#"{"visibility": "community"}"#);
    let problem = format!("{SECRET}; upload a version without it and make that a community pack");
    assert_eq!(api.send(&update).await.fields(), &json!({"visibility": [problem]}));
    assert_eq!(get(&api, &created.body["id"]).await.body["visibility"], "org");
    update["body"] = json!(r#"{"visibility": "org"}"#);
    assert_eq!(api.send(&update).await.status, 200);

    let found = record(&api, &created.body["id"]).await;
    api.table.mark_deleting(found.release.org_id, found.id, Timestamp::now()).await.unwrap().unwrap();
    update["body"] = json!(r#"{"visibility": "community"}"#);
    assert_eq!(api.send(&update).await.code(), (404, "pack_not_found"));
}

/// Returns an archive of `tools` at this version, with a capability that allows `methods` on `domain`.
fn tools(version: &str, domain: &str, methods: &str) -> Vec<u8> {
    let manifest = format!(
        "name: tools\nversion: {version}\ndescription: x\ncapabilities:\n  - name: a\n    type: http\n    allow:\n      - \
         {{domains: [{domain}], methods: [{methods}]}}\n"
    );
    Archive::new().file("pack.yaml", manifest).tar_gz()
}

#[tokio::test]
async fn new_capabilities_are_compared_with_the_next_lower_ready_version() {
    let api = TestApi::start().await;
    let ready = async |version: &str, domain: &str, methods: &str| {
        let created = api.upload(&[("archive", &tools(version, domain, methods))]).await;
        assert_eq!(created.status, 201, "{}", created.body);
        assert!(publish(&api.table, &record(&api, &created.body["id"]).await, Timestamp::now()).await);
        created
    };
    assert_eq!(ready("1.2.0", "a.example", "GET").await.body.get("warnings"), None, "there is no previous version");
    ready("1.10.0", "b.example", "GET").await;
    // This version is not ready, so higher versions are not compared with it.
    api.upload(&[("archive", &tools("1.9.0", "c.example", "GET"))]).await;

    for (version, domain, methods, expected) in [
        ("1.9.1", "a.example", "GET", None),
        ("1.9.2", "b.example", "GET", Some("allows `b.example`, which version 1.2.0 did not")),
        ("1.9.3", "a.example", "GET, POST", Some("allows `POST` to `a.example`, which version 1.2.0 did not")),
        ("1.10.1", "b.example", "GET", None),
        ("1.10.2-rc.1", "a.example", "GET", Some("allows `a.example`, which version 1.10.0 did not")),
        ("1.10.0-rc.1", "b.example", "GET", Some("allows `b.example`, which version 1.2.0 did not")),
        ("1.1.0", "z.example", "GET", None),
    ] {
        let response = api.upload(&[("archive", &tools(version, domain, methods))]).await;
        let warnings = expected.map(|message| json!([{"field": "pack.yaml: capabilities", "message": message}]));
        assert_eq!((response.status, response.body.get("warnings")), (201, warnings.as_ref()), "{version}");
    }
}
