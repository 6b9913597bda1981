use aws_sdk_dynamodb::types::TransactWriteItem;
use serde::Serialize;
use ulid::Ulid;

use super::{Key, Table, item};
use crate::{
    aws::Error,
    identity::{ApiKey, KeyTemplate},
    records::{OrgId, Timestamp},
};

/// An audited change of an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum EventType {
    #[serde(rename = "key.create")]
    CreateKey,
    #[serde(rename = "key.revoke")]
    RevokeKey,
}

/// An entry of an org's audit trail.
#[derive(Serialize)]
struct AuditItem<'a> {
    event_type: EventType,
    /// The operator's AWS access key id.
    actor: &'a str,
    org_id: OrgId,
    key_hash: String,
    template: KeyTemplate,
    at: Timestamp,
}

impl Table {
    /// Returns the put of an audit entry, for the transaction that makes the change.
    pub(super) fn put_audit(
        &self,
        org: OrgId,
        event_type: EventType,
        key: &ApiKey,
        actor: &str,
        at: Timestamp,
    ) -> Result<TransactWriteItem, Error> {
        let (key_hash, template) = (key.hash.to_string(), key.template);
        let entry = AuditItem { event_type, actor, org_id: org, key_hash, template, at };
        self.put_new(item::write(Key::audit(org, Ulid::generate()), entry)?)
    }
}
