//! Tests for pushes to Docker's registry, and to servers that reject the image manifest, refuse a tag or a blob, stop
//! receiving a layer, or choose where blobs are uploaded.

use std::{
    io::{self, Write as _},
    sync::{
        Arc, Mutex,
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::DefaultBodyLimit,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::IntoResponse,
};
use futures_util::StreamExt as _;
use pack_format::{
    Digest,
    image::{Descriptor, Image},
};
use pack_upload::registry::{Credentials, Error, Layer, PushError, RegistryAddress};
use tokio::net::TcpListener;

use super::fixture::{Validated, push_image, registry, registry_with_timeout};
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
    for may_exist in [false, false, true] {
        let (tree, contents) = (tree.clone(), contents.clone());
        push_image(&registry, &image_ref, &image, may_exist, tree, contents).await.unwrap();
        registry.tag(&image_ref, image.manifest.clone()).await.unwrap();
        let found = repository.manifest("1.0.0_build.1").await;
        assert_eq!(found, Some((image.digest.to_string(), image.manifest.to_vec())));
    }

    // A push alone does not change the tag.
    let Validated { image: other, tree, contents } = Validated::pack("other");
    assert_ne!(other.digest, image.digest);
    assert_eq!(registry.manifest(&image_ref, other.digest).await.unwrap(), None);
    push_image(&registry, &image_ref, &other, false, tree, contents).await.unwrap();
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
        let error = push_image(&registry, &image_ref, &image, false, tree, contents).await.unwrap_err();
        assert!(matches!(error, Error::Status { .. }), "{error:?}");
        assert!(!format!("{error:?} {registry:?}").contains("hunter"));
    }
    assert_eq!(RepositoryClient::new(&docker.address, "acme/tools").manifest("1.0.0").await, None);
}

/// The credentials must not be sent to any registry but the configured one.
#[tokio::test]
async fn pushing_an_image_to_another_registry_is_refused() {
    let registry = registry(&"127.0.0.1:1".parse().unwrap(), basic("hunter2"));
    let Validated { image, tree, contents } = Validated::pack("hello");
    let error =
        push_image(&registry, "127.0.0.1:12/acme/tools:1.0.0", &image, false, tree, contents).await.unwrap_err();
    assert!(matches!(error, Error::ForeignReference(_)), "{error:?}");
}

/// Starts a registry that contains every blob but no manifest. It responds to the push of a manifest with `status` and
/// `body`.
async fn registry_responding(status: StatusCode, body: &'static str) -> RegistryAddress {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(move |method: Method, uri: Uri| async move {
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
        let registry = registry(&address, Credentials::None);
        let Validated { image, tree, contents } = Validated::pack("hello");
        let image_ref = format!("{address}/acme/tools:1.0.0");
        let error = push_image(&registry, &image_ref, &image, true, tree, contents).await.unwrap_err();
        match permanent {
            Some(expected) => assert!(matches!(&error, Error::Rejected(reason) if reason == expected), "{error:?}"),
            None => assert!(matches!(error, Error::Status { .. }), "{error:?}"),
        }
    }
}

#[tokio::test]
async fn an_image_reference_without_a_tag_is_rejected() {
    let registry = registry(&"127.0.0.1:1".parse().unwrap(), Credentials::None);
    let Validated { image, tree, contents } = Validated::pack("hello");
    let error = push_image(&registry, "127.0.0.1:1/untagged", &image, false, tree, contents).await.unwrap_err();
    assert!(matches!(error, Error::ForeignReference(_)), "{error:?}");
}

/// The requests that a server received: the method and the URI, and whether the request had credentials.
type Requests = Arc<Mutex<Vec<(String, bool)>>>;

/// Starts an empty registry that requires credentials for paths under `/v2/` and accepts every PUT. When a client opens
/// an upload session, the registry responds with this `Location`, or with none.
async fn registry_with_location(location: Option<String>) -> (RegistryAddress, Requests) {
    let requests = Requests::default();
    let received = requests.clone();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(move |method: Method, uri: Uri, headers: HeaderMap| async move {
        let is_authorized = headers.contains_key("authorization");
        received.lock().unwrap().push((format!("{method} {uri}"), is_authorized));
        match method {
            _ if !is_authorized && uri.path().starts_with("/v2/") => {
                (StatusCode::UNAUTHORIZED, [("www-authenticate", "Basic realm=\"test\"")]).into_response()
            }
            Method::POST => match location {
                Some(location) => (StatusCode::ACCEPTED, [("location", location)]).into_response(),
                None => StatusCode::ACCEPTED.into_response(),
            },
            Method::PUT => StatusCode::CREATED.into_response(),
            _ => StatusCode::NOT_FOUND.into_response(),
        }
    });
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (address.to_string().parse().unwrap(), requests)
}

async fn push(address: &RegistryAddress) -> Result<Image, Error> {
    let Validated { image, tree, contents } = Validated::pack("hello");
    let image_ref = format!("{address}/acme/tools:1.0.0");
    push_image(&registry(address, basic("hunter2")), &image_ref, &image, false, tree, contents).await.map(|()| image)
}

/// Starts an empty registry that notifies `on_layer` when the first data of a layer arrives. The layer must start with
/// `layer`. If `is_complete` is false, the registry accepts the upload without receiving the rest of the layer.
async fn registry_that_receives(on_layer: Sender<()>, is_complete: bool) -> (RegistryAddress, Requests) {
    let requests = Requests::default();
    let received = requests.clone();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(move |method: Method, uri: Uri, body: Body| async move {
        received.lock().unwrap().push((format!("{method} {uri}"), false));
        match method {
            Method::POST => (StatusCode::ACCEPTED, [("location", "session")]).into_response(),
            Method::PUT => {
                let mut data = body.into_data_stream();
                if data.next().await.is_some_and(|data| data.unwrap().starts_with(b"layer")) {
                    on_layer.send(()).unwrap();
                }
                if is_complete {
                    while data.next().await.is_some() {}
                }
                StatusCode::CREATED.into_response()
            }
            _ => StatusCode::NOT_FOUND.into_response(),
        }
    });
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (address.to_string().parse().unwrap(), requests)
}

/// Pushes an image with this layer. After the first MiB, writing the layer waits for a message from `proceed`.
async fn push_layer(address: &RegistryAddress, layer: Vec<u8>, proceed: Receiver<()>) -> Result<(), Error> {
    let Validated { image, .. } = Validated::pack("hello");
    let descriptor = Descriptor { digest: Digest::sha256(&layer), size: layer.len() as u64, ..image.layer };
    let image = Image { layer: descriptor, ..image };
    let registry = registry(address, Credentials::None);
    let image_ref = format!("{address}/acme/tools:1.0.0");
    let uploads = registry.open_image(&image_ref, &image, false).await?;
    let layer = Layer::write(image.layer.size, move |writer| {
        let (first, rest) = layer.split_at(1 << 20);
        writer.write_all(first)?;
        proceed.recv_timeout(Duration::from_secs(30)).map_err(io::Error::other)?;
        writer.write_all(rest)
    });
    match registry.push(&image_ref, &image, uploads, layer).await {
        Ok(()) => Ok(()),
        Err(PushError::Registry(error)) => Err(error),
        Err(PushError::Layer(error)) => panic!("{error}"),
    }
}

fn is_manifest((request, _): &(String, bool)) -> bool {
    request.starts_with("PUT /v2/acme/tools/manifests/")
}

/// The time between the two calls counts, so that a build ends before its Lambda function times out.
#[tokio::test]
async fn opening_the_upload_sessions_and_pushing_share_one_timeout() {
    let push_timeout = Duration::from_millis(500);
    let (on_layer, _received) = mpsc::channel();
    let (address, requests) = registry_that_receives(on_layer, true).await;
    let registry = registry_with_timeout(&address, Credentials::None, push_timeout);
    let Validated { image, .. } = Validated::pack("hello");
    let image_ref = format!("{address}/acme/tools:1.0.0");
    let uploads = registry.open_image(&image_ref, &image, false).await.unwrap();
    tokio::time::sleep(push_timeout).await;
    // Without the time that has passed, this layer would be written before the timeout.
    let layer = Layer::<io::Error>::write(image.layer.size, move |_| {
        thread::sleep(push_timeout / 2);
        Ok(())
    });
    let pushed = registry.push(&image_ref, &image, uploads, layer).await;
    assert!(matches!(pushed, Err(PushError::Registry(Error::TimedOut))), "{pushed:?}");
    assert!(!requests.lock().unwrap().iter().any(is_manifest));
}

#[tokio::test]
async fn a_layer_is_sent_while_it_is_written() {
    let (on_layer, proceed) = mpsc::channel();
    let (address, requests) = registry_that_receives(on_layer, true).await;
    push_layer(&address, b"layer".repeat(1 << 20), proceed).await.unwrap();
    assert!(requests.lock().unwrap().iter().any(is_manifest));
}

/// If the manifest were pushed, the image could be pulled although the digest of its layer was never checked.
#[tokio::test]
async fn no_image_manifest_is_pushed_if_the_registry_does_not_receive_the_whole_layer() {
    let (on_layer, proceed) = mpsc::channel();
    let (address, requests) = registry_that_receives(on_layer, false).await;
    let error = push_layer(&address, b"layer".repeat(20 << 20), proceed).await.unwrap_err();
    assert!(matches!(error, Error::Unfinished | Error::Http(_)), "{error:?}");
    assert!(!requests.lock().unwrap().iter().any(is_manifest));
}

/// The first push does not ask which blobs the registry has, so the registry may refuse one that it has.
#[tokio::test]
async fn a_refused_upload_of_a_blob_that_the_registry_has_is_not_an_error() {
    for has_blobs in [true, false] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: RegistryAddress = listener.local_addr().unwrap().to_string().parse().unwrap();
        let router = Router::new().fallback(move |method: Method, uri: Uri, body: Bytes| async move {
            match method {
                Method::POST => (StatusCode::ACCEPTED, [("location", "session")]).into_response(),
                Method::HEAD if has_blobs => StatusCode::OK.into_response(),
                Method::PUT if uri.path().contains("/manifests/") => StatusCode::CREATED.into_response(),
                Method::PUT => (StatusCode::BAD_REQUEST, format!("{} bytes refused", body.len())).into_response(),
                _ => StatusCode::NOT_FOUND.into_response(),
            }
        });
        let router = router.layer(DefaultBodyLimit::disable());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let (on_layer, proceed) = mpsc::channel();
        on_layer.send(()).unwrap();
        let pushed = push_layer(&address, b"layer".repeat(1 << 20), proceed).await;
        match pushed {
            Ok(()) => assert!(has_blobs),
            Err(error) => assert!(!has_blobs && matches!(error, Error::Status { .. }), "{error:?}"),
        }
    }
}

#[tokio::test]
async fn blobs_are_uploaded_to_the_location_that_the_registry_chooses() {
    let (other, other_requests) = registry_with_location(None).await;
    for (location, path, is_own) in [
        ("/v2/session?state=a%2Fb".to_owned(), "/v2/session?state=a%2Fb&", true),
        ("session".to_owned(), "/v2/acme/tools/blobs/uploads/session?", true),
        (format!("http://{other}/upload?state=x"), "/upload?state=x&", false),
    ] {
        let (address, requests) = registry_with_location(Some(location)).await;
        let image = push(&address).await.unwrap();
        let requests = if is_own { requests } else { other_requests.clone() };
        let requests = requests.lock().unwrap();
        for digest in [image.layer.digest, Digest::sha256(&image.config)] {
            let put = format!("PUT {path}digest={}", digest.to_string().replace(':', "%3A"));
            // Only the registry itself receives its credentials.
            assert!(requests.contains(&(put.clone(), is_own)), "{put} {requests:?}");
        }
    }
}

#[tokio::test]
async fn pushing_fails_if_the_upload_session_has_no_location() {
    let (address, _) = registry_with_location(None).await;
    let error = push(&address).await.unwrap_err();
    assert!(matches!(error, Error::NoLocation), "{error:?}");
}

#[tokio::test]
async fn a_tag_that_is_refused_as_immutable_must_point_to_the_image() {
    let Validated { image, .. } = Validated::pack("hello");
    for (found, is_success) in [(image.digest, true), (Digest::sha256(b"other"), false)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: RegistryAddress = listener.local_addr().unwrap().to_string().parse().unwrap();
        let router = Router::new().fallback(move |method: Method| async move {
            match method {
                Method::PUT => (StatusCode::BAD_REQUEST, r#"{"errors":[{"code":"TAG_INVALID"}]}"#).into_response(),
                _ => [("docker-content-digest", found.to_string())].into_response(),
            }
        });
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let image_ref = format!("{address}/acme/tools:1.0.0");
        let tagged = registry(&address, Credentials::None).tag(&image_ref, image.manifest.clone()).await;
        match tagged {
            Ok(()) => assert!(is_success),
            Err(error) => assert!(!is_success && matches!(error, Error::Rejected(_)), "{error:?}"),
        }
    }
}

#[tokio::test]
async fn pushing_fails_if_the_layer_does_not_have_the_digest_in_its_image() {
    let Some(docker) = DockerRegistry::start(DockerOptions::default()).await else { return };
    let registry = registry(&docker.address, Credentials::None);
    let image_ref = format!("{}/acme/tools:1.0.0", docker.address);
    let Validated { image, tree, contents } = Validated::pack("hello");
    let Validated { tree: other_tree, contents: other_contents, .. } = Validated::pack("other");
    let (tree_again, contents_again) = (other_tree.clone(), other_contents.clone());
    let error = push_image(&registry, &image_ref, &image, false, tree_again, contents_again).await.unwrap_err();
    assert!(matches!(error, Error::WrongLayer { .. }), "{error:?}");
    assert_eq!(registry.manifest(&image_ref, image.digest).await.unwrap(), None);

    // The contents are checked even if the registry already has the layer and the image manifest.
    push_image(&registry, &image_ref, &image, false, tree, contents).await.unwrap();
    let error = push_image(&registry, &image_ref, &image, true, other_tree, other_contents).await.unwrap_err();
    assert!(matches!(error, Error::WrongLayer { .. }), "{error:?}");
}
