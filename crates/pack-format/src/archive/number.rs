/// Why a numeric field of a header is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum InvalidNumber {
    /// Readers make different numbers of it, or none.
    #[error("is not a well-formed number")]
    Malformed,
    /// GNU's base-256 can say less than nothing.
    #[error("is negative")]
    Negative,
    /// GNU's base-256 can say more than any file has.
    #[error("is a number beyond 63 bits")]
    Overflow,
}

/// The value of a numeric field that may be negative, as only a time may.
///
/// Either octal digits after any spaces and before any spaces or NULs (POSIX.1-1988 `ustar`), or nothing but NULs, or
/// GNU's base-256: a big-endian two's complement number under a leading byte of 0x80 or 0xff. Signs, other prefixes and
/// what follows the first blank are read differently by GNU tar, libarchive and Python, and therefore not at all here.
pub(super) fn signed(field: &[u8]) -> Result<i64, InvalidNumber> {
    match field {
        [0x80, digits @ ..] => base_256(digits, 0x00),
        [0xff, digits @ ..] => base_256(digits, 0xff),
        _ => octal(field),
    }
}

/// The value of a numeric field that may not be negative.
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
    // The longest field has 12 bytes: 36 bits.
    Ok(digits.iter().fold(0, |number, digit| number << 3 | i64::from(digit - b'0')))
}
