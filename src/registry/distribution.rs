//! Requests that oci-client cannot make: deletions, and requests whose response headers matter (`Link`, `OCI-Subject`).

use bytes::Bytes;
use http_auth::{ChallengeRef, parse_challenges};
use oci_client::{Reference, secrets::RegistryAuth};
use pack_format::image::MANIFEST_MEDIA_TYPE;
use reqwest::{
    Client, Method, RequestBuilder, Response, StatusCode,
    header::{ACCEPT, CONTENT_TYPE, WWW_AUTHENTICATE},
};
use serde::Deserialize;

use super::{CONNECT_TIMEOUT, Error, Registry, login::Session};

pub(super) const INDEX_MEDIA_TYPE: &str = "application/vnd.oci.image.index.v1+json";

/// A repository in any registry that implements the OCI distribution API.
pub(super) struct Repository<'a> {
    http: Client,
    /// The registry's URL, such as `https://registry.example.com`.
    registry: String,
    name: &'a str,
    auth: RegistryAuth,
}

impl Registry {
    pub(super) async fn repository<'a>(
        &self,
        session: &Session,
        reference: &'a Reference,
    ) -> Result<Repository<'a>, Error> {
        let create = async || Client::builder().connect_timeout(CONNECT_TIMEOUT).build();
        let http = self.http.get_or_try_init(create).await?.clone();
        let scheme = if self.plain_http { "http" } else { "https" };
        let registry = format!("{scheme}://{}", self.address.host());
        Ok(Repository { http, registry, name: reference.repository(), auth: session.auth.clone() })
    }
}

impl Repository<'_> {
    /// Sends a request to `/v2/<name>/<path>`. If the registry asks for credentials, sends the request again with them.
    pub(super) async fn send(&self, method: Method, path: &str) -> Result<Response, Error> {
        let accept = [INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE].join(", ");
        self.authorized(|| self.request(method.clone(), path).header(ACCEPT, &accept)).await
    }

    /// Returns the response to a GET request, or `None` if its status is 404.
    pub(super) async fn get(&self, path: &str) -> Result<Option<Response>, Error> {
        let response = self.send(Method::GET, path).await?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(None),
            _ => expect_success(Method::GET, response).await.map(Some),
        }
    }

    pub(super) async fn put_manifest(
        &self,
        reference: &str,
        media_type: &str,
        manifest: Bytes,
    ) -> Result<Response, Error> {
        let path = format!("manifests/{reference}");
        let put = || self.request(Method::PUT, &path).header(CONTENT_TYPE, media_type).body(manifest.clone());
        expect_success(Method::PUT, self.authorized(put).await?).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/v2/{}/{path}", self.registry, self.name))
    }

    /// Sends a request. If the registry asks for credentials, sends the request again with them.
    async fn authorized(&self, request: impl Fn() -> RequestBuilder) -> Result<Response, Error> {
        let response = request().send().await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        match self.authorize(request(), &response).await? {
            Some(request) => Ok(request.send().await?),
            None => Ok(response),
        }
    }

    /// Adds the credentials that the 401 response `refused` asks for. Returns `None` if no suitable credentials are
    /// available.
    async fn authorize(&self, request: RequestBuilder, refused: &Response) -> Result<Option<RequestBuilder>, Error> {
        let header = refused.headers().get(WWW_AUTHENTICATE).and_then(|header| header.to_str().ok());
        let challenges = header.and_then(|header| parse_challenges(header).ok()).unwrap_or_default();
        for challenge in &challenges {
            if challenge.scheme.eq_ignore_ascii_case("bearer") {
                return Ok(self.token(challenge).await?.map(|token| request.bearer_auth(token)));
            }
            if challenge.scheme.eq_ignore_ascii_case("basic")
                && let RegistryAuth::Basic(username, password) = &self.auth
            {
                return Ok(Some(request.basic_auth(username, Some(password))));
            }
        }
        Ok(None)
    }

    /// Requests a token for the scope of a challenge, from the token service that the challenge names (distribution's
    /// "Token Authentication Specification"). Returns `None` if the challenge names no token service, or if the service
    /// returns no token.
    async fn token(&self, challenge: &ChallengeRef<'_>) -> Result<Option<String>, Error> {
        #[derive(Deserialize)]
        struct Body {
            token: Option<String>,
            access_token: Option<String>,
        }
        let param = |name: &str| {
            let (_, value) = challenge.params.iter().find(|(found, _)| found.eq_ignore_ascii_case(name))?;
            Some(value.to_unescaped())
        };
        let Some(realm) = param("realm") else { return Ok(None) };
        let scope = param("scope").unwrap_or_else(|| format!("repository:{}:pull,push,delete", self.name));
        let mut get = self.http.get(realm).query(&[("scope", scope)]);
        if let Some(service) = param("service") {
            get = get.query(&[("service", service)]);
        }
        let get = match &self.auth {
            RegistryAuth::Anonymous => get,
            RegistryAuth::Basic(username, password) => get.basic_auth(username, Some(password)),
            RegistryAuth::Bearer(token) => get.bearer_auth(token),
        };
        let Body { token, access_token } = get.send().await?.error_for_status()?.json().await?;
        Ok(token.or(access_token))
    }
}

pub(super) async fn expect_success(method: Method, response: Response) -> Result<Response, Error> {
    if response.status().is_success() {
        return Ok(response);
    }
    let (status, request) = (response.status(), format!("{method} {}", response.url()));
    Err(Error::Status { status, request, body: response.text().await? })
}
