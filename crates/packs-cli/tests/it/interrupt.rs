//! Tests for Ctrl-C during `packs push`.

use std::{
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    push::{ID, large_work, record, work},
    server::{Reply, Server, json as respond},
    support::{Printed, Work},
};

/// Runs `packs push pack`, and sends it SIGINT after `last` (`server`, or the server that acts as S3) has received this
/// number of requests.
fn interrupt(server: &Server, work: &Work, last: &Server, requests: usize) -> Printed {
    let mut push = server.command(work, &["push", "pack"]);
    let push = push.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    while last.received().len() < requests {
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", server.lines());
        sleep(Duration::from_millis(5));
    }
    let kill = Command::new("kill").args(["-INT", &push.id().to_string()]).status().unwrap();
    assert!(kill.success());
    Printed::new(push.wait_with_output().unwrap())
}

#[test]
fn an_interrupted_request_is_not_sent_again() {
    let server = Server::start([Reply::Hold]);
    let printed = interrupt(&server, &work(), &server, 1);
    assert_eq!((printed.status, &*printed.out), (130, ""));
    assert_eq!(printed.err, "interrupted; the pack may not have been uploaded: `packs list` shows it if it was\n");
    assert_eq!(server.lines(), ["POST /v1/packs/upload"]);
}

#[test]
fn an_upload_interrupted_while_it_is_sent_to_s3_is_not_submitted() {
    let s3 = Server::start([Reply::Hold]);
    let begun = json!({ "upload_id": "u1", "url": format!("{}/s3", s3.url), "headers": {} });
    let server = Server::start([respond(201, &begun), respond(201, &record("queued"))]);
    let printed = interrupt(&server, &large_work(), &s3, 1);
    assert_eq!(
        (printed.status, &*printed.err),
        (130, "interrupted; the pack may not have been uploaded: `packs list` shows it if it was\n")
    );
    assert_eq!(server.lines(), ["POST /v1/packs/uploads"]);
}

#[test]
fn an_interrupt_after_the_upload_prints_the_id() {
    let server = Server::start([respond(201, &record("queued")), Reply::Hold]);
    let printed = interrupt(&server, &work(), &server, 2);
    assert_eq!((printed.status, &*printed.out), (130, ""));
    let last = format!("interrupted: {ID} is uploaded; `packs show {ID}` prints its status\n");
    assert_eq!(printed.err, format!("uploaded {ID}\n{last}"));
}
