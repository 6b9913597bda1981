//! What a scalar without quotes is.

use std::fmt;

/// The types of the core schema, and those which only readers of YAML 1.1 know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Null,
    Boolean,
    Number,
    Date,
}

impl fmt::Display for Kind {
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

/// What a plain scalar is by the core schema (YAML 1.2.2, section 10.3.2).
pub(super) fn resolve(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Kind::Boolean,
        _ if is_number(text) => Kind::Number,
        _ => Kind::Text,
    }
}

/// What a reader of YAML 1.1 may take for something else, though it is text by the core schema
/// (yaml.org/type, of 2005: booleans, integers, floats, timestamps).
pub(super) fn resolve_1_1(text: &str) -> Option<Kind> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(Kind::Boolean),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(Kind::Boolean),
        _ if is_number_1_1(text) => Some(Kind::Number),
        _ if is_date(text) => Some(Kind::Date),
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
    let mantissa_is_good = match mantissa.split_once('.') {
        Some(("", fraction)) => decimal(fraction),
        Some((whole, fraction)) => decimal(whole) && (fraction.is_empty() || decimal(fraction)),
        None => decimal(mantissa),
    };
    mantissa_is_good && exponent.is_none_or(|exponent| decimal(exponent.strip_prefix(['-', '+']).unwrap_or(exponent)))
}

/// Numbers in groups (`1_000`), to base 2 (`0b1`), 8 and 16 with a sign, and to base 60 (`1:30`).
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
        Some((whole, sixtieths)) => {
            let sixtieths = sixtieths.split_once('.').map_or(sixtieths, |(sixtieths, _)| sixtieths);
            let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits(whole) && sixtieths.split(':').all(|part| part.len() <= 2 && digits(part))
        }
    }
}

/// `2026-01-31`, alone or with a time behind it.
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
    let date_is_good = digits(year)
        && year.len() == 4
        && [month, day].iter().all(|part| (1..=2).contains(&part.len()) && digits(part));
    let is_time = |byte| matches!(byte, b'0'..=b'9' | b':' | b'.' | b'+' | b'-' | b'Z' | b' ' | b'\t');
    date_is_good && time.is_none_or(|time| time.contains(':') && time.bytes().all(is_time))
}
