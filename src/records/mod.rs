//! Pack records and related types: listed packs, ids, org slugs, timestamps, references, quarantines, capability
//! histories and events.

mod capability_history;
mod event;
mod id;
mod listed_pack;
mod org_slug;
mod quarantine;
mod record;
mod reference;
mod timestamp;
mod upload_id;

pub use pack_format::Visibility;

pub use self::{
    capability_history::CapabilityHistory,
    event::{EventDetail, EventKind, PackEvent},
    id::{InvalidId, OrgId, PackId},
    listed_pack::ListedPack,
    org_slug::OrgSlug,
    quarantine::{InvalidReason, Quarantine, QuarantineReason},
    record::{Build, BuildState, BuildStatus, ImageFormat, Record, Release, UnknownImageFormat},
    reference::{InvalidReference, Reference},
    timestamp::Timestamp,
    upload_id::{UnknownUpload, UploadId},
};
