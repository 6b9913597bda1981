use crate::{Problems, yaml::Field};

/// The maximum length, in characters.
const MAX_LENGTH: usize = 64;

#[derive(Debug, thiserror::Error)]
enum InvalidIdentifier {
    #[error("has {0} characters; at most {MAX_LENGTH} are allowed")]
    TooLong(usize),
    #[error("starts with an underscore, which is reserved for the platform")]
    Reserved,
    #[error("must start with a letter and contain only ASCII letters, digits, `_` and `-`")]
    Malformed,
}

/// Returns the name of a capability or a rule. Adds a problem unless the name matches `[A-Za-z][A-Za-z0-9_-]{0,63}`,
/// but still returns the name, so that the caller can find duplicates of it and references to it.
pub(super) fn read<'a>(field: &Field<'a>, problems: &mut Problems) -> Option<&'a str> {
    field.validate(check, |_| None, problems)
}

fn check(text: &str) -> Result<(), InvalidIdentifier> {
    let length = text.chars().count();
    let is_well_formed = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    match text.chars().next() {
        _ if length > MAX_LENGTH => Err(InvalidIdentifier::TooLong(length)),
        Some('_') => Err(InvalidIdentifier::Reserved),
        _ if !is_well_formed => Err(InvalidIdentifier::Malformed),
        _ => Ok(()),
    }
}
