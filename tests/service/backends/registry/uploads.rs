//! Tests for blob uploads and downloads.

use std::{fs, time::Duration};

use pack_format::Digest;
use reqwest::{Method, StatusCode};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::{
    super::{restart, stop},
    Embedded,
    support::{Api, error, header},
};

/// Waits until the condition holds. Panics after 10 seconds.
async fn wait_until(condition: impl Fn() -> bool) {
    for _ in 0..500 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the condition did not hold in time");
}

/// Returns 4 MiB of data without repetition, more than fits in one buffer.
fn content() -> Vec<u8> {
    (0_u32..1 << 20).flat_map(u32::to_le_bytes).collect()
}

#[tokio::test]
async fn a_blob_uploaded_in_one_request_is_served_with_its_size_and_digest() {
    let api = Api::start().await;
    let (content, digest) = (content(), Digest::sha256(&content()).to_string());
    let location = api.begin("acme/tools").await;
    let put = api.finish(&location, &digest, content.clone()).await;
    assert_eq!(put.status(), StatusCode::CREATED);
    assert_eq!(header(&put, "docker-content-digest"), digest);
    let path = header(&put, "location").to_owned();
    assert_eq!(path, format!("/v2/acme/tools/blobs/{digest}"));

    for method in [Method::HEAD, Method::GET] {
        let response = api.request(method.clone(), &path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(header(&response, "content-length"), "4194304");
        assert_eq!(header(&response, "content-type"), "application/octet-stream");
        assert_eq!(header(&response, "docker-content-digest"), digest);
        let body = response.bytes().await.unwrap();
        assert!(if method == Method::HEAD { body.is_empty() } else { body == content });
    }
    assert_eq!(api.files(), [format!("blobs/{}", digest.replace(':', "/"))]);
}

#[tokio::test]
async fn chunks_are_accepted_only_in_order() {
    let api = Api::start().await;
    let location = api.begin("acme/tools").await;
    let patch = |range: Option<&str>, chunk: &'static str| {
        let patch = api.request(Method::PATCH, &location).body(chunk);
        match range {
            Some(range) => patch.header("content-range", range),
            None => patch,
        }
    };
    for (range, chunk, so_far) in [(Some("0-4"), "hello", "0-4"), (None, ", ", "0-6"), (Some("7-11"), "world", "0-11")]
    {
        let patched = patch(range, chunk).send().await.unwrap();
        assert_eq!(patched.status(), StatusCode::ACCEPTED);
        assert_eq!((header(&patched, "location"), header(&patched, "range")), (location.as_str(), so_far));
    }
    for range in ["7-11", "13-14", "bytes 12-13", "-", ""] {
        let rejected = error(patch(Some(range), "world").send().await.unwrap()).await;
        assert_eq!(rejected, (416, "BLOB_UPLOAD_INVALID".to_owned()), "{range}");
    }
    let progress = api.get(&location).await;
    assert_eq!(progress.status(), StatusCode::NO_CONTENT);
    assert_eq!((header(&progress, "location"), header(&progress, "range")), (location.as_str(), "0-11"));

    let digest = Digest::sha256(b"hello, world!").to_string();
    let put = api.finish(&location, &digest, "!").await;
    let blob = api.get(header(&put, "location")).await;
    assert_eq!(blob.text().await.unwrap(), "hello, world!");
    assert_eq!(error(api.get(&location).await).await, (404, "BLOB_UPLOAD_UNKNOWN".to_owned()));
}

#[tokio::test]
async fn an_upload_with_a_wrong_digest_leaves_no_file() {
    let api = Api::start().await;
    let wrong = Digest::sha256(b"other").to_string();
    let location = api.begin("acme/tools").await;
    assert_eq!(error(api.finish(&location, &wrong, "hello").await).await, (400, "DIGEST_INVALID".to_owned()));
    assert_eq!(error(api.get(&location).await).await, (404, "BLOB_UPLOAD_UNKNOWN".to_owned()));
    for digest in [wrong, Digest::sha256(b"hello").to_string()] {
        let blob = api.get(&format!("/v2/acme/tools/blobs/{digest}")).await;
        assert_eq!(error(blob).await, (404, "BLOB_UNKNOWN".to_owned()));
    }
    for malformed in ["", "sha256:abc", "md5:d41d8cd98f00b204e9800998ecf8427e", "../../etc/passwd"] {
        let location = api.begin("acme/tools").await;
        assert_eq!(error(api.finish(&location, malformed, "").await).await, (400, "DIGEST_INVALID".to_owned()));
    }
    assert_eq!(api.files(), [""; 0]);
}

/// The registry writes data to a file as it arrives, before the upload is complete.
#[tokio::test]
async fn an_interrupted_upload_leaves_no_file() {
    let api = Api::start().await;
    let digest = Digest::sha256(&[0; 2_000_000]).to_string();
    for (method, query) in [("PATCH", ""), ("PUT", &*format!("?digest={digest}"))] {
        let location = api.begin("acme/tools").await;
        let mut connection = TcpStream::connect(api.address()).await.unwrap();
        let head = format!("{method} {location}{query} HTTP/1.1\r\nHost: registry\r\nContent-Length: 2000000\r\n\r\n");
        connection.write_all(head.as_bytes()).await.unwrap();
        connection.write_all(&[0; 1_000_000]).await.unwrap();
        let size = || match &*api.files() {
            [file] => fs::metadata(api.embedded.options.data_dir.join("registry").join(file)).map_or(0, |it| it.len()),
            _ => 0,
        };
        wait_until(|| size() == 1_000_000).await;
        assert_eq!(error(api.get(&location).await).await, (404, "BLOB_UPLOAD_UNKNOWN".to_owned()));

        drop(connection);
        wait_until(|| api.files().is_empty()).await;
        assert_eq!(error(api.get(&location).await).await, (404, "BLOB_UPLOAD_UNKNOWN".to_owned()));
        let blob = api.get(&format!("/v2/acme/tools/blobs/{digest}")).await;
        assert_eq!(error(blob).await, (404, "BLOB_UNKNOWN".to_owned()));
    }
}

#[tokio::test]
async fn a_restart_drops_unfinished_uploads_and_keeps_blobs() {
    let api = Api::start().await;
    let digest = api.push("acme/tools", b"hello").await;
    let location = api.begin("acme/tools").await;
    api.request(Method::PATCH, &location).body("hell").send().await.unwrap();
    assert_eq!(api.files().len(), 2);

    let api = Api::new(restart(api.embedded).await);
    assert_eq!(api.files(), [format!("blobs/{}", digest.replace(':', "/"))]);
    assert_eq!(error(api.get(&location).await).await, (404, "BLOB_UPLOAD_UNKNOWN".to_owned()));
    assert_eq!(api.get(&format!("/v2/acme/tools/blobs/{digest}")).await.text().await.unwrap(), "hello");
}

/// Unfinished uploads are left over from a process that was killed. Unknown files may come from other programs.
#[tokio::test]
async fn starting_removes_unfinished_uploads_and_ignores_unknown_files() {
    let directory = stop(Embedded::start().await).await;
    let registry = directory.path().join("registry");
    fs::write(registry.join("uploads/01ARZ3NDEKTSV4RRFFQ69G5FAV"), "hell").unwrap();
    fs::create_dir_all(registry.join("sha256/ab")).unwrap();
    fs::write(registry.join("sha256/ab/cd"), "hello").unwrap();
    let api = Api::new(Embedded::start_in(directory, |options| options).await);
    assert_eq!(api.files(), ["sha256/ab/cd"]);
    api.push("acme/tools", b"hello").await;
}
