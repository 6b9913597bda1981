use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use strum::VariantArray as _;

use crate::{
    aws::{self, Table},
    identity::{ApiKey, Billing, KeySecret, KeyTemplate, Org, OrgLimits, Posture},
};

/// The secrets of the seeded API keys, by org slug and permission template.
pub type Keys = BTreeMap<String, BTreeMap<&'static str, String>>;

/// The seeded orgs: id, slug and billing posture. The trial has expired.
const ORGS: [(&str, &str, Posture); 4] = [
    ("org_01JACME0000000000000000000", "acme", Posture::Active),
    ("org_01JG10BEX00000000000000000", "globex", Posture::Active),
    ("org_01JPASTDVE0000000000000000", "pastdue", Posture::PastDue),
    ("org_01JEXP1RED0000000000000000", "expired", Posture::Trial),
];

/// The creation time of the seeded keys, and the end of the expired trial. It is fixed so that every start writes the
/// same items.
const PAST: &str = "2025-01-01T00:00:00Z";

pub(super) fn slugs() -> [&'static str; 4] {
    ORGS.map(|(_, slug, _)| slug)
}

/// Returns the id of the seeded org with this slug.
pub(super) fn org_id(slug: &str) -> Option<&'static str> {
    ORGS.iter().find(|(_, seeded, _)| *seeded == slug).map(|(id, ..)| *id)
}

/// Writes the orgs, and for each org one API key per permission template. Every start writes them again, which undoes
/// any changes to them.
///
/// The secrets are derived from the org's slug and the template's name, so that the sample events in `events/` work
/// with every local run. The secrets are therefore public, and a local run must listen only on loopback.
pub async fn seed(table: &Table) -> Result<Keys, aws::Error> {
    let mut keys = Keys::new();
    for (id, slug, posture) in ORGS {
        let past = PAST.parse().expect("the constant is an RFC 3339 time");
        let trial_ends_at = (posture == Posture::Trial).then_some(past);
        let org = Org {
            id: id.parse().expect("the constant is an org id"),
            slug: slug.parse().expect("the constant is a slug"),
            billing: Billing::new(posture, trial_ends_at).expect("only a trial has an end"),
            limits: OrgLimits::default(),
        };
        table.put_org(&org).await?;
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
