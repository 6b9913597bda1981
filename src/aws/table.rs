use crate::{
    aws::Error,
    identity::{ApiKey, Billing, Directory, KeyHash, Org},
    pack::{OrgId, OrgSlug, PackId, PackName, Record, Timestamp, Version},
};

/// The one table.
#[derive(Debug, Clone)]
pub struct Table {
    client: aws_sdk_dynamodb::Client,
    name: String,
}

/// How the writing of a new record ended.
#[derive(Debug, Clone)]
pub enum Created {
    /// It was written.
    Written,
    /// Its name and version belong to this record.
    Taken(Record),
}

/// Narrows a list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only packs of this name.
    pub name: Option<PackName>,
    /// Only packs of this version.
    pub version: Option<Version>,
}

/// A part of a list, newest first.
#[derive(Debug, Clone)]
pub struct Page {
    /// The records.
    pub records: Vec<Record>,
    /// Where the next page begins: after this id. `None` at the list's end.
    pub next: Option<PackId>,
}

impl Table {
    /// The table of this name.
    pub fn new(client: aws_sdk_dynamodb::Client, name: String) -> Self {
        Self { client, name }
    }

    // Orgs and keys.

    /// Makes an org; false if its slug or id is taken.
    pub async fn create_org(&self, _org: &Org) -> Result<bool, Error> {
        todo!("{:?} {}", self.client, self.name)
    }
    /// The org of this slug.
    pub async fn org_by_slug(&self, _slug: &OrgSlug) -> Result<Option<Org>, Error> {
        todo!()
    }
    /// Sets an org's billing posture; false if there is no such org.
    pub async fn set_billing(&self, _org: OrgId, _billing: Billing) -> Result<bool, Error> {
        todo!()
    }
    /// Puts a key of an org, replacing one of the same hash.
    pub async fn put_api_key(&self, _org: OrgId, _key: &ApiKey) -> Result<(), Error> {
        todo!()
    }
    /// All of an org's keys.
    pub async fn api_keys(&self, _org: OrgId) -> Result<Vec<ApiKey>, Error> {
        todo!()
    }
    /// Revokes a key; false if the org has no such key.
    pub async fn revoke_api_key(&self, _org: OrgId, _key: &KeyHash, _now: Timestamp) -> Result<bool, Error> {
        todo!()
    }

    // Packs.

    /// The record of this id, read consistently.
    pub async fn record(&self, _id: PackId) -> Result<Option<Record>, Error> {
        todo!()
    }
    /// The record that has this name and version in this org, read consistently.
    pub async fn released(&self, _org: OrgId, _name: &PackName, _version: &Version) -> Result<Option<Record>, Error> {
        todo!()
    }
    /// An org's own packs and every org's community packs, newest first, at most `limit`, beginning after `after`.
    pub async fn list(
        &self,
        _org: OrgId,
        _filter: &Filter,
        _limit: usize,
        _after: Option<PackId>,
    ) -> Result<Page, Error> {
        todo!()
    }
}

impl Directory for Table {
    type Error = Error;

    async fn api_key(&self, _org: OrgId, _key: &KeyHash) -> Result<Option<(Org, ApiKey)>, Error> {
        todo!()
    }
}
