use serde_json::{Value, json};

use crate::{
    server::{Server, error, json as respond},
    support::Work,
};

const ID: &str = "pack_01JACME1000000000000000000";

fn record() -> Value {
    json!({
        "id": ID,
        "name": "sample",
        "version": "1.0.0+a",
        "description": "Two\nlines.",
        "visibility": "org",
        "image_digest": "sha256:1",
        "owned": true,
        "build_status": "ready",
    })
}

#[test]
fn show_prints_each_field() {
    let server = Server::start([respond(200, &record()), respond(200, &record())]);
    let printed = server.packs(&Work::new(), &["show", ID]);
    let expected = "\
build_status: ready
description: Two
    lines.
id: pack_01JACME1000000000000000000
image_digest: sha256:1
name: sample
owned: true
version: 1.0.0+a
visibility: org
";
    assert_eq!(printed.success(), expected);
    let printed = server.packs(&Work::new(), &["show", ID, "--format", "json"]);
    assert_eq!(serde_json::from_str::<Value>(printed.success()).unwrap(), record());
    assert_eq!(server.lines(), vec![format!("GET /v1/packs/{ID}"); 2]);
}

/// The id becomes part of a URL path, so an id such as `../openapi.json` could address another resource.
#[test]
fn an_invalid_id_is_not_sent() {
    for id in ["../openapi.json", "pack_1", "pack_01JACME100000000000000000/"] {
        let printed = Server::start([]).packs(&Work::new(), &["show", id]);
        assert_eq!(printed.status, 2);
        assert!(printed.err.contains("must be `pack_` followed by 26 letters and digits"), "{printed:?}");
    }
}

#[test]
fn list_prints_all_pages() {
    let pages = || {
        let first = json!({ "packs": [record()], "next_cursor": "c1" });
        [respond(200, &first), respond(200, &json!({ "packs": [record()] }))]
    };
    let server = Server::start(pages().into_iter().chain(pages()));
    let arguments = ["list", "--name", "sample", "--version", "1.0.0+a", "--visibility", "org", "--owned", "true"];
    let printed = server.packs(&Work::new(), &arguments);
    let row = format!("{ID}  sample 1.0.0+a  org  ready\n");
    assert_eq!(printed.success(), row.repeat(2));
    let path = "GET /v1/packs?limit=1000&name=sample&version=1.0.0%2Ba&visibility=org&owned=true";
    assert_eq!(server.lines(), [path.to_owned(), format!("{path}&cursor=c1")]);
    let printed = server.packs(&Work::new(), &["list", "--format", "json"]);
    assert_eq!(serde_json::from_str::<Value>(printed.success()).unwrap(), json!([record(), record()]));
}

#[test]
fn delete_retries_until_the_pack_is_gone() {
    let deleted = json!({ "status": "deleted" });
    let server = Server::start([respond(200, &deleted)]);
    assert_eq!(server.packs(&Work::new(), &["delete", ID]).success(), format!("deleted {ID}\n"));
    let gone = error(404, "pack_not_found", Value::Null);
    let server = Server::start([error(502, "registry_cleanup_failed", Value::Null), gone.clone()]);
    assert_eq!(server.packs(&Work::new(), &["delete", ID]).success(), format!("deleted {ID}\n"));
    assert_eq!(server.lines(), vec![format!("DELETE /v1/packs/{ID}"); 2]);
    Server::start([gone]).packs(&Work::new(), &["delete", ID]).expect_error("a message (status 404, request r1)");
}

#[test]
fn visibility_changes_a_record() {
    let server = Server::start([respond(200, &record())]);
    let printed = server.packs(&Work::new(), &["visibility", ID, "community"]);
    assert_eq!(printed.success(), "sample 1.0.0+a sha256:1\n");
    let received = &server.received()[0];
    assert_eq!(received.line, format!("PATCH /v1/packs/{ID}"));
    assert_eq!(serde_json::from_slice::<Value>(&received.body).unwrap(), json!({ "visibility": "community" }));
}
