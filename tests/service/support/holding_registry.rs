use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, Uri},
    response::IntoResponse,
};
use pack_upload::registry::RegistryAddress;
use tokio::{net::TcpListener, sync::Notify};

/// A proxy for a registry that holds the first push of an image manifest until the test releases it.
pub(crate) struct HoldingRegistry {
    backend: String,
    /// Notified when the push is held.
    pub(crate) held: Notify,
    /// Notified by the test to release the push.
    pub(crate) release: Notify,
    is_first: AtomicBool,
}

impl HoldingRegistry {
    /// Starts a proxy for the registry at `backend`, which is `host:port`.
    pub(crate) async fn start(backend: String) -> (Arc<Self>, RegistryAddress) {
        let (held, release) = (Notify::new(), Notify::new());
        let proxy = Arc::new(Self { backend, held, release, is_first: AtomicBool::new(true) });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string().parse().unwrap();
        let router = Router::new().fallback(hold_first_manifest).with_state(proxy.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (proxy, address)
    }
}

async fn hold_first_manifest(
    State(proxy): State<Arc<HoldingRegistry>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    if is_manifest_push(&method, &uri) && proxy.is_first.swap(false, Ordering::SeqCst) {
        proxy.held.notify_one();
        proxy.release.notified().await;
    }
    forward(&proxy.backend, method, uri, headers, body).await
}

/// Starts a proxy for the registry at `backend` that delays each push of an image manifest.
pub(crate) async fn start_slow_registry(backend: String, delay: Duration) -> RegistryAddress {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string().parse().unwrap();
    let delayed = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| async move {
        if is_manifest_push(&method, &uri) {
            tokio::time::sleep(delay).await;
        }
        forward(&backend, method, uri, headers, body).await
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(delayed)).await.unwrap() });
    address
}

fn is_manifest_push(method: &Method, uri: &Uri) -> bool {
    method == Method::PUT && uri.path().contains("/manifests/")
}

async fn forward(
    backend: &str,
    method: Method,
    uri: Uri,
    mut headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse + use<> {
    headers.remove("host");
    let request = reqwest::Client::new().request(method, format!("http://{backend}{uri}"));
    let response = request.headers(headers).body(body).send().await.unwrap();
    (response.status(), response.headers().clone(), response.bytes().await.unwrap())
}
