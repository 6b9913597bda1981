use serde_with::{DeserializeFromStr, SerializeDisplay};
use strum::{Display, EnumString};

/// Who can see a pack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Display, EnumString, SerializeDisplay, DeserializeFromStr)]
#[strum(serialize_all = "lowercase")]
pub enum Visibility {
    /// Only the org that owns it.
    #[default]
    Org,
    /// All orgs, while the pack is ready. Otherwise, only the org that owns it.
    Community,
}
