use aws_sdk_dynamodb::types::{TransactWriteItem, Update, builders::UpdateBuilder};
use pack_format::Digest;
use serde::Deserialize;
use ulid::Ulid;

use super::{Key, Table, index::CommunityKeys, number, quotas::QuotaChange, string};
use crate::{
    aws::Error,
    records::{BuildState, BuildStatus, PackEvent, Record, Timestamp, Visibility},
};

/// The condition that a version claim has no lease, or only an expired one. `:now` is the current time.
pub(super) const NOT_LEASED: &str = "(attribute_not_exists(publishing_until) OR publishing_until <= :now)";

/// The update expression that takes the lease on a version claim.
pub(super) const TAKE_LEASE: &str = "SET lease_holder = :holder, publishing_until = :until";

/// A lease on a version claim. Only the lease's holder may change the version in the registry.
#[derive(Debug, Clone)]
pub struct Lease {
    /// An id that is unique to the build, the purge or the operator's command.
    pub(super) holder: String,
    /// When the lease expires and others may take it.
    until: Timestamp,
}

impl Lease {
    pub fn new(until: Timestamp) -> Self {
        Self { holder: Ulid::generate().to_string(), until }
    }

    /// Returns a lease with the same holder and the expiry time `until`. Does not change the table.
    #[must_use]
    pub fn prolonged(&self, until: Timestamp) -> Self {
        Self { holder: self.holder.clone(), until }
    }
}

/// The attribute that a version claim has once its version is published.
#[derive(Deserialize)]
struct PublicationItem {
    #[serde(default)]
    layer_digest: Option<Digest>,
}

/// The attribute of a version claim that holds the expiry time of its lease.
#[derive(Deserialize)]
struct LeaseItem {
    #[serde(default)]
    publishing_until: Option<Timestamp>,
}

/// The steps by which a build publishes a version, and the functions for leases. Purges and operators also use some of
/// these functions. Most steps update the record and its version claim in one transaction, and return whether the
/// transaction took effect.
impl Table {
    /// Begins a build of a queued or failed record: increments `tries` and takes the lease. Does neither if another
    /// holder has the lease, if the version claim no longer names the record, or if the record is no longer queued or
    /// failed in this attempt.
    pub async fn begin_build(&self, record: &Record, lease: &Lease, now: Timestamp) -> Result<bool, Error> {
        let try_again = self
            .update_record(record, "SET tries = tries + :one, tried_at = :now")
            .condition_expression("build_status IN (:queued, :failed) AND attempt = :attempt")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":now", string(now))
            .expression_attribute_values(":queued", string(BuildState::Queued))
            .expression_attribute_values(":failed", string(BuildState::Failed));
        self.transact_updates([try_again, self.take_lease(record, lease, now)]).await
    }

    /// Publishes the version with the record's content; from then on, the version accepts no other content. If the
    /// record is marked as failed, queues it again: its job is due once the lease has expired and the queue can no
    /// longer redeliver the job.
    pub async fn publish(&self, record: &Record, lease: &Lease) -> Result<bool, Error> {
        let queue = self
            .update_record(
                record,
                "SET build_status = :queued, due_at = if_not_exists(due_at, :due) REMOVE build_error",
            )
            .condition_expression("build_status IN (:queued, :failed) AND attempt = :attempt")
            .expression_attribute_values(":queued", string(BuildState::Queued))
            .expression_attribute_values(":failed", string(BuildState::Failed))
            .expression_attribute_values(":due", string(lease.until + self.resend_after));
        let publish = self
            .update_claim(record, "SET layer_digest = :layer")
            .condition_expression(
                "pack_id = :id AND lease_holder = :holder AND (attribute_not_exists(layer_digest) OR layer_digest = :layer)",
            )
            .expression_attribute_values(":holder", string(&lease.holder))
            .expression_attribute_values(":layer", string(record.release.layer_digest));
        self.transact_updates([queue, publish]).await
    }

    /// Extends the lease of a build. Returns false if another holder has taken the lease, or if the version claim no
    /// longer names the record.
    pub async fn extend_build_lease(&self, record: &Record, lease: &Lease) -> Result<bool, Error> {
        let extend = self
            .update(Key::version_claim_of(record), "SET publishing_until = :until")
            .condition_expression("pack_id = :id AND lease_holder = :holder")
            .expression_attribute_values(":id", string(record.id))
            .expression_attribute_values(":holder", string(&lease.holder))
            .expression_attribute_values(":until", string(lease.until));
        super::applied(extend).await
    }

    /// Extends the lease on the record's version if the record is still in `state` and in the same attempt. Also
    /// extends an expired lease, but not if another holder has taken it since then, whether or not that holder has
    /// released it.
    pub async fn extend_lease(
        &self,
        record: &Record,
        state: BuildState,
        lease: &Lease,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let is_unchanged = self
            .update_record(record, "SET updated_at = :now")
            .condition_expression("build_status = :state AND attempt = :attempt")
            .expression_attribute_values(":state", string(state))
            .expression_attribute_values(":now", string(now));
        let extend = self
            .update_claim(record, TAKE_LEASE)
            .condition_expression("pack_id = :id AND lease_holder = :holder")
            .expression_attribute_values(":holder", string(&lease.holder))
            .expression_attribute_values(":until", string(lease.until));
        self.transact_updates([is_unchanged, extend]).await
    }

    /// Takes the lease again for a build whose record may have been replaced or deleted. Returns false if another
    /// holder has the lease, or if there is no version claim.
    pub async fn renew_lease(&self, record: &Record, lease: &Lease, now: Timestamp) -> Result<bool, Error> {
        let renew = self
            .update(Key::version_claim_of(record), TAKE_LEASE)
            .condition_expression(format!("attribute_exists(pk) AND ({NOT_LEASED} OR lease_holder = :holder)"))
            .expression_attribute_values(":holder", string(&lease.holder))
            .expression_attribute_values(":until", string(lease.until))
            .expression_attribute_values(":now", string(now));
        super::applied(renew).await
    }

    /// Returns whether the record's version is published with the record's content.
    pub async fn is_published(&self, record: &Record) -> Result<bool, Error> {
        let claim: Option<PublicationItem> = self.get(Key::version_claim_of(record)).await?;
        Ok(claim.and_then(|claim| claim.layer_digest) == Some(record.release.layer_digest))
    }

    /// Returns when the lease on the record's version expires, or `None` if nobody holds it at `now`.
    pub async fn leased_until(&self, record: &Record, now: Timestamp) -> Result<Option<Timestamp>, Error> {
        let claim: Option<LeaseItem> = self.get(Key::version_claim_of(record)).await?;
        Ok(claim.and_then(|claim| claim.publishing_until).filter(|until| *until > now))
    }

    /// Marks a queued record as ready and releases the lease. Also stores the record's capabilities, the digest of its
    /// attestation, and the event that reports the change. The build no longer counts as pending.
    pub async fn mark_ready(&self, record: &Record, lease: &Lease, now: Timestamp) -> Result<bool, Error> {
        let release = self
            .update_claim(record, "REMOVE lease_holder, publishing_until")
            .condition_expression("pack_id = :id AND lease_holder = :holder")
            .expression_attribute_values(":holder", string(&lease.holder));
        let keep = self.keep_capabilities(record).await?;
        let (mut visibility, mut is_counted) = (record.release.visibility, record.build.is_counted);
        loop {
            let ready = self.ready(record, visibility, is_counted, now);
            let quota = self.change_quota(record.release.org_id, &QuotaChange::end_of_build(is_counted), None);
            let mut writes = updates([ready, release.clone(), keep.clone()].into_iter().chain(quota))?;
            writes.extend(self.put_event(&PackEvent::ready(record, now))?);
            if self.transact(writes).await? {
                return Ok(true);
            }
            // The visibility may have changed during the build. The record may also have been marked as failed and
            // queued again, in which case its build is no longer counted as pending. Retry with the current values.
            match self.record(record.id).await? {
                Some(found) if (found.release.visibility, found.build.is_counted) != (visibility, is_counted) => {
                    (visibility, is_counted) = (found.release.visibility, found.build.is_counted);
                }
                Some(_) | None => return Ok(false),
            }
        }
    }

    /// Returns the update that makes a queued record ready. The update fails if the record's visibility or `is_counted`
    /// differs from these values.
    fn ready(&self, record: &Record, visibility: Visibility, is_counted: bool, now: Timestamp) -> UpdateBuilder {
        let community = CommunityKeys::new(record, visibility, &BuildStatus::Ready);
        let attested = if record.attestation_digest.is_some() { ", attestation_digest = :attestation" } else { "" };
        let listed = if community.is_some() { CommunityKeys::SET } else { "" };
        let expression = format!(
            "SET build_status = :ready, updated_at = :now{attested}{listed} REMOVE due_at, build_error, last_error, is_counted"
        );
        let update = self
            .update_record(record, &expression)
            .condition_expression(format!(
                "build_status = :queued AND attempt = :attempt AND visibility = :visibility AND {}",
                counted(is_counted)
            ))
            .expression_attribute_values(":ready", string(BuildState::Ready))
            .expression_attribute_values(":queued", string(BuildState::Queued))
            .expression_attribute_values(":visibility", string(visibility))
            .expression_attribute_values(":now", string(now));
        let update = match record.attestation_digest {
            Some(digest) => update.expression_attribute_values(":attestation", string(digest)),
            None => update,
        };
        let values = community.into_iter().flat_map(CommunityKeys::values);
        values.fold(update, |update, (name, value)| update.expression_attribute_values(name, string(value)))
    }

    /// Ends a build or a purge that did not succeed: releases its lease, and stores the error, if any, for the
    /// operator.
    pub async fn abandon(&self, record: &Record, lease: &Lease, error: Option<&str>) -> Result<(), Error> {
        self.release(record, lease).await?;
        let Some(error) = error else { return Ok(()) };
        let keep = self
            .update(Key::record(record.id), "SET last_error = :error")
            .condition_expression("attempt = :attempt")
            .expression_attribute_values(":error", string(error))
            .expression_attribute_values(":attempt", number(record.build.attempt));
        super::applied(keep).await?;
        Ok(())
    }

    /// Releases the lease, unless another holder has taken it.
    pub async fn release(&self, record: &Record, lease: &Lease) -> Result<(), Error> {
        let release = self
            .update(Key::version_claim_of(record), "REMOVE lease_holder, publishing_until")
            .condition_expression("lease_holder = :holder")
            .expression_attribute_values(":holder", string(&lease.holder));
        super::applied(release).await?;
        Ok(())
    }

    /// Marks a record as failed, releases the lease on its version, and stores the event that reports the failure. The
    /// build no longer counts as pending. Changes nothing and returns false unless the record is still queued in the
    /// same attempt. If `lease` is given, the build must also still hold it. If `lease` is `None`, the version must be
    /// neither leased nor published.
    pub async fn mark_failed(
        &self,
        record: &Record,
        lease: Option<&Lease>,
        error: &str,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let fail = self
            .update_record(
                record,
                "SET build_status = :failed, build_error = :error, updated_at = :now REMOVE due_at, is_counted",
            )
            .condition_expression(format!(
                "build_status = :queued AND attempt = :attempt AND {}",
                counted(record.build.is_counted)
            ))
            .expression_attribute_values(":failed", string(BuildState::Failed))
            .expression_attribute_values(":queued", string(BuildState::Queued))
            .expression_attribute_values(":error", string(error))
            .expression_attribute_values(":now", string(now));
        let condition = match lease {
            None => format!("pack_id = :id AND attribute_not_exists(layer_digest) AND {NOT_LEASED}"),
            // A build marks a published version as failed only if the image is no longer in the registry and cannot be
            // built again from the archive.
            Some(_) => "pack_id = :id AND lease_holder = :holder".to_owned(),
        };
        let release =
            self.update_claim(record, "REMOVE lease_holder, publishing_until").condition_expression(condition);
        let release = match lease {
            None => release.expression_attribute_values(":now", string(now)),
            Some(lease) => release.expression_attribute_values(":holder", string(&lease.holder)),
        };
        let change = QuotaChange::end_of_build(record.build.is_counted);
        let quota = self.change_quota(record.release.org_id, &change, None);
        let mut writes = updates([fail, release].into_iter().chain(quota))?;
        writes.extend(self.put_event(&PackEvent::failed(record, error, now))?);
        self.transact(writes).await
    }

    /// Returns the update that takes the lease on the record's version, unless another holder has it.
    pub(super) fn take_lease(&self, record: &Record, lease: &Lease, now: Timestamp) -> UpdateBuilder {
        // `lease_holder = :holder` allows a retry of this write after its response was lost.
        self.update_claim(record, TAKE_LEASE)
            .condition_expression(format!("pack_id = :id AND ({NOT_LEASED} OR lease_holder = :holder)"))
            .expression_attribute_values(":holder", string(&lease.holder))
            .expression_attribute_values(":until", string(lease.until))
            .expression_attribute_values(":now", string(now))
    }

    /// Returns an update of a record, with `:attempt` set to the record's attempt. The caller adds a condition.
    pub(super) fn update_record(&self, record: &Record, expression: &str) -> UpdateBuilder {
        let update = Update::builder().table_name(&self.name).set_key(Some(Key::record(record.id).attributes()));
        let update = update.update_expression(expression);
        update.expression_attribute_values(":attempt", number(record.build.attempt))
    }

    /// Returns an update of a record's version claim, with `:id` set to the record's id. The caller adds a condition.
    pub(super) fn update_claim(&self, record: &Record, expression: &str) -> UpdateBuilder {
        let update = Update::builder().table_name(&self.name);
        let update = update.set_key(Some(Key::version_claim_of(record).attributes()));
        update.update_expression(expression).expression_attribute_values(":id", string(record.id))
    }

    pub(super) async fn transact_updates(
        &self,
        changes: impl IntoIterator<Item = UpdateBuilder>,
    ) -> Result<bool, Error> {
        self.transact(updates(changes)?).await
    }
}

pub(super) fn updates(changes: impl IntoIterator<Item = UpdateBuilder>) -> Result<Vec<TransactWriteItem>, Error> {
    changes.into_iter().map(transacted).collect()
}

/// Returns the condition that a record's build is counted as pending, or that it is not.
pub(super) fn counted(is_counted: bool) -> &'static str {
    if is_counted { "attribute_exists(is_counted)" } else { "attribute_not_exists(is_counted)" }
}

/// Converts an update into a write for [`Table::transact`].
pub(super) fn transacted(update: UpdateBuilder) -> Result<TransactWriteItem, Error> {
    let update = update.build().map_err(Error::call("TransactWriteItems"))?;
    Ok(TransactWriteItem::builder().update(update).build())
}
