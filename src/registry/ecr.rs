//! Deletes images from ECR.

use aws_sdk_ecr::{
    Client,
    operation::{batch_delete_image::BatchDeleteImageError, list_image_referrers::ListImageReferrersError},
    types::{ArtifactStatusFilter, ImageFailureCode, ImageIdentifier, ListImageReferrersFilter, SubjectIdentifier},
};
use pack_format::Digest;

use super::Error;

/// The maximum number of images in one `BatchDeleteImage` call (ECR API reference).
const BATCH: usize = 100;

/// Deletes an image's referrers from ECR, and then the image. ECR deletes the image's tags with it (ECR API reference,
/// `BatchDeleteImage`).
pub(super) async fn delete(ecr: &Client, repository: &str, digest: Digest) -> Result<(), Error> {
    for batch in referrers(ecr, repository, digest).await?.chunks(BATCH) {
        batch_delete(ecr, repository, batch).await?;
    }
    batch_delete(ecr, repository, &[digest.to_string()]).await
}

/// Returns the digests of an image's referrers in ECR, including archived ones.
async fn referrers(ecr: &Client, repository: &str, digest: Digest) -> Result<Vec<String>, Error> {
    let failed = "ListImageReferrers";
    let subject = SubjectIdentifier::builder().image_digest(digest.to_string()).build().map_err(Error::aws(failed))?;
    let filter = ListImageReferrersFilter::builder().artifact_status(ArtifactStatusFilter::Any).build();
    let list = ecr.list_image_referrers().repository_name(repository).subject_id(subject).filter(filter);
    let (mut digests, mut next_token) = (Vec::new(), None);
    loop {
        let page = match list.clone().set_next_token(next_token).send().await {
            Ok(page) => page,
            Err(error)
                if error.as_service_error().is_some_and(ListImageReferrersError::is_repository_not_found_exception) =>
            {
                return Ok(Vec::new());
            }
            Err(error) => return Err(Error::aws(failed)(error)),
        };
        digests.extend(page.referrers().iter().map(|referrer| referrer.digest().to_owned()));
        next_token = page.next_token;
        if next_token.is_none() {
            return Ok(digests);
        }
    }
}

async fn batch_delete(ecr: &Client, repository: &str, digests: &[String]) -> Result<(), Error> {
    let failed = "BatchDeleteImage";
    let ids = digests.iter().map(|digest| ImageIdentifier::builder().image_digest(digest).build()).collect();
    let output = match ecr.batch_delete_image().repository_name(repository).set_image_ids(Some(ids)).send().await {
        Ok(output) => output,
        Err(error)
            if error.as_service_error().is_some_and(BatchDeleteImageError::is_repository_not_found_exception) =>
        {
            return Ok(());
        }
        Err(error) => return Err(Error::aws(failed)(error)),
    };
    let is_error = |code: Option<&ImageFailureCode>| code != Some(&ImageFailureCode::ImageNotFound);
    match output.failures().iter().find(|failure| is_error(failure.failure_code())) {
        Some(failure) => Err(Error::aws(failed)(failure.failure_reason().unwrap_or("no reason given").to_owned())),
        None => Ok(()),
    }
}
