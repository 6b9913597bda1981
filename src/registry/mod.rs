//! Pushes, tags and deletes images in any registry that implements the OCI distribution API.

mod address;
mod blobs;
mod delete;
mod distribution;
mod ecr;
mod error;
mod login;
mod referrers;
mod repository_tags;
mod stream;

use std::{
    io::{Read, Seek},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use oci_client::{
    Client, Reference,
    client::{ClientConfig, ClientProtocol},
    secrets::RegistryAuth,
};
use pack_format::{
    Digest, Tree,
    image::{Image, MANIFEST_MEDIA_TYPE},
};
use secrecy::ExposeSecret as _;
use tokio::sync::{Mutex, OnceCell};

pub use self::{
    address::{InvalidRegistry, RegistryAddress},
    blobs::Blob,
    error::Error,
    login::Credentials,
    referrers::Referrer,
    repository_tags::{InvalidRepositoryTags, RepositoryTags},
};
use self::{
    error::{is_manifest_unknown, is_repository_unknown},
    login::{Login, Session},
};
use crate::aws;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Debug, Clone)]
pub struct Settings {
    pub address: RegistryAddress,
    pub credentials: Credentials,
    /// Whether to use HTTP instead of HTTPS. A registry on a loopback address always uses HTTP.
    pub plain_http: bool,
    /// The timeout for each operation, such as a push, a tag, a deletion, or a read of an image manifest. Copying a
    /// single blob has no timeout.
    pub push_timeout: Duration,
}

/// A client for the configured registry.
#[derive(Debug, Clone)]
pub struct Registry {
    address: RegistryAddress,
    login: Login,
    plain_http: bool,
    push_timeout: Duration,
    session: Arc<Mutex<Option<Session>>>,
    /// The client for requests that oci-client cannot make. It is created on first use, because creating a client reads
    /// the system's certificates, which is slow.
    http: Arc<OnceCell<reqwest::Client>>,
}

impl Registry {
    /// Uses `sdk` and `timeouts` only for calls to AWS.
    pub fn new(settings: Settings, sdk: &aws_config::SdkConfig, timeouts: &aws::Timeouts) -> Self {
        let Settings { address, credentials, plain_http, push_timeout } = settings;
        let plain_http = plain_http || is_loopback(address.host());
        let login = match credentials {
            Credentials::None => Login::Fixed(RegistryAuth::Anonymous),
            Credentials::Basic { username, password } => {
                Login::Fixed(RegistryAuth::Basic(username, password.expose_secret().to_owned()))
            }
            Credentials::Secret { arn } => Login::Secret { client: aws::secrets_manager(sdk, timeouts), arn },
            Credentials::Ecr { tags } => Login::Ecr { client: aws::ecr(sdk, timeouts), tags },
        };
        Self { address, login, plain_http, push_timeout, session: Arc::default(), http: Arc::default() }
    }

    /// Pushes an image by its digest, unless the registry already has it. `tree` and `contents` belong to the image's
    /// pack. The tag of `image_ref` does not change.
    ///
    /// # Errors
    /// Returns [`Error::Rejected`] if the push can never succeed. All other errors may be temporary.
    pub async fn push(
        &self,
        image_ref: &str,
        image: &Image,
        tree: Tree,
        contents: impl Read + Seek + Send + 'static,
    ) -> Result<(), Error> {
        self.in_time(self.push_missing(image_ref, image, tree, contents)).await
    }

    /// Returns the bytes of an image manifest, or `None` if the repository does not contain it.
    pub async fn manifest(&self, image_ref: &str, digest: Digest) -> Result<Option<Bytes>, Error> {
        let pull = async {
            let reference = by_digest(&self.reference(image_ref)?, digest);
            let Session { client, auth, .. } = self.session().await?;
            match client.pull_manifest_raw(&reference, &auth, &[MANIFEST_MEDIA_TYPE]).await {
                Ok((manifest, _)) => Ok(Some(manifest)),
                Err(error) if is_manifest_unknown(&error) => Ok(None),
                Err(error) => Err(error.into()),
            }
        };
        self.in_time(pull).await
    }

    /// Points the tag of `image_ref` to the manifest of a pushed image. Does not write the tag if it already points to
    /// that manifest, because the tag may be immutable.
    ///
    /// # Errors
    /// The same as [`Registry::push`].
    pub async fn tag(&self, image_ref: &str, manifest: Bytes) -> Result<(), Error> {
        let tag = async {
            let reference = self.reference(image_ref)?;
            let Session { client, auth, .. } = self.session().await?;
            let pushed = Digest::sha256(&manifest);
            if current_digest(&client, &reference, &auth).await?.is_some_and(|found| found == pushed.to_string()) {
                return Ok(());
            }
            let put = put_manifest(&client, &reference, manifest).await;
            match current_digest(&client, &reference, &auth).await? {
                Some(found) if found == pushed.to_string() => Ok(()),
                found => {
                    put?;
                    Err(Error::WrongDigest { found, pushed })
                }
            }
        };
        self.in_time(tag).await
    }

    async fn in_time<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        tokio::time::timeout(self.push_timeout, call).await.map_err(|_| Error::TimedOut)?
    }

    async fn push_missing(
        &self,
        image_ref: &str,
        image: &Image,
        tree: Tree,
        contents: impl Read + Seek + Send + 'static,
    ) -> Result<(), Error> {
        let reference = by_digest(&self.reference(image_ref)?, image.digest);
        let Session { client, auth, .. } = self.session().await?;
        match client.fetch_manifest_digest(&reference, &auth).await {
            Ok(found) if found == image.digest.to_string() => return Ok(()),
            Ok(_) => {}
            Err(error) if is_repository_unknown(&error) => self.login.create_repository(&reference).await?,
            Err(error) if is_manifest_unknown(&error) => {}
            Err(error) => return Err(error.into()),
        }
        let layer = &image.layer;
        let digest = layer.digest.to_string();
        if !client.blob_exists(&reference, &digest).await? {
            let chunks = stream::layer(tree, contents);
            client.push_blob_stream(&reference, chunks, &digest, Some(layer.size)).await?;
        }
        push_blob(&client, &reference, &image.config).await?;
        put_manifest(&client, &reference, image.manifest.clone()).await
    }

    /// Splits an image reference at the configured host. oci-client's own parser would apply Docker's default host.
    fn reference(&self, image_ref: &str) -> Result<Reference, Error> {
        let host = self.address.host();
        image_ref
            .strip_prefix(host)
            .and_then(|rest| rest.strip_prefix('/'))
            .and_then(|rest| rest.rsplit_once(':'))
            .map(|(repository, tag)| Reference::with_tag(host.to_owned(), repository.to_owned(), tag.to_owned()))
            .ok_or_else(|| Error::ForeignReference(image_ref.to_owned()))
    }

    /// Returns a client with valid credentials. oci-client caches the first credentials for a registry, so new
    /// credentials need a new client.
    async fn session(&self) -> Result<Session, Error> {
        let mut current = self.session.lock().await;
        if let Some(session) = current.as_ref().filter(|session| session.is_valid()) {
            return Ok(session.clone());
        }
        let client = Client::try_from(ClientConfig {
            protocol: if self.plain_http { ClientProtocol::Http } else { ClientProtocol::Https },
            // Send each blob in one PUT: ECR loses every PATCH after the first.
            use_monolithic_push: true,
            connect_timeout: Some(CONNECT_TIMEOUT),
            ..ClientConfig::default()
        })?;
        let session = self.login.session(client).await?;
        session.client.store_auth_if_needed(self.address.host(), &session.auth).await;
        Ok(current.insert(session).clone())
    }
}

/// Returns a reference to the manifest with this digest in the same repository. The digest takes the place of the tag:
/// with a digest reference, oci-client panics after a PUT if the response has no `Location`, and ECR sends none.
fn by_digest(reference: &Reference, digest: Digest) -> Reference {
    Reference::with_tag(reference.registry().to_owned(), reference.repository().to_owned(), digest.to_string())
}

/// Returns the digest that a tag points to, or `None` if the tag does not exist.
async fn current_digest(client: &Client, tag: &Reference, auth: &RegistryAuth) -> Result<Option<String>, Error> {
    match client.fetch_manifest_digest(tag, auth).await {
        Ok(found) => Ok(Some(found)),
        Err(error) if is_manifest_unknown(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn put_manifest(client: &Client, reference: &Reference, manifest: Bytes) -> Result<(), Error> {
    let media_type = MANIFEST_MEDIA_TYPE.parse().expect("a media type is a valid header value");
    client.push_manifest_raw(reference, manifest, media_type).await?;
    Ok(())
}

/// Pushes a small blob, unless the repository already has it.
async fn push_blob(client: &Client, reference: &Reference, blob: &Bytes) -> Result<(), Error> {
    let digest = Digest::sha256(blob).to_string();
    if !client.blob_exists(reference, &digest).await? {
        client.push_blob(reference, blob.clone(), &digest).await?;
    }
    Ok(())
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next(),
        None => host.split(':').next(),
    };
    name.is_some_and(|name| name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback()))
}
