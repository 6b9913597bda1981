//! Tests that an org's quota counters equal a recount of the table after any sequence of writes.

use std::time::Duration;

use pack_upload::{
    aws::{Created, Lease, Seen},
    identity::{OrgLimit, OrgLimits},
    records::{BuildState, OrgId, QuarantineReason, Record, Timestamp, UploadId},
};

use super::support::{Database, create, failed, record, upload};
use crate::support::expect_exact_counters;

/// A pseudo-random number generator (xorshift). A failing sequence can be reproduced from its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

/// The state that a sequence of operations needs. It keeps outdated records on purpose, because the counters must be
/// exact even if a record has changed since it was read.
struct Sequence {
    database: Database,
    org: OrgId,
    random: Random,
    /// Records as they were when they were created or read.
    read: Vec<Record>,
    begun: Vec<UploadId>,
    limits: OrgLimits,
}

impl Sequence {
    async fn start(seed: u64) -> Self {
        // Low limits, so that some writes exceed them.
        let limits = [
            (OrgLimit::PendingBuilds, 4),
            (OrgLimit::Names, 3),
            (OrgLimit::Versions, 8),
            (OrgLimit::StoredBytes, 9_000),
            (OrgLimit::BegunUploads, 3),
        ];
        Self {
            database: Database::start().await,
            org: OrgId::generate(),
            random: Random(seed),
            read: Vec::new(),
            begun: Vec::new(),
            limits: limits.into_iter().collect(),
        }
    }

    /// Returns a random record from `read`, either as it was when it was read or as it is in the table now.
    async fn any(&mut self) -> Option<Record> {
        if self.read.is_empty() {
            return None;
        }
        let index = self.random.below(self.read.len());
        if self.random.below(4) > 0 {
            let found = self.database.table.record(self.read[index].id).await.unwrap();
            if let Some(found) = found {
                self.read.push(found);
                return self.read.last().cloned();
            }
        }
        Some(self.read[index].clone())
    }

    fn any_upload(&mut self) -> Option<UploadId> {
        if self.begun.is_empty() { None } else { Some(self.begun[self.random.below(self.begun.len())]) }
    }

    async fn seen(&mut self, record: &Record) -> Seen {
        let upload = if self.random.below(3) == 0 { self.any_upload() } else { None };
        let manifest = &record.release.manifest;
        self.database.table.look_up(self.org, &manifest.name, &manifest.version, upload).await.unwrap()
    }

    fn new_record(&mut self) -> Record {
        let name = ["a", "b", "c", "d"][self.random.below(4)];
        let version = ["1.0.0", "2.0.0", "3.0.0"][self.random.below(3)];
        let content = ["x", "y"][self.random.below(2)];
        let mut record = record(self.org, name, version, content);
        record.release.size_bytes = 500 + 100 * self.random.below(10) as u64;
        record
    }

    /// Runs one random operation, and returns its name. Sometimes creates the same record twice, as a caller does after
    /// a lost response.
    async fn step(&mut self) -> &'static str {
        let table = self.database.table.clone();
        let now = Timestamp::now();
        let lease = Lease::new(now + Duration::from_secs(60));
        let operation = self.random.below(12);
        match operation {
            0 | 1 => {
                let record = self.new_record();
                let seen = self.seen(&record).await;
                for _ in 0..=self.random.below(2) {
                    if let Created::Taken(found) = table.create(&record, &seen, &self.limits).await.unwrap() {
                        self.read.push(*found);
                    }
                }
                self.read.push(record);
                "create"
            }
            2 => {
                let id = UploadId::generate(self.org, now);
                if table.begin_upload(self.org, id, now, &self.limits).await.unwrap().is_none() {
                    self.begun.push(id);
                }
                "begin an upload"
            }
            3 => {
                if let Some(upload) = self.any_upload() {
                    table.remove_upload(self.org, upload).await.unwrap();
                }
                "remove an upload"
            }
            _ => match self.any().await {
                Some(record) => self.change(operation, &record, &lease, now).await,
                None => "nothing",
            },
        }
    }

    async fn change(&mut self, operation: usize, record: &Record, lease: &Lease, now: Timestamp) -> &'static str {
        let table = self.database.table.clone();
        match operation {
            4 => {
                table.mark_failed(record, None, "broken", now).await.unwrap();
                "fail"
            }
            5 => {
                let new = record.queued_again(&upload("again"));
                let seen = self.seen(&new).await;
                // An error is expected if the record no longer exists.
                table.queue_again(record, &new, &seen, &self.limits).await.ok();
                "queue again"
            }
            6 => {
                let mut new = self.new_record();
                new.release.manifest = record.release.manifest.clone();
                let seen = self.seen(&new).await;
                if let Ok(Created::Written) = table.replace(record, &new, &seen, &self.limits).await {
                    self.read.push(new);
                }
                "replace"
            }
            7 | 8 => {
                table.begin_build(record, lease, now).await.unwrap();
                if self.random.below(4) == 0 {
                    table.mark_failed(record, Some(lease), "broken", now).await.unwrap();
                    return "fail a build";
                }
                table.publish(record, lease).await.unwrap();
                table.mark_ready(record, lease, now).await.unwrap();
                table.release(record, lease).await.unwrap();
                "build"
            }
            9 => {
                table.mark_deleting(self.org, record.id, now).await.unwrap();
                "delete"
            }
            10 => {
                table.begin_purge(record, lease, now).await.unwrap();
                table.remove(record, lease, now).await.unwrap();
                table.release(record, lease).await.unwrap();
                "purge"
            }
            _ => {
                if self.random.below(2) == 0 {
                    table.rebuild(record, "tester", now).await.unwrap();
                    return "rebuild";
                }
                let reason: QuarantineReason = "bad".parse().unwrap();
                table.begin_quarantine(record, &reason, lease, "tester", now).await.unwrap();
                table.extend_lease(record, BuildState::Quarantined, lease, now).await.unwrap();
                table.end_quarantine(record, lease, "tester", now).await.unwrap();
                table.release(record, lease).await.unwrap();
                "quarantine and restore"
            }
        }
    }

    async fn expect_exact_counters(&self) {
        let scan = self.database.client.scan().table_name(&self.database.name);
        expect_exact_counters(scan.send().await.unwrap().items());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_counters_equal_a_recount_after_each_of_many_random_writes() {
    for seed in [0x9E37_79B9_7F4A_7C15, 0xD1B5_4A32_D192_ED03, 42] {
        let mut sequence = Sequence::start(seed).await;
        for step in 0..150 {
            let operation = sequence.step().await;
            println!("seed {seed}, step {step}: {operation}");
            sequence.expect_exact_counters().await;
        }
    }
}

#[tokio::test]
async fn a_build_that_was_marked_as_failed_and_becomes_ready_late_counts_once() {
    let database = Database::start().await;
    let (table, now) = (&database.table, Timestamp::now());
    let queued = record(OrgId::generate(), "tools", "1.0.0", "a");
    let seen = Seen::default();
    let unlimited = OrgLimits::unlimited();
    assert!(matches!(table.create(&queued, &seen, &unlimited).await.unwrap(), Created::Written));
    let expired = Lease::new(now);
    assert!(table.begin_build(&queued, &expired, now).await.unwrap());
    assert!(table.mark_failed(&queued, None, "late", now + Duration::from_secs(1)).await.unwrap());
    let lease = Lease::new(now + Duration::from_secs(60));
    let failed = table.record(queued.id).await.unwrap().unwrap();
    assert!(!failed.build.is_counted);
    assert!(table.begin_build(&failed, &lease, now).await.unwrap());
    // The builder read the record before it was marked as failed.
    assert!(table.publish(&queued, &lease).await.unwrap());
    assert!(table.mark_ready(&queued, &lease, now).await.unwrap());
    expect_exact_counters(database.client.scan().table_name(&database.name).send().await.unwrap().items());
}

#[tokio::test]
async fn a_name_that_two_uploads_use_for_the_first_time_counts_once() {
    let database = Database::start().await;
    let org = OrgId::generate();
    let unlimited = OrgLimits::unlimited();
    for version in ["1.0.0", "2.0.0"] {
        let record = record(org, "tools", version, version);
        // Neither upload has seen the other.
        let created = database.table.create(&record, &Seen::default(), &unlimited).await.unwrap();
        assert!(matches!(created, Created::Written));
    }
    expect_exact_counters(database.client.scan().table_name(&database.name).send().await.unwrap().items());
}

#[tokio::test]
async fn submitting_the_same_archive_in_s3_again_over_a_limit_queues_nothing() {
    let database = Database::start().await;
    let (table, org) = (&database.table, OrgId::generate());
    let upload = record(org, "tools", "1.0.0", "a");
    let failed = failed(table, upload.clone()).await;
    assert!(matches!(create(table, &record(org, "other", "1.0.0", "b")).await, Created::Written));
    // Both submissions of an archive in S3 have the same staging key.
    let queued = failed.queued_again(&upload);
    let limits = [(OrgLimit::PendingBuilds, 1)].into_iter().collect();
    let created = table.queue_again(&failed, &queued, &Seen::default(), &limits).await.unwrap();
    let Created::Exceeds(exceeded) = created else { panic!("expected a limit: {created:?}") };
    assert_eq!(exceeded.limit, OrgLimit::PendingBuilds);
    assert_eq!(table.record(failed.id).await.unwrap().unwrap(), failed);
}

#[tokio::test]
async fn a_name_that_another_upload_has_just_used_does_not_count_against_the_limit() {
    let database = Database::start().await;
    let org = OrgId::generate();
    let limits = [(OrgLimit::Names, 1)].into_iter().collect();
    for version in ["1.0.0", "2.0.0"] {
        let record = record(org, "tools", version, version);
        // Neither upload has seen the other.
        let created = database.table.create(&record, &Seen::default(), &limits).await.unwrap();
        assert!(matches!(created, Created::Written), "{version}: {created:?}");
    }
}
