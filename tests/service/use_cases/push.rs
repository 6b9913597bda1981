//! Tests for pushes to Docker's registry, and to servers that reject the image manifest.

use axum::{
    Router,
    http::{Method, StatusCode},
    response::IntoResponse,
};
use pack_upload::registry::{Credentials, Error, RegistryAddress};
use tokio::net::TcpListener;

use super::fixture::{Validated, registry};
use crate::support::{DockerOptions, DockerRegistry, RepositoryClient, basic};

const NEEDS_PASSWORD: DockerOptions = DockerOptions { needs_password: true, deletes: false };

#[tokio::test]
async fn a_docker_registry_stores_the_promised_image_under_its_tag() {
    let Some(docker) = DockerRegistry::start(NEEDS_PASSWORD).await else { return };
    let address: RegistryAddress = format!("{}/packs/eu", docker.address).parse().unwrap();
    let registry = registry(&address, basic("hunter2"));
    let image_ref = format!("{address}/acme/tools:1.0.0_build.1");
    let repository = RepositoryClient::new(&docker.address, "packs/eu/acme/tools");
    let Validated { image, tree, contents } = Validated::pack("hello");
    for _ in 0..2 {
        registry.push(&image_ref, &image, tree.clone(), contents.clone()).await.unwrap();
        registry.tag(&image_ref, image.manifest.clone()).await.unwrap();
        let found = repository.manifest("1.0.0_build.1").await;
        assert_eq!(found, Some((image.digest.to_string(), image.manifest.to_vec())));
    }

    // A push alone does not change the tag.
    let Validated { image: other, tree, contents } = Validated::pack("other");
    assert_ne!(other.digest, image.digest);
    assert_eq!(registry.manifest(&image_ref, other.digest).await.unwrap(), None);
    registry.push(&image_ref, &other, tree, contents).await.unwrap();
    assert_eq!(registry.manifest(&image_ref, other.digest).await.unwrap(), Some(other.manifest));
    let (found, _) = repository.manifest("1.0.0_build.1").await.unwrap();
    assert_eq!(found, image.digest.to_string());
}

#[tokio::test]
async fn rejected_credentials_cause_a_transient_error_and_are_not_revealed() {
    let Some(docker) = DockerRegistry::start(NEEDS_PASSWORD).await else { return };
    for credentials in [basic("hunter3"), Credentials::None] {
        let registry = registry(&docker.address, credentials);
        let Validated { image, tree, contents } = Validated::pack("hello");
        let image_ref = format!("{}/acme/tools:1.0.0", docker.address);
        let error = registry.push(&image_ref, &image, tree, contents).await.unwrap_err();
        assert!(matches!(error, Error::Registry(_)), "{error:?}");
        assert!(!format!("{error:?} {registry:?}").contains("hunter"));
    }
    assert_eq!(RepositoryClient::new(&docker.address, "acme/tools").manifest("1.0.0").await, None);
}

#[tokio::test]
async fn credentials_are_never_sent_to_another_registry() {
    let registry = registry(&"127.0.0.1:1".parse().unwrap(), basic("hunter2"));
    let Validated { image, tree, contents } = Validated::pack("hello");
    let error = registry.push("127.0.0.1:12/acme/tools:1.0.0", &image, tree, contents).await.unwrap_err();
    assert!(matches!(error, Error::ForeignReference(_)), "{error:?}");
}

/// Starts a registry that contains every blob but no manifest. It responds to the push of a manifest with `status` and
/// `body`.
async fn registry_responding(status: StatusCode, body: &'static str) -> RegistryAddress {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(move |method: Method, uri: axum::http::Uri| async move {
        match (method, uri.path().contains("/manifests/")) {
            (Method::PUT, true) => (status, body).into_response(),
            (_, true) => (StatusCode::NOT_FOUND, r#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#).into_response(),
            _ => StatusCode::OK.into_response(),
        }
    });
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address.to_string().parse().unwrap()
}

#[tokio::test]
async fn permanent_and_transient_push_errors_are_distinguished() {
    for (status, body, permanent) in [
        (400, r#"{"errors":[{"code":"TAG_INVALID","message":"the tag is immutable"}]}"#, Some("the tag is immutable")),
        (400, r#"{"errors":[{"code":"MANIFEST_INVALID","message":"no such type"}]}"#, Some("no such type")),
        (413, "", Some("it is too large")),
        (400, r#"{"errors":[{"code":"DIGEST_INVALID","message":"damaged on the way"}]}"#, None),
        (401, "", None),
        (403, r#"{"errors":[{"code":"DENIED","message":"not yours"}]}"#, None),
        (429, r#"{"errors":[{"code":"TOOMANYREQUESTS"}]}"#, None),
        (500, "", None),
    ] {
        let address = registry_responding(StatusCode::from_u16(status).unwrap(), body).await;
        let push = registry(&address, Credentials::None);
        let Validated { image, tree, contents } = Validated::pack("hello");
        let error = push.push(&format!("{address}/acme/tools:1.0.0"), &image, tree, contents).await.unwrap_err();
        match permanent {
            Some(expected) => assert!(matches!(&error, Error::Rejected(reason) if reason == expected), "{error:?}"),
            None => assert!(matches!(error, Error::Registry(_)), "{error:?}"),
        }
    }
}

#[tokio::test]
async fn an_image_reference_without_a_tag_is_rejected() {
    let registry = registry(&"127.0.0.1:1".parse().unwrap(), Credentials::None);
    let Validated { image, tree, contents } = Validated::pack("hello");
    let error = registry.push("127.0.0.1:1/untagged", &image, tree, contents).await.unwrap_err();
    assert!(matches!(error, Error::ForeignReference(_)), "{error:?}");
}
