use std::{fmt, str::FromStr};

use pack_format::{InvalidName, PackName};
use serde::{Deserialize, Serialize};

/// An org's short name. It follows the rules of [`PackName`], because it is a label in the org's host name and a path
/// component of image references.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrgSlug(PackName);

impl OrgSlug {
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for OrgSlug {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        text.parse().map(Self)
    }
}

impl fmt::Display for OrgSlug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
