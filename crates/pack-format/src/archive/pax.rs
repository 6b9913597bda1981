use super::number::InvalidNumber;

/// What the records of a PAX extended header say that matters to a pack (POSIX.1-2001, `pax`, "Extended Header").
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pax {
    /// The entry's name.
    pub(super) path: Option<Vec<u8>>,
    /// How much data the entry has, in bytes.
    pub(super) size: Option<u64>,
    /// What is wrong with the entry because of its records, though they can be read.
    pub(super) faults: Vec<&'static str>,
}

/// Why PAX records cannot be read, so that nothing is known of the entry that they describe.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum InvalidPax {
    #[error("holds a malformed PAX record at its byte {0}")]
    Malformed(usize),
    #[error("holds a PAX record without a keyword, or with a NUL in it, at its byte {0}")]
    Keyword(usize),
    #[error(
        "holds a PAX keyword that begins with a blank or tab at its byte {0}; GNU tar skips it and reads another keyword \
         than other tools"
    )]
    BlankBeforeKeyword(usize),
    #[error("holds more than one PAX `size`")]
    RepeatedSize,
    #[error("holds a PAX `size` that {0}")]
    Size(InvalidNumber),
}

impl Pax {
    /// Reads the data of an extended header. Values of keywords that do not matter here are raw bytes.
    pub(super) fn parse(data: &[u8]) -> Result<Self, InvalidPax> {
        let mut pax = Self::default();
        let mut position = 0;
        while position < data.len() {
            let (length, record) = split_record(&data[position..]).ok_or(InvalidPax::Malformed(position))?;
            let equals = record.iter().position(|byte| *byte == b'=').ok_or(InvalidPax::Malformed(position))?;
            let (keyword, value) = (&record[..equals], &record[equals + 1..]);
            if keyword.is_empty() || keyword.contains(&0) {
                return Err(InvalidPax::Keyword(position));
            }
            if keyword.starts_with(b" ") || keyword.starts_with(b"\t") {
                return Err(InvalidPax::BlankBeforeKeyword(position));
            }
            pax.apply(keyword, value)?;
            position += length;
        }
        Ok(pax)
    }

    fn apply(&mut self, keyword: &[u8], value: &[u8]) -> Result<(), InvalidPax> {
        let fault = match keyword {
            b"path" if self.path.is_some() => "has more than one PAX `path`",
            b"path" => {
                self.path = Some(value.to_vec());
                return Ok(());
            }
            b"size" if self.size.is_some() => return Err(InvalidPax::RepeatedSize),
            b"size" => {
                self.size = Some(decimal(value).map_err(InvalidPax::Size)?);
                return Ok(());
            }
            b"linkpath" if value.contains(&0) => "has a NUL in its PAX `linkpath`",
            b"linkpath" => "has a PAX `linkpath`, as only a link has",
            b"hdrcharset" => "has a PAX `hdrcharset`, which readers heed differently",
            b"SCHILY.realsize" | b"SUN.holesdata" => SPARSE,
            _ if keyword.starts_with(b"GNU.sparse.") => SPARSE,
            _ if keyword.starts_with(b"GNU.") => "has PAX records of an incremental or multi-volume dump",
            _ => return Ok(()),
        };
        // 64 KiB have thousands of records.
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
        Ok(())
    }
}

const SPARSE: &str = "is a sparse file by its PAX records; pack it without `tar --sparse`";

/// The first record's whole length, and what it has between its length and the line break at its end.
fn split_record(data: &[u8]) -> Option<(usize, &[u8])> {
    // 64 KiB of data have records of at most five digits; a reader may have any limit above that.
    let space = data.iter().take(20).position(|byte| *byte == b' ')?;
    let length = usize::try_from(decimal(&data[..space]).ok()?).ok()?;
    let record = data.get(..length)?.get(space + 1..)?.strip_suffix(b"\n")?;
    Some((length, record))
}

/// The value of decimal digits, without a sign, blanks or leading zeros.
fn decimal(digits: &[u8]) -> Result<u64, InvalidNumber> {
    let is_canonical = digits.iter().all(u8::is_ascii_digit) && (digits == b"0" || !digits.starts_with(b"0"));
    if digits.is_empty() || !is_canonical {
        return Err(InvalidNumber::Malformed);
    }
    let text = str::from_utf8(digits).map_err(|_| InvalidNumber::Malformed)?;
    text.parse().map_err(|_| InvalidNumber::Overflow)
}
