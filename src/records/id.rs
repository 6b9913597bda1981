use std::{fmt, str::FromStr};

use serde_with::{DeserializeFromStr, SerializeDisplay};
use ulid::Ulid;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a valid id")]
pub struct InvalidId;

/// Defines an id type: a fixed prefix and a ULID in canonical form (26 upper-case Crockford base32 digits). Ids sort by
/// the time in their ULID.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, DeserializeFromStr, SerializeDisplay)]
        pub struct $name(Ulid);

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let ulid = text.strip_prefix($prefix).and_then(|ulid| ulid.parse().ok()).ok_or(InvalidId)?;
                let id = Self(ulid);
                // Only the canonical form is accepted: a lower-case ULID would be a different key in the table.
                if id.to_string() == text { Ok(id) } else { Err(InvalidId) }
            }
        }

        impl $name {
            /// Returns the last byte of the id: a random byte or, in an upload id, a byte of the hash.
            pub fn random_byte(self) -> u8 {
                self.0.to_bytes()[15]
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

pub(super) use id;

id! {
    /// An org's id: `org_` and a ULID.
    OrgId, "org_"
}

id! {
    /// A record's id: `pack_` and a ULID, so newer records sort after older ones.
    PackId, "pack_"
}

impl OrgId {
    /// Returns a new id from the current time and random bits.
    pub fn generate() -> Self {
        Self(Ulid::generate())
    }
}

impl PackId {
    /// Returns a new id from the current time and random bits.
    pub fn generate() -> Self {
        Self(Ulid::generate())
    }
}
