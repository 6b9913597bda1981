use std::{
    sync::{Arc, Mutex},
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

type Predicate = Box<dyn Fn(&Method, &Uri) -> bool + Send>;

/// A proxy for a registry or another backend that holds back one request until the test releases it. By default, this
/// is the first push of an image manifest.
pub(crate) struct HoldingProxy {
    backend: String,
    /// Notified when the request is held back.
    pub(crate) held: Notify,
    /// Notified by the test to release the request.
    pub(crate) release: Notify,
    /// Decides whether to hold back a request. `None` after a request has been held back.
    holds: Mutex<Option<Predicate>>,
}

impl HoldingProxy {
    /// Starts a proxy for `backend` (`host:port`), and returns its address.
    pub(crate) async fn start(backend: String) -> (Arc<Self>, RegistryAddress) {
        let (held, release) = (Notify::new(), Notify::new());
        let proxy = Arc::new(Self { backend, held, release, holds: Mutex::new(Some(Box::new(is_manifest_push))) });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string().parse().unwrap();
        let router = Router::new().fallback(hold_or_forward).with_state(proxy.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (proxy, address)
    }

    /// Holds back the next request for which `holds` returns true.
    pub(crate) fn hold(&self, holds: impl Fn(&Method, &Uri) -> bool + Send + 'static) {
        *self.holds.lock().unwrap() = Some(Box::new(holds));
    }
}

async fn hold_or_forward(
    State(proxy): State<Arc<HoldingProxy>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let is_held = proxy.holds.lock().unwrap().take_if(|holds| holds(&method, &uri)).is_some();
    if is_held {
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

pub(super) async fn forward(
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
