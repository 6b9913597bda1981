use memchr::memmem;

use super::{super::number::InvalidNumber, InvalidPax};

/// Checks the values of owners, times, access control lists, comments and `charset`. Of these, only `SCHILY.acl.access`
/// affects the pack. The others are checked because GNU tar fails on a malformed number, and because tar readers
/// disagree on where a value with a NUL ends. The values of extended attributes are not checked.
pub(super) fn check_value(keyword: &[u8], value: &[u8]) -> Result<(), InvalidPax> {
    let name = || String::from_utf8_lossy(keyword).into_owned();
    let is_text =
        matches!(keyword, b"uname" | b"gname" | b"comment" | b"charset") || keyword.starts_with(b"SCHILY.acl.");
    if is_text && value.contains(&0) {
        return Err(InvalidPax::Nul { keyword: name() });
    }
    let expected = match keyword {
        b"uid" | b"gid" if decimal(value).is_ok_and(|id| id <= u64::from(u32::MAX)) => return Ok(()),
        b"uid" | b"gid" => "a whole number from 0 to 4294967295",
        // Of the three times, Python converts only `mtime` to a floating-point number. Rounding can then produce 2^63,
        // which is out of range.
        b"mtime" if seconds(value).is_some_and(|seconds| seconds < 9_223_372_036_854_775_808.0) => return Ok(()),
        b"mtime" => "a decimal number of seconds up to 9223372036854775295",
        b"atime" | b"ctime" if seconds(value).is_some() => return Ok(()),
        b"atime" | b"ctime" => "a decimal number of seconds that fits in 64 bits",
        b"uname" | b"gname" if str::from_utf8(value).is_err() => "UTF-8",
        _ => return Ok(()),
    };
    Err(InvalidPax::Value { keyword: name(), value: value.to_vec(), expected })
}

/// Checks the first part of a header's data that looks like an `hdrcharset` record. Python searches for one even inside
/// the values of other records, and fails if the record's value is not UTF-8.
pub(super) fn check_charset(data: &[u8]) -> Result<(), InvalidPax> {
    const RECORD: &[u8] = b" hdrcharset=";
    let mut starts = memmem::find_iter(data, RECORD);
    let Some(start) = starts.find(|start| data[..*start].last().is_some_and(u8::is_ascii_digit)) else { return Ok(()) };
    let value = data[start + RECORD.len()..].split(|byte| *byte == b'\n').next().unwrap_or_default();
    if str::from_utf8(value).is_ok() {
        return Ok(());
    }
    Err(InvalidPax::Value { keyword: "hdrcharset".to_owned(), value: value.to_vec(), expected: "UTF-8" })
}

/// Parses a decimal number of seconds, with an optional minus sign and fraction. The integer part must fit in an `i64`.
fn seconds(value: &[u8]) -> Option<f64> {
    let text = str::from_utf8(value).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = !digits.is_empty() && are_digits(digits) && are_digits(fraction);
    (is_number && whole.parse::<i64>().is_ok()).then(|| text.parse().ok())?
}

/// Returns the keyword of a line inside `record` that looks like a separate record for `path`, `size`, `linkpath` or
/// sparse data. Readers that split the data at line feeds, such as node-tar and Rust's `tar`, apply such a line.
pub(super) fn record_in_value(record: &[u8]) -> Option<&[u8]> {
    record.split(|byte| *byte == b'\n').skip(1).find_map(|line| {
        let rest = line.trim_ascii_start();
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let rest = rest[digits..].trim_ascii_start();
        let keyword = &rest[..rest.iter().position(|byte| *byte == b'=')?];
        let is_applied = matches!(keyword, b"path" | b"size" | b"linkpath") || keyword.starts_with(b"GNU.sparse");
        (digits > 0 && is_applied).then_some(keyword)
    })
}

/// Parses decimal digits, without a sign or whitespace.
pub(super) fn decimal(digits: &[u8]) -> Result<u64, InvalidNumber> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(InvalidNumber::Malformed);
    }
    let text = str::from_utf8(digits).map_err(|_| InvalidNumber::Malformed)?;
    text.parse().map_err(|_| InvalidNumber::Overflow)
}
