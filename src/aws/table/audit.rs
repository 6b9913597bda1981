use aws_sdk_dynamodb::types::TransactWriteItem;
use serde::Serialize;
use ulid::Ulid;

use super::{Key, Table, item};
use crate::{
    aws::Error,
    identity::{ApiKey, KeyTemplate},
    records::{OrgId, Timestamp},
};

/// What was done to an API key.
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
    /// Who did it.
    actor: &'a str,
    key_hash: String,
    template: KeyTemplate,
    at: Timestamp,
}

impl Table {
    /// Adds an entry to an org's audit trail, as a part of the transaction that does what it tells of.
    pub(super) fn put_audit(
        &self,
        org: OrgId,
        action: Action,
        key: &ApiKey,
        actor: &str,
        at: Timestamp,
    ) -> Result<TransactWriteItem, Error> {
        let entry = AuditItem { action, actor, key_hash: key.hash.to_string(), template: key.template, at };
        self.put_absent(item::write(Key::audit(org, Ulid::generate()), entry)?)
    }
}
