use std::{fmt, str::FromStr};

use pack_format::{PackName, Version};

use crate::records::OrgSlug;

/// Where images go: `host[:port][/prefix]`, the prefix being one or more repository path components.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryAddress(String);

/// The text is not `host[:port][/prefix]`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a registry's address of the form host[:port][/prefix], without a scheme")]
pub struct InvalidRegistry(String);

impl RegistryAddress {
    /// `host[:port]`, as a client connects to it.
    pub fn host(&self) -> &str {
        self.0.split_once('/').map_or(&self.0, |(host, _)| host)
    }

    /// The reference of a pack's image: `<registry>/<org slug>/<name>:<tag>`.
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
        let host_is_good = name(host, b".:-[]");
        // OCI distribution spec, "Pulling manifests": components of a repository's name are lower case.
        let prefix_is_good = prefix.is_none_or(|prefix| {
            prefix.split('/').all(|component| name(component, b"._-") && component == component.to_ascii_lowercase())
        });
        if host_is_good && prefix_is_good { Ok(Self(text.to_owned())) } else { Err(InvalidRegistry(text.to_owned())) }
    }
}

impl fmt::Display for RegistryAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
