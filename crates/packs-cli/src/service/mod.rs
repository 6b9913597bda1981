//! The HTTP client for the service.

mod body;
mod error;

use std::time::Duration;

use rustls::crypto::ring;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use ureq::{
    Agent,
    http::{Method, Request as HttpRequest, header},
    tls::{RootCerts, TlsConfig},
};

pub use self::{
    body::{Body, Upload},
    error::{Rejection, ServiceError},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may be idle. The service responds within 30 seconds.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// The maximum number of bytes to read from a response. A page of a list is at most 4 MiB of JSON.
const MAX_RESPONSE: u64 = 16 << 20;

/// The pauses between tries. There is one more try than there are pauses.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];
/// The longest `Retry-After` to wait for. If the server asks for more, the request is not retried.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

/// A client for the service, with the service's address and an API key.
pub struct Service {
    url: String,
    key: SecretString,
    agent: Agent,
}

/// A request that may be sent more than once.
#[derive(Debug)]
pub struct Request<'a> {
    pub method: Method,
    /// A path on the service with its query, or the URL of another server.
    pub target: &'a str,
    /// Additional headers, for requests to another server.
    pub headers: Vec<(&'a str, &'a str)>,
    pub body: Body<'a>,
}

impl Service {
    /// Reads the environment variables `EVERSHELL_API_KEY`, and `PACKS_URL` or `EVERSHELL_SLUG`.
    pub fn from_env() -> Result<Self, ServiceError> {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let url = service_url(variable("PACKS_URL"), variable("EVERSHELL_SLUG"))?;
        let key = variable("EVERSHELL_API_KEY").ok_or(ServiceError::NoKey)?;
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ServiceError::InvalidKey);
        }
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(ring::default_provider().into())
            .build();
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_per_read(Some(IDLE_TIMEOUT))
            .timeout_per_write(Some(IDLE_TIMEOUT))
            .tls_config(tls)
            .user_agent(concat!("packs/", env!("CARGO_PKG_VERSION")))
            .build()
            .into();
        Ok(Self { url, key: key.into(), agent })
    }

    /// Sends a GET request to a path on the service.
    pub fn get(&self, path: &str) -> Result<Value, ServiceError> {
        let request = Request { method: Method::GET, target: path, headers: Vec::new(), body: Body::Empty };
        self.send(&request)
    }

    /// Sends a request, and retries it if the connection is lost, or if the server fails or asks the client to wait.
    /// Returns the JSON of the response, or null if the response has none.
    pub fn send(&self, request: &Request<'_>) -> Result<Value, ServiceError> {
        let mut failed = 0;
        loop {
            let error = match self.try_once(request) {
                Ok(body) => return Ok(body),
                Err(error) => error.after(failed),
            };
            failed += 1;
            let pause = if error.is_transient() { pause(failed, error.retry_after()) } else { None };
            let Some(pause) = pause else { return Err(error) };
            anstream::eprintln!("{error}; trying again in {:.1} s", pause.as_secs_f64());
            std::thread::sleep(pause);
        }
    }

    fn try_once(&self, request: &Request<'_>) -> Result<Value, ServiceError> {
        let is_for_service = request.target.starts_with('/');
        let url = if is_for_service { format!("{}{}", self.url, request.target) } else { request.target.to_owned() };
        let mut http = HttpRequest::builder().method(&request.method).uri(&url);
        if is_for_service {
            http = http.header(header::AUTHORIZATION, format!("Bearer {}", self.key.expose_secret()));
        }
        for (name, value) in &request.headers {
            http = http.header(*name, *value);
        }
        let connection =
            |source| ServiceError::Connection { url: error::without_query(&url), source: Box::new(source) };
        let response = request.body.send(http, &self.agent).map_err(connection)?;
        let (parts, mut body) = response.into_parts();
        let text = body.with_config().limit(MAX_RESPONSE).read_to_string().map_err(connection)?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        match parts.status.as_u16() {
            200..300 if is_for_service && body.is_null() => Err(ServiceError::NotTheService { url }),
            200..300 => Ok(body),
            _ => {
                let server = (!is_for_service).then(|| error::without_query(&url));
                Err(ServiceError::Rejected(Box::new(Rejection::new(&parts, &body, server))))
            }
        }
    }
}

/// Returns the URL of the service without a trailing slash.
fn service_url(url: Option<String>, slug: Option<String>) -> Result<String, ServiceError> {
    match (url, slug) {
        (Some(url), _) if url.starts_with("https://") || url.starts_with("http://") => {
            Ok(url.trim_end_matches('/').to_owned())
        }
        (Some(_), _) => Err(ServiceError::InvalidUrl),
        (None, Some(slug)) if slug.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') => {
            Ok(format!("https://{slug}.evershell.ai"))
        }
        (None, Some(_)) => Err(ServiceError::InvalidSlug),
        (None, None) => Err(ServiceError::NoAddress),
    }
}

/// Returns how long to wait after `failed` tries, or `None` to give up. Without a `Retry-After`, the pause is random,
/// so that clients whose requests failed at the same time do not retry at the same time.
fn pause(failed: usize, retry_after: Option<Duration>) -> Option<Duration> {
    let pause = PAUSES.get(failed.checked_sub(1)?)?;
    match retry_after {
        None => Some(pause.mul_f64(0.5 + fastrand::f64() / 2.0)),
        Some(wait) => (wait <= MAX_RETRY_AFTER).then_some(wait),
    }
}
