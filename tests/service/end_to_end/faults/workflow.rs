use pack_upload::{aws::Lease, records::Timestamp};
use reqwest::StatusCode;

use super::{
    fault::{Call, Role},
    lambda_stack::{LambdaStack, begin, delete, submit, update},
};
use crate::support::{ApiResponse, Archive, put_archive};

/// The org that sends the requests.
pub(crate) const ACME: &str = "org_01JACME0000000000000000000";

/// A sequence of requests and jobs for one pack. The matrix makes each call to a backend fail in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workflow {
    /// The pack is uploaded and built.
    Upload,
    /// The same archive is uploaded again after its build failed.
    RetryFailedBuild,
    /// An upload replaces a pack whose build failed: the name and version are the same, but the content is different.
    ReplaceFailedPack,
    /// An archive in S3 is submitted.
    SubmitSentArchive,
    /// The staged archive expires before the build.
    BuildExpiredArchive,
    /// requeue resends a lost job.
    ResendLostJob,
    /// requeue marks a build as failed after its last try ended without a result.
    FailAfterLastTry,
    /// A ready pack becomes a community pack.
    SetVisibility,
    /// A ready pack is deleted and purged.
    DeletePack,
    /// requeue resends a lost purge job.
    ResendLostPurge,
    /// An upload is begun. Its archive is not sent to S3.
    BeginUpload,
    /// requeue removes an upload that was begun but never submitted.
    RemoveUpload,
}

impl Workflow {
    /// Returns whether the matrix makes this call fail. Leaves out calls that other workflows cover.
    pub(crate) fn covers(self, call: &Call) -> bool {
        // The second attempt asks the registry what it has. The build of a new pack does not.
        let asks = call.caller == Role::Builder && call.operation.starts_with("HEAD");
        self.roles().contains(&call.caller) || self == Self::RetryFailedBuild && asks
    }

    fn roles(self) -> &'static [Role] {
        match self {
            Self::Upload => &[Role::Api, Role::Builder],
            Self::RetryFailedBuild
            | Self::ReplaceFailedPack
            | Self::SubmitSentArchive
            | Self::SetVisibility
            | Self::BeginUpload => &[Role::Api],
            Self::BuildExpiredArchive => &[Role::Builder],
            Self::DeletePack => &[Role::Api, Role::Builder],
            Self::ResendLostJob | Self::FailAfterLastTry | Self::ResendLostPurge | Self::RemoveUpload => {
                &[Role::Requeue]
            }
        }
    }

    /// Starts a stack with the settings that this workflow needs.
    pub(crate) async fn start_stack(self) -> LambdaStack {
        match self {
            Self::FailAfterLastTry => LambdaStack::start(&[("MAX_TRIES", "1")]).await,
            _ => LambdaStack::start(&[]).await,
        }
    }

    /// Returns whether the build succeeds without another upload.
    pub(crate) fn build_succeeds(self) -> bool {
        !matches!(self, Self::BuildExpiredArchive | Self::FailAfterLastTry)
    }

    /// Returns the status of the upload if no call fails.
    pub(crate) fn expected_status(self) -> StatusCode {
        match self {
            Self::RetryFailedBuild => StatusCode::OK,
            _ => StatusCode::CREATED,
        }
    }

    /// Sets up the state that the workflow needs. Injects no faults. Returns the response that [`Self::run`] needs, if
    /// any.
    pub(crate) async fn prepare(self, stack: &mut LambdaStack, name: &str) -> Option<ApiResponse> {
        match self {
            Self::Upload | Self::BeginUpload => None,
            Self::RetryFailedBuild => fail_build(stack, &archive(name)).await,
            Self::ReplaceFailedPack => {
                fail_build(stack, &Archive::pack_named(name, "1.0.0").file("behavior.md", "Another.").tar_gz()).await
            }
            Self::SubmitSentArchive => {
                let begun = stack.request(begin(&archive(name))).await.expect("nothing is killed");
                begun.expect(StatusCode::CREATED);
                assert_eq!(put_archive(&begun, archive(name)).await, StatusCode::OK);
                Some(begun)
            }
            Self::RemoveUpload => {
                let begun = stack.request(begin(&archive(name))).await.expect("nothing is killed");
                begun.expect(StatusCode::CREATED);
                assert_eq!(put_archive(&begun, archive(name)).await, StatusCode::OK);
                let upload = begun.text("upload_id").parse().unwrap();
                stack.table.reschedule_upload(ACME.parse().unwrap(), upload, Timestamp::now()).await.unwrap();
                Some(begun)
            }
            Self::BuildExpiredArchive => {
                let response = upload(stack, &archive(name)).await;
                expire(stack, &response).await;
                Some(response)
            }
            Self::ResendLostJob => {
                let response = upload(stack, &archive(name)).await;
                stack.lose_job().await;
                Some(response)
            }
            Self::FailAfterLastTry => {
                let response = upload(stack, &archive(name)).await;
                stack.lose_job().await;
                let record = stack.table.record(response.text("id").parse().unwrap()).await.unwrap().unwrap();
                let now = Timestamp::now();
                assert!(stack.table.begin_build(&record, &Lease::new(now), now).await.unwrap());
                Some(response)
            }
            Self::SetVisibility | Self::DeletePack | Self::ResendLostPurge => {
                let response = upload(stack, &archive(name)).await;
                stack.settle().await;
                if self == Self::ResendLostPurge {
                    let deleted = stack.request(delete(response.text("id"))).await.expect("nothing is killed");
                    deleted.expect_error(502, "registry_cleanup_failed");
                    stack.lose_purge().await;
                }
                Some(response)
            }
        }
    }

    /// Runs the workflow and returns the response to its request. If the workflow sends no request, returns the
    /// response from [`Self::prepare`]. Returns `None` if the process was killed before it responded.
    pub(crate) async fn run(
        self,
        stack: &mut LambdaStack,
        name: &str,
        prepared: Option<ApiResponse>,
    ) -> Option<ApiResponse> {
        match self {
            Self::Upload | Self::RetryFailedBuild | Self::ReplaceFailedPack => stack.upload(&archive(name)).await,
            Self::SubmitSentArchive => {
                let begun = prepared.expect("prepare began the upload");
                stack.request(submit(begun.text("upload_id"))).await
            }
            Self::BuildExpiredArchive => prepared,
            Self::SetVisibility => {
                let uploaded = prepared.expect("prepare uploaded the pack");
                stack.request(update(uploaded.text("id"))).await
            }
            Self::DeletePack => {
                let uploaded = prepared.expect("prepare uploaded the pack");
                stack.request(delete(uploaded.text("id"))).await
            }
            Self::BeginUpload => stack.request(begin(&archive(name))).await,
            Self::ResendLostJob | Self::FailAfterLastTry | Self::ResendLostPurge | Self::RemoveUpload => {
                stack.sweep().await;
                prepared
            }
        }
    }
}

/// Returns the archive that the workflows upload. About half of the names get an archive in layer order, whose layer the
/// builder writes in another way.
pub(crate) fn archive(name: &str) -> Vec<u8> {
    let pack = Archive::pack_named(name, "1.0.0");
    if name.bytes().map(u32::from).sum::<u32>() % 2 == 0 { pack.tar_gz() } else { pack.file("data/a", "a").tar_gz() }
}

/// Uploads an archive and makes its build fail. Always returns `None`, because [`Workflow::run`] needs no response.
async fn fail_build(stack: &mut LambdaStack, archive: &[u8]) -> Option<ApiResponse> {
    let response = upload(stack, archive).await;
    expire(stack, &response).await;
    stack.settle().await;
    None
}

async fn upload(stack: &mut LambdaStack, archive: &[u8]) -> ApiResponse {
    let response = stack.upload(archive).await.expect("nothing is killed");
    response.expect(StatusCode::CREATED);
    response
}

/// Deletes the staged archive of an upload, as the bucket's lifecycle rule does.
async fn expire(stack: &LambdaStack, response: &ApiResponse) {
    let record = stack.table.record(response.text("id").parse().unwrap()).await.unwrap().unwrap();
    let delete = stack.embedded.clients.s3.delete_object().bucket(&stack.embedded.options.staging_bucket);
    delete.key(record.build.staging_key).send().await.unwrap();
}
