//! Requests that oci-client does not make: deletions and lists of referrers.

use http_auth::{ChallengeRef, parse_challenges};
use oci_client::secrets::RegistryAuth;
use pack_format::image::MANIFEST_MEDIA_TYPE;
use reqwest::{
    Client, Method, RequestBuilder, Response, StatusCode,
    header::{ACCEPT, WWW_AUTHENTICATE},
};
use serde::Deserialize;

use super::{CONNECT_TIMEOUT, Error};

pub(super) const INDEX_MEDIA_TYPE: &str = "application/vnd.oci.image.index.v1+json";

/// A repository of a registry that implements the OCI distribution API.
pub(super) struct Repository<'a> {
    http: Client,
    registry: String,
    name: &'a str,
    auth: RegistryAuth,
}

impl<'a> Repository<'a> {
    /// `registry` is the registry's URL, such as `https://registry.example.com`.
    pub(super) fn new(registry: String, name: &'a str, auth: RegistryAuth) -> Result<Self, Error> {
        let http = Client::builder().connect_timeout(CONNECT_TIMEOUT).build()?;
        Ok(Self { http, registry, name, auth })
    }

    /// Sends a request to `/v2/<name>/<path>`. If the registry asks for credentials, sends it again with them.
    pub(super) async fn send(&self, method: Method, path: &str) -> Result<Response, Error> {
        let request = || {
            let url = format!("{}/v2/{}/{path}", self.registry, self.name);
            self.http.request(method.clone(), url).header(ACCEPT, [INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE].join(", "))
        };
        let response = request().send().await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        match self.authorize(request(), &response).await? {
            Some(request) => Ok(request.send().await?),
            None => Ok(response),
        }
    }

    /// Adds the credentials that `refused`, a response with status 401, asks for. Returns `None` if there are no such
    /// credentials.
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
