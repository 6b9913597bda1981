use aws_sdk_dynamodb::types::TransactWriteItem;
use serde::Serialize;
use ulid::Ulid;

use super::{Key, Table, item};
use crate::{
    aws::Error,
    identity::{ApiKey, KeyTemplate},
    records::{OrgId, Timestamp},
};

/// An audited action on an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum Action {
    #[serde(rename = "key.create")]
    CreateKey,
    #[serde(rename = "key.revoke")]
    RevokeKey,
}

/// An entry of an org's audit trail.
#[derive(Serialize)]
struct AuditItem<'a> {
    action: Action,
    /// The operator's AWS access key id.
    actor: &'a str,
    key_hash: String,
    template: KeyTemplate,
    at: Timestamp,
}

impl Table {
    /// Returns the put of an audit entry, for the transaction that performs the action.
    pub(super) fn put_audit(
        &self,
        org: OrgId,
        action: Action,
        key: &ApiKey,
        actor: &str,
        at: Timestamp,
    ) -> Result<TransactWriteItem, Error> {
        let entry = AuditItem { action, actor, key_hash: key.hash.to_string(), template: key.template, at };
        self.put_new(item::write(Key::audit(org, Ulid::generate()), entry)?)
    }
}
