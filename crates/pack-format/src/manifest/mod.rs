mod read;

pub(super) use self::read::read;
use serde::{Deserialize, Serialize};

use super::{PackName, Version};

/// The file that makes a directory a pack: its author's metadata.
pub(super) const PACK_YAML: &str = "pack.yaml";

/// What a pack's author says of it in `pack.yaml`, checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The pack's name.
    pub name: PackName,
    /// The pack's version.
    pub version: Version,
    /// What it is for; may span lines.
    pub description: String,
    /// Its name for people, where it has one besides `name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// A word or two to sort it under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The caps.yaml fragment as YAML text, written out again from what was parsed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<String>,
    /// Packs that go well with it, in the author's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suggested_packs: Vec<PackName>,
}
