use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use pack_upload::registry::RegistryAddress;
use serde_json::json;
use tokio::{net::TcpListener, sync::watch};

use super::holding_proxy::forward;

/// How a [`SteppedRegistry`] authenticates requests. The username is `ci` and the password is `hunter2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Authentication {
    Anonymous,
    Basic,
    /// With tokens for one repository, from a token service at `/token`.
    Bearer,
}

/// A registry proxy that responds in steps: it holds each request until all requests in the same step have arrived. So
/// a client completes all steps only if it sends the requests in each step concurrently.
pub(crate) struct SteppedRegistry {
    backend: String,
    address: String,
    authentication: Authentication,
    state: Mutex<Steps>,
    /// The number of completed steps.
    completed: watch::Sender<usize>,
}

#[derive(Default)]
struct Steps {
    /// The requests that have not arrived yet, for each step that is not complete. If `None`, requests are forwarded
    /// without steps.
    pending: Option<VecDeque<Vec<&'static str>>>,
    /// The requests that arrived outside their step.
    unexpected: Vec<String>,
    /// The number that a valid token contains. It increases when a token is issued, and when all tokens expire.
    token: usize,
    /// The lifetime that the token service states for new tokens, in seconds. If `None`, it states none.
    token_life: Option<u64>,
}

impl SteppedRegistry {
    /// Starts a proxy for the registry at `backend`, which is `host:port`.
    pub(crate) async fn start(backend: String, authentication: Authentication) -> (Arc<Self>, RegistryAddress) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (state, completed) = (Mutex::default(), watch::Sender::new(0));
        let proxy = Arc::new(Self { backend, address: address.clone(), authentication, state, completed });
        let router = Router::new().fallback(handle).with_state(proxy.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (proxy, address.parse().unwrap())
    }

    /// Sets the requests of each step. The next request belongs to the first step.
    pub(crate) fn expect(&self, steps: &[&[&'static str]]) {
        let mut state = self.state.lock().unwrap();
        state.pending = Some(steps.iter().map(|requests| requests.to_vec()).collect());
        self.completed.send_replace(0);
    }

    /// Ends the steps. Returns the expected requests that have not arrived, and the requests that arrived outside their
    /// step.
    pub(crate) fn missing_and_unexpected(&self) -> (Vec<Vec<&'static str>>, Vec<String>) {
        let mut state = self.state.lock().unwrap();
        (state.pending.take().unwrap_or_default().into(), std::mem::take(&mut state.unexpected))
    }

    /// Invalidates all tokens.
    pub(crate) fn expire_tokens(&self) {
        self.state.lock().unwrap().token += 1;
    }

    /// Sets the lifetime that the token service states for new tokens.
    pub(crate) fn set_token_life(&self, seconds: u64) {
        self.state.lock().unwrap().token_life = Some(seconds);
    }

    /// Marks `request` as arrived, and waits until all other requests in the current step have arrived. If `request` is
    /// not in this step, only records it as unexpected. If no steps are set, does nothing.
    async fn arrive(&self, request: &'static str) {
        let mut completed = self.completed.subscribe();
        let step = {
            let mut state = self.state.lock().unwrap();
            let Some(pending) = &mut state.pending else { return };
            let position = pending.front().and_then(|step| step.iter().position(|expected| *expected == request));
            let (Some(position), Some(step)) = (position, pending.front_mut()) else {
                state.unexpected.push(request.to_owned());
                return;
            };
            step.swap_remove(position);
            let number = *self.completed.borrow();
            if step.is_empty() {
                pending.pop_front();
                self.completed.send_replace(number + 1);
            }
            number
        };
        completed.wait_for(|completed| *completed > step).await.unwrap();
    }

    /// Returns the response that asks for credentials, or `None` if the request has valid ones.
    fn refusal(&self, method: &Method, headers: &HeaderMap) -> Option<Response> {
        let authorization = headers.get("authorization").map_or("", |value| value.to_str().unwrap());
        let token = self.state.lock().unwrap().token;
        let (is_valid, challenge) = match self.authentication {
            Authentication::Anonymous => (authorization.is_empty(), String::new()),
            Authentication::Basic => (authorization == BASIC, "Basic realm=\"test\"".to_owned()),
            Authentication::Bearer => {
                let actions = if matches!(*method, Method::GET | Method::HEAD) { "pull" } else { "pull,push" };
                let scope = format!("repository:acme/tools:{actions}");
                let challenge =
                    format!("Bearer realm=\"http://{}/token\",service=\"test\",scope=\"{scope}\"", self.address);
                (authorization == format!("Bearer token-{token}"), challenge)
            }
        };
        let refused = || (StatusCode::UNAUTHORIZED, [("www-authenticate", challenge)]).into_response();
        (!is_valid).then(refused)
    }

    /// Returns a new token, and invalidates the previous one.
    fn token(&self, uri: &Uri, headers: &HeaderMap) -> Response {
        assert_eq!(headers["authorization"], BASIC);
        assert_eq!(uri.query(), Some("scope=repository%3Aacme%2Ftools%3Apull%2Cpush&service=test"));
        let mut state = self.state.lock().unwrap();
        state.token += 1;
        let mut body = json!({"token": format!("token-{}", state.token)});
        if let Some(life) = state.token_life {
            body["expires_in"] = json!(life);
        }
        Json(body).into_response()
    }
}

/// The `Authorization` header with the username and the password.
const BASIC: &str = "Basic Y2k6aHVudGVyMg==";

async fn handle(
    State(proxy): State<Arc<SteppedRegistry>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    proxy.arrive(name(&method, uri.path())).await;
    if uri.path() == "/token" {
        return proxy.token(&uri, &headers);
    }
    match proxy.refusal(&method, &headers) {
        Some(refusal) => refusal,
        None => forward(&proxy.backend, method, uri, headers, body).await.into_response(),
    }
}

/// Returns the name that a test's steps use for a request, such as `PUT tag`.
fn name(method: &Method, path: &str) -> &'static str {
    match (method.as_str(), path) {
        ("GET", "/token") => "GET token",
        ("HEAD", path) if path.contains("/blobs/") => "HEAD blob",
        ("POST", path) if path.ends_with("/blobs/uploads/") => "POST upload",
        ("PUT", path) if path.contains("/blobs/uploads/") => "PUT blob",
        ("HEAD", path) if path.contains("/manifests/sha256:") => "HEAD manifest",
        ("PUT", path) if path.contains("/manifests/sha256:") => "PUT manifest",
        ("HEAD", path) if path.contains("/manifests/") => "HEAD tag",
        ("PUT", path) if path.contains("/manifests/") => "PUT tag",
        _ => "another request",
    }
}
