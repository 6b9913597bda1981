//! Tests for [`Uploads`](pack_upload::upload::Uploads): results, conflicts, backend failures and concurrent uploads.

use std::{sync::Arc, time::Duration};

use futures_util::TryStreamExt as _;
use pack_upload::{
    aws::{Error, Job, Lease, Queue, Staging, Table, VersionState},
    build::BuildOutcome,
    records::{BuildStatus, Release, Timestamp, Visibility},
    requeue::Settings,
    upload::{Difference, ExistingVersion, Outcome, UploadError},
};

use super::fixture::{Fixture, archive, pack, submission, submit, tools};

#[tokio::test]
async fn an_upload_is_staged_recorded_and_enqueued() {
    let fixture = Fixture::start().await;
    let record = fixture.create(pack("hello")).await;

    assert_eq!(record.build.status, BuildStatus::Queued);
    assert_eq!(record.release.manifest.name.as_str(), "tools");
    assert_eq!(record.release.image_ref, format!("{}/acme/tools:1.0.0", fixture.uploads.registry));
    assert_eq!(fixture.read(&record).await, record);
    let staged = fixture.uploads.staging.get(&record.build.staging_key).await.unwrap().unwrap();
    assert_eq!(staged.try_collect::<Vec<_>>().await.unwrap().concat(), tools("hello"));
    assert_eq!(fixture.jobs().await, [Job { pack_id: record.id, attempt: 1 }]);
}

#[tokio::test]
async fn an_upload_of_the_same_content_returns_the_existing_record() {
    let fixture = Fixture::start().await;
    let record = fixture.create(pack("hello")).await;
    let Outcome::Existing(again) = fixture.submit(pack("hello")).await else {
        panic!("the upload created a second record")
    };
    assert_eq!(again, record);
    assert_eq!(fixture.builder.build(Job::from(&record)).await.unwrap(), BuildOutcome::Ready);
    let Outcome::Existing(again) = fixture.submit(pack("hello")).await else {
        panic!("the upload created a second record")
    };
    assert_eq!(again, fixture.read(&record).await);
    assert_eq!(fixture.jobs().await.len(), 1);
    assert_eq!(fixture.items().await, 2, "a record and its version claim");
}

/// A published version can have a failed record: a rebuild fails if neither the image nor the archive exists any more.
#[tokio::test]
async fn a_failed_record_of_a_published_version_is_not_replaced() {
    let fixture = Fixture::start().await;
    let record = fixture.create(pack("hello")).await;
    let now = Timestamp::now();
    let lease = Lease::new(now);
    assert!(fixture.uploads.table.begin_build(&record, &lease, now).await.unwrap());
    assert!(fixture.uploads.table.publish(&record, &lease).await.unwrap());
    fixture.fail(&record).await;

    for error in [
        fixture.try_submit(pack("other")).await.unwrap_err(),
        fixture.uploads.check(&fixture.org, pack("other")).await.unwrap_err(),
    ] {
        let UploadError::VersionExists(existing) = error else { panic!("{error}") };
        assert_eq!((existing.pack_id, &*existing.differs), (record.id, &[Difference::Content][..]));
    }
    assert!(matches!(fixture.submit(pack("hello")).await, Outcome::QueuedAgain(_)));
}

#[tokio::test]
async fn different_content_or_visibility_is_rejected_and_changes_nothing() {
    let fixture = Fixture::start().await;
    let record = fixture.create(pack("hello")).await;
    let mut community = pack("hello");
    community.visibility = Visibility::Community;
    let mut both = pack("other");
    both.visibility = Visibility::Community;
    for (submission, differs) in [
        (pack("other"), vec![Difference::Content]),
        (community, vec![Difference::Visibility]),
        (both, vec![Difference::Content, Difference::Visibility]),
    ] {
        for error in [
            fixture.try_submit(submission.clone()).await.unwrap_err(),
            fixture.uploads.check(&fixture.org, submission).await.unwrap_err(),
        ] {
            let UploadError::VersionExists(existing) = error else { panic!("{error}") };
            let Release { layer_digest, image_digest, .. } = record.release;
            let expected = ExistingVersion { pack_id: record.id, layer_digest, image_digest, differs: differs.clone() };
            assert_eq!(*existing, expected);
        }
    }
    assert_eq!(fixture.read(&record).await, record);
    assert_eq!((fixture.jobs().await.len(), fixture.items().await), (1, 2));
}

#[tokio::test]
async fn uploading_the_same_content_retries_a_failed_build_and_different_content_replaces_the_record() {
    let fixture = Fixture::start().await;
    let record = fixture.create(pack("hello")).await;
    let table = &fixture.uploads.table;
    assert!(table.mark_failed(&record, None, "broken", Timestamp::now()).await.unwrap());

    let mut repeat = pack("hello");
    repeat.uploaded_by = "another-key".to_owned();
    let checked = fixture.uploads.check(&fixture.org, repeat.clone()).await.unwrap();
    let Outcome::QueuedAgain(retried) = fixture.submit(repeat).await else {
        panic!("the upload created a second record")
    };
    assert_eq!((retried.release.uploaded_by.as_str(), &retried.release), ("another-key", &checked.release));
    assert_eq!((retried.id, retried.build.attempt, &retried.build.status), (record.id, 2, &BuildStatus::Queued));
    assert_ne!(retried.build.staging_key, record.build.staging_key);
    assert_eq!(fixture.read(&record).await, retried);

    assert!(table.mark_failed(&retried, None, "broken", Timestamp::now()).await.unwrap());
    assert_eq!(
        fixture.uploads.check(&fixture.org, pack("other")).await.unwrap().release.image_ref,
        record.release.image_ref
    );
    let other = fixture.create(pack("other")).await;
    assert_ne!(other.id, record.id);
    assert_eq!(table.record(record.id).await.unwrap(), None);
    let job = |pack_id, attempt| Job { pack_id, attempt };
    assert_eq!(fixture.jobs().await, [job(record.id, 1), job(record.id, 2), job(other.id, 1)]);
}

#[tokio::test]
async fn a_dry_run_returns_the_release_and_writes_nothing() {
    let fixture = Fixture::start().await;
    let release = fixture.uploads.check(&fixture.org, pack("hello")).await.unwrap().release;
    assert_eq!((fixture.jobs().await.len(), fixture.items().await), (0, 0));
    assert_eq!(fixture.create(pack("hello")).await.release, release);
    assert_eq!(fixture.uploads.check(&fixture.org, pack("hello")).await.unwrap().release, release);
}

#[tokio::test]
async fn a_rejected_upload_writes_nothing() {
    let mut fixture = Fixture::start().await;
    let submission = submission(archive(&[("pack.yaml", "name: Tools\nversion: 1\ndescription: x\n")]));
    for error in [
        fixture.try_submit(submission.clone()).await.unwrap_err(),
        fixture.uploads.check(&fixture.org, submission).await.unwrap_err(),
    ] {
        let UploadError::Invalid(problems) = error else { panic!("{error}") };
        assert_eq!(problems.by_field().into_keys().collect::<Vec<_>>(), ["pack.yaml: name", "pack.yaml: version"]);
    }
    Arc::make_mut(&mut fixture.uploads.limits).entries = 1;
    let error = fixture.try_submit(pack("hello")).await.unwrap_err();
    let UploadError::TooLarge { limit, .. } = error else { panic!("{error}") };
    assert_eq!((limit.name(), limit.value()), ("entries", 1));
    assert_eq!((fixture.jobs().await.len(), fixture.items().await), (0, 0));
}

#[tokio::test]
async fn an_upload_fails_and_writes_nothing_if_the_bucket_or_the_table_fails() {
    let mut fixture = Fixture::start().await;
    let staging = fixture.uploads.staging.clone();
    let unreachable = fixture.embedded.clients.s3.config().to_builder().endpoint_url("http://127.0.0.1:1").build();
    let unreachable = aws_sdk_s3::Client::from_conf(unreachable);
    fixture.uploads.staging = Staging::new(unreachable, fixture.embedded.options.staging_bucket.clone());
    let error = fixture.try_submit(pack("hello")).await.unwrap_err();
    assert!(matches!(&error, UploadError::Storage(Error::Call { operation: "PutObject", .. })), "{error:?}");

    fixture.uploads.staging = staging;
    let table = fixture.uploads.table.clone();
    fixture.uploads.table = Table::new(fixture.embedded.clients.dynamodb.clone(), "no-such-table".to_owned());
    let error = fixture.try_submit(pack("hello")).await.unwrap_err();
    assert!(matches!(&error, UploadError::Storage(Error::Call { operation: "BatchGetItem", .. })), "{error:?}");
    assert_eq!((fixture.jobs().await.len(), fixture.items().await), (0, 0));

    fixture.uploads.table = table;
    fixture.create(pack("hello")).await;
}

#[tokio::test]
async fn an_upload_past_its_deadline_times_out() {
    let mut fixture = Fixture::start().await;
    fixture.uploads.deadline = Duration::ZERO;
    let error = fixture.try_submit(pack("hello")).await.unwrap_err();
    assert!(matches!(error, UploadError::TimedOut(_)), "{error}");
    assert_eq!((fixture.jobs().await.len(), fixture.items().await), (0, 0));
}

#[tokio::test]
async fn requeue_sends_a_job_that_the_upload_could_not_send() {
    let mut fixture = Fixture::start().await;
    let queue = fixture.uploads.queue.clone();
    let nowhere = fixture.embedded.queues.builds.replace("builds", "nowhere");
    assert_ne!(nowhere, fixture.embedded.queues.builds);
    fixture.uploads.queue = Queue::new(fixture.embedded.clients.sqs.clone(), nowhere);
    let record = fixture.create(pack("hello")).await;
    assert_eq!(fixture.jobs().await, []);

    fixture.uploads.queue = queue;
    assert_eq!(fixture.requeue(Settings::default()).sweep().await.unwrap().sent, 1);
    assert_eq!(fixture.jobs().await, [Job { pack_id: record.id, attempt: 1 }]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_uploads_of_one_pack_return_one_record() {
    let fixture = Fixture::start().await;
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let (uploads, org) = (fixture.uploads.clone(), fixture.org.clone());
            tokio::spawn(async move { submit(&uploads, &org, pack("hello")).await.unwrap().outcome })
        })
        .collect();
    let (mut created, mut existing) = (Vec::new(), Vec::new());
    for task in tasks {
        match task.await.unwrap() {
            Outcome::Created(record) => created.push(record),
            Outcome::Existing(record) => existing.push(record),
            Outcome::QueuedAgain(record) => panic!("{} had not failed", record.id),
        }
    }
    assert_eq!((created.len(), existing.len()), (1, 63));
    assert!(existing.iter().all(|record| *record == created[0]));
    assert_eq!((fixture.jobs().await.len(), fixture.items().await), (1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_one_content_is_accepted_from_concurrent_uploads_after_a_failed_build() {
    let fixture = Fixture::start().await;
    let old = fixture.create(pack("old")).await;
    assert!(fixture.uploads.table.mark_failed(&old, None, "broken", Timestamp::now()).await.unwrap());
    let tasks: Vec<_> = (0..24)
        .map(|n| {
            let (uploads, org) = (fixture.uploads.clone(), fixture.org.clone());
            // The failed pack has the content `old`.
            let content = ["old", "new", "newer"][n % 3];
            tokio::spawn(async move {
                (submit(&uploads, &org, pack(content)).await.map(|accepted| accepted.outcome), content)
            })
        })
        .collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    let manifest = &old.release.manifest;
    let version = fixture.uploads.table.version(fixture.org.id, &manifest.name, &manifest.version).await.unwrap();
    let VersionState::Taken(winner) = version else { panic!("no upload succeeded") };
    let won: Vec<_> = results.iter().filter(|(result, _)| result.is_ok()).map(|(_, content)| *content).collect();
    assert_eq!(won.len(), 8, "every upload of one content and no other");
    assert!(won.iter().all(|content| *content == won[0]));
    for (result, _) in &results {
        match result {
            Ok(Outcome::Created(record) | Outcome::Existing(record) | Outcome::QueuedAgain(record)) => {
                assert_eq!(*record, *winner);
            }
            Err(UploadError::VersionExists(existing)) => assert_eq!(existing.pack_id, winner.id),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(fixture.items().await, 2);
}
