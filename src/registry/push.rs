//! Pushes images.

use std::io::{Read, Seek};

use pack_format::{Digest, Tree, image::Image};
use reqwest::{Body, Url};
use tokio::{join, try_join};

use super::{Blob, Error, Registry, distribution::Repository, stream};

impl Registry {
    /// Pushes an image by its digest, unless the registry already has it. The tag of `image_ref` does not change.
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
        tree: Tree,
        contents: impl Read + Seek + Send + 'static,
    ) -> Result<(), Error> {
        let push = async {
            let repository = self.repository(self.split(image_ref)?.0).await?;
            let layer = Blob { digest: image.layer.digest, size: image.layer.size };
            let config = Blob::new(&image.config);
            let manifest = image.digest.to_string();
            let (found, has_layer, has_config) = try_join!(
                repository.manifest_digest(&manifest),
                repository.has_blob(layer.digest),
                repository.has_blob(config.digest),
            )?;
            // A registry may have lost a blob of an image whose manifest it still has.
            if found == Some(manifest) && has_layer && has_config {
                return expect_layer(layer, stream::hash_layer(tree, contents).await.map_err(Error::Read)?);
            }
            let open = async || try_join!(open_unless(has_layer, &repository), open_unless(has_config, &repository));
            let (layer_session, config_session) = match open().await {
                Err(error) if error.is_repository_unknown() => {
                    self.login.create_repository(repository.name).await?;
                    open().await?
                }
                opened => opened?,
            };
            let push_layer = async {
                let Some(session) = layer_session else {
                    return expect_layer(layer, stream::hash_layer(tree, contents).await.map_err(Error::Read)?);
                };
                let (chunks, hash) = stream::stream_layer(tree, contents);
                let (uploaded, hash) = join!(repository.upload(session, layer, Body::wrap_stream(chunks)), hash);
                // The registry also rejects a layer with a different digest, but only `WrongLayer` says that a retry cannot
                // help. If hashing failed, the upload failed too.
                if let Ok(hash) = hash {
                    expect_layer(layer, hash)?;
                }
                uploaded
            };
            let push_config = async {
                let Some(session) = config_session else { return Ok(()) };
                repository.upload(session, config, image.config.clone()).await
            };
            try_join!(push_layer, push_config)?;
            repository.put_by_digest(image.digest, image.manifest.clone()).await?;
            Ok(())
        };
        self.in_time(push).await
    }
}

fn expect_layer(Blob { digest: expected, .. }: Blob, found: Digest) -> Result<(), Error> {
    if found == expected { Ok(()) } else { Err(Error::WrongLayer { found, expected }) }
}

/// Opens an upload session for a blob, unless the repository has it.
async fn open_unless(has_blob: bool, repository: &Repository<'_>) -> Result<Option<Url>, Error> {
    if has_blob { Ok(None) } else { repository.open_upload().await.map(Some) }
}
