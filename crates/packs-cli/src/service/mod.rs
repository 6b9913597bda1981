//! The HTTP client for the service. It also sends archives to the S3 URLs that the service returns.

mod body;
mod error;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use ureq::{
    Agent,
    http::{Method, Request as HttpRequest, header},
};

pub use self::{
    body::{Body, Upload},
    error::{Rejection, ServiceError},
};
use crate::http;

/// The largest response that is read, in bytes. A page of a list contains at most 4 MiB of JSON.
const MAX_RESPONSE: u64 = 16 << 20;

/// A client for the service. Without a key, it can send only requests that need none.
pub struct Service {
    url: String,
    key: Option<SecretString>,
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
        let service = Self::public_from_env()?;
        let key = variable("EVERSHELL_API_KEY").ok_or(ServiceError::NoKey)?;
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ServiceError::InvalidKey);
        }
        Ok(Self { key: Some(key.into()), ..service })
    }

    /// Reads `PACKS_URL` or `EVERSHELL_SLUG`, for requests that need no API key.
    pub fn public_from_env() -> Result<Self, ServiceError> {
        let url = service_url(variable("PACKS_URL"), variable("EVERSHELL_SLUG"))?;
        Ok(Self { url, key: None, agent: http::agent(0) })
    }

    /// Sends a GET request to a path on the service.
    pub fn get(&self, path: &str) -> Result<Value, ServiceError> {
        let request = Request { method: Method::GET, target: path, headers: Vec::new(), body: Body::Empty };
        self.send(&request)
    }

    /// Sends a request, and retries it if the connection is lost, or if the server fails or asks the client to wait.
    /// Returns the JSON of the response. If a successful response has no JSON, returns an error if the service sent it,
    /// and null if another server did.
    pub fn send(&self, request: &Request<'_>) -> Result<Value, ServiceError> {
        http::retry(|failed| self.try_once(request).map_err(|error| error.after(failed)))
    }

    fn try_once(&self, request: &Request<'_>) -> Result<Value, ServiceError> {
        let is_for_service = request.target.starts_with('/');
        let url = if is_for_service { format!("{}{}", self.url, request.target) } else { request.target.to_owned() };
        let mut http = HttpRequest::builder().method(&request.method).uri(&url);
        if is_for_service && let Some(key) = &self.key {
            http = http.header(header::AUTHORIZATION, format!("Bearer {}", key.expose_secret()));
        }
        for (name, value) in &request.headers {
            http = http.header(*name, *value);
        }
        let connection = |source| ServiceError::Connection { url: http::without_query(&url), source: Box::new(source) };
        let response = request.body.send(http, &self.agent).map_err(connection)?;
        let (parts, mut body) = response.into_parts();
        let text = body.with_config().limit(MAX_RESPONSE).read_to_string().map_err(connection)?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        match parts.status.as_u16() {
            200..300 if is_for_service && body.is_null() => Err(ServiceError::NotTheService { url }),
            200..300 => Ok(body),
            _ => {
                let server = (!is_for_service).then(|| http::without_query(&url));
                Err(ServiceError::Rejected(Box::new(Rejection::new(&parts, &body, server))))
            }
        }
    }
}

/// Returns an environment variable, or `None` if it is unset or empty.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
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
