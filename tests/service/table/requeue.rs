//! Tests for requeue's sweeps: which builds and purges are sent again, which builds are marked as failed, and which
//! events and begun uploads are removed. To add a case, start a [`Fixture`] with the settings to test, write records,
//! and check what `sweep` counts and sends.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
};
use pack_upload::{
    aws::{Created, Events, Job, Lease, PurgeJob, Queue, Staging, Timeouts, sqs},
    identity::{Exceeded, OrgLimit},
    records::{BuildStatus, OrgId, Record, Timestamp, UploadId},
    requeue::{Requeue, Settings, Sweep},
};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::{net::TcpListener, time::timeout};

use super::support::{Database, create, queue_again, record, upload};
use crate::support::sdk;

/// An SQS server that either records the build and purge jobs sent to it, or rejects every message.
#[derive(Clone, Default)]
struct RecordingQueue {
    jobs: Arc<Mutex<Vec<Job>>>,
    purges: Arc<Mutex<Vec<PurgeJob>>>,
    rejects: Arc<Mutex<bool>>,
    /// Whether jobs are waiting in the queue.
    has_waiting: Arc<Mutex<bool>>,
}

impl RecordingQueue {
    async fn start<J: Serialize>(&self) -> Queue<J> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(respond).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Queue::new(sqs(&sdk(address).await, &Timeouts::default()), format!("http://{address}/000000000000/builds"))
    }

    fn take(&self) -> Vec<Job> {
        std::mem::take(&mut self.jobs.lock().unwrap())
    }
}

async fn respond(State(queue): State<RecordingQueue>, headers: HeaderMap, input: Bytes) -> impl IntoResponse {
    if headers["x-amz-target"] == "AmazonSQS.GetQueueAttributes" {
        let waiting = if *queue.has_waiting.lock().unwrap() { "1" } else { "0" };
        return (StatusCode::OK, Json(json!({"Attributes": {"ApproximateNumberOfMessages": waiting}})));
    }
    let message: Value = serde_json::from_slice(&input).unwrap();
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
    /// Sets up requeue with these settings. A build or purge is due again immediately after its job is sent.
    async fn start(settings: Settings) -> Self {
        Self::start_with_resend_after(Duration::ZERO, settings).await
    }

    async fn start_with_resend_after(resend_after: Duration, settings: Settings) -> Self {
        let (mut database, queue) = (Database::start().await, RecordingQueue::default());
        database.table = database.table.with_resend_after(resend_after);
        let requeue = Requeue {
            table: database.table.clone(),
            staging: database.staging(),
            queue: queue.start().await,
            purges: queue.start().await,
            events: Events::new(database.table.clone(), None),
            settings,
        };
        Self { database, queue, requeue }
    }

    async fn write(&self, version: &str) -> Record {
        let record = record(OrgId::generate(), "tools", version, version);
        assert!(matches!(create(&self.database.table, &record).await, Created::Written));
        record
    }

    /// Begins a build whose lease has already expired, as if the builder had crashed.
    async fn try_build(&self, record: &Record) {
        let now = Timestamp::now();
        assert!(self.database.table.begin_build(record, &Lease::new(now), now).await.unwrap());
    }

    async fn make_due(&self, record: &Record) {
        self.database.set(record, "due_at", PAST).await;
    }

    async fn read(&self, record: &Record) -> Record {
        self.database.table.record(record.id).await.unwrap().unwrap()
    }
}

const HOUR: Duration = Duration::from_secs(3_600);
const PAST: &str = "2026-01-01T00:00:00.000Z";

const SETTINGS: Settings = Settings {
    max_tries: 3,
    give_up_after: Duration::from_secs(60),
    archive_expires_after: Duration::from_secs(60),
    time_limit: Duration::from_secs(60),
};

#[tokio::test]
async fn only_a_build_that_is_due_is_read_and_sent_again() {
    let fixture = Fixture::start_with_resend_after(HOUR, SETTINGS).await;
    let queued = fixture.write("1.0.0").await;
    assert_eq!(fixture.requeue.sweep().await.unwrap(), Sweep::default());
    assert_eq!(fixture.queue.take(), []);

    fixture.make_due(&queued).await;
    assert_eq!(counts(fixture.requeue.sweep().await.unwrap()), Sweep { due: 1, sent: 1, ..Sweep::default() });
    assert_eq!(fixture.queue.take(), [Job { pack_id: queued.id, attempt: 1 }]);
    let found = fixture.read(&queued).await;
    assert_eq!((found.build.sends, &found.build.status), (2, &BuildStatus::Queued));
    assert!(found.build.enqueued_at > queued.build.enqueued_at);
    assert_eq!(fixture.requeue.sweep().await.unwrap(), Sweep::default(), "it is due later");
}

#[tokio::test]
async fn the_resend_interval_doubles_up_to_eight_times_the_first() {
    let fixture = Fixture::start_with_resend_after(HOUR, SETTINGS).await;
    let mut record = fixture.write("1.0.0").await;
    for hours in [2, 4, 8, 8] {
        let sent_at = Timestamp::now();
        assert!(fixture.database.table.mark_sent(&record, sent_at).await.unwrap());
        let item = fixture.database.item(&record).await;
        assert_eq!(item["due_at"].as_s().unwrap(), &(sent_at + hours * HOUR).to_string());
        record = fixture.read(&record).await;
    }
}

#[tokio::test]
async fn a_job_that_may_be_waiting_in_its_queue_is_not_sent_again() {
    let fixture = Fixture::start_with_resend_after(HOUR, SETTINGS).await;
    let (queued, deleted) = (fixture.write("1.0.0").await, fixture.write("1.0.1").await);
    let table = &fixture.database.table;
    table.mark_deleting(deleted.release.org_id, deleted.id, Timestamp::now()).await.unwrap();
    for (has_waiting, sent, postponed) in [(true, 0, 2), (false, 2, 0)] {
        *fixture.queue.has_waiting.lock().unwrap() = has_waiting;
        fixture.make_due(&queued).await;
        fixture.make_due(&deleted).await;
        let expected = Sweep { due: 2, sent, postponed, ..Sweep::default() };
        assert_eq!(counts(fixture.requeue.sweep().await.unwrap()), expected);
        assert_eq!(fixture.requeue.sweep().await.unwrap(), Sweep::default(), "both are due later");
    }

    // A job is no longer in its queue after the retention period, because SQS has deleted it.
    *fixture.queue.has_waiting.lock().unwrap() = true;
    fixture.database.set(&queued, "enqueued_at", PAST).await;
    fixture.make_due(&queued).await;
    assert_eq!(fixture.requeue.sweep().await.unwrap().sent, 1);
}

#[tokio::test]
async fn a_job_that_its_queue_redelivers_is_not_sent_again() {
    let fixture = Fixture::start_with_resend_after(HOUR, SETTINGS).await;
    let queued = fixture.write("1.0.0").await;
    fixture.try_build(&queued).await;
    fixture.make_due(&queued).await;
    let expected = Sweep { due: 1, postponed: 1, ..Sweep::default() };
    assert_eq!(counts(fixture.requeue.sweep().await.unwrap()), expected);
    let tried_at = fixture.read(&queued).await.build.tried_at.unwrap();
    let due_at = &fixture.database.item(&queued).await["due_at"];
    assert_eq!(due_at.as_s().unwrap(), &(tried_at + HOUR).to_string());

    fixture.database.set(&queued, "enqueued_at", PAST).await;
    fixture.database.set(&queued, "tried_at", PAST).await;
    fixture.make_due(&queued).await;
    *fixture.queue.has_waiting.lock().unwrap() = true;
    assert_eq!(fixture.requeue.sweep().await.unwrap().sent, 1, "the job is in the dead-letter queue");
}

#[tokio::test]
async fn a_sweep_stops_at_its_time_limit_and_the_next_one_continues() {
    let mut fixture = Fixture::start(Settings { time_limit: Duration::ZERO, ..SETTINGS }).await;
    fixture.write("1.0.0").await;
    let swept = fixture.requeue.sweep().await.unwrap();
    assert_eq!(swept, Sweep { is_cut_short: true, ..Sweep::default() });
    assert_eq!(fixture.queue.take(), []);
    fixture.requeue.settings = SETTINGS;
    assert_eq!(counts(fixture.requeue.sweep().await.unwrap()), Sweep { due: 1, sent: 1, ..Sweep::default() });
}

#[tokio::test]
async fn a_build_fails_after_its_last_try() {
    let fixture = Fixture::start(SETTINGS).await;
    let queued = fixture.write("1.0.0").await;
    for _ in 0..2 {
        fixture.try_build(&queued).await;
        assert_eq!(fixture.requeue.sweep().await.unwrap().sent, 1);
    }
    fixture.try_build(&queued).await;
    assert_eq!(counts(fixture.requeue.sweep().await.unwrap()), Sweep { due: 1, failed: 1, ..Sweep::default() });
    let error = "the image could not be built after 3 tries; upload the same archive again".to_owned();
    assert_eq!(fixture.read(&queued).await.build.status, BuildStatus::Failed { error });
    assert_eq!(fixture.queue.take().len(), 2);
    assert_eq!(counts(fixture.requeue.sweep().await.unwrap()), Sweep::default());
}

#[tokio::test]
async fn a_build_that_was_tried_fails_after_its_time_limit() {
    let fixture = Fixture::start(Settings { give_up_after: Duration::from_millis(20), ..SETTINGS }).await;
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
    let mut fixture = Fixture::start(Settings { give_up_after: Duration::ZERO, ..SETTINGS }).await;
    let queued = fixture.write("1.0.0").await;
    for _ in 0..5 {
        assert_eq!(counts(fixture.requeue.sweep().await.unwrap()), Sweep { due: 1, sent: 1, ..Sweep::default() });
    }
    assert_eq!(fixture.read(&queued).await.build.status, BuildStatus::Queued);

    fixture.requeue.settings.archive_expires_after = Duration::from_millis(20);
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert_eq!(fixture.requeue.sweep().await.unwrap().failed, 1);
    let error = "the uploaded archive expired before its image was built; upload it again".to_owned();
    assert_eq!(fixture.read(&queued).await.build.status, BuildStatus::Failed { error });
}

#[tokio::test]
async fn a_build_that_is_running_or_has_published_its_version_does_not_fail() {
    let fixture = Fixture::start(Settings { archive_expires_after: Duration::ZERO, ..SETTINGS }).await;
    let (running, published) = (fixture.write("1.0.0").await, fixture.write("1.0.1").await);
    let (table, now) = (&fixture.database.table, Timestamp::now());
    assert!(table.begin_build(&running, &Lease::new(now + Duration::from_secs(60)), now).await.unwrap());
    let ended = Lease::new(now);
    assert!(table.begin_build(&published, &ended, now).await.unwrap());
    assert!(table.publish(&published, &ended).await.unwrap());
    assert_eq!(
        counts(fixture.requeue.sweep().await.unwrap()),
        Sweep { due: 2, sent: 1, postponed: 1, ..Sweep::default() }
    );
    assert_eq!(fixture.queue.take(), [Job::from(&published)]);
    for record in [&running, &published] {
        assert_eq!(fixture.read(record).await.build.status, BuildStatus::Queued);
    }
}

#[tokio::test]
async fn a_new_attempt_resets_the_try_count() {
    let fixture = Fixture::start(Settings { max_tries: 1, ..SETTINGS }).await;
    let queued = fixture.write("1.0.0").await;
    fixture.try_build(&queued).await;
    assert_eq!(fixture.requeue.sweep().await.unwrap().failed, 1);
    let old = fixture.read(&queued).await;
    let retried = old.queued_again(&upload("again"));
    assert!(matches!(queue_again(&fixture.database.table, &old, &retried).await, Created::Written));
    assert_eq!(fixture.requeue.sweep().await.unwrap().sent, 1);
    assert_eq!(fixture.queue.take(), [Job { pack_id: old.id, attempt: 2 }]);
    fixture.try_build(&retried).await;
    assert_eq!(fixture.requeue.sweep().await.unwrap().failed, 1);
}

#[tokio::test]
async fn a_sweep_reports_the_age_of_the_oldest_build_that_is_due() {
    let fixture = Fixture::start(SETTINGS).await;
    assert_eq!(fixture.requeue.sweep().await.unwrap().oldest, Duration::ZERO);
    fixture.write("1.0.0").await;
    tokio::time::sleep(Duration::from_millis(30)).await;
    fixture.write("1.0.1").await;
    let oldest = fixture.requeue.sweep().await.unwrap().oldest;
    assert!((Duration::from_millis(29)..Duration::from_secs(30)).contains(&oldest), "{oldest:?}");
}

#[tokio::test]
async fn send_all_sends_every_pending_build_and_fails_none() {
    let settings = Settings { max_tries: 1, ..SETTINGS };
    let fixture = Fixture::start_with_resend_after(Duration::from_secs(60), settings).await;
    let (first, second) = (fixture.write("1.0.0").await, fixture.write("1.0.1").await);
    fixture.try_build(&first).await;
    let swept = fixture.requeue.send_all().await.unwrap();
    assert_eq!(counts(swept), Sweep { due: 2, sent: 2, ..Sweep::default() });
    let mut sent: Vec<_> = fixture.queue.take().iter().map(|job| job.pack_id).collect();
    sent.sort();
    let mut expected = [first.id, second.id];
    expected.sort();
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn send_all_sends_each_job_once_even_if_a_shard_has_more_than_one_page() {
    let fixture = Fixture::start_with_resend_after(HOUR, SETTINGS).await;
    for patch in 0..101 {
        let record = fixture.write(&format!("1.0.{patch}")).await;
        fixture.database.set(&record, "due_shard", "0").await;
    }
    let swept = timeout(Duration::from_secs(60), fixture.requeue.send_all()).await.expect("it ends").unwrap();
    assert_eq!(counts(swept), Sweep { due: 101, sent: 101, ..Sweep::default() });
    assert_eq!(fixture.queue.take().len(), 101);
}

#[tokio::test]
async fn an_event_is_removed_if_no_event_bus_is_configured() {
    let fixture = Fixture::start(SETTINGS).await;
    let record = fixture.write("1.0.0").await;
    let storing = fixture.database.table.clone().with_events(true);
    assert!(storing.mark_failed(&record, None, "broken", Timestamp::now()).await.unwrap());
    let items = fixture.database.items().await;
    assert_eq!(fixture.requeue.sweep().await.unwrap(), Sweep { due_events: 1, ..Sweep::default() });
    assert_eq!(fixture.database.items().await, items - 1);
    assert_eq!(fixture.requeue.sweep().await.unwrap(), Sweep::default());
}

#[tokio::test]
async fn a_purge_is_sent_again_until_it_succeeds() {
    let settings =
        Settings { max_tries: 0, give_up_after: Duration::ZERO, archive_expires_after: Duration::ZERO, ..SETTINGS };
    let fixture = Fixture::start(settings).await;
    let queued = fixture.write("1.0.0").await;
    let table = &fixture.database.table;
    table.mark_deleting(queued.release.org_id, queued.id, Timestamp::now()).await.unwrap();
    for sends in 2..5 {
        assert_eq!(counts(fixture.requeue.sweep().await.unwrap()), Sweep { due: 1, sent: 1, ..Sweep::default() });
        let purges = std::mem::take(&mut *fixture.queue.purges.lock().unwrap());
        assert_eq!(purges, [PurgeJob { pack_id: queued.id }]);
        let build = fixture.read(&queued).await.build;
        assert_eq!((build.status, build.sends), (BuildStatus::Deleting, sends));
    }
    assert_eq!(fixture.queue.take(), []);
}

#[tokio::test]
async fn an_unreadable_record_does_not_affect_other_builds() {
    let fixture = Fixture::start(SETTINGS).await;
    let (first, corrupt, last) =
        (fixture.write("1.0.0").await, fixture.write("1.0.1").await, fixture.write("1.0.2").await);
    fixture.database.corrupt(&corrupt).await;
    let swept = fixture.requeue.sweep().await.unwrap();
    assert_eq!(counts(swept), Sweep { due: 3, sent: 2, errors: 1, ..Sweep::default() });
    let sent: Vec<_> = fixture.queue.take().iter().map(|job| job.pack_id).collect();
    assert!(sent.contains(&first.id) && sent.contains(&last.id));
}

#[tokio::test]
async fn a_failed_send_is_not_counted() {
    let fixture = Fixture::start(SETTINGS).await;
    let queued = fixture.write("1.0.0").await;
    *fixture.queue.rejects.lock().unwrap() = true;
    assert_eq!(counts(fixture.requeue.sweep().await.unwrap()), Sweep { due: 1, errors: 1, ..Sweep::default() });
    assert_eq!(fixture.read(&queued).await, queued);
}

/// Removes the age of the oldest build from a sweep's result, because the age depends on the clock.
fn counts(sweep: Sweep) -> Sweep {
    Sweep { oldest: Duration::ZERO, ..sweep }
}

#[tokio::test]
async fn an_upload_that_was_not_submitted_is_removed_with_its_archive_once_it_is_due() {
    let fixture = Fixture::start(SETTINGS).await;
    let (table, staging, org) = (&fixture.database.table, fixture.database.staging(), OrgId::generate());
    let limits = [(OrgLimit::BegunUploads, 2)].into_iter().collect();
    let begin = async |begun_at: Timestamp| {
        let upload = UploadId::generate(org, begun_at);
        let exceeded = table.begin_upload(org, upload, begun_at, &limits).await.unwrap();
        if exceeded.is_none() {
            staging.put(&Staging::upload_key(org, upload), Bytes::from_static(b"archive")).await.unwrap();
        }
        (upload, exceeded)
    };
    let is_staged = async |upload| staging.get(&Staging::upload_key(org, upload)).await.unwrap().is_some();
    let (current, _) = begin(Timestamp::now()).await;
    let (abandoned, _) = begin(PAST.parse().unwrap()).await;
    let (_, exceeded) = begin(Timestamp::now()).await;
    assert_eq!(exceeded, Some(Exceeded { limit: OrgLimit::BegunUploads, maximum: 2 }));

    // `local` calls `send_all` when it starts. This must not remove an upload, due or not.
    assert_eq!(fixture.requeue.send_all().await.unwrap(), Sweep { due_uploads: 2, ..Sweep::default() });
    assert!(is_staged(current).await && is_staged(abandoned).await);

    let expected = Sweep { due_uploads: 1, removed_uploads: 1, ..Sweep::default() };
    assert_eq!(fixture.requeue.sweep().await.unwrap(), expected);
    assert!(is_staged(current).await && !is_staged(abandoned).await);
    assert_eq!(fixture.requeue.sweep().await.unwrap(), Sweep::default());
    assert_eq!(begin(Timestamp::now()).await.1, None, "the quota is given back");
}
