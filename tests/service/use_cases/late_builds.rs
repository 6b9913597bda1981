//! Tests for builds that end after their record was marked as failed and then replaced, queued again or quarantined. A
//! registry proxy holds back the push of the first image manifest.

use std::{sync::Arc, time::Duration};

use pack_upload::{
    aws::{Job, Lease},
    build::{BuildError, BuildOutcome},
    records::{Record, Timestamp},
    registry::Credentials,
    requeue::Settings,
    upload::Outcome,
};
use tokio::task::JoinHandle;

use super::fixture::{Fixture, pack, registry};
use crate::{
    attestations::{file_signer, key_file, new_key},
    support::{HoldingProxy, RepositoryClient},
};

/// A build whose record is marked as failed while the proxy holds back its push.
struct LateBuild {
    fixture: Fixture,
    proxy: Arc<HoldingProxy>,
    repository: RepositoryClient,
    record: Record,
    build: JoinHandle<Result<BuildOutcome, BuildError>>,
}

impl LateBuild {
    async fn start() -> Self {
        let mut fixture = Fixture::start().await;
        let backend = fixture.embedded.backends.registry.clone();
        let (proxy, address) = HoldingProxy::start(backend.to_string()).await;
        fixture.builder.registry = registry(&address, Credentials::None);
        fixture.builder.lease = Duration::ZERO;
        fixture.builder.signer = Some(file_signer(&key_file(&new_key())).unwrap());
        fixture.uploads.registry = address;

        let record = fixture.create(pack("first")).await;
        let (builder, job) = (fixture.builder.clone(), Job::from(&record));
        let build = tokio::spawn(async move { builder.build(job).await });
        proxy.held.notified().await;

        let settings = Settings { max_tries: 1, ..Settings::default() };
        assert_eq!(fixture.requeue(settings).sweep().await.unwrap().failed, 1);
        Self { fixture, proxy, repository: RepositoryClient::new(&backend, "acme/tools"), record, build }
    }

    /// Lets the build finish. Returns its result, and whether its image can be pulled by digest.
    async fn finish(&mut self) -> (Result<BuildOutcome, BuildError>, bool) {
        self.proxy.release.notify_one();
        let result = (&mut self.build).await.unwrap();
        let image = self.repository.manifest(&self.record.release.image_digest.to_string()).await;
        (result, image.is_some())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_build_of_a_replaced_record_moves_no_tag_and_leaves_no_image() {
    let mut late = LateBuild::start().await;
    let second = late.fixture.create(pack("second")).await;
    assert_eq!(late.fixture.builder.build(Job::from(&second)).await.unwrap(), BuildOutcome::Ready);
    let attestations = late.fixture.builder.attestations.clone();
    let bundle = attestations.get(&second.release).await.unwrap();
    assert!(bundle.is_some());

    let (result, is_pullable) = late.finish().await;
    assert_eq!((result.unwrap(), is_pullable), (BuildOutcome::Dropped, false));
    let (tagged, _) = late.repository.manifest("1.0.0").await.unwrap();
    assert_eq!(tagged, second.release.image_digest.to_string());
    assert_eq!(attestations.get(&second.release).await.unwrap(), bundle);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_build_keeps_the_image_and_the_bundle_of_a_later_attempt() {
    let mut late = LateBuild::start().await;
    let Outcome::QueuedAgain(retried) = late.fixture.submit(pack("first")).await else {
        panic!("the upload created a second record")
    };
    assert_eq!(late.fixture.builder.build(Job::from(&retried)).await.unwrap(), BuildOutcome::Ready);
    let attestations = late.fixture.builder.attestations.clone();
    let bundle = attestations.get(&retried.release).await.unwrap();
    assert!(bundle.is_some());

    let (result, is_pullable) = late.finish().await;
    assert_eq!((result.unwrap(), is_pullable), (BuildOutcome::Dropped, true));
    let (tagged, _) = late.repository.manifest("1.0.0").await.unwrap();
    assert_eq!(tagged, retried.release.image_digest.to_string());
    assert_eq!(attestations.get(&retried.release).await.unwrap(), bundle);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_build_leaves_no_image_of_a_quarantined_pack() {
    let mut late = LateBuild::start().await;
    let Outcome::QueuedAgain(retried) = late.fixture.submit(pack("first")).await else {
        panic!("the upload created a second record")
    };
    assert_eq!(late.fixture.builder.build(Job::from(&retried)).await.unwrap(), BuildOutcome::Ready);
    let reason = "it steals secrets".parse().unwrap();
    late.fixture.operator().quarantine(retried.id, &reason).await.unwrap();

    let (result, is_pullable) = late.finish().await;
    assert_eq!((result.unwrap(), is_pullable), (BuildOutcome::Dropped, false));
    assert_eq!(late.repository.manifest("1.0.0").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_build_deletes_nothing_while_another_build_holds_the_lease() {
    let mut late = LateBuild::start().await;
    let second = late.fixture.create(pack("second")).await;
    let now = Timestamp::now();
    let lease = Lease::new(now + Duration::from_secs(60));
    assert!(late.fixture.uploads.table.begin_build(&second, &lease, now).await.unwrap());

    let (result, is_pullable) = late.finish().await;
    assert!(matches!(result, Err(BuildError::Leased)), "{result:?}");
    assert!(is_pullable);
}
