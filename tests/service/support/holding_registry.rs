use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
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
        let router = Router::new().fallback(forward).with_state(proxy.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (proxy, address)
    }
}

async fn forward(
    State(proxy): State<Arc<HoldingRegistry>>,
    method: Method,
    uri: Uri,
    mut headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    if method == Method::PUT && uri.path().contains("/manifests/") && proxy.is_first.swap(false, Ordering::SeqCst) {
        proxy.held.notify_one();
        proxy.release.notified().await;
    }
    headers.remove("host");
    let request = reqwest::Client::new().request(method, format!("http://{}{uri}", proxy.backend));
    let response = request.headers(headers).body(body).send().await.unwrap();
    (response.status(), response.headers().clone(), response.bytes().await.unwrap())
}
