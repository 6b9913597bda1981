use std::{fmt, net::IpAddr, str::FromStr};

use pack_format::Digest;

/// The longest tag, in bytes (OCI distribution spec, "Pulling manifests").
const MAX_TAG: usize = 128;

/// An image reference: `registry/repository:tag`, `registry/repository@digest`, or
/// `registry/repository:tag@digest`, in which the tag has no effect.
#[derive(Debug, Clone)]
pub struct Reference {
    /// `host[:port]`.
    pub(super) registry: String,
    pub(super) repository: String,
    pub(super) version: TagOrDigest,
}

#[derive(Debug, Clone)]
pub(super) enum TagOrDigest {
    Tag(String),
    Digest(Digest),
}

#[derive(Debug, thiserror::Error)]
#[error("not an image reference")]
pub struct InvalidReference;

impl Reference {
    /// Returns whether the registry is on a loopback address.
    pub(super) fn is_loopback(&self) -> bool {
        let name = match self.registry.strip_prefix('[') {
            Some(bracketed) => bracketed.split(']').next(),
            None => self.registry.split(':').next(),
        };
        name.is_some_and(|name| name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback()))
    }
}

impl FromStr for Reference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let (registry, rest) = text.split_once('/').ok_or(InvalidReference)?;
        let (rest, digest) = match rest.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse().map_err(|_| InvalidReference)?)),
            None => (rest, None),
        };
        let (repository, tag) = match rest.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (rest, None),
        };
        let is_valid = is_registry(registry) && repository.split('/').all(is_component) && tag.is_none_or(is_tag);
        let version = match (digest, tag) {
            (Some(digest), _) => TagOrDigest::Digest(digest),
            (None, Some(tag)) => TagOrDigest::Tag(tag.to_owned()),
            (None, None) => return Err(InvalidReference),
        };
        if !is_valid {
            return Err(InvalidReference);
        }
        Ok(Self { registry: registry.to_owned(), repository: repository.to_owned(), version })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { registry, repository, version } = self;
        match version {
            TagOrDigest::Tag(tag) => write!(f, "{registry}/{repository}:{tag}"),
            TagOrDigest::Digest(digest) => write!(f, "{registry}/{repository}@{digest}"),
        }
    }
}

/// Returns whether the first component of a reference names a registry: it contains a dot or a port, or is `localhost`.
/// Other tools treat any other first component as part of the repository's name.
fn is_registry(text: &str) -> bool {
    let is_host = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-[]".contains(&byte));
    is_host && (text == "localhost" || text.contains(['.', ':']))
}

fn is_component(text: &str) -> bool {
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    text.starts_with(|char: char| char.is_ascii_alphanumeric()) && text.bytes().all(is_name)
}

fn is_tag(text: &str) -> bool {
    let is_tag = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    text.len() <= MAX_TAG && !text.is_empty() && !text.starts_with(['.', '-']) && text.bytes().all(is_tag)
}
