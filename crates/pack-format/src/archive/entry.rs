use std::fmt;

use super::{FIELD, ReadError, extension::Extensions, header::Header, path};
use crate::{Escaped, LimitName, Limits, Problem, Quoted};

/// An entry's header, and the extension headers that apply to it.
pub(super) struct Entry<'a> {
    header: &'a Header,
    extensions: &'a Extensions,
    position: u64,
}

/// The entry types that a pack may contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryType {
    File,
    Directory,
}

impl<'a> Entry<'a> {
    pub(super) fn new(header: &'a Header, extensions: &'a Extensions, position: u64) -> Self {
        Self { header, extensions, position }
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn is_executable(&self) -> bool {
        self.header.mode.is_executable()
    }

    /// Returns the size of the entry's data, in bytes.
    ///
    /// # Errors
    /// Returns an error if the size exceeds the limit for a file, or if the header and the PAX records give different
    /// sizes (CVE-2025-62518, CVE-2026-33055).
    pub(super) fn size(&self, limits: &Limits) -> Result<u64, ReadError> {
        let size = self.header.size;
        let pax = self.extensions.size().unwrap_or(size);
        if size.max(pax) > limits.file_bytes {
            return Err(ReadError::TooLarge(limits.limit(LimitName::FileBytes).for_entry(self, size.max(pax))));
        }
        if size != pax {
            return Err(self.unreadable(format_args!(
                "has {size} bytes according to its header but {pax} according to its PAX `size`"
            )));
        }
        Ok(size)
    }

    /// Returns the entry's type and path. The path is `None` for the root of the archive.
    ///
    /// # Errors
    /// Returns all problems with the entry's extension headers, type, link target and name. [`Self::mode_problem`]
    /// checks the mode separately.
    pub(super) fn validate(&self, limits: &Limits) -> Result<(EntryType, Option<String>), Vec<String>> {
        let mut problems: Vec<String> =
            self.extensions.problems(&self.header.name).into_iter().map(str::to_owned).collect();
        let entry_type = self.entry_type().map_err(|problem| problems.push(problem.to_owned())).ok();
        if entry_type.is_some() && self.header.has_link_name {
            problems.push("has a link target but is not a link".to_owned());
        }
        let path = path::parse(self.name(), limits)
            .map_err(|errors| problems.extend(errors.iter().map(ToString::to_string)))
            .ok();
        match (entry_type, path) {
            (Some(EntryType::File), Some(None)) => {
                problems.push("is a file, but its name refers to the pack's own directory".to_owned());
            }
            (Some(entry_type), Some(path)) if problems.is_empty() => return Ok((entry_type, path)),
            _ => {}
        }
        Err(problems)
    }

    /// Returns a problem if tar readers disagree on the execute bits of this file. The caller must ignore the problem
    /// if the file is not part of the pack.
    pub(super) fn mode_problem(&self) -> Option<Problem> {
        self.extensions.contradicts(self.header.mode).then(|| self.problem(ACL))
    }

    /// Returns the entry's type, or a problem if the type is not allowed in a pack, if tar readers disagree on it, or
    /// if a directory has content.
    fn entry_type(&self) -> Result<EntryType, &'static str> {
        let has_slash = |name: &[u8]| name.ends_with(b"/");
        let is_renamed = self.extensions.name().is_some();
        match self.header.typeflag {
            b'5' if self.header.size > 0 => Err("is a directory but has content"),
            b'5' => Ok(EntryType::Directory),
            // The v7 format has no type for directories: a directory is an empty file whose name ends with a slash.
            0 if has_slash(&self.header.name)
                && !self.header.name.starts_with(b"/")
                && !is_renamed
                && self.header.size == 0 =>
            {
                if self.header.is_ustar {
                    Err(NUL_TYPE_WITH_SLASH)
                } else {
                    Ok(EntryType::Directory)
                }
            }
            0 if is_renamed && has_slash(&self.header.name) => Err(HEADER_NAME_WITH_SLASH),
            0 if has_slash(&self.header.name) => Err(FILE_WITH_SLASH),
            0 | b'0' if has_slash(self.name()) => Err(FILE_WITH_SLASH),
            0 | b'0' if self.name().ends_with(b"/.") => Err(FILE_WITH_DOT),
            0 | b'0' => Ok(EntryType::File),
            b'1' => Err(HARD_LINK),
            b'2' => Err(SYMBOLIC_LINK),
            b'3' | b'4' => Err("is a device; only files and directories are allowed"),
            b'6' => Err("is a FIFO; only files and directories are allowed"),
            b'7' => Err("is a contiguous file (typeflag `7`); archive it as a regular file"),
            b'S' => Err("is a sparse file; archive it without `tar --sparse`"),
            b'D' | b'N' => Err(INCREMENTAL),
            b'M' => Err("is continued from another volume; archive it without `tar --multi-volume`"),
            b'V' => Err("is a volume label; create the archive without `tar --label`"),
            _ => Err("is of an unknown type; only files and directories are allowed"),
        }
    }

    /// Returns whether all tar readers agree on where the next header starts. Some skip the data of every entry that
    /// has a size; others skip only the data of files.
    pub(super) fn has_unambiguous_end(&self) -> bool {
        self.header.size == 0 || self.entry_type() == Ok(EntryType::File) || self.header.typeflag == b'7'
    }

    /// Returns a problem whose message starts with the entry's name and position.
    pub(super) fn problem(&self, message: impl fmt::Display) -> Problem {
        self.problem_with(format_args!("{self} {message}"))
    }

    /// Returns [`Self::problem`] as an error, so that reading stops.
    pub(super) fn unreadable(&self, message: impl fmt::Display) -> ReadError {
        ReadError::Unreadable(Box::new(self.problem(message)))
    }

    /// Returns the error for an archive that cannot be read beyond this entry's header because of `reason`.
    pub(super) fn unreadable_past(&self, reason: impl fmt::Display) -> ReadError {
        let message = format_args!("the archive was not read past {self}: {reason}");
        ReadError::Unreadable(Box::new(self.problem_with(message)))
    }

    fn problem_with(&self, message: impl fmt::Display) -> Problem {
        let name = Escaped::new(self.shown_name()).to_string();
        Problem::in_archive(FIELD, Some(name), self.position, message)
    }

    fn name(&self) -> &[u8] {
        self.extensions.name().unwrap_or(&self.header.name)
    }

    /// Returns the name to show in messages: the original name for a sparse file, otherwise the entry's name.
    fn shown_name(&self) -> &[u8] {
        self.extensions.sparse_name().unwrap_or_else(|| self.name())
    }
}

const SYMBOLIC_LINK: &str = "is a symbolic link, which is not allowed; archive what it points to (`tar --dereference \
                             --hard-dereference`, `bsdtar -L`), or replace the link with a copy of the file";
const HARD_LINK: &str = "is a hard link, which is not allowed; archive the file itself (`tar --dereference \
                         --hard-dereference`), or replace the link with a copy of the file (with bsdtar, do this and use `-L`)";
const INCREMENTAL: &str = "belongs to an incremental dump; create the archive without `--listed-incremental` and \
                           `--incremental`";
const NUL_TYPE_WITH_SLASH: &str = "has the typeflag NUL and a name that ends with `/`, which makes it a file to some tar \
                                   readers and a directory to others; create the archive with `tar --format=posix`";
const ACL: &str = "has a PAX `SCHILY.acl.access` that contradicts the execute bits of its mode, and tar readers disagree on \
                   which applies; archive the files without access control lists (`tar --no-acls`)";
const HEADER_NAME_WITH_SLASH: &str = "is a file, but the name in its header ends with `/`, which marks a directory; \
                                      rename it, or create the archive with `tar --format=posix`";
const FILE_WITH_SLASH: &str = "is a file, but its name ends with `/`, which marks a directory; create the archive with \
                               `tar --format=posix`";
const FILE_WITH_DOT: &str = "is a file, but its name ends with `/.`, which marks a directory; create the archive with \
                             `tar --format=posix`";

/// Writes the entry's name and position, as the subject of a message.
impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {} at byte {}", Quoted::new(self.shown_name()), self.position)
    }
}
