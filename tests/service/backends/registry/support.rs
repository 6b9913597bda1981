use std::{fs, path::Path};

use pack_format::Digest;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;

use super::super::Embedded;

/// A client for an embedded registry.
pub(super) struct Api {
    pub(super) embedded: Embedded,
    client: Client,
}

impl Api {
    pub(super) async fn start() -> Self {
        Self::new(Embedded::start().await)
    }

    pub(super) fn new(embedded: Embedded) -> Self {
        Self { embedded, client: Client::new() }
    }

    pub(super) fn address(&self) -> String {
        self.embedded.backends.registry.to_string()
    }

    /// Builds a request. `path` may include a query.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address()))
    }

    pub(super) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    /// Begins a blob upload and returns its location.
    pub(super) async fn begin(&self, name: &str) -> String {
        let begun = self.request(Method::POST, &format!("/v2/{name}/blobs/uploads/")).send().await.unwrap();
        assert_eq!(begun.status(), StatusCode::ACCEPTED);
        header(&begun, "location").to_owned()
    }

    /// Sends `body` as the last chunk of a blob upload, and completes the upload.
    pub(super) async fn finish(&self, location: &str, digest: &str, body: impl Into<reqwest::Body>) -> Response {
        // Clients encode the colon, although this is not required.
        let query = format!("?digest={}", digest.replace(':', "%3A"));
        self.request(Method::PUT, &format!("{location}{query}")).body(body).send().await.unwrap()
    }

    /// Pushes a blob and returns its digest.
    pub(super) async fn push(&self, name: &str, content: &'static [u8]) -> String {
        let digest = Digest::sha256(content).to_string();
        let location = self.begin(name).await;
        assert_eq!(self.finish(&location, &digest, content).await.status(), StatusCode::CREATED);
        digest
    }

    /// Returns the sorted paths of all files in the registry's directory.
    pub(super) fn files(&self) -> Vec<String> {
        fn walk(root: &Path, directory: &Path, files: &mut Vec<String>) {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(root, &path, files);
                } else {
                    files.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        let (root, mut files) = (self.embedded.options.data_dir.join("registry"), Vec::new());
        walk(&root, &root, &mut files);
        files.sort();
        files
    }
}

#[track_caller]
pub(super) fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers()[name].to_str().unwrap()
}

/// Returns the status and the code in an error response. Panics unless the body has the format that the OCI
/// distribution specification requires.
pub(super) async fn error(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    let error = &body["errors"][0];
    assert!(error["message"].is_string(), "{body}");
    (status, error["code"].as_str().unwrap().to_owned())
}
