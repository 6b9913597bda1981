use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use strum::VariantArray as _;

use crate::{
    aws::{self, Table},
    identity::{ApiKey, Billing, KeySecret, KeyTemplate, Org, Posture},
};

/// The secrets of the seeded keys, by org and template.
pub type Keys = BTreeMap<String, BTreeMap<&'static str, String>>;

/// The orgs of every local run: id, slug and billing posture. A trial has expired.
const ORGS: [(&str, &str, Posture); 4] = [
    ("org_01JACME0000000000000000000", "acme", Posture::Active),
    ("org_01JG10BEX00000000000000000", "globex", Posture::Active),
    ("org_01JPASTDVE0000000000000000", "pastdue", Posture::PastDue),
    ("org_01JEXP1RED0000000000000000", "expired", Posture::Trial),
];

/// When the seeded keys were made, and the expired trial ended: fixed, so that each start writes the same.
const PAST: &str = "2025-01-01T00:00:00Z";

/// The slugs of the orgs.
pub(super) fn slugs() -> [&'static str; 4] {
    ORGS.map(|(_, slug, _)| slug)
}

/// The id of the org of this slug, if it is one of these.
pub(super) fn org_id(slug: &str) -> Option<&'static str> {
    ORGS.iter().find(|(_, of, _)| *of == slug).map(|(id, ..)| *id)
}

/// Writes the orgs, with a key for each permission template. Every start writes them again, so that they work whatever
/// became of them.
///
/// Their secrets follow from their names, so that the events under `events/` work against any local run. They are
/// therefore public knowledge: they guard nothing, and a local run stays on loopback.
///
/// # Errors
/// Whatever call failed.
pub async fn seed(table: &Table) -> Result<Keys, aws::Error> {
    let mut keys = Keys::new();
    for (id, slug, posture) in ORGS {
        let past = PAST.parse().expect("a moment as RFC 3339 has it");
        let billing =
            Billing::new(posture, (posture == Posture::Trial).then_some(past)).expect("only a trial has an end");
        let org = Org { id: id.parse().expect("an org's id"), slug: slug.parse().expect("a slug"), billing };
        if !table.create_org(&org).await? {
            table.set_billing(org.id, billing).await?;
        }
        let mut secrets = BTreeMap::new();
        for &template in KeyTemplate::VARIANTS {
            let random = Sha256::digest(format!("local {slug} {template}"));
            let secret = KeySecret::new(org.id, random.into());
            let key = ApiKey { hash: secret.hash(), template, created_at: past, revoked_at: None };
            table.put_api_key(org.id, &key).await?;
            secrets.insert(template.into(), secret.reveal().to_owned());
        }
        keys.insert(slug.to_owned(), secrets);
    }
    Ok(keys)
}
