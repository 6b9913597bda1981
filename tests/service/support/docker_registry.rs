use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use pack_upload::registry::{Credentials, RegistryAddress};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

/// The user `ci` and the bcrypt hash of the password `hunter2`.
const HTPASSWD: &str = "ci:$2b$04$abcdefghijklmnopqrstuuV3duMsC0HpUex6N9qapiuOHHWkwRXVm\n";

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct DockerOptions {
    /// Whether the registry requires the username `ci` and the password `hunter2`.
    pub(crate) needs_password: bool,
    /// Whether the registry allows the deletion of manifests, as with `REGISTRY_STORAGE_DELETE_ENABLED=true`.
    pub(crate) deletes: bool,
}

/// A running `docker-registry`.
pub(crate) struct DockerRegistry {
    process: Child,
    pub(crate) address: RegistryAddress,
    _directory: TempDir,
}

impl DockerRegistry {
    /// Starts a registry. If docker-registry is not installed, returns `None`, or panics if `REQUIRE_TOOLS` is set.
    pub(crate) async fn start(options: DockerOptions) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        std::fs::write(path("htpasswd"), HTPASSWD).unwrap();
        let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
        let mut config = json!({
            "version": 0.1,
            "log": {"level": "error", "accesslog": {"disabled": true}},
            "storage": {"filesystem": {"rootdirectory": path("storage")}, "delete": {"enabled": options.deletes}},
            "http": {"addr": address},
        });
        if options.needs_password {
            config["auth"] = json!({"htpasswd": {"realm": "test", "path": path("htpasswd")}});
        }
        std::fs::write(path("config.yml"), config.to_string()).unwrap();
        let serve = Command::new("docker-registry").args(["serve", &path("config.yml")]).stderr(Stdio::null()).spawn();
        let process = match serve {
            Ok(process) => process,
            Err(error) if std::env::var_os("REQUIRE_TOOLS").is_none() => {
                println!("skipped: docker-registry cannot be started: {error}");
                return None;
            }
            Err(error) => panic!("docker-registry is required: {error}"),
        };
        let registry = Self { process, address: address.parse().unwrap(), _directory: directory };
        for _ in 0..200 {
            if reqwest::get(format!("http://{address}/v2/")).await.is_ok() {
                return Some(registry);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("docker-registry does not respond");
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns credentials for a [`DockerRegistry`], which accepts only the password `hunter2`.
pub(crate) fn basic(password: &str) -> Credentials {
    Credentials::Basic { username: "ci".to_owned(), password: password.into() }
}

/// A client for one repository in any registry that these tests start.
pub(crate) struct RepositoryClient {
    url: String,
}

impl RepositoryClient {
    pub(crate) fn new(registry: &RegistryAddress, name: &str) -> Self {
        Self { url: format!("http://{registry}/v2/{name}") }
    }

    fn authenticated(request: RequestBuilder) -> RequestBuilder {
        request.basic_auth("ci", Some("hunter2"))
    }

    /// Returns the digest and the bytes of a manifest, or `None` if the registry does not have it.
    pub(crate) async fn manifest(&self, reference: &str) -> Option<(String, Vec<u8>)> {
        let get = Self::authenticated(Client::new().get(format!("{}/manifests/{reference}", self.url)));
        let media_types = ["application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json"];
        let response = get.header("accept", media_types.join(", ")).send().await.unwrap();
        if response.status() != StatusCode::OK {
            return None;
        }
        let digest = response.headers()["docker-content-digest"].to_str().unwrap().to_owned();
        Some((digest, response.bytes().await.unwrap().to_vec()))
    }

    /// Pushes a manifest and returns its digest. The manifest must have a media type.
    pub(crate) async fn put_manifest(&self, reference: &str, manifest: &Value) -> String {
        let put = Self::authenticated(Client::new().put(format!("{}/manifests/{reference}", self.url)));
        let put = put.header("content-type", manifest["mediaType"].as_str().unwrap()).body(manifest.to_string());
        let response = put.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::CREATED);
        response.headers()["docker-content-digest"].to_str().unwrap().to_owned()
    }

    /// Returns the descriptors of an image's referrers: from the referrers API, or from the index under the referrers
    /// tag if the registry does not have this API.
    pub(crate) async fn referrers(&self, image_digest: &str) -> Vec<Value> {
        let get = Self::authenticated(Client::new().get(format!("{}/referrers/{image_digest}", self.url)));
        let response = get.send().await.unwrap();
        let index: Value = if response.status() == StatusCode::OK {
            response.json().await.unwrap()
        } else {
            let Some((_, index)) = self.manifest(&image_digest.replace(':', "-")).await else { return Vec::new() };
            serde_json::from_slice(&index).unwrap()
        };
        serde_json::from_value(index["manifests"].clone()).unwrap()
    }

    pub(crate) async fn blob(&self, digest: &str) -> Vec<u8> {
        let get = Self::authenticated(Client::new().get(format!("{}/blobs/{digest}", self.url)));
        get.send().await.unwrap().error_for_status().unwrap().bytes().await.unwrap().to_vec()
    }

    pub(crate) async fn delete_manifest(&self, digest: &str) {
        let delete = Self::authenticated(Client::new().delete(format!("{}/manifests/{digest}", self.url)));
        assert_eq!(delete.send().await.unwrap().status(), StatusCode::ACCEPTED);
    }

    pub(crate) async fn tags(&self) -> Vec<String> {
        let get = Self::authenticated(Client::new().get(format!("{}/tags/list", self.url)));
        let list: Value = get.send().await.unwrap().json().await.unwrap();
        serde_json::from_value(list["tags"].clone()).unwrap_or_default()
    }
}
