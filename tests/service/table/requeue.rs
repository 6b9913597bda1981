//! The third line: what becomes of builds that nobody answered for.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Json, Router, body::Bytes, extract::State, http::StatusCode, response::IntoResponse};
use pack_upload::{
    aws::{Created, Job, Queue, Timeouts, sqs},
    records::{BuildStatus, OrgId, Record, Timestamp},
    requeue::{Requeue, Settings, Sweep},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::support::{Database, failed, record};
use crate::support::sdk;

/// A queue that keeps what is sent to it, or refuses it.
#[derive(Clone, Default)]
struct Sent {
    jobs: Arc<Mutex<Vec<Job>>>,
    refuses: Arc<Mutex<bool>>,
}

impl Sent {
    async fn start(&self) -> Queue {
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

async fn send(State(sent): State<Sent>, message: Bytes) -> impl IntoResponse {
    let message: Value = serde_json::from_slice(&message).unwrap();
    if *sent.refuses.lock().unwrap() {
        return (StatusCode::FORBIDDEN, Json(json!({"__type": "AccessDeniedException"})));
    }
    let job = serde_json::from_str(message["MessageBody"].as_str().unwrap()).unwrap();
    sent.jobs.lock().unwrap().push(job);
    (StatusCode::OK, Json(json!({"MessageId": "1", "MD5OfMessageBody": "0"})))
}

struct Bench {
    database: Database,
    sent: Sent,
    requeue: Requeue,
}

impl Bench {
    async fn start(settings: Settings) -> Self {
        let (database, sent) = (Database::start().await, Sent::default());
        let requeue = Requeue { table: database.table.clone(), queue: sent.start().await, settings };
        Self { database, sent, requeue }
    }

    async fn write(&self, version: &str) -> Record {
        let record = record(OrgId::generate(), "tools", version, version);
        assert!(matches!(self.database.table.create(&record).await.unwrap(), Created::Written));
        record
    }

    async fn read(&self, record: &Record) -> Record {
        self.database.table.record(record.id).await.unwrap().unwrap()
    }
}

const AT_ONCE: Settings =
    Settings { resend_after: Duration::ZERO, max_sends: 3, give_up_after: Duration::from_secs(60) };

#[tokio::test]
async fn a_young_build_is_left_alone_and_an_old_one_is_sent_again() {
    let mut bench = Bench::start(Settings { resend_after: Duration::from_secs(60), ..AT_ONCE }).await;
    let queued = bench.write("1.0.0").await;
    assert_eq!(counts(bench.requeue.sweep().await.unwrap()), Sweep { pending: 1, ..Sweep::default() });
    assert_eq!(bench.sent.take(), []);

    bench.requeue.settings.resend_after = Duration::from_millis(20);
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert_eq!(counts(bench.requeue.sweep().await.unwrap()), Sweep { pending: 1, sent: 1, ..Sweep::default() });
    assert_eq!(bench.sent.take(), [Job { pack_id: queued.id, attempt: 1 }]);
    let found = bench.read(&queued).await;
    assert_eq!((found.build.sends, &found.build.status), (2, &BuildStatus::Queued));
    assert!(found.build.enqueued_at > queued.build.enqueued_at);
}

#[tokio::test]
async fn after_its_sends_a_build_is_given_up_with_a_reason() {
    let bench = Bench::start(AT_ONCE).await;
    let queued = bench.write("1.0.0").await;
    for _ in 0..2 {
        assert_eq!(bench.requeue.sweep().await.unwrap().sent, 1);
    }
    assert_eq!(counts(bench.requeue.sweep().await.unwrap()), Sweep { pending: 1, failed: 1, ..Sweep::default() });
    let error = "the image could not be built in 3 attempts; upload the same archive again".to_owned();
    assert_eq!(bench.read(&queued).await.build.status, BuildStatus::Failed { error });
    assert_eq!(bench.sent.take().len(), 2);
    assert_eq!(counts(bench.requeue.sweep().await.unwrap()), Sweep::default());
}

#[tokio::test]
async fn after_its_time_a_build_is_given_up_however_seldom_it_was_sent() {
    let bench = Bench::start(Settings { give_up_after: Duration::from_millis(20), ..AT_ONCE }).await;
    let queued = bench.write("1.0.0").await;
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert_eq!(bench.requeue.sweep().await.unwrap().failed, 1);
    let error = "the image could not be built in the time allowed; upload the same archive again".to_owned();
    assert_eq!(bench.read(&queued).await.build.status, BuildStatus::Failed { error });
    assert_eq!(bench.sent.take(), []);
}

#[tokio::test]
async fn a_build_that_is_queued_again_starts_to_count_anew() {
    let bench = Bench::start(Settings { max_sends: 2, ..AT_ONCE }).await;
    let old = failed(&bench.database.table, record(OrgId::generate(), "tools", "1.0.0", "a")).await;
    let anew = old.queued_again("staging/again.tar.gz".to_owned(), Timestamp::now());
    assert!(matches!(bench.database.table.queue_again(&old, &anew).await.unwrap(), Created::Written));
    assert_eq!(bench.requeue.sweep().await.unwrap().sent, 1);
    assert_eq!(bench.sent.take(), [Job { pack_id: old.id, attempt: 2 }]);
    assert_eq!(bench.requeue.sweep().await.unwrap().failed, 1);
}

#[tokio::test]
async fn a_sweep_knows_how_long_the_oldest_build_has_been_waiting() {
    let bench = Bench::start(Settings { resend_after: Duration::from_secs(60), ..AT_ONCE }).await;
    assert_eq!(bench.requeue.sweep().await.unwrap().oldest, Duration::ZERO);
    bench.write("1.0.0").await;
    tokio::time::sleep(Duration::from_millis(30)).await;
    bench.write("1.0.1").await;
    let oldest = bench.requeue.sweep().await.unwrap().oldest;
    assert!((Duration::from_millis(29)..Duration::from_secs(30)).contains(&oldest), "{oldest:?}");
}

#[tokio::test]
async fn at_a_start_all_are_sent_whatever_their_age_and_none_is_given_up() {
    let bench = Bench::start(Settings { resend_after: Duration::from_secs(60), max_sends: 1, ..AT_ONCE }).await;
    let (first, second) = (bench.write("1.0.0").await, bench.write("1.0.1").await);
    let swept = bench.requeue.send_all().await.unwrap();
    assert_eq!(counts(swept), Sweep { pending: 2, sent: 2, ..Sweep::default() });
    let mut sent: Vec<_> = bench.sent.take().iter().map(|job| job.pack_id).collect();
    sent.sort();
    let mut expected = [first.id, second.id];
    expected.sort();
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn one_record_that_cannot_be_read_harms_none_beside_it() {
    let bench = Bench::start(AT_ONCE).await;
    let (good, bad, other) = (bench.write("1.0.0").await, bench.write("1.0.1").await, bench.write("1.0.2").await);
    bench.database.corrupt(&bad).await;
    let swept = bench.requeue.sweep().await.unwrap();
    assert_eq!(counts(swept), Sweep { pending: 3, sent: 2, errors: 1, ..Sweep::default() });
    let sent: Vec<_> = bench.sent.take().iter().map(|job| job.pack_id).collect();
    assert!(sent.contains(&good.id) && sent.contains(&other.id));
}

#[tokio::test]
async fn a_send_that_fails_is_not_counted() {
    let bench = Bench::start(AT_ONCE).await;
    let queued = bench.write("1.0.0").await;
    *bench.sent.refuses.lock().unwrap() = true;
    assert_eq!(counts(bench.requeue.sweep().await.unwrap()), Sweep { pending: 1, errors: 1, ..Sweep::default() });
    assert_eq!(bench.read(&queued).await, queued);
}

/// What was done, whatever the age of the builds.
fn counts(sweep: Sweep) -> Sweep {
    Sweep { oldest: Duration::ZERO, ..sweep }
}
