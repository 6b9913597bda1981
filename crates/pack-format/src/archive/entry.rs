use std::fmt;

use super::{ReadError, extension::Extensions, header::Header, path};
use crate::{Limit, Limits, Quoted};

/// One entry: its header, and the extension headers before it.
pub(super) struct Entry<'a> {
    header: &'a Header,
    extensions: &'a Extensions,
    position: u64,
}

/// What an entry of a pack may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
}

impl<'a> Entry<'a> {
    pub(super) fn new(header: &'a Header, extensions: &'a Extensions, position: u64) -> Self {
        Self { header, extensions, position }
    }

    /// How much data it has, in bytes.
    ///
    /// # Errors
    /// If it is more than a file may have, or the headers disagree (CVE-2025-62518, CVE-2026-33055).
    pub(super) fn size(&self, limits: &Limits) -> Result<u64, ReadError> {
        let size = self.header.size;
        let pax = self.extensions.size().unwrap_or(size);
        if size.max(pax) > limits.file_bytes {
            return Err(ReadError::TooLarge(Limit::FileBytes { value: limits.file_bytes, entry: self.to_string() }));
        }
        if size != pax {
            return Err(ReadError::Lost(format!("{self} has {size} bytes by its header and {pax} by its PAX `size`")));
        }
        Ok(size)
    }

    /// What the entry is and where it goes, `None` being the directory that holds everything.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(super) fn validate(&self, limits: &Limits) -> Result<(Kind, Option<String>), Vec<String>> {
        let mut faults: Vec<String> = self.extensions.faults().map(str::to_owned).collect();
        let kind = self.kind().map_err(|fault| faults.push(fault.to_owned())).ok();
        if kind.is_some() && self.header.has_link_name {
            faults.push("has a link's target and is not a link".to_owned());
        }
        let name = self.name();
        let slashless = name.strip_suffix(b"/").filter(|name| !name.is_empty()).unwrap_or(name);
        let path = path::parse(slashless, limits)
            .map_err(|invalid| faults.extend(invalid.iter().map(ToString::to_string)))
            .ok();
        match (kind, path) {
            (Some(Kind::File), Some(None)) => faults.push("is a file with a directory's name".to_owned()),
            (Some(kind), Some(path)) if faults.is_empty() => return Ok((kind, path)),
            _ => {}
        }
        Err(faults)
    }

    /// What it is.
    ///
    /// # Errors
    /// If a pack may not have it, or readers take it for different things.
    pub(super) fn kind(&self) -> Result<Kind, &'static str> {
        let has_slash = |name: &[u8]| name.ends_with(b"/");
        let renamed = self.extensions.name().is_some();
        match self.header.typeflag {
            b'5' if self.header.size > 0 => Err("is a directory with content"),
            b'5' => Ok(Kind::Directory),
            // In v7 format, which has no type for it, a directory is an empty file with a slash at its name's end.
            0 if has_slash(&self.header.name) && !renamed && self.header.size == 0 => Ok(Kind::Directory),
            0 if has_slash(&self.header.name) => Err("is a file by its type and a directory by its name"),
            0 | b'0' if has_slash(self.name()) => Err("is a file by its type and a directory by its name"),
            0 | b'0' => Ok(Kind::File),
            b'1' => Err("is a hard link; pack the file itself (`tar --hard-dereference`)"),
            b'2' => Err("is a symbolic link; pack the file itself (`tar --dereference`)"),
            b'3' | b'4' => Err("is a device; only files and directories are allowed"),
            b'6' => Err("is a FIFO; only files and directories are allowed"),
            b'7' => Err("is a contiguous file (typeflag `7`); pack it as a regular one"),
            b'S' => Err("is a sparse file; pack it without `tar --sparse`"),
            b'D' | b'N' => Err("belongs to an incremental dump; pack it without `tar --incremental`"),
            b'M' => Err("is continued from another volume; pack it without `tar --multi-volume`"),
            b'V' => Err("is a volume label; pack it without `tar --label`"),
            _ => Err("is of an unknown type; only files and directories are allowed"),
        }
    }

    /// Whether all readers agree on where the next header is: some skip the data of whatever has a size, others only
    /// that of files.
    pub(super) fn has_certain_end(&self) -> bool {
        self.header.size == 0 || self.kind() == Ok(Kind::File) || self.header.typeflag == b'7'
    }

    fn name(&self) -> &[u8] {
        self.extensions.name().unwrap_or(&self.header.name)
    }
}

/// The entry as a problem names it.
impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {} at byte {}", Quoted::new(self.name()), self.position)
    }
}
