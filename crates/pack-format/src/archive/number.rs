#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum InvalidNumber {
    /// Tar readers disagree on the value, or reject it.
    #[error("is not a well-formed number")]
    Malformed,
    /// This is possible only in GNU's base-256 encoding.
    #[error("is negative")]
    Negative,
    #[error("is larger than 63 bits")]
    Overflow,
}

/// Parses a numeric field that may be negative, such as a time.
///
/// Accepts octal digits with spaces before them and spaces or NULs after them (POSIX.1-1988 `ustar`), a field of only
/// NULs, and GNU's base-256 encoding: the byte 0x80 or 0xff, followed by a big-endian two's complement number. Rejects
/// signs, other prefixes and other bytes after the digits, since GNU tar, libarchive and Python read these differently.
pub(super) fn signed(field: &[u8]) -> Result<i64, InvalidNumber> {
    match field {
        [0x80, digits @ ..] => base_256(digits, 0x00),
        [0xff, digits @ ..] => base_256(digits, 0xff),
        _ => octal(field),
    }
}

/// Parses a numeric field that may not be negative.
pub(super) fn unsigned(field: &[u8]) -> Result<u64, InvalidNumber> {
    signed(field)?.try_into().map_err(|_| InvalidNumber::Negative)
}

fn base_256(digits: &[u8], sign: u8) -> Result<i64, InvalidNumber> {
    let overflow = if sign == 0 { InvalidNumber::Overflow } else { InvalidNumber::Negative };
    let (high, low) = digits.split_at(digits.len().saturating_sub(8));
    let mut number = [sign; 8];
    number[8 - low.len()..].copy_from_slice(low);
    let number = i64::from_be_bytes(number);
    let fits = high.iter().all(|byte| *byte == sign) && (number < 0) == (sign != 0);
    if fits { Ok(number) } else { Err(overflow) }
}

fn octal(field: &[u8]) -> Result<i64, InvalidNumber> {
    if field.iter().all(|byte| *byte == 0) {
        return Ok(0);
    }
    let start = field.iter().position(|byte| *byte != b' ').unwrap_or(field.len());
    let digits = &field[start..];
    let length = digits.iter().position(|byte| !(b'0'..=b'7').contains(byte)).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at(length);
    if digits.is_empty() || rest.iter().any(|byte| !matches!(byte, 0 | b' ')) {
        return Err(InvalidNumber::Malformed);
    }
    // This cannot overflow: the longest field has 12 digits, which are 36 bits.
    Ok(digits.iter().fold(0, |number, digit| number << 3 | i64::from(digit - b'0')))
}
