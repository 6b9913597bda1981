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
    /// The id of an upload whose archive the client sends to S3: `upload_` and a ULID.
    ///
    /// The time in the ULID is the deadline for starting to send the archive. The last 40 bits of the ULID are a hash
    /// of its other bits and of the org, so an id is valid only for one org. The hash uses no secret key, because a
    /// caller who forges an id can reach only objects of their own org.
    UploadId, "upload_"
}

/// An id that is not an upload id of this org, or an upload that has expired. The client is not told which.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("is not an upload of this org, or the upload has expired; begin a new one with `POST /v1/packs/uploads`")]
pub struct UnknownUpload;

/// How many of an id's 16 bytes come before the hash.
const FREE_BYTES: usize = 11;

impl UploadId {
    /// The client must start sending the archive within this time after the upload begins.
    pub const SEND_WITHIN: Duration = Duration::from_secs(15 * 60);

    /// How long the upload can still be submitted after [`Self::SEND_WITHIN`] has passed. A transfer that started in
    /// time may end later.
    pub const SUBMIT_WITHIN: Duration = Duration::from_secs(60 * 60);

    /// The age at which an upload that was not submitted is removed, with its archive.
    pub const KEEP_FOR: Duration = Duration::from_secs(2 * 24 * 3_600);

    /// The time from a submission to the removal of the upload and its archive, if the submission was rejected
    /// permanently or its pack already existed. By then, the upload can no longer be submitted.
    pub const KEEP_REJECTED_FOR: Duration = Duration::from_secs(80 * 60);

    /// Generates an id for an upload of this org. The client may start sending the archive until `expires_at`.
    pub fn generate(org: OrgId, expires_at: Timestamp) -> Self {
        Self(bound(Ulid::from_datetime(expires_at.into()), org))
    }

    /// Parses an upload id and checks that `org` may submit the upload at `now`.
    pub fn parse(text: &str, org: OrgId, now: Timestamp) -> Result<Self, UnknownUpload> {
        let id: Self = text.parse().map_err(|_| UnknownUpload)?;
        let is_current = id.0.datetime() + Self::SUBMIT_WITHIN > SystemTime::from(now);
        if is_current && bound(id.0, org) == id.0 { Ok(id) } else { Err(UnknownUpload) }
    }
}

/// Replaces the last bytes of a ULID with a hash of its other bytes and the org.
fn bound(ulid: Ulid, org: OrgId) -> Ulid {
    let mut bytes = ulid.to_bytes();
    let (free, bound) = bytes.split_at_mut(FREE_BYTES);
    let hash = Sha256::new().chain_update(org.to_string()).chain_update(&*free).finalize();
    bound.copy_from_slice(&hash[..bound.len()]);
    Ulid::from_bytes(bytes)
}
