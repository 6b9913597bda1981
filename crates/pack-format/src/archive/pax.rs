use super::number::InvalidNumber;
use crate::Quoted;

/// The records of a PAX extended header that matter to a pack (POSIX.1-2001, `pax`, "Extended Header").
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pax {
    /// The entry's name.
    pub(super) path: Option<Vec<u8>>,
    /// The size of the entry's data, in bytes.
    pub(super) size: Option<u64>,
    /// The problems with the entry that the records cause.
    pub(super) problems: Vec<&'static str>,
}

/// The reason that reading stops at PAX records. Other invalid records become [`Pax::problems`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum InvalidPax {
    #[error("contains a malformed PAX record at byte {0} of its data")]
    Malformed(usize),
    #[error("contains a PAX record at byte {0} of its data whose keyword is empty or contains a NUL")]
    Keyword(usize),
    #[error(
        "contains a PAX record at byte {0} of its data whose keyword starts with a space or tab, which GNU tar skips and \
         other tar readers do not"
    )]
    BlankBeforeKeyword(usize),
    #[error(
        "contains a PAX record at byte {position} of its data with a line in it that looks like a record of {keyword}, \
         which some tar readers apply; archive the files without extended attributes (`tar --no-xattrs`)",
        keyword = Quoted::new(.keyword)
    )]
    RecordInValue { position: usize, keyword: Vec<u8> },
    #[error("contains a PAX `{keyword}` with a NUL in it, where some tar readers end the text")]
    Nul { keyword: String },
    #[error("contains the PAX `{keyword}` {value}, but it must be {expected}", value = Quoted::new(.value))]
    Value { keyword: String, value: Vec<u8>, expected: &'static str },
    #[error("contains more than one PAX `size`")]
    RepeatedSize,
    #[error("contains a PAX `size` that {0}")]
    Size(InvalidNumber),
}

impl Pax {
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
            if let Some(keyword) = record_in_value(record) {
                return Err(InvalidPax::RecordInValue { position, keyword: keyword.to_vec() });
            }
            check_value(keyword, value)?;
            pax.apply(keyword, value)?;
            position += length;
        }
        Ok(pax)
    }

    fn apply(&mut self, keyword: &[u8], value: &[u8]) -> Result<(), InvalidPax> {
        let problem = match keyword {
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
            b"linkpath" => "has a PAX `linkpath` but is not a link",
            b"hdrcharset" => "has a PAX `hdrcharset`, which tar readers treat differently",
            b"SCHILY.filetype" => "has a PAX `SCHILY.filetype`, which tar readers treat differently",
            b"SCHILY.realsize" | b"SUN.holesdata" => SPARSE,
            _ if keyword.starts_with(b"GNU.sparse.") => SPARSE,
            _ if keyword.starts_with(b"GNU.") => DUMP,
            _ => return Ok(()),
        };
        // A header may hold thousands of records with the same problem.
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
        Ok(())
    }
}

const SPARSE: &str = "is a sparse file according to its PAX records; archive it without `tar --sparse`";
const DUMP: &str = "belongs to an incremental or multi-volume dump according to its PAX records; archive it without \
                    `tar --incremental` and `tar --multi-volume`";

/// Checks the values of owners, times, ACLs and comments, which are otherwise ignored. GNU tar fails on a malformed
/// number, and tar readers disagree on where text with a NUL ends. The values of extended attributes are not checked.
fn check_value(keyword: &[u8], value: &[u8]) -> Result<(), InvalidPax> {
    let name = || String::from_utf8_lossy(keyword).into_owned();
    let is_text =
        matches!(keyword, b"uname" | b"gname" | b"comment" | b"charset") || keyword.starts_with(b"SCHILY.acl.");
    if is_text && value.contains(&0) {
        return Err(InvalidPax::Nul { keyword: name() });
    }
    let expected = match keyword {
        b"uid" | b"gid" if decimal(value).is_ok_and(|id| id < u64::from(u32::MAX)) => return Ok(()),
        b"uid" | b"gid" => "a whole number from 0 to 4294967294",
        b"mtime" | b"atime" | b"ctime" if is_time(value) => return Ok(()),
        b"mtime" | b"atime" | b"ctime" => "a decimal number of seconds",
        b"uname" | b"gname" if str::from_utf8(value).is_err() => "UTF-8",
        _ => return Ok(()),
    };
    Err(InvalidPax::Value { keyword: name(), value: value.to_vec(), expected })
}

/// Returns whether this is a decimal number of seconds, with an optional minus sign and fraction, whose integer part
/// fits in an i64.
fn is_time(value: &[u8]) -> bool {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    let mut parts = digits.splitn(2, |byte| *byte == b'.');
    let seconds = parts.next().and_then(|digits| str::from_utf8(digits).ok()).unwrap_or_default();
    let fraction = parts.next().unwrap_or(b"0");
    let are_digits = |digits: &[u8]| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    are_digits(seconds.as_bytes()) && are_digits(fraction) && seconds.parse::<i64>().is_ok()
}

/// Returns the keyword of a line inside a record that looks like a record of its own and sets `path`, `size`,
/// `linkpath` or sparse data. Readers that split the data at line feeds, such as node-tar and Rust's `tar`, apply such
/// a line.
fn record_in_value(record: &[u8]) -> Option<&[u8]> {
    record.split(|byte| *byte == b'\n').skip(1).find_map(|line| {
        let rest = line.trim_ascii_start();
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let rest = rest[digits..].trim_ascii_start();
        let keyword = &rest[..rest.iter().position(|byte| *byte == b'=')?];
        let is_applied = matches!(keyword, b"path" | b"size" | b"linkpath") || keyword.starts_with(b"GNU.sparse");
        (digits > 0 && is_applied).then_some(keyword)
    })
}

/// Returns the first record's length, and its content without the length and the line feed. Returns `None` if the
/// record is malformed.
fn split_record(data: &[u8]) -> Option<(usize, &[u8])> {
    // The length of a record that fits into memory has fewer than 20 digits.
    let space = data.iter().take(20).position(|byte| *byte == b' ')?;
    let length = usize::try_from(decimal(&data[..space]).ok()?).ok()?;
    let record = data.get(..length)?.get(space + 1..)?.strip_suffix(b"\n")?;
    Some((length, record))
}

/// Parses decimal digits, without a sign, blanks or leading zeros.
fn decimal(digits: &[u8]) -> Result<u64, InvalidNumber> {
    let is_canonical = digits.iter().all(u8::is_ascii_digit) && (digits == b"0" || !digits.starts_with(b"0"));
    if digits.is_empty() || !is_canonical {
        return Err(InvalidNumber::Malformed);
    }
    let text = str::from_utf8(digits).map_err(|_| InvalidNumber::Malformed)?;
    text.parse().map_err(|_| InvalidNumber::Overflow)
}
