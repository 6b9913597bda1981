use std::collections::HashMap;

use aws_sdk_dynamodb::types::{Update, builders::UpdateBuilder};
use pack_format::{PackName, Version};

use super::{
    Key, Table,
    item::{self, Item},
    string,
};
use crate::{
    aws::Error,
    records::{CapabilityHistory, OrgId, Record},
};

/// The prefix of the names of the attributes that hold capabilities. There is one such attribute for each stored
/// version: its name is the prefix followed by the version.
const PREFIX: &str = "capabilities#";
/// When the capabilities of a version are stored, those of at most this many other versions are kept. DynamoDB limits
/// an item to 400 KB, and a version's capabilities can contain up to 32 KiB of text.
const KEPT_VERSIONS: usize = 9;

/// The item for a name stores the capabilities of the name's highest versions. Those of a version are added when it
/// becomes ready, and removed together with its record.
impl Table {
    /// Reads the stored capabilities of a name's versions.
    pub async fn capability_history(&self, org: OrgId, name: &PackName) -> Result<CapabilityHistory, Error> {
        let item: Option<HashMap<String, String>> = self.get(Key::name(org, name)).await?;
        Ok(item.map(parse).unwrap_or_default())
    }

    /// Returns the update that stores a record's capabilities and, if too many versions are stored, removes the
    /// capabilities of the lowest ones. The update belongs in the transaction that makes the record ready.
    pub(super) async fn keep_capabilities(&self, record: &Record) -> Result<UpdateBuilder, Error> {
        let manifest = &record.release.manifest;
        let history = self.capability_history(record.release.org_id, &manifest.name).await?;
        let mut surplus = history.all_but_highest(KEPT_VERSIONS);
        surplus.retain(|version| *version != manifest.version);
        let names: Vec<String> = (0..surplus.len()).map(|index| format!("#surplus{index}")).collect();
        let remove = if names.is_empty() { String::new() } else { format!(" REMOVE {}", names.join(", ")) };
        let update = Update::builder()
            .table_name(&self.name)
            .set_key(Some(Key::name(record.release.org_id, &manifest.name).attributes()))
            .update_expression(format!("SET #new = :new{remove}"))
            .expression_attribute_names("#new", attribute(&manifest.version))
            .expression_attribute_values(":new", string(manifest.capabilities.as_deref().unwrap_or_default()));
        let surplus = names.into_iter().zip(&surplus);
        Ok(surplus.fold(update, |update, (name, version)| update.expression_attribute_names(name, attribute(version))))
    }

    /// Returns the update that removes a record's capabilities, or `None` if they are not stored. The update belongs in
    /// the transaction that removes the record, so that later versions are compared only with versions that still
    /// exist.
    pub(super) async fn remove_capabilities(&self, record: &Record) -> Result<Option<UpdateBuilder>, Error> {
        let manifest = &record.release.manifest;
        let history = self.capability_history(record.release.org_id, &manifest.name).await?;
        let update = || {
            Update::builder()
                .table_name(&self.name)
                .set_key(Some(Key::name(record.release.org_id, &manifest.name).attributes()))
                .update_expression("REMOVE #version")
                .expression_attribute_names("#version", attribute(&manifest.version))
        };
        Ok(history.contains(&manifest.version).then(update))
    }
}

/// Reads the capabilities from a name's item.
pub(super) fn history(item: Item) -> Result<CapabilityHistory, Error> {
    item::read(item).map(parse)
}

fn parse(attributes: HashMap<String, String>) -> CapabilityHistory {
    attributes
        .into_iter()
        .filter_map(|(attribute, text)| Some((attribute.strip_prefix(PREFIX)?.parse().ok()?, text)))
        .collect()
}

fn attribute(version: &Version) -> String {
    format!("{PREFIX}{version}")
}
