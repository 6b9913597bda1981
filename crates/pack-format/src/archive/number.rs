use std::ops::RangeInclusive;

/// Why a numeric field does not have a value that all tar readers agree on.
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

/// Parses a numeric field in octal or in GNU's base-256 format. A base-256 field starts with the byte 0x80, or 0xff if
/// the number is negative, followed by the low bytes of a big-endian two's complement number. Returns an error if a
/// base-256 number is not in `range`. An octal number is not checked, because it has too few digits to be out of range.
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
/// `ustar`). A field that contains only spaces and NULs counts as zero, unless GNU tar rejects it as blank.
///
/// Rejects signs and any other bytes before or after the digits, because GNU tar, libarchive and Python disagree on how
/// to read them.
pub(super) fn octal(field: &[u8]) -> Result<i64, InvalidNumber> {
    let start = field.iter().position(|byte| *byte != b' ').unwrap_or(field.len());
    let (mut number, mut end) = (0, start);
    // This cannot overflow: the longest field has 12 digits, or 36 bits.
    while let Some(digit @ b'0'..=b'7') = field.get(end) {
        number = number << 3 | i64::from(digit - b'0');
        end += 1;
    }
    let is_blank = end == start;
    if field[end..].iter().any(|byte| !matches!(byte, 0 | b' ')) {
        return Err(InvalidNumber::Malformed);
    }
    // In a blank field, GNU tar skips one NUL and all spaces, and then requires another byte.
    if is_blank && !field.strip_prefix(b"\0").unwrap_or(field).contains(&0) {
        return Err(InvalidNumber::Malformed);
    }
    Ok(number)
}
