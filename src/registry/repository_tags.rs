use std::str::FromStr;

use aws_sdk_ecr::{error::BuildError, types::Tag};

/// The AWS tags for the ECR repositories that the service creates, such as cost allocation tags. Parsed from
/// `key=value,key=value`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RepositoryTags(Vec<(String, String)>);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a list of key=value pairs separated by commas")]
pub struct InvalidRepositoryTags;

impl FromStr for RepositoryTags {
    type Err = InvalidRepositoryTags;

    fn from_str(text: &str) -> Result<Self, InvalidRepositoryTags> {
        let pairs = text.split(',').map(|pair| match pair.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
            _ => Err(InvalidRepositoryTags),
        });
        pairs.collect::<Result<_, _>>().map(Self)
    }
}

impl RepositoryTags {
    /// Returns the tags as the SDK's type, or `None` if there are none.
    pub(super) fn to_sdk(&self) -> Result<Option<Vec<Tag>>, BuildError> {
        let tags = self.0.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
        let tags: Vec<Tag> = tags.collect::<Result<_, _>>()?;
        Ok(Some(tags).filter(|tags| !tags.is_empty()))
    }
}
