use std::time::Duration;

use aws_sdk_dynamodb::types::{KeysAndAttributes, TransactWriteItem, Update};

use super::{
    Key, Table,
    audit::EventType,
    item::{self, Item},
    string,
};
use crate::{
    aws::Error,
    identity::{ApiKey, Directory, KeyHash, Org},
    records::{OrgId, Timestamp},
};

/// How long to wait before each retry of unprocessed keys. DynamoDB usually returns them when it throttles.
const UNPROCESSED_BACKOFF: [Duration; 3] =
    [Duration::from_millis(30), Duration::from_millis(100), Duration::from_millis(300)];

impl Table {
    /// Writes an org's API key, replacing any key with the same hash. Writes no audit entry: this is only for the
    /// publicly known keys of local runs.
    pub async fn put_api_key(&self, org: OrgId, key: &ApiKey) -> Result<(), Error> {
        let item = item::write(Key::api_key(org, &key.hash), key)?;
        let put = self.put(item).build().map_err(Error::call("TransactWriteItems"))?;
        self.transact(vec![TransactWriteItem::builder().put(put).build()]).await?;
        Ok(())
    }

    /// Writes a new API key and its audit entry. Returns false if the org already has a key with this hash.
    pub async fn create_api_key(&self, org: OrgId, key: &ApiKey, actor: &str) -> Result<bool, Error> {
        let item = item::write(Key::api_key(org, &key.hash), key)?;
        let audit = self.put_audit(org, EventType::CreateKey, key.into(), actor, key.created_at)?;
        self.transact(vec![self.put_new(item)?, audit]).await
    }

    /// Lists an org's API keys. Skips corrupt items.
    pub async fn api_keys(&self, org: OrgId) -> Result<Vec<ApiKey>, Error> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.name)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND begins_with(sk, :sk)")
            .expression_attribute_values(":pk", string(Key::org_partition(org)))
            .expression_attribute_values(":sk", string(Key::API_KEY_PREFIX))
            .into_paginator()
            .items()
            .send();
        let mut keys = Vec::new();
        while let Some(item) = pages.next().await {
            keys.extend(item::read_listed::<ApiKey>(item.map_err(Error::call("Query"))?));
        }
        Ok(keys)
    }

    /// Revokes a key and writes the audit entry. Returns false if the org has no such key or the key is already
    /// revoked.
    pub async fn revoke_api_key(&self, org: OrgId, key: &ApiKey, now: Timestamp, actor: &str) -> Result<bool, Error> {
        let revoke = Update::builder()
            .table_name(&self.name)
            .set_key(Some(Key::api_key(org, &key.hash).attributes()))
            .update_expression("SET revoked_at = :now")
            .condition_expression("attribute_exists(pk) AND attribute_not_exists(revoked_at)")
            .expression_attribute_values(":now", string(now))
            .build()
            .map_err(Error::call("TransactWriteItems"))?;
        let audit = self.put_audit(org, EventType::RevokeKey, key.into(), actor, now)?;
        self.transact(vec![TransactWriteItem::builder().update(revoke).build(), audit]).await
    }

    /// Reads items with strongly consistent reads, in one round trip unless DynamoDB throttles. Returns those that
    /// exist, in arbitrary order.
    pub(super) async fn batch_get(&self, keys: Vec<Item>) -> Result<Vec<Item>, Error> {
        let mut found = Vec::new();
        let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
        let mut wanted = wanted.map_err(Error::call("BatchGetItem"))?;
        let mut backoff = UNPROCESSED_BACKOFF.into_iter();
        loop {
            let get = self.client.batch_get_item().request_items(&self.name, wanted);
            let output = get.send().await.map_err(Error::call("BatchGetItem"))?;
            found.extend(output.responses.and_then(|mut tables| tables.remove(&self.name)).unwrap_or_default());
            match output.unprocessed_keys.and_then(|mut tables| tables.remove(&self.name)) {
                None => return Ok(found),
                Some(unprocessed) => wanted = unprocessed,
            }
            let wait = backoff
                .next()
                .ok_or("keys were left unprocessed after all retries")
                .map_err(Error::call("BatchGetItem"))?;
            tokio::time::sleep(wait).await;
        }
    }
}

impl Directory for Table {
    type Error = Error;

    async fn api_key(&self, org: OrgId, key: &KeyHash) -> Result<Option<(Org, ApiKey)>, Error> {
        let keys = [Key::org(org), Key::api_key(org, key)];
        let (mut org, mut api_key) = (None, None);
        for item in self.batch_get(keys.into_iter().map(Key::attributes).collect()).await? {
            if item.contains_key("key_hash") {
                api_key = Some(item::read(item)?);
            } else {
                org = Some(item::read(item)?);
            }
        }
        Ok(org.zip(api_key))
    }

    async fn org(&self, id: OrgId) -> Result<Option<Org>, Error> {
        self.get(Key::org(id)).await
    }
}
