use std::{sync::Arc, time::Duration};

use futures_util::TryStreamExt as _;
use pack_upload::{
    aws::{Job, Queue, Staging, Table},
    records::{BuildStatus, Timestamp, Visibility},
    requeue::{Requeue, Settings},
    upload::{Outcome, UploadError},
};

use super::bench::{Bench, archive, pack, submission, tools};

#[tokio::test]
async fn an_upload_is_staged_recorded_and_enqueued() {
    let bench = Bench::start().await;
    let record = bench.create(pack("hello")).await;

    assert_eq!(record.build.status, BuildStatus::Queued);
    assert_eq!(record.release.manifest.name.as_str(), "tools");
    assert_eq!(record.release.image_ref, format!("{}/acme/tools:1.0.0", bench.uploads.registry));
    assert_eq!(bench.read(&record).await, record);
    let staged = bench.uploads.staging.get(&record.build.staging_key).await.unwrap().unwrap();
    assert_eq!(staged.try_collect::<Vec<_>>().await.unwrap().concat(), tools("hello"));
    assert_eq!(bench.jobs().await, [Job { pack_id: record.id, attempt: 1 }]);
}

#[tokio::test]
async fn the_same_again_is_the_record_that_is_there() {
    let bench = Bench::start().await;
    let record = bench.create(pack("hello")).await;
    let Outcome::Existing(again) = bench.submit(pack("hello")).await else { panic!("a second record") };
    assert_eq!(again, record);
    assert!(bench.uploads.table.mark_ready(record.id, Timestamp::now()).await.unwrap());
    let Outcome::Existing(again) = bench.submit(pack("hello")).await else { panic!("a second record") };
    assert_eq!(again, bench.read(&record).await);
    assert_eq!(bench.jobs().await.len(), 1);
    assert_eq!(bench.items().await, 2);
}

#[tokio::test]
async fn other_content_or_visibility_is_a_conflict_that_changes_nothing() {
    let bench = Bench::start().await;
    let record = bench.create(pack("hello")).await;
    let mut community = pack("hello");
    community.visibility = Visibility::Community;
    for submission in [pack("other"), community] {
        for error in [
            bench.uploads.submit(&bench.org, submission.clone()).await.unwrap_err(),
            bench.uploads.check(&bench.org, submission).await.unwrap_err(),
        ] {
            let UploadError::Conflict { pack_id, image_digest } = error else { panic!("{error}") };
            assert_eq!((pack_id, image_digest), (record.id, record.release.image_digest));
        }
    }
    assert_eq!(bench.read(&record).await, record);
    assert_eq!((bench.jobs().await.len(), bench.items().await), (1, 2));
}

#[tokio::test]
async fn a_failed_build_is_queued_again_by_the_same_and_replaced_by_another() {
    let bench = Bench::start().await;
    let record = bench.create(pack("hello")).await;
    let table = &bench.uploads.table;
    assert!(table.mark_failed(record.id, 1, "broken", Timestamp::now()).await.unwrap());

    let Outcome::QueuedAgain(anew) = bench.submit(pack("hello")).await else { panic!("a second record") };
    assert_eq!((anew.id, anew.build.attempt, &anew.build.status), (record.id, 2, &BuildStatus::Queued));
    assert_ne!(anew.build.staging_key, record.build.staging_key);
    assert_eq!(bench.read(&record).await, anew);

    assert!(table.mark_failed(record.id, 2, "broken", Timestamp::now()).await.unwrap());
    assert_eq!(bench.uploads.check(&bench.org, pack("other")).await.unwrap().image_ref, record.release.image_ref);
    let other = bench.create(pack("other")).await;
    assert_ne!(other.id, record.id);
    assert_eq!(table.record(record.id).await.unwrap(), None);
    let job = |pack_id, attempt| Job { pack_id, attempt };
    assert_eq!(bench.jobs().await, [job(record.id, 1), job(record.id, 2), job(other.id, 1)]);
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_and_leaves_nothing() {
    let bench = Bench::start().await;
    let release = bench.uploads.check(&bench.org, pack("hello")).await.unwrap();
    assert_eq!((bench.jobs().await.len(), bench.items().await), (0, 0));
    assert_eq!(bench.create(pack("hello")).await.release, release);
    assert_eq!(bench.uploads.check(&bench.org, pack("hello")).await.unwrap(), release);
}

#[tokio::test]
async fn a_rejected_upload_leaves_nothing() {
    let mut bench = Bench::start().await;
    let submission = submission(archive(&[("pack.yaml", "name: Tools\nversion: 1\ndescription: x\n")]));
    for error in [
        bench.uploads.submit(&bench.org, submission.clone()).await.unwrap_err(),
        bench.uploads.check(&bench.org, submission).await.unwrap_err(),
    ] {
        let UploadError::Invalid(problems) = error else { panic!("{error}") };
        assert_eq!(problems.by_field().into_keys().collect::<Vec<_>>(), ["pack.yaml: name", "pack.yaml: version"]);
    }
    Arc::make_mut(&mut bench.uploads.limits).entries = 1;
    let error = bench.uploads.submit(&bench.org, pack("hello")).await.unwrap_err();
    let UploadError::TooLarge { limit, .. } = error else { panic!("{error}") };
    assert_eq!((limit.name(), limit.value()), ("entries", 1));
    assert_eq!((bench.jobs().await.len(), bench.items().await), (0, 0));
}

#[tokio::test]
async fn a_failing_bucket_or_table_is_unavailable_and_leaves_nothing() {
    let mut bench = Bench::start().await;
    let good = bench.uploads.staging.clone();
    let away = bench.embedded.clients.s3.config().to_builder().endpoint_url("http://127.0.0.1:1").build();
    let away = aws_sdk_s3::Client::from_conf(away);
    bench.uploads.staging = Staging::new(away, bench.embedded.options.staging_bucket.clone());
    let error = bench.uploads.submit(&bench.org, pack("hello")).await.unwrap_err();
    assert!(matches!(&error, UploadError::Unavailable(cause) if cause.operation == "PutObject"), "{error:?}");

    bench.uploads.staging = good;
    let table = bench.uploads.table.clone();
    bench.uploads.table = Table::new(bench.embedded.clients.dynamodb.clone(), "no-such-table".to_owned());
    let error = bench.uploads.submit(&bench.org, pack("hello")).await.unwrap_err();
    assert!(matches!(&error, UploadError::Unavailable(cause) if cause.operation == "TransactWriteItems"), "{error:?}");
    assert_eq!((bench.jobs().await.len(), bench.items().await), (0, 0));

    bench.uploads.table = table;
    bench.create(pack("hello")).await;
}

#[tokio::test]
async fn an_upload_that_takes_too_long_is_ended() {
    let mut bench = Bench::start().await;
    bench.uploads.deadline = Duration::ZERO;
    let error = bench.uploads.submit(&bench.org, pack("hello")).await.unwrap_err();
    assert!(matches!(error, UploadError::TimedOut(_)), "{error}");
    assert_eq!((bench.jobs().await.len(), bench.items().await), (0, 0));
}

#[tokio::test]
async fn a_job_that_cannot_be_sent_is_sent_by_requeue() {
    let mut bench = Bench::start().await;
    let queue = bench.uploads.queue.clone();
    let nowhere = bench.embedded.queues.builds.replace("builds", "nowhere");
    assert_ne!(nowhere, bench.embedded.queues.builds);
    bench.uploads.queue = Queue::new(bench.embedded.clients.sqs.clone(), nowhere);
    let record = bench.create(pack("hello")).await;
    assert_eq!(bench.jobs().await, []);

    let settings = Settings { resend_after: Duration::ZERO, ..Settings::default() };
    let requeue = Requeue { table: bench.uploads.table.clone(), queue, settings };
    assert_eq!(requeue.sweep().await.unwrap().sent, 1);
    assert_eq!(bench.jobs().await, [Job { pack_id: record.id, attempt: 1 }]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_racing_uploads_of_the_same_pack_all_get_the_one_record() {
    let bench = Bench::start().await;
    let racers: Vec<_> = (0..64)
        .map(|_| {
            let (uploads, org) = (bench.uploads.clone(), bench.org.clone());
            tokio::spawn(async move { uploads.submit(&org, pack("hello")).await.unwrap() })
        })
        .collect();
    let (mut created, mut existing) = (Vec::new(), Vec::new());
    for racer in racers {
        match racer.await.unwrap() {
            Outcome::Created(record) => created.push(record),
            Outcome::Existing(record) => existing.push(record),
            Outcome::QueuedAgain(record) => panic!("{} had not failed", record.id),
        }
    }
    assert_eq!((created.len(), existing.len()), (1, 63));
    assert!(existing.iter().all(|record| *record == created[0]));
    assert_eq!((bench.jobs().await.len(), bench.items().await), (1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_racing_uploads_that_replace_a_failed_one_each_gets_an_honest_answer() {
    let bench = Bench::start().await;
    let old = bench.create(pack("old")).await;
    assert!(bench.uploads.table.mark_failed(old.id, 1, "broken", Timestamp::now()).await.unwrap());
    let racers: Vec<_> = (0..24)
        .map(|racer| {
            let (uploads, org) = (bench.uploads.clone(), bench.org.clone());
            // Three contents, one of which is the old one.
            let content = ["old", "new", "newer"][racer % 3];
            tokio::spawn(async move { (uploads.submit(&org, pack(content)).await, content) })
        })
        .collect();
    let mut answers = Vec::new();
    for racer in racers {
        answers.push(racer.await.unwrap());
    }
    let manifest = &old.release.manifest;
    let released = bench.uploads.table.released(bench.org.id, &manifest.name, &manifest.version).await.unwrap();
    let winner = released.unwrap();
    let won: Vec<_> = answers.iter().filter(|(answer, _)| answer.is_ok()).map(|(_, content)| *content).collect();
    assert_eq!(won.len(), 8, "all of one content, and nobody else");
    assert!(won.iter().all(|content| *content == won[0]));
    for (answer, _) in &answers {
        match answer {
            Ok(Outcome::Created(record) | Outcome::Existing(record) | Outcome::QueuedAgain(record)) => {
                assert_eq!(*record, winner);
            }
            Err(UploadError::Conflict { pack_id, .. }) => assert_eq!(*pack_id, winner.id),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(bench.items().await, 2);
}
