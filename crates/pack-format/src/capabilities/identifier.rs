use crate::{Problems, Quoted, yaml::Place};

/// The longest name, in characters.
const MAX_LENGTH: usize = 64;

/// Why a text does not name a capability or a rule.
#[derive(Debug, thiserror::Error)]
enum InvalidIdentifier {
    #[error("has {0} characters; at most {MAX_LENGTH} are allowed")]
    TooLong(usize),
    #[error("begins with an underscore, which is reserved for the platform")]
    Reserved,
    #[error("must start with a letter and hold only ASCII letters, digits, `_` and `-`")]
    Malformed,
}

/// The name of a capability or of a rule: `[A-Za-z][A-Za-z0-9_-]{0,63}`. It comes back even where it is not good, so that
/// it can be compared.
pub(super) fn read<'a>(place: &Place<'a>, problems: &mut Problems) -> Option<&'a str> {
    let text = place.text(problems)?;
    if let Err(error) = check(text) {
        place.problem(problems, format_args!("{} {error}", Quoted::new(text)));
    }
    Some(text)
}

fn check(text: &str) -> Result<(), InvalidIdentifier> {
    let length = text.chars().count();
    let is_good = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    match text.chars().next() {
        _ if length > MAX_LENGTH => Err(InvalidIdentifier::TooLong(length)),
        Some('_') => Err(InvalidIdentifier::Reserved),
        _ if !is_good => Err(InvalidIdentifier::Malformed),
        _ => Ok(()),
    }
}
