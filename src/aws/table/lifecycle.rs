use aws_sdk_dynamodb::{operation::update_item::UpdateItemError, types::ReturnValue};

use super::{
    Key, Table,
    item::{self, COMMUNITY, RecordItem},
    string,
};
use crate::{
    aws::Error,
    records::{OrgId, PackId, Record, Visibility},
};

impl Table {
    /// Sets the visibility of an org's pack and returns the record. Returns `None` if the org has no such pack.
    pub async fn set_visibility(
        &self,
        org: OrgId,
        id: PackId,
        visibility: Visibility,
    ) -> Result<Option<Record>, Error> {
        let update = match visibility {
            Visibility::Org => self.update(Key::record(id), "SET visibility = :visibility REMOVE community_packs"),
            Visibility::Community => self
                .update(Key::record(id), "SET visibility = :visibility, community_packs = :community")
                .expression_attribute_values(":community", string(COMMUNITY)),
        };
        let update = update
            .condition_expression("org_packs = :org")
            .expression_attribute_values(":visibility", string(visibility))
            .expression_attribute_values(":org", string(org))
            .return_values(ReturnValue::AllNew);
        match update.send().await {
            Ok(output) => {
                let item: Option<RecordItem> = output.attributes.map(item::read).transpose()?;
                Ok(item.map(Record::from))
            }
            Err(error)
                if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(None)
            }
            Err(error) => Err(Error::call("UpdateItem")(error)),
        }
    }
}
