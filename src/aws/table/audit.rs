use aws_sdk_dynamodb::types::TransactWriteItem;
use serde::Serialize;
use ulid::Ulid;

use super::{Key, Table, item};
use crate::{
    aws::Error,
    identity::{ApiKey, Billing, KeyTemplate, Org, OrgLimit},
    records::{OrgId, OrgSlug, PackId, QuarantineReason, Reference, Timestamp},
};

/// A kind of change that has an audit entry in the table. Only changes by operators have audit entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum EventType {
    #[serde(rename = "org.create")]
    CreateOrg,
    #[serde(rename = "org.set_billing")]
    SetBilling,
    #[serde(rename = "org.limit")]
    SetLimit,
    #[serde(rename = "key.create")]
    CreateKey,
    #[serde(rename = "key.revoke")]
    RevokeKey,
    #[serde(rename = "pack.rebuild")]
    RebuildPack,
    #[serde(rename = "pack.quarantine")]
    QuarantinePack,
    #[serde(rename = "pack.restore")]
    RestorePack,
    #[serde(rename = "pack.delete")]
    DeletePack,
    #[serde(rename = "pack.pin")]
    Pin,
    #[serde(rename = "pack.unpin")]
    Unpin,
}

/// What an audited change affects, with the new values.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Subject {
    Org {
        slug: OrgSlug,
        #[serde(flatten)]
        billing: Billing,
    },
    Limit {
        limit: OrgLimit,
        /// `None` if the configured value applies again.
        #[serde(skip_serializing_if = "Option::is_none")]
        value: Option<u64>,
    },
    Key {
        key_hash: String,
        template: KeyTemplate,
    },
    Pack {
        pack_id: PackId,
    },
    Quarantine {
        pack_id: PackId,
        quarantine_reason: QuarantineReason,
    },
    Reference {
        pack_id: PackId,
        reference: Reference,
    },
}

impl From<&Org> for Subject {
    fn from(org: &Org) -> Self {
        Self::Org { slug: org.slug.clone(), billing: org.billing }
    }
}

impl From<&ApiKey> for Subject {
    fn from(key: &ApiKey) -> Self {
        Self::Key { key_hash: key.hash.to_string(), template: key.template }
    }
}

/// An entry in an org's audit trail.
#[derive(Serialize)]
struct AuditItem<'a> {
    event_type: EventType,
    /// The operator's AWS access key id.
    actor: &'a str,
    org_id: OrgId,
    #[serde(flatten)]
    subject: Subject,
    at: Timestamp,
}

impl Table {
    /// Returns the write that stores an audit entry, for the transaction that makes the change.
    pub(super) fn put_audit(
        &self,
        org: OrgId,
        event_type: EventType,
        subject: Subject,
        actor: &str,
        at: Timestamp,
    ) -> Result<TransactWriteItem, Error> {
        let entry = AuditItem { event_type, actor, org_id: org, subject, at };
        self.put_new(item::write(Key::audit(org, Ulid::generate()), entry)?)
    }
}
