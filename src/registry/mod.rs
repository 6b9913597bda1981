//! Pushes, pulls, tags and deletes images, and pushes and deletes their referrers, in any registry that implements the
//! OCI distribution API. Also creates repositories in ECR.

mod address;
mod blobs;
mod delete;
mod distribution;
mod ecr;
mod error;
mod layer;
mod login;
mod push;
mod referrers;
mod repository_tags;
mod session;

use std::{net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use pack_format::{Digest, image::MANIFEST_MEDIA_TYPE};
use reqwest::Client;
use tokio::{
    sync::{Mutex, OnceCell},
    try_join,
};

pub use self::{
    address::{InvalidRegistry, RegistryAddress},
    blobs::Blob,
    error::{Error, PushError},
    layer::{Layer, LayerWriter},
    login::Credentials,
    push::ImageUploads,
    referrers::{Referrer, ReferrerUploads},
    repository_tags::{InvalidRepositoryTags, RepositoryTags},
};
use self::{
    distribution::{Repository, content_digest},
    login::Login,
    session::{Password, Session},
};
use crate::{aws, error_chain::ErrorChain};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Debug, Clone)]
pub struct Settings {
    pub address: RegistryAddress,
    pub credentials: Credentials,
    /// Whether to use HTTP instead of HTTPS. A registry on a loopback address always uses HTTP.
    pub plain_http: bool,
    /// The timeout for each operation, such as a push, a tag, a deletion, or a read of an image manifest. A push
    /// includes writing the layer. Pulling or pushing a single blob has no timeout.
    pub push_timeout: Duration,
}

/// A client for the configured registry.
#[derive(Debug, Clone)]
pub struct Registry {
    address: RegistryAddress,
    login: Login,
    plain_http: bool,
    push_timeout: Duration,
    session: Arc<Mutex<Option<Arc<Session>>>>,
    /// Created when it is first needed, because creating it loads the system's certificates, which is slow.
    http: Arc<OnceCell<Client>>,
}

impl Registry {
    /// Uses `sdk` and `timeouts` only for calls to AWS.
    pub fn new(settings: Settings, sdk: &aws_config::SdkConfig, timeouts: &aws::Timeouts) -> Self {
        let Settings { address, credentials, plain_http, push_timeout } = settings;
        let plain_http = plain_http || is_loopback(address.host());
        let login = match credentials {
            Credentials::None => Login::Fixed(None),
            Credentials::Basic { username, password } => Login::Fixed(Some(Password { username, password })),
            Credentials::Secret { arn } => Login::Secret { client: aws::secrets_manager(sdk, timeouts), arn },
            Credentials::Ecr { tags } => Login::Ecr { client: aws::ecr(sdk, timeouts), tags },
        };
        Self { address, login, plain_http, push_timeout, session: Arc::default(), http: Arc::default() }
    }

    /// Creates the HTTP client and gets the credentials, so that the first request need not wait for them. If this
    /// fails, the first request tries again.
    pub async fn prepare(self) {
        if let Err(error) = try_join!(self.http(), self.session()) {
            tracing::warn!(error = %ErrorChain(&error), "the registry could not be prepared");
        }
    }

    /// Returns the bytes of an image manifest, or `None` if the repository does not contain it.
    pub async fn manifest(&self, image_ref: &str, digest: Digest) -> Result<Option<Bytes>, Error> {
        let pull = async {
            let repository = self.repository(self.split(image_ref)?.0).await?;
            let Some(response) = repository.get(&format!("manifests/{digest}")).await? else { return Ok(None) };
            let manifest = response.bytes().await?;
            let found = Digest::sha256(&manifest);
            if found != digest {
                return Err(Error::WrongDigest { found: Some(found.to_string()), expected: digest });
            }
            Ok(Some(manifest))
        };
        self.in_time(pull).await
    }

    /// Makes the tag of `image_ref` point to the manifest of a pushed image. Succeeds if an immutable tag already
    /// points to that manifest.
    ///
    /// # Errors
    /// Returns [`Error::Rejected`] if the registry will never accept the tag or the manifest. All other errors may be
    /// temporary.
    pub async fn tag(&self, image_ref: &str, manifest: Bytes) -> Result<(), Error> {
        let put = async {
            let (name, tag) = self.split(image_ref)?;
            let repository = self.repository(name).await?;
            let expected = Digest::sha256(&manifest);
            let is_expected =
                |found: &Option<String>| found.as_ref().is_some_and(|found| *found == expected.to_string());
            let found = match repository.put_manifest(tag, MANIFEST_MEDIA_TYPE, manifest).await {
                Ok(response) => match content_digest(&response) {
                    Some(found) => Some(found),
                    None => repository.manifest_digest(tag).await?,
                },
                Err(error) => match repository.manifest_digest(tag).await {
                    Ok(found) if is_expected(&found) => found,
                    _ => return Err(error),
                },
            };
            if is_expected(&found) { Ok(()) } else { Err(Error::WrongDigest { found, expected }) }
        };
        self.in_time(put).await
    }

    /// Limits the duration of a call to the timeout of an operation.
    fn in_time<T>(&self, call: impl Future<Output = Result<T, Error>>) -> impl Future<Output = Result<T, Error>> {
        self.within(self.push_timeout, call)
    }

    /// Limits the duration of a call. Boxes the call, because its future is large.
    fn within<T, E: From<Error>>(
        &self,
        limit: Duration,
        call: impl Future<Output = Result<T, E>>,
    ) -> impl Future<Output = Result<T, E>> {
        let call = tokio::time::timeout(limit, Box::pin(call));
        async { call.await.map_err(|_| Error::TimedOut)? }
    }

    /// Splits an image reference into the name of a repository in the configured registry, and a tag.
    fn split<'a>(&self, image_ref: &'a str) -> Result<(&'a str, &'a str), Error> {
        image_ref
            .strip_prefix(self.address.host())
            .and_then(|rest| rest.strip_prefix('/'))
            .and_then(|rest| rest.rsplit_once(':'))
            .ok_or_else(|| Error::ForeignReference(image_ref.to_owned()))
    }

    /// Returns a client for a repository, with valid credentials.
    async fn repository<'a>(&self, name: &'a str) -> Result<Repository<'a>, Error> {
        let (http, session) = try_join!(self.http(), self.session())?;
        Ok(self.repository_in(name, http, session))
    }

    fn repository_in<'a>(&self, name: &'a str, http: Client, session: Arc<Session>) -> Repository<'a> {
        let scheme = if self.plain_http { "http" } else { "https" };
        let registry = format!("{scheme}://{}", self.address.host());
        Repository { http, session, registry, name }
    }

    async fn http(&self) -> Result<Client, Error> {
        let create = async || Client::builder().connect_timeout(CONNECT_TIMEOUT).build();
        Ok(self.http.get_or_try_init(create).await?.clone())
    }

    async fn session(&self) -> Result<Arc<Session>, Error> {
        let mut current = self.session.lock().await;
        if let Some(session) = current.as_ref().filter(|session| session.is_valid()) {
            return Ok(session.clone());
        }
        Ok(current.insert(Arc::new(self.login.session().await?)).clone())
    }
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next(),
        None => host.split(':').next(),
    };
    name.is_some_and(|name| name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback()))
}
