use reqwest::StatusCode;

use super::{
    script::Role,
    system::{System, begin, submit},
};
use crate::support::{Answer, Archive, send};

/// What was before, and what is done now, of one pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// It is uploaded and built.
    Upload,
    /// Its build has failed, and it is uploaded again.
    UploadAgain,
    /// The build of another pack of its name and version has failed, and it is uploaded.
    UploadInstead,
    /// It was sent by way of S3, and is submitted.
    Sent,
    /// It was uploaded, and its archive expires before it is built.
    Expired,
    /// It was uploaded, and its job was lost.
    Lost,
    /// It was uploaded, and its job was lost too often.
    GivenUp,
}

impl Scenario {
    /// The functions whose calls are to fail: what the others do is as in [`Scenario::Upload`].
    pub(crate) fn roles(self) -> &'static [Role] {
        match self {
            Self::Upload => &[Role::Api, Role::Builder],
            Self::UploadAgain | Self::UploadInstead | Self::Sent => &[Role::Api],
            Self::Expired => &[Role::Builder],
            Self::Lost | Self::GivenUp => &[Role::Requeue],
        }
    }

    /// A system to play it in.
    pub(crate) async fn system(self) -> System {
        match self {
            Self::GivenUp => System::start(&[("MAX_SENDS", "1")]).await,
            _ => System::start(&[]).await,
        }
    }

    /// Whether the build ends well without the client's doing anything more.
    pub(crate) fn ends_well(self) -> bool {
        !matches!(self, Self::Expired | Self::GivenUp)
    }

    /// What the client is answered when all goes well.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::UploadAgain => StatusCode::OK,
            _ => StatusCode::CREATED,
        }
    }

    /// Brings about what was before. Nothing fails yet.
    pub(crate) async fn prepare(self, system: &mut System, name: &str) -> Option<Answer> {
        match self {
            Self::Upload => None,
            Self::UploadAgain => fail(system, &archive(name)).await,
            Self::UploadInstead => {
                fail(system, &Archive::pack_named(name, "1.0.0").file("behavior.md", "Another.").tar_gz()).await
            }
            Self::Sent => {
                let begun = system.request(begin(&archive(name))).await.expect("nothing is killed");
                begun.expect(StatusCode::CREATED);
                assert_eq!(send(&begun, archive(name)).await, StatusCode::OK);
                Some(begun)
            }
            Self::Expired => {
                let answer = accepted(system, &archive(name)).await;
                expire(system, &answer).await;
                Some(answer)
            }
            Self::Lost | Self::GivenUp => {
                let answer = accepted(system, &archive(name)).await;
                system.lose_job().await;
                Some(answer)
            }
        }
    }

    /// Does what is done now: the answer to an upload, `None` if the process was killed over it; or what the client was
    /// answered before.
    pub(crate) async fn act(self, system: &mut System, name: &str, before: Option<Answer>) -> Option<Answer> {
        match self {
            Self::Upload | Self::UploadAgain | Self::UploadInstead => system.upload(&archive(name)).await,
            Self::Sent => {
                let begun = before.expect("it was begun");
                system.request(submit(begun.text("upload_id"))).await
            }
            Self::Expired => before,
            Self::Lost | Self::GivenUp => {
                system.sweep().await;
                before
            }
        }
    }
}

/// The pack that a scenario is about.
pub(crate) fn archive(name: &str) -> Vec<u8> {
    Archive::pack_named(name, "1.0.0").tar_gz()
}

/// Uploads an archive whose build fails.
async fn fail(system: &mut System, archive: &[u8]) -> Option<Answer> {
    let answer = accepted(system, archive).await;
    expire(system, &answer).await;
    system.settle().await;
    None
}

async fn accepted(system: &mut System, archive: &[u8]) -> Answer {
    let answer = system.upload(archive).await.expect("nothing is killed");
    answer.expect(StatusCode::CREATED);
    answer
}

/// Removes the archive of this upload, as the bucket's lifecycle does.
async fn expire(system: &System, uploaded: &Answer) {
    let record = system.table.record(uploaded.text("id").parse().unwrap()).await.unwrap().unwrap();
    let delete = system.embedded.clients.s3.delete_object().bucket(&system.embedded.options.staging_bucket);
    delete.key(record.build.staging_key).send().await.unwrap();
}
