use std::{fmt, str::FromStr};

use pack_format::{PackName, Version};

use crate::records::OrgSlug;

/// The address of a registry, `host[:port][/prefix]`. Every repository name starts with the prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryAddress(String);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a registry address; write host[:port][/prefix], without a scheme")]
pub struct InvalidRegistry(String);

impl RegistryAddress {
    /// Returns `host[:port]`.
    pub fn host(&self) -> &str {
        self.0.split_once('/').map_or(&self.0, |(host, _)| host)
    }

    /// Returns a pack's image reference, `<registry>/<org slug>/<name>:<tag>`.
    pub fn image(&self, org: &OrgSlug, name: &PackName, version: &Version) -> String {
        format!("{}/{org}/{name}:{}", self.0, version.tag())
    }
}

impl FromStr for RegistryAddress {
    type Err = InvalidRegistry;

    fn from_str(text: &str) -> Result<Self, InvalidRegistry> {
        let (host, prefix) = text.split_once('/').map_or((text, None), |(host, prefix)| (host, Some(prefix)));
        let name = |text: &str, others: &[u8]| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || others.contains(&byte))
        };
        let is_host_valid = name(host, b".:-[]");
        // Repository names must be in lower case (OCI distribution spec, "Pulling manifests").
        let is_prefix_valid = prefix.is_none_or(|prefix| {
            prefix.split('/').all(|component| name(component, b"._-") && component == component.to_ascii_lowercase())
        });
        if is_host_valid && is_prefix_valid { Ok(Self(text.to_owned())) } else { Err(InvalidRegistry(text.to_owned())) }
    }
}

impl fmt::Display for RegistryAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
