//! The HTTP client, and the rules for retrying a request.

use std::{fmt::Display, time::Duration};

use rustls::crypto::ring;
use ureq::{
    Agent,
    http::{HeaderMap, header::RETRY_AFTER},
    tls::{RootCerts, TlsConfig},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait while a connection transfers nothing. The service responds within 30 seconds.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// The longest pauses between the attempts to send a request. If the server sends `Retry-After`, that value applies
/// instead. There is one more attempt than there are pauses.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];
/// The longest `Retry-After` to wait for. If the server asks for a longer wait, the request is not sent again.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

/// Returns a client that follows up to `max_redirects` redirects, and never sends credentials to their targets. With 0,
/// it returns a redirect like any other response.
pub(crate) fn agent(max_redirects: u32) -> Agent {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(ring::default_provider().into())
        .build();
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(max_redirects)
        .redirect_auth_headers(ureq::config::RedirectAuthHeaders::Never)
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_per_read(Some(IDLE_TIMEOUT))
        .timeout_per_write(Some(IDLE_TIMEOUT))
        .tls_config(tls)
        .user_agent(concat!("packs/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

/// An error that tells [`retry`] whether and when to retry the request.
pub(crate) trait Failure: Display {
    /// Returns whether the request may succeed if it is sent again.
    fn is_transient(&self) -> bool;

    /// Returns how long the server asked the client to wait (`Retry-After`), if it did.
    fn retry_after(&self) -> Option<Duration>;
}

/// Calls `attempt` until it succeeds, each time with the number of attempts that have failed. Returns the error if it
/// is permanent, if it is the fifth, or if the server asks for a pause longer than [`MAX_RETRY_AFTER`].
pub(crate) fn retry<T, E: Failure>(mut attempt: impl FnMut(usize) -> Result<T, E>) -> Result<T, E> {
    let mut failed = 0;
    loop {
        let error = match attempt(failed) {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        failed += 1;
        let pause = if error.is_transient() { pause(failed, error.retry_after()) } else { None };
        let Some(pause) = pause else { return Err(error) };
        anstream::eprintln!("{error}; trying again in {:.1} s", pause.as_secs_f64());
        std::thread::sleep(pause);
    }
}

/// Returns whether a request that got no complete response may succeed if it is sent again.
pub(crate) fn is_transient(error: &ureq::Error) -> bool {
    matches!(error, ureq::Error::Io(_) | ureq::Error::Timeout(_) | ureq::Error::ConnectionFailed)
        || matches!(error, ureq::Error::Protocol(_))
}

/// Returns whether a request whose response has this status may succeed if it is sent again.
pub(crate) fn is_transient_status(status: u16) -> bool {
    matches!(status, 429 | 500 | 502 | 503 | 504)
}

pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

/// Returns a URL without its query, because the query may contain a signature.
pub(crate) fn without_query(url: &str) -> String {
    url.split('?').next().unwrap_or_default().to_owned()
}

/// Returns the pause after a number of failed attempts. Returns `None` after the last attempt, or if the server asks
/// for a wait longer than [`MAX_RETRY_AFTER`]. Without a `Retry-After`, the pause is random, so that clients whose
/// requests failed together do not retry together.
fn pause(failed: usize, retry_after: Option<Duration>) -> Option<Duration> {
    let pause = PAUSES.get(failed.checked_sub(1)?)?;
    match retry_after {
        None => Some(pause.mul_f64(0.5 + fastrand::f64() / 2.0)),
        Some(wait) => (wait <= MAX_RETRY_AFTER).then_some(wait),
    }
}
