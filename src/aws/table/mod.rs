//! The one table: keys and attributes, and the verbs on them.
//!
//! | item | `pk` | `sk` |
//! |---|---|---|
//! | org | `ORG#<org id>` | `ORG` |
//! | guard of an org's slug | `SLUG#<slug>` | `SLUG` |
//! | API key | `ORG#<org id>` | `KEY#<SHA-256 of the secret>` |
//! | entry of an org's audit trail | `ORG#<org id>` | `AUDIT#<ULID>` |
//! | record | `PACK#<pack id>` | `PACK` |
//! | guard of a name and version | `ORG#<org id>` | `PACK#<name>#<version>` |
//!
//! | index | partition key | sort key | holds |
//! |---|---|---|---|
//! | `org-packs` | `org_packs`: the org's id | `pack_id` | every record |
//! | `community-packs` | `community_packs`: `community` | `pack_id` | records of that visibility |
//! | `pending` | `pending`: `build` | `pack_id` | queued records, keys only |
//!
//! Every attribute of an index is written together with what it stands for.

mod audit;
mod item;
mod key;
mod keys;
mod list;
mod orgs;
mod records;
mod states;
mod transaction;

use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::AttributeValue,
};
use serde::de::DeserializeOwned;

use self::key::Key;
pub use self::{
    list::{Filter, Page},
    records::Created,
    states::PendingPage,
};
use crate::aws::Error;

/// The one table.
#[derive(Debug, Clone)]
pub struct Table {
    client: aws_sdk_dynamodb::Client,
    name: String,
}

impl Table {
    /// The table of this name.
    pub fn new(client: aws_sdk_dynamodb::Client, name: String) -> Self {
        Self { client, name }
    }

    /// The item of this key, read consistently.
    async fn get<T: DeserializeOwned>(&self, key: Key) -> Result<Option<T>, Error> {
        let get = self.client.get_item().table_name(&self.name).set_key(Some(key.attributes())).consistent_read(true);
        let output = get.send().await.map_err(Error::of("GetItem"))?;
        output.item.map(item::read).transpose()
    }

    /// An update of the item of this key.
    fn update(&self, key: Key, expression: &str) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.name).set_key(Some(key.attributes()));
        update.update_expression(expression)
    }
}

/// Sends a conditional update; false if its condition does not hold.
async fn applied(update: UpdateItemFluentBuilder) -> Result<bool, Error> {
    match update.send().await {
        Ok(_) => Ok(true),
        Err(error) if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) => {
            Ok(false)
        }
        Err(error) => Err(Error::of("UpdateItem")(error)),
    }
}

/// A string attribute.
fn string(text: impl ToString) -> AttributeValue {
    AttributeValue::S(text.to_string())
}

/// A number attribute.
fn number(number: u32) -> AttributeValue {
    AttributeValue::N(number.to_string())
}
