//! Tests that delete images from Docker's registry, from the embedded registry, and from a server with the referrers
//! API and a token service.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use pack_format::{Digest, image::Image};
use pack_upload::registry::{Credentials, Error, Registry, RegistryAddress};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::fixture::{Validated, push_image, registry};
use crate::support::{DockerOptions, DockerRegistry, Embedded, RepositoryClient, basic};

const IMAGE_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const IMAGE_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Pushes and tags the image of a pack with `content` in its `behavior.md`.
async fn push(registry: &Registry, image_ref: &str, content: &str) -> Image {
    let Validated { image, tree, contents } = Validated::pack(content);
    push_image(registry, image_ref, &image, false, tree, contents).await.unwrap();
    registry.tag(image_ref, image.manifest.clone()).await.unwrap();
    image
}

/// Adds a referrer to an image, and an index that lists the referrer and has the image's referrers tag, `sha256-<hex>`.
/// Returns the digests of the referrer and the index.
async fn add_referrer(repository: &RepositoryClient, image: &Image) -> [String; 2] {
    let subject = json!({"mediaType": IMAGE_MANIFEST, "digest": image.digest, "size": image.manifest.len()});
    let mut referrer: Value = serde_json::from_slice(&image.manifest).unwrap();
    referrer["subject"] = subject;
    let digest = repository.put_manifest(&Digest::sha256(referrer.to_string().as_bytes()).to_string(), &referrer).await;
    let entry = json!({"mediaType": IMAGE_MANIFEST, "digest": digest, "size": referrer.to_string().len()});
    let index = json!({"schemaVersion": 2, "mediaType": IMAGE_INDEX, "manifests": [entry]});
    let tag = image.digest.to_string().replace(':', "-");
    [digest, repository.put_manifest(&tag, &index).await]
}

async fn expect_deleted(address: &RegistryAddress, credentials: Credentials) {
    let registry = registry(address, credentials);
    let repository = RepositoryClient::new(address, "acme/tools");
    let (image_ref, other_ref) = (format!("{address}/acme/tools:1.0.0"), format!("{address}/acme/tools:2.0.0"));
    let absent = Digest::sha256(b"absent");
    registry.delete(&image_ref, absent).await.unwrap();
    let image = push(&registry, &image_ref, "hello").await;
    let other = push(&registry, &other_ref, "other").await;
    let [referrer, index] = add_referrer(&repository, &image).await;

    for _ in 0..2 {
        registry.delete(&image_ref, image.digest).await.unwrap();
        for reference in ["1.0.0", &image.digest.to_string(), &referrer, &index] {
            assert_eq!(repository.manifest(reference).await, None, "{reference}");
        }
        assert_eq!(repository.tags().await, ["2.0.0"]);
    }
    // The tag points to a different image, so the deletion keeps it.
    registry.delete(&other_ref, absent).await.unwrap();
    let (found, _) = repository.manifest("2.0.0").await.unwrap();
    assert_eq!(found, other.digest.to_string());

    let again = push(&registry, &image_ref, "hello").await;
    assert_eq!(repository.manifest("1.0.0").await, Some((again.digest.to_string(), image.manifest.to_vec())));
}

#[tokio::test]
async fn the_manifests_of_a_deleted_image_cannot_be_pulled_from_a_docker_registry() {
    for (needs_password, credentials) in [(false, Credentials::None), (true, basic("hunter2"))] {
        let Some(docker) = DockerRegistry::start(DockerOptions { needs_password, deletes: true }).await else { return };
        expect_deleted(&docker.address, credentials).await;
    }
}

#[tokio::test]
async fn the_manifests_of_a_deleted_image_cannot_be_pulled_from_the_embedded_registry() {
    let embedded = Embedded::start().await;
    expect_deleted(&embedded.backends.registry, Credentials::None).await;
}

#[tokio::test]
async fn the_error_from_a_registry_with_deletion_disabled_says_how_to_enable_it() {
    let Some(docker) = DockerRegistry::start(DockerOptions::default()).await else { return };
    let registry = registry(&docker.address, Credentials::None);
    let image_ref = format!("{}/acme/tools:1.0.0", docker.address);
    let image = push(&registry, &image_ref, "hello").await;
    let error = registry.delete(&image_ref, image.digest).await.unwrap_err();
    assert!(matches!(error, Error::DeletionDisabled), "{error:?}");
    assert!(error.to_string().contains("REGISTRY_STORAGE_DELETE_ENABLED=true"), "{error}");
}

/// A registry that contains the repository `acme/tools`, with the referrers API and a token service. It lists one
/// referrer per page, and rejects the deletion of a manifest that has a tag.
#[derive(Default)]
struct TokenRegistry {
    address: String,
    manifests: BTreeSet<String>,
    tags: BTreeMap<String, String>,
    referrers: BTreeSet<String>,
    /// If set, every deletion gets this response.
    deletion_fails: Option<(StatusCode, &'static str)>,
}

type Shared = Arc<Mutex<TokenRegistry>>;

impl TokenRegistry {
    /// Starts a registry with one tagged image that has two referrers. Returns the registry's state, its address and
    /// the image's digest.
    async fn start(deletion_fails: Option<(StatusCode, &'static str)>) -> (Shared, RegistryAddress, Digest) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let digest = Digest::sha256(b"image");
        let referrers = BTreeSet::from([Digest::sha256(b"one").to_string(), Digest::sha256(b"two").to_string()]);
        let manifests = referrers.iter().cloned().chain([digest.to_string()]).collect();
        let tags = BTreeMap::from([("1.0.0".to_owned(), digest.to_string())]);
        let registry = Self { address: address.clone(), manifests, tags, referrers, deletion_fails };
        let shared = Arc::new(Mutex::new(registry));
        let router = Router::new().fallback(handle).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (shared, address.parse().unwrap(), digest)
    }

    fn respond(&mut self, method: &Method, path: &str) -> Response {
        let reference = path.rsplit('/').next().unwrap();
        if path.contains("/referrers/") {
            let page = self.referrers.first().map(|digest| json!({"digest": digest}));
            let body = Json(json!({"manifests": Vec::from_iter(page)}));
            return match self.referrers.len() {
                0 | 1 => body.into_response(),
                _ => ([("link", "</v2/acme/tools/referrers/next>; rel=\"next\"")], body).into_response(),
            };
        }
        let digest = self.tags.get(reference).cloned().unwrap_or_else(|| reference.to_owned());
        if !self.manifests.contains(&digest) {
            return StatusCode::NOT_FOUND.into_response();
        }
        if method != Method::DELETE {
            return [("docker-content-digest", digest)].into_response();
        }
        if let Some(response) = self.deletion_fails {
            return response.into_response();
        }
        let is_tagged = self.tags.values().any(|tagged| *tagged == digest);
        if self.tags.remove(reference).is_none() {
            if is_tagged {
                return StatusCode::BAD_REQUEST.into_response();
            }
            self.manifests.remove(&digest);
            self.referrers.remove(&digest);
        }
        StatusCode::ACCEPTED.into_response()
    }
}

/// Responds to a request. The token for a scope is the percent-encoded scope itself.
async fn handle(State(registry): State<Shared>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let mut registry = registry.lock().unwrap();
    let authorization = headers.get("authorization").map_or("", |value| value.to_str().unwrap());
    if uri.path() == "/token" {
        assert_eq!(authorization, "Basic Y2k6aHVudGVyMg==", "ci:hunter2");
        let query = uri.query().unwrap();
        assert!(query.contains("service=test"), "{query}");
        let scope = query.split('&').find_map(|pair| pair.strip_prefix("scope=")).unwrap();
        return Json(json!({"token": scope, "access_token": scope})).into_response();
    }
    let action = if method == Method::DELETE { "delete" } else { "pull" };
    let scope = authorization.strip_prefix("Bearer repository%3Aacme%2Ftools%3A");
    if !scope.is_some_and(|actions| actions.contains(action)) {
        let realm = format!("Bearer realm=\"http://{}/token\",service=\"test\"", registry.address);
        let challenge = match uri.path() {
            "/v2/" => realm,
            _ => format!("{realm},scope=\"repository:acme/tools:{action}\""),
        };
        return (StatusCode::UNAUTHORIZED, [("www-authenticate", challenge)]).into_response();
    }
    registry.respond(&method, uri.path())
}

#[tokio::test]
async fn a_deletion_deletes_all_referrers_and_deletes_the_tag_before_the_manifest() {
    let (shared, address, digest) = TokenRegistry::start(None).await;
    registry(&address, basic("hunter2")).delete(&format!("{address}/acme/tools:1.0.0"), digest).await.unwrap();
    let registry = shared.lock().unwrap();
    assert!(registry.manifests.is_empty() && registry.tags.is_empty(), "{:?}", registry.manifests);
}

#[tokio::test]
async fn a_deletion_rejected_by_the_registry_fails_and_deletes_nothing() {
    for refusal in [(StatusCode::FORBIDDEN, "not yours"), (StatusCode::TOO_MANY_REQUESTS, "slow down")] {
        let (shared, address, digest) = TokenRegistry::start(Some(refusal)).await;
        let registry = registry(&address, basic("hunter2"));
        let error = registry.delete(&format!("{address}/acme/tools:1.0.0"), digest).await.unwrap_err();
        assert!(matches!(&error, Error::Status { status, .. } if *status == refusal.0), "{error:?}");
        assert!(error.to_string().contains(refusal.1) && !format!("{error:?}").contains("hunter"), "{error:?}");
        assert_eq!(shared.lock().unwrap().manifests.len(), 3);
    }
}

/// The credentials must not be sent to any registry but the configured one.
#[tokio::test]
async fn deleting_an_image_in_another_registry_is_refused() {
    let registry = registry(&"127.0.0.1:1".parse().unwrap(), basic("hunter2"));
    let error = registry.delete("127.0.0.1:12/acme/tools:1.0.0", Digest::sha256(b"image")).await.unwrap_err();
    assert!(matches!(error, Error::ForeignReference(_)), "{error:?}");
}
