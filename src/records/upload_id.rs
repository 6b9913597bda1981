use std::{
    fmt,
    str::FromStr,
    time::{Duration, SystemTime},
};

use serde_with::{DeserializeFromStr, SerializeDisplay};
use sha2::{Digest as _, Sha256};
use ulid::Ulid;

use super::{
    Timestamp,
    id::{InvalidId, OrgId, id},
};

id! {
    /// The id of an upload whose archive comes by way of S3: `upload_` and a ULID.
    ///
    /// No list of these is kept. The ULID's time is until when the archive may be sent, and its last 40 bits follow from
    /// the others and from the org, so that no id is that of two orgs. They are no secret: an id that somebody makes up
    /// leads to objects of their own org.
    UploadId, "upload_"
}

/// A text is not the id of an upload of this org, or is no longer: which of these is nobody's business.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("is not that of an upload of this org, or has expired; begin another by `POST /v1/packs/uploads`")]
pub struct UnknownUpload;

/// How many of an id's 16 bytes do not follow from the others.
const FREE_BYTES: usize = 11;

impl UploadId {
    /// How long the archive may be sent.
    pub const SEND_WITHIN: Duration = Duration::from_secs(15 * 60);

    /// How long the upload may be submitted as a pack after that: an archive that began in time may arrive late.
    pub const SUBMIT_WITHIN: Duration = Duration::from_secs(60 * 60);

    /// A new id of an upload of this org, whose archive may be sent until `expires_at`.
    pub fn generate(org: OrgId, expires_at: Timestamp) -> Self {
        Self(bound(Ulid::from_datetime(expires_at.into()), org))
    }

    /// The id of an upload that this org may submit at this moment.
    ///
    /// # Errors
    /// [`UnknownUpload`]
    pub fn parse(text: &str, org: OrgId, now: Timestamp) -> Result<Self, UnknownUpload> {
        let id: Self = text.parse().map_err(|_| UnknownUpload)?;
        let is_current = id.0.datetime() + Self::SUBMIT_WITHIN > SystemTime::from(now);
        if is_current && bound(id.0, org) == id.0 { Ok(id) } else { Err(UnknownUpload) }
    }
}

/// The ULID with its last bytes as they are in an id of this org.
fn bound(ulid: Ulid, org: OrgId) -> Ulid {
    let mut bytes = ulid.to_bytes();
    let (free, bound) = bytes.split_at_mut(FREE_BYTES);
    let hash = Sha256::new().chain_update(org.to_string()).chain_update(&*free).finalize();
    bound.copy_from_slice(&hash[..bound.len()]);
    Ulid::from_bytes(bytes)
}
