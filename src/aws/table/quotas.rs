use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{ReturnValuesOnConditionCheckFailure, Update, builders::UpdateBuilder};

use super::{Key, Seen, Table, item::Item, number};
use crate::{
    aws::Error,
    identity::{Exceeded, OrgLimit, OrgLimits},
    records::{OrgId, Record},
};

/// A change to an org's counters: the amount to add to each, by limit.
///
/// The item `QUOTA#<org id>` contains these counters:
///
/// - `pending_builds` is the number of the org's records with the attribute `is_counted`. An upload that queues a build
///   sets the attribute. The end of the build or the purge removes it. A build that an operator queues is not counted.
/// - `names` is the number of the org's items in the partition `NAME#<org id>`, and `versions` is the number of its
///   version claims. Names and version claims are never deleted.
/// - `stored_bytes` is the sum of `size_bytes` of the org's records.
/// - `begun_uploads` is the number of the org's begun uploads. Each has an item `UPLOAD#<upload id>`.
///
/// The counters are exact, because each write that changes one of these numbers also changes the counter in the same
/// transaction, on the condition that the counted items are still as the writer has read them. All counters of an org
/// are in one item, so that one conditional update checks all limits. Transactions on that item conflict if they run at
/// the same time, and are retried.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct QuotaChange(BTreeMap<OrgLimit, i128>);

/// An org's counters, as they were read.
#[derive(Debug, Clone, Default)]
pub struct Usage(Option<Item>);

impl QuotaChange {
    /// Returns the change for a write that replaces `old` with `new`. The record is created if `old` is `None`, and
    /// removed if `new` is `None`. Does not count names and versions; [`Seen::creation`] does.
    pub(super) fn between(old: Option<&Record>, new: Option<&Record>) -> Self {
        let builds = |record: Option<&Record>| i128::from(record.is_some_and(|record| record.build.is_counted));
        let bytes = |record: Option<&Record>| record.map_or(0, |record| i128::from(record.release.size_bytes));
        Self::default()
            .with(OrgLimit::PendingBuilds, builds(new) - builds(old))
            .with(OrgLimit::StoredBytes, bytes(new) - bytes(old))
    }

    /// Returns the change for the end of a build; empty if the build was not counted.
    pub(super) fn end_of_build(is_counted: bool) -> Self {
        Self::default().with(OrgLimit::PendingBuilds, -i128::from(is_counted))
    }

    /// Adds to one counter.
    pub(super) fn with(mut self, limit: OrgLimit, amount: i128) -> Self {
        *self.0.entry(limit).or_default() += amount;
        self.0.retain(|_, amount| *amount != 0);
        self
    }

    /// Returns a limit that this change would exceed. `usage` is the item with the counters, if it exists.
    pub(super) fn exceeded(&self, usage: Option<&Item>, limits: &OrgLimits) -> Option<Exceeded> {
        self.0.iter().find_map(|(&limit, &amount)| {
            let maximum = limits.maximum(limit)?;
            let used = usage.and_then(|item| item.get(&limit.to_string())?.as_n().ok()?.parse().ok());
            let exceeds = amount > 0 && used.unwrap_or(0_i128) + amount > i128::from(maximum);
            exceeds.then_some(Exceeded { limit, maximum })
        })
    }
}

impl Table {
    /// Returns the update of an org's counters, or `None` if the change is empty. The update fails if it would exceed
    /// one of `limits`; DynamoDB then returns the counters.
    pub(super) fn change_quota(
        &self,
        org: OrgId,
        change: &QuotaChange,
        limits: Option<&OrgLimits>,
    ) -> Option<UpdateBuilder> {
        if change.0.is_empty() {
            return None;
        }
        let mut update = Update::builder()
            .table_name(&self.name)
            .set_key(Some(Key::quota(org).attributes()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let (mut additions, mut conditions) = (Vec::new(), Vec::new());
        for (&limit, &amount) in &change.0 {
            additions.push(format!("#{limit} :{limit}"));
            update = update
                .expression_attribute_names(format!("#{limit}"), limit.to_string())
                .expression_attribute_values(format!(":{limit}"), number(amount));
            let maximum = limits.and_then(|limits| limits.maximum(limit)).filter(|_| amount > 0);
            if let Some(maximum) = maximum {
                let room = i128::from(maximum) - amount;
                // If `room` is negative, the condition must fail even if the counter does not exist yet. An existing
                // counter is never negative.
                conditions.push(if room < 0 {
                    format!("#{limit} <= :room_for_{limit}")
                } else {
                    format!("(attribute_not_exists(#{limit}) OR #{limit} <= :room_for_{limit})")
                });
                update = update.expression_attribute_values(format!(":room_for_{limit}"), number(room));
            }
        }
        let condition = (!conditions.is_empty()).then(|| conditions.join(" AND "));
        Some(update.update_expression(format!("ADD {}", additions.join(", "))).set_condition_expression(condition))
    }

    /// Reads an org's counters with a strongly consistent read.
    pub async fn usage(&self, org: OrgId) -> Result<Usage, Error> {
        let get = self.client.get_item().table_name(&self.name).set_key(Some(Key::quota(org).attributes()));
        let output = get.consistent_read(true).send().await.map_err(Error::call("GetItem"))?;
        Ok(Usage(output.item))
    }
}

impl Usage {
    /// Returns a limit that replacing `old` with `new` would exceed, if any. If `old` is `None`, the record is created,
    /// and `seen` says whether its name and version claim are new too.
    pub fn exceeded_by(&self, old: Option<&Record>, new: &Record, seen: &Seen, limits: &OrgLimits) -> Option<Exceeded> {
        let change = match old {
            Some(_) => QuotaChange::between(old, Some(new)),
            None => seen.creation(new),
        };
        change.exceeded(self.0.as_ref(), limits)
    }
}
