use std::fmt;

use pack_format::Digest;
use ulid::Ulid;

use super::Error;

/// The maximum length of a repository name. Many clients limit the registry's host and the name together to 255
/// characters (OCI distribution spec, "Pulling manifests").
const MAX_NAME_LENGTH: usize = 255;
const MAX_TAG_LENGTH: usize = 128;

/// An endpoint, parsed from a path (OCI distribution spec, "Endpoints").
#[derive(Debug, Clone, Copy)]
pub(super) enum Endpoint<'a> {
    /// `/v2/`
    Version,
    /// `/v2/_catalog`
    Catalog,
    /// `/v2/<name>/blobs/<digest>`; the name is ignored, because all repositories share their blobs
    Blob(Digest),
    /// `/v2/<name>/blobs/uploads/`
    Uploads(Name<'a>),
    /// `/v2/<name>/blobs/uploads/<id>`
    Session(Name<'a>, Ulid),
    /// `/v2/<name>/manifests/<reference>`
    Manifest(Name<'a>, Reference<'a>),
    /// `/v2/<name>/tags/list`
    Tags(Name<'a>),
    /// `/v2/<name>/referrers/<digest>`
    Referrers(Name<'a>, Digest),
}

/// The name of a repository: components joined by `/`. No component starts with a dot or an underscore.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name<'a>(&'a str);

/// A reference to a manifest in its repository.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reference<'a> {
    Tag(&'a str),
    Digest(Digest),
}

impl<'a> Endpoint<'a> {
    /// Parses a path as sent. Percent-encoding is not decoded, because no valid path needs it.
    pub(super) fn parse(path: &'a str) -> Result<Self, Error> {
        match path {
            "/v2/" => return Ok(Self::Version),
            "/v2/_catalog" => return Ok(Self::Catalog),
            _ => {}
        }
        let parts = || {
            let (rest, last) = path.strip_prefix("/v2/")?.rsplit_once('/')?;
            let (name, kind) = rest.rsplit_once('/')?;
            Some((name, kind, last))
        };
        // Parse from the end, because a component of a name may be `blobs`.
        match parts().ok_or(Error::NoEndpoint)? {
            (name, "blobs", digest) => {
                Name::parse(name)?;
                Ok(Self::Blob(digest.parse().map_err(|_| Error::DigestInvalid)?))
            }
            (name, "manifests", reference) => Ok(Self::Manifest(Name::parse(name)?, Reference::parse(reference)?)),
            (name, "referrers", digest) => {
                Ok(Self::Referrers(Name::parse(name)?, digest.parse().map_err(|_| Error::DigestInvalid)?))
            }
            (name, "tags", "list") => Ok(Self::Tags(Name::parse(name)?)),
            (parent, "uploads", id) => {
                let name = Name::parse(parent.strip_suffix("/blobs").ok_or(Error::NoEndpoint)?)?;
                match id {
                    "" => Ok(Self::Uploads(name)),
                    id => Ok(Self::Session(name, id.parse().map_err(|_| Error::BlobUploadUnknown)?)),
                }
            }
            _ => Err(Error::NoEndpoint),
        }
    }
}

impl<'a> Name<'a> {
    /// Parses a name: `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*` (OCI distribution spec,
    /// "Pulling manifests").
    fn parse(text: &'a str) -> Result<Self, Error> {
        let is_alphanumeric = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit();
        let is_separator = |text: &str| matches!(text, "" | "." | "_" | "__") || text.bytes().all(|byte| byte == b'-');
        let is_component = |text: &str| {
            text.starts_with(is_alphanumeric)
                && text.ends_with(is_alphanumeric)
                && text.split(is_alphanumeric).all(is_separator)
        };
        let is_valid = text.len() <= MAX_NAME_LENGTH && text.split('/').all(is_component);
        if is_valid { Ok(Self(text)) } else { Err(Error::NameInvalid) }
    }

    /// Returns the name, which is also a relative path without `.` and `..`.
    pub(super) fn as_str(self) -> &'a str {
        self.0
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl<'a> Reference<'a> {
    /// Parses a digest or a tag, which is `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}` (OCI distribution spec, "Pulling
    /// manifests").
    fn parse(text: &'a str) -> Result<Self, Error> {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if let Ok(digest) = text.parse() {
            Ok(Self::Digest(digest))
        } else if text.len() <= MAX_TAG_LENGTH
            && text.bytes().next().is_some_and(is_word)
            && text.bytes().all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'))
        {
            Ok(Self::Tag(text))
        } else {
            Err(Error::ReferenceInvalid)
        }
    }
}
