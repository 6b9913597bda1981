//! Authenticates requests to the registry.

use std::{
    fmt, mem,
    num::NonZeroUsize,
    time::{Duration, SystemTime},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use http_auth::{ChallengeRef, parse_challenges};
use lru::LruCache;
use reqwest::{
    Client, Method, RequestBuilder, Response, StatusCode, Url,
    header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::{Error, error::expect_success};

/// The maximum number of tokens that a session keeps. Each is for one scope.
const MAX_TOKENS: NonZeroUsize = NonZeroUsize::new(100).expect("100 is not 0");

/// A username and a password, for the registry or for its token service.
#[derive(Debug, Clone)]
pub(super) struct Password {
    pub(super) username: String,
    pub(super) password: SecretString,
}

/// Credentials for the registry, and the authentication scheme that it requires. Later requests reuse the scheme and
/// the tokens that an earlier request obtained, so they need no extra round trips.
pub(super) struct Session {
    password: Option<Password>,
    expires_at: Option<SystemTime>,
    scheme: Mutex<Scheme>,
}

/// How the registry authenticates requests.
enum Scheme {
    /// No request has been answered yet.
    Unknown,
    /// The registry has not asked for credentials.
    Anonymous,
    /// HTTP basic authentication (RFC 7617), with the header to send.
    Basic(HeaderValue),
    Bearer(TokenService),
}

/// A service that issues tokens for the registry (distribution's "Token Authentication Specification").
struct TokenService {
    realm: String,
    service: Option<String>,
    /// The token for each scope.
    tokens: LruCache<String, Token>,
}

struct Token {
    header: HeaderValue,
    /// When half of the token's life has passed. A newer token is then requested before the next request, because a
    /// layer is sent as a stream, and cannot be sent again if the registry refuses the token.
    renew_at: SystemTime,
}

/// The life of a token if the token service does not state it (distribution's "Token Authentication Specification").
const DEFAULT_LIFE_SECONDS: u64 = 60;
/// The longest life that is assumed for a token: one year.
const MAX_LIFE_SECONDS: u64 = 31_536_000;

impl Session {
    /// Creates a session that is valid until `expires_at`; if that is `None`, the session does not expire.
    pub(super) fn new(password: Option<Password>, expires_at: Option<SystemTime>) -> Self {
        Self { password, expires_at, scheme: Mutex::new(Scheme::Unknown) }
    }

    pub(super) fn is_valid(&self) -> bool {
        self.expires_at.is_none_or(|end| SystemTime::now() < end)
    }

    /// Sends a request with the credentials for `scope`, such as `repository:acme/tools:pull,push`. If the registry
    /// asks for other credentials, for example because a token has expired, sends the request once more. A request
    /// whose body is a stream is sent only once. `registry` is the registry's URL.
    pub(super) async fn send(
        &self,
        http: &Client,
        registry: &str,
        scope: &str,
        request: RequestBuilder,
    ) -> Result<Response, Error> {
        let again = request.try_clone();
        let mut scheme = self.scheme.lock().await;
        let used = self.header(http, &mut scheme, scope).await?;
        // All other requests wait for the first request of a session, because its response shows the scheme.
        let first = if matches!(*scheme, Scheme::Unknown) {
            Some(scheme)
        } else {
            drop(scheme);
            None
        };
        let response = with(request, used.as_ref()).send().await?;
        // Ignore a 401 from a server that the registry redirected to, because that server must not get the registry's
        // credentials.
        let is_own = Url::parse(registry).is_ok_and(|registry| registry.origin() == response.url().origin());
        let is_refused = is_own && response.status() == StatusCode::UNAUTHORIZED;
        let mut scheme = match first {
            Some(scheme) => scheme,
            None if is_refused => self.scheme.lock().await,
            None => return Ok(response),
        };
        if !is_refused {
            *scheme = Scheme::Anonymous;
            return Ok(response);
        }
        let Some(again) = again else { return Ok(response) };
        let header = match scheme.kept(scope) {
            // Another request obtained new credentials in the meantime.
            Some(header) if Some(&header) != used.as_ref() => Some(header),
            _ => self.renew(http, &mut scheme, scope, &response).await?,
        };
        drop(scheme);
        match header {
            Some(header) => Ok(with(again, Some(&header)).send().await?),
            None => Ok(response),
        }
    }

    /// Returns the header for a scope. If the scheme is [`Scheme::Bearer`] and the session has no recent token for the
    /// scope, requests one. Returns `None` if the registry has not asked for credentials or there is no token.
    async fn header(&self, http: &Client, scheme: &mut Scheme, scope: &str) -> Result<Option<HeaderValue>, Error> {
        match (scheme.kept(scope), scheme) {
            // If this fails, the request is sent with the old token or without credentials, and the response to it
            // names the current token service.
            (None, Scheme::Bearer(service)) => {
                let header = service.renew(http, self.password.as_ref(), scope, scope).await.unwrap_or(None);
                Ok(header.or_else(|| service.tokens.get(scope).map(|token| token.header.clone())))
            }
            (kept, _) => Ok(kept),
        }
    }

    /// Gets the credentials that `refused`, a response with status 401, asks for. Returns `None` if this session has no
    /// such credentials.
    async fn renew(
        &self,
        http: &Client,
        scheme: &mut Scheme,
        scope: &str,
        refused: &Response,
    ) -> Result<Option<HeaderValue>, Error> {
        let headers = refused.headers().get_all(WWW_AUTHENTICATE).iter().filter_map(|header| header.to_str().ok());
        let mut challenges: Vec<_> = headers.filter_map(|header| parse_challenges(header).ok()).flatten().collect();
        challenges.sort_by_key(|challenge| !challenge.scheme.eq_ignore_ascii_case("bearer"));
        for challenge in &challenges {
            if challenge.scheme.eq_ignore_ascii_case("bearer")
                && let Some(realm) = param(challenge, "realm")
            {
                let tokens = match mem::replace(scheme, Scheme::Anonymous) {
                    Scheme::Bearer(known) => known.tokens,
                    Scheme::Unknown | Scheme::Anonymous | Scheme::Basic(_) => LruCache::new(MAX_TOKENS),
                };
                // Request a token for `scope`, although the challenge names only the scope for this request, so that
                // all requests of a push share one token. If `scope` does not include the challenge's scope, request a
                // token for the challenge's scope instead.
                let needed = param(challenge, "scope").filter(|needed| !includes(scope, needed));
                let mut service = TokenService { realm, service: param(challenge, "service"), tokens };
                let needed = needed.as_deref().unwrap_or(scope);
                let header = service.renew(http, self.password.as_ref(), scope, needed).await;
                *scheme = Scheme::Bearer(service);
                return header;
            }
            if challenge.scheme.eq_ignore_ascii_case("basic")
                && !matches!(scheme, Scheme::Basic(_))
                && let Some(header) = self.password.as_ref().and_then(Password::header)
            {
                *scheme = Scheme::Basic(header.clone());
                return Ok(Some(header));
            }
        }
        Ok(None)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

impl Scheme {
    /// Returns the header for a scope if it is known and need not be renewed.
    fn kept(&mut self, scope: &str) -> Option<HeaderValue> {
        match self {
            Self::Unknown | Self::Anonymous => None,
            Self::Basic(header) => Some(header.clone()),
            Self::Bearer(service) => {
                let token = service.tokens.get(scope).filter(|token| SystemTime::now() < token.renew_at)?;
                Some(token.header.clone())
            }
        }
    }
}

impl Password {
    fn header(&self) -> Option<HeaderValue> {
        let Self { username, password } = self;
        sensitive(&format!("Basic {}", STANDARD.encode(format!("{username}:{}", password.expose_secret()))))
    }
}

impl TokenService {
    /// Requests a token with the scope `needed`, and caches it as the token for `scope`. Returns `None` if the service
    /// returns no token.
    async fn renew(
        &mut self,
        http: &Client,
        password: Option<&Password>,
        scope: &str,
        needed: &str,
    ) -> Result<Option<HeaderValue>, Error> {
        #[derive(Deserialize)]
        struct Body {
            token: Option<String>,
            access_token: Option<String>,
            /// The token's life in seconds.
            expires_in: Option<u64>,
        }
        let mut get = http.get(&self.realm).query(&[("scope", needed)]);
        if let Some(service) = &self.service {
            get = get.query(&[("service", service)]);
        }
        let get = with(get, password.and_then(Password::header).as_ref());
        let response = expect_success(Method::GET, get.send().await?).await?;
        let Body { token, access_token, expires_in } = response.json().await?;
        let header = token.or(access_token).and_then(|token| sensitive(&format!("Bearer {token}")));
        if let Some(header) = &header {
            let life = Duration::from_secs(expires_in.unwrap_or(DEFAULT_LIFE_SECONDS).min(MAX_LIFE_SECONDS));
            self.tokens.put(scope.to_owned(), Token { header: header.clone(), renew_at: SystemTime::now() + life / 2 });
        }
        Ok(header)
    }
}

fn with(request: RequestBuilder, header: Option<&HeaderValue>) -> RequestBuilder {
    match header {
        Some(header) => request.header(AUTHORIZATION, header),
        None => request,
    }
}

/// Returns a header value that `Debug` does not show, or `None` if the text is not valid in a header.
fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// Returns whether a token for `scope` allows everything that `needed` names. A scope is
/// `repository:<name>:<action>,<action>`.
fn includes(scope: &str, needed: &str) -> bool {
    let (Some((name, actions)), Some((needed_name, needed_actions))) =
        (scope.rsplit_once(':'), needed.rsplit_once(':'))
    else {
        return false;
    };
    name == needed_name && needed_actions.split(',').all(|needed| actions.split(',').any(|action| action == needed))
}

fn param(challenge: &ChallengeRef<'_>, name: &str) -> Option<String> {
    let (_, value) = challenge.params.iter().find(|(found, _)| found.eq_ignore_ascii_case(name))?;
    Some(value.to_unescaped())
}
