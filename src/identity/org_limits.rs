use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_with::{DeserializeFromStr, SerializeDisplay};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

/// A limit on what an org may do or store, so that no org can harm others. Error responses contain the limit's name in
/// snake case. The environment variable `ORG_<NAME>`, such as `ORG_PENDING_BUILDS`, sets the limit for orgs that have
/// no value of their own.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
    SerializeDisplay,
    DeserializeFromStr,
)]
#[strum(serialize_all = "snake_case")]
pub enum OrgLimit {
    /// Uploads, dry runs, begun uploads and changes to packs in one minute. Deletions are counted separately with the
    /// same limit, so an org that has used up its uploads can still delete packs.
    UploadsPerMinute,
    /// Read-only requests per second, in each instance of the Lambda function.
    ReadsPerSecond,
    /// Builds that were queued by uploads and have not ended.
    PendingBuilds,
    /// Pack names, including those of deleted packs.
    Names,
    /// Pack versions, including those of deleted packs.
    Versions,
    /// The total size of the org's images, in bytes.
    StoredBytes,
    /// Uploads that have begun but have not been submitted or removed. Their archives are sent to S3.
    BegunUploads,
}

impl OrgLimit {
    /// Returns the value that applies if none is configured.
    pub fn default_value(self) -> u64 {
        match self {
            Self::UploadsPerMinute => 60,
            Self::ReadsPerSecond => 50,
            Self::PendingBuilds => 100,
            Self::Names => 1_000,
            Self::Versions => 10_000,
            Self::StoredBytes => 100 << 30,
            Self::BegunUploads => 20,
        }
    }
}

/// Values for [`OrgLimit`]s. A limit that has no value here uses its default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct OrgLimits(BTreeMap<OrgLimit, u64>);

impl OrgLimits {
    /// Returns the value 0 for every limit, so that none applies.
    pub fn unlimited() -> Self {
        OrgLimit::VARIANTS.iter().map(|&limit| (limit, 0)).collect()
    }

    /// Returns each limit that has a value, together with the value.
    pub fn iter(&self) -> impl Iterator<Item = (OrgLimit, u64)> {
        self.0.iter().map(|(&limit, &value)| (limit, value))
    }

    /// Returns the largest value that a limit allows, or `None` if its value is 0, which means no limit.
    pub fn maximum(&self, limit: OrgLimit) -> Option<u64> {
        let value = self.0.get(&limit).copied().unwrap_or_else(|| limit.default_value());
        (value > 0).then_some(value)
    }

    /// Combines these values with those in `more`. If both have a value for a limit, the one in `more` applies.
    #[must_use]
    pub fn overridden_by(&self, more: &Self) -> Self {
        self.iter().chain(more.iter()).collect()
    }
}

/// Skips unknown limits, because a newer `admin` may have set them.
impl<'de> Deserialize<'de> for OrgLimits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = BTreeMap::<String, u64>::deserialize(deserializer)?;
        Ok(values.into_iter().filter_map(|(name, value)| Some((name.parse().ok()?, value))).collect())
    }
}

impl FromIterator<(OrgLimit, u64)> for OrgLimits {
    fn from_iter<I: IntoIterator<Item = (OrgLimit, u64)>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

/// A limit that a request would exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exceeded {
    pub limit: OrgLimit,
    /// The limit's value for the org.
    pub maximum: u64,
}
