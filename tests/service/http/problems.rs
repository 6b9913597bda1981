//! Tests for the structured problems in the response to a rejected upload: their locations and fixes.

use serde_json::json;
use test_support::{
    archive::{Archive, Header},
    manifest::MANIFEST,
};

use super::test_api::TestApi;

#[tokio::test]
async fn problems_state_their_location_in_the_file_or_the_archive() {
    let api = TestApi::start().await;
    let yaml = "name: sample\nversion: 1.10 # next: 2.0\ndescription: For a test.\n";
    let archive = Archive::new()
        .file("pack.yaml", yaml)
        .file("behaviour.md", "")
        .symlink("data/link", "a")
        .header(Header::ustar("data/directory/").typeflag(b'5').mode(0o755));
    let response = api.upload(&[("archive", &archive.tar_gz()), ("visibility", b"all")]).await;
    response.fields();
    assert_eq!(
        response.body["error"]["details"]["problems"],
        json!([
            { "field": "visibility", "message": "is `all`; must be `org` or `community`" },
            {
                "field": "archive",
                "message": "entry `data/link` at byte 1536 is a symbolic link, which is not allowed; archive what it \
                            points to (`tar --dereference --hard-dereference`, `bsdtar -L`), or replace the link with a \
                            copy of the file",
                "entry": "data/link",
                "byte": 1536,
            },
            {
                "field": "archive",
                "message": "`behaviour.md` is not allowed at the top of a pack; rename it to `behavior.md`, or remove it",
                "file": "behaviour.md",
                "suggestion": { "description": "rename it to `behavior.md`", "replacement": "behavior.md" },
            },
            {
                "field": "pack.yaml: version",
                "message": "line 2: `1.10` is a number, not text, and is not a semantic version such as `1.2.3` or \
                            `1.2.3-beta.1` (unexpected end of input while parsing minor version number); write \
                            `version: \"1.10.0\"`",
                "file": "pack.yaml",
                "line": 2,
                "column": 10,
                "length": 4,
                "suggestion": {
                    "description": "write `version: \"1.10.0\"`",
                    "replacement": "\"1.10.0\"",
                },
            },
        ])
    );
}

#[tokio::test]
async fn an_unreadable_header_is_reported_with_its_offset() {
    let api = TestApi::start().await;
    let archive = Archive::pack().raw(&[b'x'; 512]).tar_gz();
    let response = api.upload(&[("archive", &archive)]).await;
    let problem = &response.body["error"]["details"]["problems"][0];
    assert_eq!((&problem["byte"], problem.get("entry")), (&json!(1024), None), "{}", response.body);
}

#[tokio::test]
async fn the_problem_for_a_secret_has_its_file_and_line() {
    let api = TestApi::start().await;
    let key = ["AKIA", "Q3EGRZ5XYTN2WVKD"].concat();
    let archive = Archive::new().file("pack/pack.yaml", MANIFEST).file("pack/data/keys", format!("\n{key}\n")).tar_gz();
    let response = api.upload(&[("archive", &archive), ("visibility", b"community")]).await;
    response.fields();
    assert_eq!(
        response.body["error"]["details"]["problems"],
        json!([{
            "field": "archive",
            "message": "`data/keys` line 2 has what looks like an AWS access key; every org can see a community \
                        pack, so revoke the credential and remove it from the file",
            "file": "data/keys",
            "line": 2,
        }])
    );
}
