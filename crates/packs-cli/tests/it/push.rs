use std::{fs, net::TcpListener};

use pack_format::Digest;
use serde_json::{Value, json};
use test_support::{archive::Archive, manifest::MANIFEST, validation::validate};

use crate::{
    server::{Reply, Server, error, json as respond},
    support::{Work, packs},
};

pub(crate) const ID: &str = "pack_01JACME1000000000000000000";

pub(crate) fn work() -> Work {
    Work::with_pack(&[("pack.yaml", MANIFEST)])
}

/// Returns a working directory with a pack whose archive is too large for a request.
pub(crate) fn large_work() -> Work {
    let work = work();
    let mut noise = vec![0; 5_000_000];
    fastrand::Rng::with_seed(1).fill(&mut noise);
    fs::create_dir(work.path("pack/data")).unwrap();
    work.write("pack/data/noise", noise);
    work
}

pub(crate) fn record(status: &str) -> Value {
    json!({
        "id": ID,
        "name": "sample",
        "version": "1.0.0",
        "image_digest": "sha256:1",
        "image_ref": "registry/acme/sample:1.0.0",
        "build_status": status,
    })
}

/// Returns the content of the form's `archive` part.
fn archive(form: &[u8]) -> &[u8] {
    let find = |bytes: &[u8], text: &[u8]| bytes.windows(text.len()).position(|part| part == text).unwrap();
    let start = find(form, b"application/gzip\r\n\r\n") + 20;
    &form[start..start + find(&form[start..], b"\r\n--packs-")]
}

#[test]
fn uploads_the_archive_and_waits_for_the_image() {
    let mut uploaded = record("queued");
    uploaded["warnings"] = json!([{ "field": "pack.yaml: capabilities", "message": "allows more" }]);
    let server =
        Server::start([respond(201, &uploaded), respond(200, &record("queued")), respond(200, &record("ready"))]);
    let work = work();
    let printed = server.packs(&work, &["push", "pack", "--visibility", "community"]);
    assert_eq!(printed.success(), "sample 1.0.0 sha256:1 registry/acme/sample:1.0.0\n");
    assert_eq!(printed.err, format!("warning: pack.yaml: capabilities: allows more\nuploaded {ID}\n"));
    let get = format!("GET /v1/packs/{ID}");
    assert_eq!(server.lines(), ["POST /v1/packs/upload", &get, &get]);
    let received = server.received();
    assert!(received.iter().all(|request| request.is_authenticated()));
    let mut sent = validate(archive(&received[0].body)).unwrap();
    let digest = work.packs(&["digest", "pack"]);
    assert!(digest.success().contains(&sent.image().digest.to_string()), "{digest:?}");
    assert!(String::from_utf8_lossy(&received[0].body).contains("name=\"visibility\"\r\n\r\ncommunity\r\n"));
}

#[test]
fn no_wait_returns_before_the_build_ends() {
    let server = Server::start([respond(201, &record("queued"))]);
    let printed = server.packs(&work(), &["push", "pack", "--no-wait", "--format", "json"]);
    assert_eq!(serde_json::from_str::<Value>(printed.success()).unwrap(), record("queued"));
    assert_eq!(printed.err, format!("uploaded {ID}\n"));
}

#[test]
fn a_dry_run_sends_one_request_and_prints_the_record() {
    let mut dry = record("");
    for field in ["id", "build_status"] {
        dry.as_object_mut().unwrap().remove(field);
    }
    let server = Server::start([respond(200, &dry)]);
    let printed = server.packs(&work(), &["push", "pack", "--dry-run"]);
    assert_eq!(printed.success(), "sample 1.0.0 sha256:1 registry/acme/sample:1.0.0\n");
    assert_eq!((printed.err.as_str(), server.lines()), ("", vec!["POST /v1/packs/upload?dry_run=true".to_owned()]));
}

#[test]
fn an_existing_archive_is_sent_unchanged() {
    let work = Work::new();
    let bytes = Archive::pack().tar_gz();
    work.write("pack.tgz", &bytes);
    let server = Server::start([respond(200, &record("ready"))]);
    server.packs(&work, &["push", "pack.tgz"]).success();
    assert_eq!(archive(&server.received()[0].body), bytes);
}

/// Asserts that after `rejections`, `packs push` sends the archive without the API key to a second server, which acts
/// as S3, and then submits the upload.
#[track_caller]
fn assert_goes_through_s3(work: &Work, rejections: Vec<Reply>) {
    let s3 = Server::start([Reply::Respond(200, "", String::new())]);
    let begun = json!({
        "upload_id": "u1",
        "url": format!("{}/s3?X-Amz-Signature=secret", s3.url),
        "headers": { "x-amz-checksum-sha256": "abc=", "content-length": "1" },
    });
    let first = rejections.len();
    let replies = [respond(201, &begun), respond(201, &record("ready"))];
    let server = Server::start(rejections.into_iter().chain(replies));
    let printed = server.packs(work, &["push", "pack"]);
    assert_eq!(printed.success(), "sample 1.0.0 sha256:1 registry/acme/sample:1.0.0\n");
    assert_eq!(server.lines()[first..], ["POST /v1/packs/uploads", "POST /v1/packs/upload"]);
    let (service, storage) = (server.received(), s3.received());
    let put = &storage[0];
    assert_eq!(put.line, "PUT /s3?X-Amz-Signature=secret");
    assert!(!put.headers.iter().any(|header| header.starts_with("authorization")), "{:?}", put.headers);
    assert!(put.headers.contains(&"x-amz-checksum-sha256: abc=".to_owned()), "{:?}", put.headers);
    let begun: Value = serde_json::from_slice(&service[first].body).unwrap();
    let sha256 = Digest::sha256(&put.body).to_string();
    let expected = json!({ "size_bytes": put.body.len(), "sha256": sha256.trim_start_matches("sha256:") });
    assert_eq!(begun, expected);
    assert!(String::from_utf8_lossy(&service[first + 1].body).contains("name=\"upload_id\"\r\n\r\nu1\r\n"));
}

#[test]
fn a_large_archive_goes_through_s3() {
    assert_goes_through_s3(&large_work(), Vec::new());
}

#[test]
fn an_archive_that_exceeds_a_limit_on_requests_goes_through_s3() {
    let larger = json!({ "larger": { "request": "POST /v1/packs/uploads", "value": 1 } });
    assert_goes_through_s3(&work(), vec![error(413, "payload_too_large", larger)]);
    let printed = Server::start([error(413, "payload_too_large", json!({}))]).packs(&work(), &["push", "pack"]);
    printed.expect_error("a message (status 413, request r1)");
}

#[test]
fn prints_the_status_if_s3_rejects_the_archive() {
    let s3 = Server::start([Reply::Respond(403, "", "<Error/>".to_owned())]);
    let begun = json!({ "upload_id": "u1", "url": format!("{}/s3?X-Amz-Signature=secret", s3.url), "headers": {} });
    let printed = Server::start([respond(201, &begun)]).packs(&large_work(), &["push", "pack"]);
    printed.expect_error(&format!("{}/s3 rejected the archive: Forbidden (status 403)", s3.url));
}

#[test]
fn prints_the_messages_of_api_gateway_and_of_a_function_url() {
    for body in [r#"{"message":"Not here"}"#, r#"{"Message":"Not here"}"#] {
        let reply = Reply::Respond(403, "", body.to_owned());
        let printed = Server::start([reply]).packs(&work(), &["push", "pack"]);
        printed.expect_error("Not here (status 403)");
    }
}

#[test]
fn an_invalid_pack_is_not_sent() {
    let server = Server::start([respond(201, &record("ready"))]);
    let work = Work::with_pack(&[("pack.yaml", MANIFEST), ("notes.txt", "")]);
    let printed = server.packs(&work, &["push", "pack"]);
    assert_eq!((printed.status, printed.out.as_str()), (1, ""));
    assert!(printed.err.contains("`notes.txt` is not allowed at the top"), "{printed:?}");
    assert_eq!(server.lines(), Vec::<String>::new());
}

#[test]
fn retries_if_the_server_is_busy_fails_or_closes_the_connection() {
    let unavailable = error(503, "unavailable", Value::Null);
    let busy = Reply::Respond(429, "Retry-After: 0\r\n", r#"{"message":"Too Many Requests"}"#.to_owned());
    let server = Server::start([busy, unavailable, Reply::Close, respond(201, &record("ready"))]);
    let work = large_work();
    // The archive is small enough for a request, but larger than the buffers of a connection, so `packs` is still
    // sending it when the server closes the connection.
    work.write("pack/data/noise", &fs::read(work.path("pack/data/noise")).unwrap()[..4_000_000]);
    let printed = server.packs(&work, &["push", "pack"]);
    printed.success();
    let lines: Vec<&str> = printed.err.lines().collect();
    assert_eq!(
        lines[..2],
        [
            "Too Many Requests (status 429); trying again in 0.0 s",
            "a message (status 503, request r1); trying again in 0.0 s"
        ]
    );
    assert!(lines[2].starts_with(&format!("no response from {}/v1/packs/upload: ", server.url)), "{printed:?}");
    assert_eq!(lines[3..], [format!("uploaded {ID}")]);
    let received = server.received();
    assert_eq!(archive(&received[0].body), archive(&received[3].body));
}

#[test]
fn fails_if_the_server_closes_the_connection_in_every_attempt() {
    let server = Server::start(vec![Reply::Close; 9]);
    let printed = server.packs(&work(), &["push", "pack"]);
    assert_eq!((printed.status, printed.out.as_str()), (2, ""));
    let error = printed.err.lines().last().unwrap();
    assert!(error.starts_with(&format!("error: no response from {}/v1/packs/upload: ", server.url)), "{printed:?}");
}

#[test]
fn gives_up_after_five_attempts() {
    let server = Server::start(vec![error(503, "unavailable", Value::Null); 9]);
    let printed = server.packs(&work(), &["push", "pack"]);
    assert_eq!((printed.status, server.lines().len()), (2, 5));
    assert!(printed.err.ends_with("error: a message (status 503, request r1)\n"), "{printed:?}");
}

#[test]
fn does_not_retry_if_the_server_asks_for_a_long_wait() {
    let server = Server::start([Reply::Respond(429, "Retry-After: 3600\r\n", "{}".to_owned())]);
    server.packs(&work(), &["push", "pack"]).expect_error("Too Many Requests (status 429)");
}

#[test]
fn prints_the_cause_if_the_service_cannot_be_reached() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let work = work();
    let mut command = packs(&work.path(""));
    command.args(["push", "pack"]);
    command.env("EVERSHELL_API_KEY", "sk_x").env("PACKS_URL", format!("http://{closed}"));
    let printed = work.run(&mut command);
    assert_eq!(printed.status, 2);
    assert!(printed.err.contains(&format!("error: no response from http://{closed}/v1/packs/upload: ")), "{printed:?}");
    assert!(printed.err.contains("Connection refused"), "{printed:?}");
}

#[test]
fn other_rejections_are_not_retried() {
    for (status, code, message) in [
        (
            401,
            "unauthenticated",
            "the service does not accept the key in `EVERSHELL_API_KEY`; it may be revoked or expired: a message \
             (status 401, request r1)",
        ),
        (403, "permission_denied", "a message (status 403, request r1)"),
        (409, "version_exists", "a message (status 409, request r1)"),
        (423, "billing_inactive", "a message (status 423, request r1)"),
    ] {
        let server = Server::start([error(status, code, Value::Null)]);
        server.packs(&work(), &["push", "pack"]).expect_error(message);
    }
}

#[test]
fn problems_that_only_the_service_finds_are_printed_as_problems() {
    let problems = json!({ "problems": [{ "field": "archive", "message": "is newer than packs" }] });
    let server = Server::start([error(400, "validation_error", problems)]);
    let printed = server.packs(&work(), &["push", "pack"]);
    assert_eq!((printed.status, printed.err.as_str()), (1, "error: archive: is newer than packs\n"));
}

#[test]
fn prints_the_reason_if_the_build_fails() {
    let mut failed = record("failed");
    failed["build_error"] = json!("the registry rejected the image");
    let server = Server::start([respond(200, &failed)]);
    let printed = server.packs(&work(), &["push", "pack"]);
    let message = format!("uploaded {ID}\nerror: the build of {ID} failed: the registry rejected the image\n");
    assert_eq!((printed.status, printed.err), (2, message));
}

#[test]
fn rejects_a_response_from_another_server() {
    let server = Server::start([Reply::Respond(200, "", "<html>".to_owned())]);
    server.packs(&work(), &["push", "pack"]).expect_error(&format!(
        "the response from {}/v1/packs/upload was not sent by the service; check `PACKS_URL` and `EVERSHELL_SLUG`",
        server.url
    ));
    // `packs` must not follow a redirect, because that could send the key to another server.
    let other = Server::start([respond(201, &record("ready"))]);
    let headers: &'static str = Box::leak(format!("Location: {}/v1/packs/upload\r\n", other.url).into_boxed_str());
    let server = Server::start([Reply::Respond(307, headers, String::new())]);
    server.packs(&work(), &["push", "pack"]).expect_error("Temporary Redirect (status 307)");
    assert_eq!(other.lines(), Vec::<String>::new());
}

#[test]
fn the_key_and_the_address_must_be_set_and_valid() {
    let work = work();
    let push = |variables: &[(&str, &str)]| {
        work.run(packs(&work.path("")).args(["push", "pack"]).envs(variables.iter().copied()))
    };
    let no_address =
        "no service address; set `EVERSHELL_SLUG` to your org's slug, or `PACKS_URL` to the address of the service";
    push(&[("EVERSHELL_API_KEY", "sk_x")]).expect_error(no_address);
    push(&[("EVERSHELL_SLUG", "acme")]).expect_error("no API key; set `EVERSHELL_API_KEY`");
    push(&[("EVERSHELL_SLUG", "acme"), ("EVERSHELL_API_KEY", "")]).expect_error("no API key; set `EVERSHELL_API_KEY`");
    push(&[("EVERSHELL_SLUG", "acme.com/"), ("EVERSHELL_API_KEY", "sk_x")])
        .expect_error("`EVERSHELL_SLUG` must contain only letters, digits and hyphens");
    push(&[("PACKS_URL", "acme.com"), ("EVERSHELL_API_KEY", "sk_x")])
        .expect_error("`PACKS_URL` must start with `https://` or `http://`");
    let invalid = "`EVERSHELL_API_KEY` is not an API key: it contains whitespace, or a character that is not ASCII";
    push(&[("EVERSHELL_SLUG", "acme"), ("EVERSHELL_API_KEY", "sk_x\n")]).expect_error(invalid);
}
