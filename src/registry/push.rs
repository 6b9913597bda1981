//! Pushes images in two steps: opens upload sessions for the blobs, and then sends the content.

use std::{sync::Arc, time::Instant};

use futures_util::{StreamExt as _, stream};
use pack_format::image::Image;
use reqwest::{Body, Url};
use tokio::try_join;

use super::{Blob, Error, Layer, PushError, Registry, distribution::Repository, layer::WriteError, session::Session};

/// An image that is being pushed, with an open upload session for each blob that must be sent.
#[derive(Debug)]
pub struct ImageUploads {
    /// The [`Session`] with which the upload sessions were opened. The push uses it too: a new one would not yet know
    /// how the registry authenticates requests, and the layer is a stream, which cannot be sent again.
    session: Arc<Session>,
    /// When the timeout of the push ends.
    deadline: Instant,
    /// Whether the registry is known to have the image manifest and both blobs.
    is_complete: bool,
    /// The upload sessions, `None` for a blob that the registry is known to have.
    layer: Option<Url>,
    config: Option<Url>,
}

/// Which parts of an image the registry has.
#[derive(Default)]
struct Parts {
    has_manifest: bool,
    has_layer: bool,
    has_config: bool,
}

impl Parts {
    async fn find(repository: &Repository<'_>, image: &Image) -> Result<Self, Error> {
        let manifest = image.digest.to_string();
        let (found, has_layer, has_config) = try_join!(
            repository.manifest_digest(&manifest),
            repository.has_blob(image.layer.digest),
            repository.has_blob(Blob::new(&image.config).digest),
        )?;
        Ok(Self { has_manifest: found == Some(manifest), has_layer, has_config })
    }
}

impl Registry {
    /// Opens upload sessions for the blobs of an image. Creates the repository in ECR if it does not exist. Does not
    /// need the layer's content, so it can run while the content is being prepared. The time from this call to the end
    /// of [`Self::push`] is limited to the timeout of one operation.
    ///
    /// If `may_exist`, first finds out which parts of the image the registry has, and opens no sessions for those
    /// blobs. Otherwise, this takes one round trip less, and a blob that the registry has after all is pushed again.
    pub async fn open_image(&self, image_ref: &str, image: &Image, may_exist: bool) -> Result<ImageUploads, Error> {
        let deadline = Instant::now() + self.push_timeout;
        let open = async {
            let repository = self.repository(self.split(image_ref)?.0).await?;
            let Parts { has_manifest, has_layer, has_config } =
                if may_exist { Parts::find(&repository, image).await? } else { Parts::default() };
            let open = async || try_join!(open_unless(has_layer, &repository), open_unless(has_config, &repository));
            let (layer, config) = match open().await {
                Err(error) if error.is_repository_unknown() => {
                    self.login.create_repository(repository.name).await?;
                    open().await?
                }
                opened => opened?,
            };
            // A registry may have lost a blob of an image whose manifest it still has.
            let is_complete = has_manifest && has_layer && has_config;
            Ok(ImageUploads { session: repository.session, deadline, is_complete, layer, config })
        };
        self.in_time(open).await
    }

    /// Pushes an image by its digest. `uploads` is the result of [`Self::open_image`] for the same image. If that call
    /// found the complete image, only hashes the layer. The tag of `image_ref` does not change. If the registry refuses
    /// a blob that it already has, this is not an error.
    ///
    /// The layer is sent while it is being written. The image manifest is pushed only if the layer's digest matches the
    /// one in `image`.
    ///
    /// # Errors
    /// Returns [`Error::Rejected`] if the push can never succeed, [`Error::WrongLayer`] if the layer has a different
    /// digest, and [`PushError::Layer`] with the writer's error. All other errors may be temporary.
    pub async fn push<E>(
        &self,
        image_ref: &str,
        image: &Image,
        uploads: ImageUploads,
        layer: Layer<E>,
    ) -> Result<(), PushError<E>> {
        let push = async {
            let repository = self.repository_in(self.split(image_ref)?.0, self.http().await?, uploads.session);
            let push_layer = push_layer(&repository, uploads.layer, image, layer);
            let push_config = async {
                let Some(session) = uploads.config else { return Ok(()) };
                Ok(repository.upload_again(session, Blob::new(&image.config), image.config.clone()).await?)
            };
            try_join!(push_layer, push_config)?;
            if !uploads.is_complete {
                repository.put_by_digest(image.digest, image.manifest.clone()).await?;
            }
            Ok(())
        };
        let time_left = uploads.deadline.saturating_duration_since(Instant::now());
        self.within(time_left, push).await
    }
}

/// Uploads a layer, or only hashes it if there is no upload session.
async fn push_layer<E>(
    repository: &Repository<'_>,
    session: Option<Url>,
    image: &Image,
    layer: Layer<E>,
) -> Result<(), PushError<E>> {
    let blob = Blob { digest: image.layer.digest, size: image.layer.size };
    let (mut chunks, digest) = layer.split();
    // Begin the request only when there is something to send: some servers close a connection on which nothing arrives.
    // If there is no chunk, the result of `digest` shows why.
    let sent = match (chunks.recv().await, session) {
        (Some(Ok(first)), Some(session)) => {
            let rest = stream::poll_fn(move |context| chunks.poll_recv(context));
            let chunks = stream::iter([Ok(first)]).chain(rest);
            repository.upload(session, blob, Body::wrap_stream(chunks)).await
        }
        (Some(Ok(_)), None) => {
            while chunks.recv().await.is_some() {}
            Ok(())
        }
        (Some(Err(_)) | None, _) => Ok(()),
    };
    if let Err(error @ Error::Rejected(_)) = sent {
        return Err(error.into());
    }
    match digest.await {
        // The registry also rejects a layer with a different digest, but only `WrongLayer` says that a retry cannot
        // help.
        Ok(digest) if digest != blob.digest => Err(Error::WrongLayer { found: digest, expected: blob.digest }.into()),
        Ok(_) => Ok(repository.unless_it_has(blob, sent).await?),
        Err(WriteError::Stopped) => Err(sent.err().unwrap_or(Error::Unfinished).into()),
        Err(WriteError::Failed(error)) => Err(PushError::Layer(error)),
    }
}

/// Opens an upload session for a blob, unless the repository has it.
async fn open_unless(has_blob: bool, repository: &Repository<'_>) -> Result<Option<Url>, Error> {
    if has_blob { Ok(None) } else { repository.open_upload().await.map(Some) }
}
