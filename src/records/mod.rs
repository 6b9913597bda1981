//! What the table holds: records, orgs' names, and the ids and times in them.

mod id;
mod org_slug;
mod record;
mod timestamp;
mod upload_id;

pub use self::{
    id::{InvalidId, OrgId, PackId},
    org_slug::OrgSlug,
    record::{Build, BuildStatus, Record, Release, Visibility},
    timestamp::Timestamp,
    upload_id::{UnknownUpload, UploadId},
};
