use pack_format::{Grants, Manifest, Version, Warning};

/// The capabilities of a name's highest versions, as YAML text. Only versions that have become ready are included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CapabilityHistory(Vec<(Version, String)>);

impl CapabilityHistory {
    /// Returns a warning for everything that the capabilities of a new version allow and those of the next lower
    /// version do not. Returns no warnings if there is no lower version.
    pub fn warnings(&self, new: &Manifest) -> Vec<Warning> {
        let below = self.0.iter().filter(|(version, _)| version.precedence(&new.version).is_lt());
        let Some((version, previous)) = below.max_by(|(a, _), (b, _)| a.precedence(b)) else { return Vec::new() };
        let grants = Grants::from_capabilities(new.capabilities.as_deref().unwrap_or_default());
        grants.warnings_since(&Grants::from_capabilities(previous), version)
    }

    pub fn contains(&self, version: &Version) -> bool {
        self.0.iter().any(|(found, _)| found == version)
    }

    /// Returns all versions except the `count` highest, in ascending order.
    pub fn all_but_highest(mut self, count: usize) -> Vec<Version> {
        self.0.sort_by(|(a, _), (b, _)| a.precedence(b));
        let surplus = self.0.len().saturating_sub(count);
        self.0.drain(..surplus).map(|(version, _)| version).collect()
    }
}

impl FromIterator<(Version, String)> for CapabilityHistory {
    fn from_iter<I: IntoIterator<Item = (Version, String)>>(versions: I) -> Self {
        Self(versions.into_iter().collect())
    }
}
