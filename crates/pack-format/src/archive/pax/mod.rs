mod value;

use self::value::{check_charset, check_value, decimal, record_in_value};
use super::number::InvalidNumber;
use crate::Quoted;

/// The PAX records that matter to a pack, from one extended header (POSIX.1-2001, `pax`, "Extended Header").
#[derive(Debug, Default)]
pub(super) struct Pax {
    /// The entry's name.
    pub(super) path: Option<Vec<u8>>,
    /// The original name of a sparse file, whose `path` is a placeholder such as `data/GNUSparseFile.0/a`.
    pub(super) sparse_name: Option<Vec<u8>>,
    /// The size of the entry's data, in bytes.
    pub(super) size: Option<u64>,
    pub(super) acl: Option<Vec<u8>>,
    /// Whether some readers ignore `path`: 7-Zip does if another value contains a NUL, and Rust's `tar` does if an
    /// empty line precedes the record.
    pub(super) has_hidden_path: bool,
    pub(super) problems: Vec<&'static str>,
}

/// Why reading stops at a PAX record. Problems that do not stop reading are in [`Pax::problems`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum InvalidPax {
    #[error("contains a malformed PAX record at byte {0} of its data; create the archive with `tar --format=posix`")]
    Malformed(usize),
    #[error("contains a PAX record at byte {0} of its data whose keyword is empty or contains a NUL")]
    Keyword(usize),
    #[error(
        "contains a PAX record at byte {0} of its data whose keyword starts with a space or tab, which GNU tar skips and \
         other tar readers do not"
    )]
    BlankBeforeKeyword(usize),
    #[error(
        "contains a PAX record at byte {position} of its data whose value has a line that looks like a {keyword} record, \
         which some tar readers apply; archive the files without extended attributes (`tar --no-xattrs`)",
        keyword = Quoted::new(.keyword)
    )]
    RecordInValue { position: usize, keyword: Vec<u8> },
    #[error("contains a PAX `{keyword}` with a NUL in it, where some tar readers end the text")]
    Nul { keyword: String },
    #[error("contains the PAX `{keyword}` {value}, but it must be {expected}", value = Quoted::new(.value))]
    Value { keyword: String, value: Vec<u8>, expected: &'static str },
    #[error("contains more than one PAX `size`; create the archive with `tar --format=posix`")]
    RepeatedSize,
    #[error("contains a PAX `size` that {0}; create the archive with `tar --format=posix`")]
    Size(InvalidNumber),
}

impl Pax {
    pub(super) fn parse(data: &[u8]) -> Result<Self, InvalidPax> {
        let mut pax = Self::default();
        let mut position = 0;
        let (mut has_nul, mut has_empty_line) = (false, false);
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
            pax.has_hidden_path |= keyword == b"path" && has_empty_line;
            has_nul |= keyword != b"path" && value.contains(&0);
            has_empty_line |= record.ends_with(b"\n") || record.windows(2).any(|pair| pair == b"\n\n");
            position += length;
        }
        check_charset(data)?;
        pax.has_hidden_path |= pax.path.is_some() && has_nul;
        Ok(pax)
    }

    /// Returns whether these records are allowed in a global header. A global header must not change names, sizes or
    /// types.
    pub(super) fn is_allowed_globally(&self) -> bool {
        self.path.is_none() && self.size.is_none() && self.problems.is_empty()
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
            b"SCHILY.acl.access" => {
                self.acl = Some(value.to_vec());
                return Ok(());
            }
            b"linkpath" if value.contains(&0) => "has a NUL in its PAX `linkpath`",
            b"linkpath" => "has a PAX `linkpath` but is not a link",
            b"SCHILY.filetype" => FILETYPE,
            b"SCHILY.realsize" | b"SUN.holesdata" => SPARSE,
            b"GNU.volume.filename" | b"GNU.volume.size" | b"GNU.volume.offset" => VOLUME,
            b"GNU.sparse.name" => {
                self.sparse_name = Some(value.to_vec());
                SPARSE
            }
            _ if keyword.starts_with(b"GNU.sparse.") => SPARSE,
            _ => return Ok(()),
        };
        // Add each problem only once: a header can contain thousands of records with the same problem.
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
        Ok(())
    }
}

const FILETYPE: &str = "has a PAX `SCHILY.filetype`, which star uses as the entry's type and other tar readers ignore; \
                        create the archive with `tar --format=posix`";
const SPARSE: &str = "is a sparse file according to its PAX records; archive it without `tar --sparse`, or with \
                      `bsdtar --no-read-sparse`";
const VOLUME: &str = "belongs to a multi-volume archive according to its PAX records; archive it without `tar \
                      --multi-volume`";

/// Returns the length of the first record, in bytes, and its `keyword=value` part. Returns `None` if the record is
/// malformed.
fn split_record(data: &[u8]) -> Option<(usize, &[u8])> {
    // The length of a record that fits in memory has fewer than 20 digits.
    let space = data.iter().take(20).position(|byte| *byte == b' ')?;
    let digits = &data[..space];
    if digits.starts_with(b"0") {
        return None;
    }
    let length = usize::try_from(decimal(digits).ok()?).ok()?;
    let record = data.get(..length)?.get(space + 1..)?.strip_suffix(b"\n")?;
    Some((length, record))
}
