//! Tests for orgs and API keys.

use pack_upload::{
    identity::{ApiKey, Billing, Directory, KeySecret, KeyTemplate, Org, OrgLimits},
    records::{OrgId, Timestamp},
};

use strum::VariantArray as _;

use super::support::Database;

const ACTOR: &str = "tester";

fn org(slug: &str, billing: Billing) -> Org {
    Org { id: OrgId::generate(), slug: slug.parse().unwrap(), billing, limits: OrgLimits::default() }
}

fn api_key(org: OrgId, template: KeyTemplate, random: u8) -> ApiKey {
    ApiKey { hash: KeySecret::new(org, [random; 32]).hash(), template, created_at: Timestamp::now(), revoked_at: None }
}

#[tokio::test]
async fn every_billing_posture_can_be_set_and_read() {
    let database = Database::start().await;
    let table = &database.table;
    let acme = org("acme", Billing::Active);
    assert!(table.create_org(&acme, ACTOR, Timestamp::now()).await.unwrap());
    let trial = Billing::Trial { ends_at: "2026-01-02T03:04:05.678Z".parse().unwrap() };
    for billing in [Billing::Active, trial, Billing::PastDue, trial, Billing::Decommissioning, Billing::Active] {
        let changed = Org { billing, ..acme.clone() };
        assert!(table.set_billing(&changed, ACTOR, Timestamp::now()).await.unwrap());
        assert_eq!(table.org_by_slug(&acme.slug).await.unwrap(), Some(changed));
    }
    let unknown = org("unknown", Billing::Active);
    assert!(!table.set_billing(&unknown, ACTOR, Timestamp::now()).await.unwrap());
    assert_eq!(table.org_by_slug(&"other".parse().unwrap()).await.unwrap(), None);
}

#[tokio::test]
async fn an_org_is_created_only_if_its_slug_and_its_id_are_unused() {
    let database = Database::start().await;
    let acme = org("acme", Billing::Active);
    assert!(database.table.create_org(&acme, ACTOR, Timestamp::now()).await.unwrap());
    assert!(
        !database.table.create_org(&org("acme", Billing::PastDue), ACTOR, Timestamp::now()).await.unwrap(),
        "the slug is taken"
    );
    let same_id = Org { slug: "globex".parse().unwrap(), ..acme.clone() };
    assert!(!database.table.create_org(&same_id, ACTOR, Timestamp::now()).await.unwrap(), "the id is taken");
    assert_eq!(database.table.org_by_slug(&same_id.slug).await.unwrap(), None);
    assert_eq!(database.table.org_by_slug(&acme.slug).await.unwrap(), Some(acme));
    assert_eq!(database.items().await, 3, "the org, its slug claim and an audit entry");
}

#[tokio::test]
async fn an_api_key_is_found_only_in_its_own_org() {
    let database = Database::start().await;
    let table = &database.table;
    let acme = org("acme", Billing::Active);
    let globex = org("globex", Billing::PastDue);
    for org in [&acme, &globex] {
        assert!(table.create_org(org, ACTOR, Timestamp::now()).await.unwrap());
    }
    let key = api_key(acme.id, KeyTemplate::SubmitObserve, 1);
    table.put_api_key(acme.id, &key).await.unwrap();

    assert_eq!(table.api_key(acme.id, &key.hash).await.unwrap(), Some((acme.clone(), key.clone())));
    let unknown = api_key(acme.id, KeyTemplate::FullAccess, 2);
    assert_eq!(table.api_key(acme.id, &unknown.hash).await.unwrap(), None, "no such key");
    assert_eq!(table.api_key(globex.id, &key.hash).await.unwrap(), None, "another org's key");
    let unknown_org = OrgId::generate();
    table.put_api_key(unknown_org, &key).await.unwrap();
    assert_eq!(table.api_key(unknown_org, &key.hash).await.unwrap(), None, "no such org");
}

#[tokio::test]
async fn keys_are_listed_and_keep_the_time_of_their_first_revocation() {
    let database = Database::start().await;
    let table = &database.table;
    let acme = org("acme", Billing::Active);
    assert!(table.create_org(&acme, ACTOR, Timestamp::now()).await.unwrap());
    let mut keys: Vec<_> =
        (0..).zip(KeyTemplate::VARIANTS).map(|(n, &template)| api_key(acme.id, template, n)).collect();
    for key in &keys {
        table.put_api_key(acme.id, key).await.unwrap();
    }
    let (first, second) = ("2026-01-01T00:00:00.000Z".parse().unwrap(), "2026-01-02T00:00:00.000Z".parse().unwrap());
    assert!(table.revoke_api_key(acme.id, &keys[1], first, ACTOR).await.unwrap());
    assert!(!table.revoke_api_key(acme.id, &keys[1], second, ACTOR).await.unwrap());
    keys[1].revoked_at = Some(first);

    keys.sort_by_key(|key| key.hash.to_string());
    assert_eq!(table.api_keys(acme.id).await.unwrap(), keys);
    let unknown = api_key(acme.id, KeyTemplate::FullAccess, 9);
    assert!(!table.revoke_api_key(acme.id, &unknown, first, ACTOR).await.unwrap());
    assert_eq!(table.api_keys(OrgId::generate()).await.unwrap(), []);
}

#[tokio::test]
async fn an_org_is_found_by_its_id() {
    let database = Database::start().await;
    let table = &database.table;
    let acme = org("acme", Billing::PastDue);
    assert!(table.create_org(&acme, ACTOR, Timestamp::now()).await.unwrap());
    assert_eq!(table.org(acme.id).await.unwrap(), Some(acme));
    assert_eq!(table.org(OrgId::generate()).await.unwrap(), None);
}

/// A change to a key and its audit entry are written in one transaction.
#[tokio::test]
async fn every_change_to_a_key_writes_one_audit_entry() {
    let database = Database::start().await;
    let (table, org) = (&database.table, OrgId::generate());
    let key = api_key(org, KeyTemplate::ReadOnly, 1);
    assert!(table.create_api_key(org, &key, ACTOR).await.unwrap());
    assert_eq!(database.items().await, 2);
    assert!(!table.create_api_key(org, &key, ACTOR).await.unwrap());
    assert_eq!(database.items().await, 2);
    let now = Timestamp::now();
    assert!(table.revoke_api_key(org, &key, now, ACTOR).await.unwrap());
    assert_eq!(database.items().await, 3);
    assert!(!table.revoke_api_key(org, &key, now, ACTOR).await.unwrap());
    assert_eq!(database.items().await, 3);
    assert_eq!(table.api_keys(org).await.unwrap(), [ApiKey { revoked_at: Some(now), ..key }]);
}

/// A change to an org and its audit entry are written in one transaction.
#[tokio::test]
async fn every_change_to_an_org_writes_one_audit_entry() {
    let database = Database::start().await;
    let (table, now) = (&database.table, Timestamp::now());
    let acme = org("acme", Billing::Active);
    assert!(table.create_org(&acme, ACTOR, now).await.unwrap());
    assert_eq!(database.items().await, 3);
    let changed = Org { billing: Billing::PastDue, ..acme };
    assert!(table.set_billing(&changed, ACTOR, now).await.unwrap());
    assert_eq!(database.items().await, 4);
    let unknown = org("unknown", Billing::Active);
    assert!(!table.set_billing(&unknown, ACTOR, now).await.unwrap());
    assert_eq!(database.items().await, 4);
}
