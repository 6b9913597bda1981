//! Pushes images.

use std::{
    io::{Read, Seek},
    sync::Arc,
    time::{Duration, Instant},
};

use pack_format::{Digest, Tree, image::Image};
use reqwest::{Body, Url};
use tokio::{join, try_join};

use super::{Blob, Error, Registry, distribution::Repository, session::Session, stream};

/// What a registry lacks of an image.
#[derive(Debug)]
pub struct ImageUploads {
    /// The session that opened the uploads. The layer is sent with it, because a stream cannot be sent again if a new
    /// session does not know yet how the registry authenticates requests.
    session: Arc<Session>,
    /// How much of the timeout of a push is left.
    time_left: Duration,
    /// Whether the registry has the image manifest and both blobs.
    is_complete: bool,
    /// The upload sessions for the blobs that the registry does not have.
    layer: Option<Url>,
    config: Option<Url>,
}

impl Registry {
    /// Finds out what the registry lacks of an image, and opens upload sessions for the blobs that it lacks. This does
    /// not need the image's content, so it can run while the content is being prepared. Together with [`Self::push`],
    /// it has the timeout of one operation.
    pub async fn open_image(&self, image_ref: &str, image: &Image) -> Result<ImageUploads, Error> {
        let began = Instant::now();
        let open = async {
            let repository = self.repository(self.split(image_ref)?.0).await?;
            let manifest = image.digest.to_string();
            let (found, has_layer, has_config) = try_join!(
                repository.manifest_digest(&manifest),
                repository.has_blob(image.layer.digest),
                repository.has_blob(Blob::new(&image.config).digest),
            )?;
            // A registry may have lost a blob of an image whose manifest it still has.
            let is_complete = found == Some(manifest) && has_layer && has_config;
            let open = async || try_join!(open_unless(has_layer, &repository), open_unless(has_config, &repository));
            let (layer, config) = match open().await {
                Err(error) if error.is_repository_unknown() => {
                    self.login.create_repository(repository.name).await?;
                    open().await?
                }
                opened => opened?,
            };
            let time_left = self.push_timeout.saturating_sub(began.elapsed());
            Ok(ImageUploads { session: repository.session, time_left, is_complete, layer, config })
        };
        self.in_time(open).await
    }

    /// Pushes an image by its digest. `uploads` is the result of [`Self::open_image`] for the same image. If the
    /// registry has the complete image, only checks the layer. The tag of `image_ref` does not change.
    ///
    /// `tree` and `contents` are those of the image's pack. Their layer is hashed while it is sent. The image manifest
    /// is pushed only if the layer's digest matches the one in `image`.
    ///
    /// # Errors
    /// Returns [`Error::Rejected`] if the push can never succeed, and [`Error::WrongLayer`] if the layer has a
    /// different digest. All other errors may be temporary.
    pub async fn push(
        &self,
        image_ref: &str,
        image: &Image,
        uploads: ImageUploads,
        tree: Tree,
        contents: impl Read + Seek + Send + 'static,
    ) -> Result<(), Error> {
        let push = async {
            let repository = self.repository_in(self.split(image_ref)?.0, self.http().await?, uploads.session);
            let layer = Blob { digest: image.layer.digest, size: image.layer.size };
            let push_layer = async {
                let Some(session) = uploads.layer else {
                    return expect_layer(layer, stream::hash_layer(tree, contents).await.map_err(Error::Read)?);
                };
                let (chunks, hash) = stream::stream_layer(tree, contents);
                let (uploaded, hash) = join!(repository.upload(session, layer, Body::wrap_stream(chunks)), hash);
                // The registry also rejects a layer with a different digest, but only `WrongLayer` says that a retry
                // cannot help. If hashing failed, the upload failed too.
                if let Ok(hash) = hash {
                    expect_layer(layer, hash)?;
                }
                uploaded
            };
            let push_config = async {
                let Some(session) = uploads.config else { return Ok(()) };
                repository.upload(session, Blob::new(&image.config), image.config.clone()).await
            };
            try_join!(push_layer, push_config)?;
            if !uploads.is_complete {
                repository.put_by_digest(image.digest, image.manifest.clone()).await?;
            }
            Ok(())
        };
        self.within(uploads.time_left, push).await
    }
}

fn expect_layer(Blob { digest: expected, .. }: Blob, found: Digest) -> Result<(), Error> {
    if found == expected { Ok(()) } else { Err(Error::WrongLayer { found, expected }) }
}

/// Opens an upload session for a blob, unless the repository has it.
async fn open_unless(has_blob: bool, repository: &Repository<'_>) -> Result<Option<Url>, Error> {
    if has_blob { Ok(None) } else { repository.open_upload().await.map(Some) }
}
