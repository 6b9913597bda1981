//! Determines the types of plain YAML scalars: those that are neither in quotes nor block scalars.

use std::fmt;

/// The type of a scalar: a type from the core schema, or a date, which is a type only in YAML 1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScalarType {
    Text,
    Null,
    Boolean,
    Number,
    Date,
}

impl fmt::Display for ScalarType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Null => "null",
            Self::Boolean => "a boolean",
            Self::Number => "a number",
            Self::Date => "a date",
        })
    }
}

/// Returns the type of a plain scalar according to the core schema (YAML 1.2.2, section 10.3.2).
pub(super) fn resolve(text: &str) -> ScalarType {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => ScalarType::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => ScalarType::Boolean,
        _ if is_number(text) => ScalarType::Number,
        _ => ScalarType::Text,
    }
}

/// Returns the other type, if any, that a YAML 1.1 reader may give a plain scalar that YAML 1.2 treats as text
/// (yaml.org/type, 2005: booleans, integers, floats, timestamps).
pub(super) fn resolve_1_1(text: &str) -> Option<ScalarType> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(ScalarType::Boolean),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(ScalarType::Boolean),
        _ if is_number_1_1(text) => Some(ScalarType::Number),
        _ if is_date(text) => Some(ScalarType::Date),
        _ => None,
    }
}

fn is_number(text: &str) -> bool {
    let all = |digits: &str, is_digit: fn(&u8) -> bool| !digits.is_empty() && digits.as_bytes().iter().all(is_digit);
    if let Some(digits) = text.strip_prefix("0o") {
        return all(digits, |byte| matches!(byte, b'0'..=b'7'));
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return all(digits, u8::is_ascii_hexdigit);
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let decimal = |digits| all(digits, u8::is_ascii_digit);
    let is_mantissa = match mantissa.split_once('.') {
        Some(("", fraction)) => decimal(fraction),
        Some((integer, fraction)) => decimal(integer) && (fraction.is_empty() || decimal(fraction)),
        None => decimal(mantissa),
    };
    is_mantissa && exponent.is_none_or(|exponent| decimal(exponent.strip_prefix(['-', '+']).unwrap_or(exponent)))
}

/// Returns whether a YAML 1.1 reader may treat this as a number. YAML 1.1 allows more than the core schema: `_` between
/// digits (`1_000`), binary numbers (`0b1`), signs on octal and hexadecimal numbers, and base 60 (`1:30`).
fn is_number_1_1(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return false;
    }
    let ungrouped = unsigned.replace('_', "");
    if let Some(digits) = ungrouped.strip_prefix("0b") {
        return !digits.is_empty() && digits.bytes().all(|byte| matches!(byte, b'0' | b'1'));
    }
    match ungrouped.split_once(':') {
        None => is_number(&ungrouped),
        Some((first, sixtieths)) => {
            let sixtieths = sixtieths.split_once('.').map_or(sixtieths, |(sixtieths, _)| sixtieths);
            let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits(first) && sixtieths.split(':').all(|part| part.len() <= 2 && digits(part))
        }
    }
}

/// Returns whether this number may have a different value in YAML 1.1 than in the core schema. For example, YAML 1.1
/// treats `010` as octal.
pub(super) fn is_another_number_in_1_1(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    unsigned.len() > 1 && unsigned.starts_with('0') && unsigned.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns whether `text` has the form of a date such as `2026-01-31`, alone or followed by a time.
fn is_date(text: &str) -> bool {
    let (date, time) = match text.find(['T', 't', ' ', '\t']) {
        Some(end) => (&text[..end], Some(&text[end + 1..])),
        None => (text, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts = date.split('-');
    let (Some(year), Some(month), Some(day), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let is_valid_date = digits(year)
        && year.len() == 4
        && [month, day].iter().all(|part| (1..=2).contains(&part.len()) && digits(part));
    let is_time = |byte| matches!(byte, b'0'..=b'9' | b':' | b'.' | b'+' | b'-' | b'Z' | b' ' | b'\t');
    is_valid_date && time.is_none_or(|time| time.contains(':') && time.bytes().all(is_time))
}
