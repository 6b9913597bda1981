use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_with::{DeserializeFromStr, SerializeDisplay};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

/// A limit on what one org may do or store, so that it cannot harm other orgs. Its name is in error responses. In upper case and
/// after `ORG_`, it is the variable with the limit's value for orgs that have no value of their own.
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
    /// Uploads, dry runs, begun uploads and changes in one minute. Deletions are counted apart, with the same limit, so
    /// that an org that has used up its uploads can still delete packs.
    UploadsPerMinute,
    /// Requests that only read, in one second and one function instance.
    ReadsPerSecond,
    /// Builds that uploads have queued and that have not ended.
    PendingBuilds,
    /// Names of packs, also of deleted ones.
    Names,
    /// Versions of packs, also of deleted ones.
    Versions,
    /// The total size of all images, in bytes.
    StoredBytes,
    /// Uploads through S3 that have begun and were not submitted.
    BegunUploads,
}

impl OrgLimit {
    /// The value unless it is configured.
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

/// The values of limits. A limit without a value has its default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct OrgLimits(BTreeMap<OrgLimit, u64>);

impl OrgLimits {
    /// Returns limits of which none applies.
    pub fn unlimited() -> Self {
        OrgLimit::VARIANTS.iter().map(|&limit| (limit, 0)).collect()
    }

    /// Returns each limit that has a value, and the value.
    pub fn iter(&self) -> impl Iterator<Item = (OrgLimit, u64)> {
        self.0.iter().map(|(&limit, &value)| (limit, value))
    }

    /// Returns the largest value that a limit allows, or `None` if the limit does not apply.
    pub fn maximum(&self, limit: OrgLimit) -> Option<u64> {
        let value = self.0.get(&limit).copied().unwrap_or_else(|| limit.default_value());
        (value > 0).then_some(value)
    }

    /// Returns these limits, except for those that have a value in `more`.
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
