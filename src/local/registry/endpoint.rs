use std::fmt;

use pack_format::Digest;
use ulid::Ulid;

use super::Error;

/// The longest name of a repository: clients take no longer one (OCI distribution spec, "Pulling manifests").
const MAX_NAME_LENGTH: usize = 255;
/// The longest tag.
const MAX_TAG_LENGTH: usize = 128;

/// What a path names (OCI distribution spec, "Endpoints").
#[derive(Debug, Clone, Copy)]
pub(super) enum Endpoint<'a> {
    /// `/v2/`
    Version,
    /// `/v2/_catalog`
    Catalog,
    /// `/v2/<name>/blobs/<digest>`: one blob, whatever the name
    Blob(Digest),
    /// `/v2/<name>/blobs/uploads/`
    Uploads(Name<'a>),
    /// `/v2/<name>/blobs/uploads/<id>`
    Upload(Name<'a>, Ulid),
    /// `/v2/<name>/manifests/<reference>`
    Manifest(Name<'a>, Reference<'a>),
    /// `/v2/<name>/tags/list`
    Tags(Name<'a>),
}

/// The name of a repository: components joined by `/`. None of them begins with a dot or an underscore.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name<'a>(&'a str);

/// What names a manifest in its repository.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reference<'a> {
    Tag(&'a str),
    Digest(Digest),
}

impl<'a> Endpoint<'a> {
    /// The endpoint of a path as it was sent: no part of one needs percent-encoding, and an encoded one has no name.
    pub(super) fn of(path: &'a str) -> Result<Self, Error> {
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
        // From the end, since a component of a name may well be `blobs`.
        match parts().ok_or(Error::NoEndpoint)? {
            (name, "blobs", digest) => {
                Name::new(name)?;
                Ok(Self::Blob(digest.parse().map_err(|_| Error::DigestInvalid)?))
            }
            (name, "manifests", reference) => Ok(Self::Manifest(Name::new(name)?, Reference::new(reference)?)),
            (name, "tags", "list") => Ok(Self::Tags(Name::new(name)?)),
            (parent, "uploads", id) => {
                let name = Name::new(parent.strip_suffix("/blobs").ok_or(Error::NoEndpoint)?)?;
                match id {
                    "" => Ok(Self::Uploads(name)),
                    id => Ok(Self::Upload(name, id.parse().map_err(|_| Error::BlobUploadUnknown)?)),
                }
            }
            _ => Err(Error::NoEndpoint),
        }
    }
}

impl<'a> Name<'a> {
    /// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*` (OCI distribution spec, "Pulling
    /// manifests").
    fn new(text: &'a str) -> Result<Self, Error> {
        let is_alphanumeric = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit();
        let is_separator = |text: &str| matches!(text, "" | "." | "_" | "__") || text.bytes().all(|byte| byte == b'-');
        let is_component = |text: &str| {
            text.starts_with(is_alphanumeric)
                && text.ends_with(is_alphanumeric)
                && text.split(is_alphanumeric).all(is_separator)
        };
        let is_good = text.len() <= MAX_NAME_LENGTH && text.split('/').all(is_component);
        if is_good { Ok(Self(text)) } else { Err(Error::NameInvalid) }
    }

    /// As a path, it leads to a folder below the one that it is joined to.
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
    /// A digest, or a tag: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}` (OCI distribution spec, "Pulling manifests").
    fn new(text: &'a str) -> Result<Self, Error> {
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
