use std::ops::RangeInclusive;

/// Why a numeric field has no value that all tar readers agree on.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum InvalidNumber {
    #[error("is not a well-formed number")]
    Malformed,
    #[error("is in base-256, which some tar readers misread")]
    Base256,
    #[error("is larger than 64 bits")]
    Overflow,
    #[error("is {value}, but must be from {min} to {max}")]
    OutOfRange { value: i128, min: i64, max: i64 },
}

/// Parses a field in octal or in GNU's base-256. A base-256 field is the byte 0x80 or 0xff, followed by a big-endian
/// two's complement number, which must be in `range`.
pub(super) fn number(field: &[u8], range: &RangeInclusive<i64>) -> Result<i64, InvalidNumber> {
    let (sign, digits) = match field {
        [0x80, digits @ ..] => (0x00, digits),
        [0xff, digits @ ..] => (0xff, digits),
        _ => return octal(field),
    };
    let mut bytes = [sign; 16];
    bytes[16 - digits.len()..].copy_from_slice(digits);
    let value = i128::from_be_bytes(bytes);
    i64::try_from(value).ok().filter(|number| range.contains(number)).ok_or(InvalidNumber::OutOfRange {
        value,
        min: *range.start(),
        max: *range.end(),
    })
}

/// Parses an octal field: digits, optionally preceded by spaces and followed by spaces and NULs (POSIX.1-1988,
/// `ustar`). A field of only spaces and NULs is zero, unless GNU tar rejects it as blank.
///
/// Rejects signs and any other bytes before or after the digits, since GNU tar, libarchive and Python disagree on them.
pub(super) fn octal(field: &[u8]) -> Result<i64, InvalidNumber> {
    if field.iter().all(|byte| matches!(byte, 0 | b' ')) {
        // GNU tar skips one leading NUL and all spaces, and rejects the field if nothing follows them.
        let rest = field.strip_prefix(b"\0").unwrap_or(field);
        return if rest.contains(&0) { Ok(0) } else { Err(InvalidNumber::Malformed) };
    }
    let start = field.iter().take_while(|byte| **byte == b' ').count();
    let digits = &field[start..];
    let length = digits.iter().take_while(|byte| (b'0'..=b'7').contains(byte)).count();
    let (digits, rest) = digits.split_at(length);
    if digits.is_empty() || rest.iter().any(|byte| !matches!(byte, 0 | b' ')) {
        return Err(InvalidNumber::Malformed);
    }
    // This cannot overflow: the longest field has 12 digits, which are 36 bits.
    Ok(digits.iter().fold(0, |number, digit| number << 3 | i64::from(digit - b'0')))
}
