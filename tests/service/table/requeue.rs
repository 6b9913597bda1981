//! Tests of requeue's sweeps: which builds are sent again, and which are marked as failed. To add a case, start a
//! [`Fixture`] with the settings to test, write records, and check what `sweep` counts and sends.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Json, Router, body::Bytes, extract::State, http::StatusCode, response::IntoResponse};
use pack_upload::{
    aws::{Created, Job, Lease, PurgeJob, Queue, Timeouts, sqs},
    records::{BuildStatus, OrgId, Record, Timestamp},
    requeue::{Requeue, Settings, Sweep},
};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::support::{Database, record, upload};
use crate::support::sdk;

/// An SQS server that records the build and purge jobs sent to it, or rejects every message.
#[derive(Clone, Default)]
struct RecordingQueue {
    jobs: Arc<Mutex<Vec<Job>>>,
    purges: Arc<Mutex<Vec<PurgeJob>>>,
    rejects: Arc<Mutex<bool>>,
}

impl RecordingQueue {
    async fn start<J: Serialize>(&self) -> Queue<J> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(send).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Queue::new(sqs(&sdk(address).await, &Timeouts::default()), format!("http://{address}/000000000000/builds"))
    }

    fn take(&self) -> Vec<Job> {
        std::mem::take(&mut self.jobs.lock().unwrap())
    }
}

async fn send(State(queue): State<RecordingQueue>, message: Bytes) -> impl IntoResponse {
    let message: Value = serde_json::from_slice(&message).unwrap();
    if *queue.rejects.lock().unwrap() {
        return (StatusCode::FORBIDDEN, Json(json!({"__type": "AccessDeniedException"})));
    }
    let body = message["MessageBody"].as_str().unwrap();
    match serde_json::from_str(body) {
        Ok(job) => queue.jobs.lock().unwrap().push(job),
        Err(_) => queue.purges.lock().unwrap().push(serde_json::from_str(body).unwrap()),
    }
    (StatusCode::OK, Json(json!({"MessageId": "1", "MD5OfMessageBody": "0"})))
}

struct Fixture {
    database: Database,
    queue: RecordingQueue,
    requeue: Requeue,
}

impl Fixture {
    async fn start(settings: Settings) -> Self {
        let (database, queue) = (Database::start().await, RecordingQueue::default());
        let requeue = Requeue {
            table: database.table.clone(),
            queue: queue.start().await,
            purges: queue.start().await,
            settings,
        };
        Self { database, queue, requeue }
    }

    async fn write(&self, version: &str) -> Record {
        let record = record(OrgId::generate(), "tools", version, version);
        assert!(matches!(self.database.table.create(&record).await.unwrap(), Created::Written));
        record
    }

    /// Begins a build that ends without a result.
    async fn try_build(&self, record: &Record) {
        let now = Timestamp::now();
        assert!(self.database.table.begin_build(record, &Lease::new(now), now).await.unwrap());
    }

    async fn read(&self, record: &Record) -> Record {
        self.database.table.record(record.id).await.unwrap().unwrap()
    }
}

const RESEND_IMMEDIATELY: Settings = Settings {
    resend_after: Duration::ZERO,
    max_tries: 3,
    give_up_after: Duration::from_secs(60),
    archive_expires_after: Duration::from_secs(60),
};

#[tokio::test]
async fn only_a_build_that_is_due_is_sent_again() {
    let mut fixture = Fixture::start(Settings { resend_after: Duration::from_secs(60), ..RESEND_IMMEDIATELY }).await;
    let queued = fixture.write("1.0.0").await;
    assert_eq!(counts(fixture.requeue.sweep().await.unwrap()), Sweep { pending: 1, ..Sweep::default() });
    assert_eq!(fixture.queue.take(), []);

    fixture.requeue.settings.resend_after = Duration::from_millis(20);
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert_eq!(counts(fixture.requeue.sweep().await.unwrap()), Sweep { pending: 1, sent: 1, ..Sweep::default() });
    assert_eq!(fixture.queue.take(), [Job { pack_id: queued.id, attempt: 1 }]);
    let found = fixture.read(&queued).await;
    assert_eq!((found.build.sends, &found.build.status), (2, &BuildStatus::Queued));
    assert!(found.build.enqueued_at > queued.build.enqueued_at);
}

#[tokio::test]
async fn a_build_fails_after_its_last_try() {
    let fixture = Fixture::start(RESEND_IMMEDIATELY).await;
    let queued = fixture.write("1.0.0").await;
    for _ in 0..2 {
        fixture.try_build(&queued).await;
        assert_eq!(fixture.requeue.sweep().await.unwrap().sent, 1);
    }
    fixture.try_build(&queued).await;
    assert_eq!(counts(fixture.requeue.sweep().await.unwrap()), Sweep { pending: 1, failed: 1, ..Sweep::default() });
    let error = "the image could not be built after 3 tries; upload the same archive again".to_owned();
    assert_eq!(fixture.read(&queued).await.build.status, BuildStatus::Failed { error });
    assert_eq!(fixture.queue.take().len(), 2);
    assert_eq!(counts(fixture.requeue.sweep().await.unwrap()), Sweep::default());
}

#[tokio::test]
async fn a_build_that_was_tried_fails_after_its_time_limit() {
    let fixture = Fixture::start(Settings { give_up_after: Duration::from_millis(20), ..RESEND_IMMEDIATELY }).await;
    let queued = fixture.write("1.0.0").await;
    fixture.try_build(&queued).await;
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert_eq!(fixture.requeue.sweep().await.unwrap().failed, 1);
    let error = "the image could not be built in the time allowed; upload the same archive again".to_owned();
    assert_eq!(fixture.read(&queued).await.build.status, BuildStatus::Failed { error });
    assert_eq!(fixture.queue.take(), []);
}

#[tokio::test]
async fn a_build_that_was_never_tried_does_not_fail_before_its_archive_expires() {
    let mut fixture = Fixture::start(Settings { give_up_after: Duration::ZERO, ..RESEND_IMMEDIATELY }).await;
    let queued = fixture.write("1.0.0").await;
    for _ in 0..5 {
        assert_eq!(counts(fixture.requeue.sweep().await.unwrap()), Sweep { pending: 1, sent: 1, ..Sweep::default() });
    }
    assert_eq!(fixture.read(&queued).await.build.status, BuildStatus::Queued);

    fixture.requeue.settings.archive_expires_after = Duration::from_millis(20);
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert_eq!(fixture.requeue.sweep().await.unwrap().failed, 1);
    let error = "the uploaded archive expired before it was built; upload it again".to_owned();
    assert_eq!(fixture.read(&queued).await.build.status, BuildStatus::Failed { error });
}

#[tokio::test]
async fn a_build_that_is_running_or_has_published_its_version_does_not_fail() {
    let fixture = Fixture::start(Settings { archive_expires_after: Duration::ZERO, ..RESEND_IMMEDIATELY }).await;
    let (running, published) = (fixture.write("1.0.0").await, fixture.write("1.0.1").await);
    let (table, now) = (&fixture.database.table, Timestamp::now());
    assert!(table.begin_build(&running, &Lease::new(now + Duration::from_secs(60)), now).await.unwrap());
    let ended = Lease::new(now);
    assert!(table.begin_build(&published, &ended, now).await.unwrap());
    assert!(table.publish(&published, &ended).await.unwrap());
    assert_eq!(counts(fixture.requeue.sweep().await.unwrap()), Sweep { pending: 2, sent: 2, ..Sweep::default() });
    for record in [&running, &published] {
        assert_eq!(fixture.read(record).await.build.status, BuildStatus::Queued);
    }
}

#[tokio::test]
async fn a_new_attempt_resets_the_count_of_tries() {
    let fixture = Fixture::start(Settings { max_tries: 1, ..RESEND_IMMEDIATELY }).await;
    let queued = fixture.write("1.0.0").await;
    fixture.try_build(&queued).await;
    assert_eq!(fixture.requeue.sweep().await.unwrap().failed, 1);
    let old = fixture.read(&queued).await;
    let retried = old.queued_again(&upload("again"));
    assert!(matches!(fixture.database.table.queue_again(&old, &retried).await.unwrap(), Created::Written));
    assert_eq!(fixture.requeue.sweep().await.unwrap().sent, 1);
    assert_eq!(fixture.queue.take(), [Job { pack_id: old.id, attempt: 2 }]);
    fixture.try_build(&retried).await;
    assert_eq!(fixture.requeue.sweep().await.unwrap().failed, 1);
}

#[tokio::test]
async fn a_sweep_reports_the_age_of_the_oldest_pending_build() {
    let fixture = Fixture::start(Settings { resend_after: Duration::from_secs(60), ..RESEND_IMMEDIATELY }).await;
    assert_eq!(fixture.requeue.sweep().await.unwrap().oldest, Duration::ZERO);
    fixture.write("1.0.0").await;
    tokio::time::sleep(Duration::from_millis(30)).await;
    fixture.write("1.0.1").await;
    let oldest = fixture.requeue.sweep().await.unwrap().oldest;
    assert!((Duration::from_millis(29)..Duration::from_secs(30)).contains(&oldest), "{oldest:?}");
}

#[tokio::test]
async fn send_all_sends_every_pending_build_and_fails_none() {
    let settings = Settings { resend_after: Duration::from_secs(60), max_tries: 1, ..RESEND_IMMEDIATELY };
    let fixture = Fixture::start(settings).await;
    let (first, second) = (fixture.write("1.0.0").await, fixture.write("1.0.1").await);
    fixture.try_build(&first).await;
    let swept = fixture.requeue.send_all().await.unwrap();
    assert_eq!(counts(swept), Sweep { pending: 2, sent: 2, ..Sweep::default() });
    let mut sent: Vec<_> = fixture.queue.take().iter().map(|job| job.pack_id).collect();
    sent.sort();
    let mut expected = [first.id, second.id];
    expected.sort();
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn a_purge_is_sent_again_until_it_succeeds() {
    let settings = Settings {
        max_tries: 0,
        give_up_after: Duration::ZERO,
        archive_expires_after: Duration::ZERO,
        ..RESEND_IMMEDIATELY
    };
    let fixture = Fixture::start(settings).await;
    let queued = fixture.write("1.0.0").await;
    let table = &fixture.database.table;
    table.mark_deleting(queued.release.org_id, queued.id, Timestamp::now()).await.unwrap();
    for sends in 2..5 {
        assert_eq!(counts(fixture.requeue.sweep().await.unwrap()), Sweep { pending: 1, sent: 1, ..Sweep::default() });
        let purges = std::mem::take(&mut *fixture.queue.purges.lock().unwrap());
        assert_eq!(purges, [PurgeJob { pack_id: queued.id }]);
        let build = fixture.read(&queued).await.build;
        assert_eq!((build.status, build.sends), (BuildStatus::Deleting, sends));
    }
    assert_eq!(fixture.queue.take(), []);
}

#[tokio::test]
async fn an_unreadable_record_does_not_affect_other_builds() {
    let fixture = Fixture::start(RESEND_IMMEDIATELY).await;
    let (first, corrupt, last) =
        (fixture.write("1.0.0").await, fixture.write("1.0.1").await, fixture.write("1.0.2").await);
    fixture.database.corrupt(&corrupt).await;
    let swept = fixture.requeue.sweep().await.unwrap();
    assert_eq!(counts(swept), Sweep { pending: 3, sent: 2, errors: 1, ..Sweep::default() });
    let sent: Vec<_> = fixture.queue.take().iter().map(|job| job.pack_id).collect();
    assert!(sent.contains(&first.id) && sent.contains(&last.id));
}

#[tokio::test]
async fn a_send_that_fails_is_not_counted() {
    let fixture = Fixture::start(RESEND_IMMEDIATELY).await;
    let queued = fixture.write("1.0.0").await;
    *fixture.queue.rejects.lock().unwrap() = true;
    assert_eq!(counts(fixture.requeue.sweep().await.unwrap()), Sweep { pending: 1, errors: 1, ..Sweep::default() });
    assert_eq!(fixture.read(&queued).await, queued);
}

/// Clears the age of the oldest build, which depends on the clock.
fn counts(sweep: Sweep) -> Sweep {
    Sweep { oldest: Duration::ZERO, ..sweep }
}
