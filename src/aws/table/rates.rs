use std::time::Duration;

use strum::IntoStaticStr;

use super::{Key, Table, number};
use crate::{
    aws::Error,
    records::{OrgId, Timestamp},
};

/// How long the counters for a minute are kept.
const KEEP_FOR: Duration = Duration::from_secs(3_600);

/// A counter of an org's requests in one minute. Its attribute has the variant's name in snake case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum RateCounter {
    /// Uploads, dry runs, begun uploads and changes to packs.
    Changes,
    Deletions,
}

impl Table {
    /// Counts an org's request in the minute that begins at `minute`. Returns false, and does not count it, if the
    /// counter has already reached `maximum`. If the response to the write is lost, the retry counts the request again.
    pub async fn count_request(
        &self,
        org: OrgId,
        counter: RateCounter,
        maximum: u64,
        minute: Timestamp,
    ) -> Result<bool, Error> {
        let name: &str = counter.into();
        let update = self
            .update(Key::rate(org, minute), "ADD #counter :one SET expires_at = :expires_at")
            .condition_expression("attribute_not_exists(#counter) OR #counter < :maximum")
            .expression_attribute_names("#counter", name)
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":maximum", number(maximum))
            .expression_attribute_values(":expires_at", number((minute + KEEP_FOR).unix_seconds()));
        super::applied(update).await
    }
}
