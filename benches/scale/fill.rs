use std::error::Error;

use dynoxide::{AttributeValue, Database, ImportOptions, Item, actions::scan::ScanRequest};
use pack_upload::{aws::SHARDS, records::PackId};
use serde_json::json;

use crate::service::Service;

/// The version of the packs that are copied. It appears nowhere else in the table.
const VERSION: &str = "0.0.0-original";
/// The maximum number of packs that are written in one transaction.
const CHUNK: usize = 5_000;

/// A pack whose items are copied to fill the table, because uploading so many packs would take too long.
pub(crate) struct Original {
    database: Database,
    table: String,
    id: String,
    /// The record and the version claim.
    items: Vec<Item>,
}

impl Original {
    /// Uploads a pack with this name and the visibility `org` for acme, and leaves its build pending.
    pub(crate) async fn pending(service: &Service, name: &str) -> Result<Self, Box<dyn Error>> {
        let (_, id) = service.upload("acme", "org", name, VERSION).await?;
        Self::read(service, id)
    }

    /// Uploads a community pack with this name for globex, and makes it ready.
    pub(crate) async fn community(service: &Service, name: &str) -> Result<Self, Box<dyn Error>> {
        let (_, id) = service.upload("globex", "community", name, VERSION).await?;
        service.make_ready(&id).await?;
        Self::read(service, id)
    }

    fn read(service: &Service, id: String) -> Result<Self, Box<dyn Error>> {
        let options = &service.embedded.options;
        let database = Database::new(&options.data_dir.join("dynamodb.sqlite").to_string_lossy())?;
        database.enable_bulk_loading()?;
        let scan: ScanRequest = serde_json::from_value(json!({ "TableName": options.table_name }))?;
        let has_id = |item: &Item| item.values().any(|value| matches!(value, AttributeValue::S(text) if *text == id));
        let items: Vec<Item> = database.scan(scan)?.items.into_iter().flatten().filter(has_id).collect();
        Ok(Self { database, table: options.table_name.clone(), id, items })
    }

    /// Adds copies of the pack with the versions `0.0.<number>`.
    pub(crate) fn copy(&self, numbers: impl IntoIterator<Item = usize>) -> Result<(), Box<dyn Error>> {
        self.copy_with(numbers, |_| {})
    }

    /// Like [`Self::copy`], but the builds of the copies are due.
    pub(crate) fn copy_as_due(&self, numbers: impl IntoIterator<Item = usize>) -> Result<(), Box<dyn Error>> {
        self.copy_with(numbers, |item| {
            if let Some(sent_at) = item.get("enqueued_at").cloned() {
                item.insert("due_at".to_owned(), sent_at);
            }
        })
    }

    fn copy_with(
        &self,
        numbers: impl IntoIterator<Item = usize>,
        change: impl Fn(&mut Item),
    ) -> Result<(), Box<dyn Error>> {
        let mut items = Vec::new();
        for number in numbers {
            let (id, version) = (PackId::generate(), format!("0.0.{number}"));
            for original in &self.items {
                let mut item = original.clone();
                for value in item.values_mut() {
                    if let AttributeValue::S(text) = value {
                        *text = text.replace(&self.id, &id.to_string()).replace(VERSION, &version);
                    }
                }
                if let Some(shard) = item.get_mut("due_shard") {
                    *shard = AttributeValue::S((id.random_byte() % SHARDS).to_string());
                }
                change(&mut item);
                items.push(item);
            }
            if items.len() >= CHUNK * self.items.len() {
                self.import(std::mem::take(&mut items))?;
            }
        }
        self.import(items)
    }

    fn import(&self, items: Vec<Item>) -> Result<(), Box<dyn Error>> {
        self.database.import_items(&self.table, items, ImportOptions::default())?;
        Ok(())
    }
}
