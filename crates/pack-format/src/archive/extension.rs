use unicode_normalization::is_nfc;

use super::{
    acl,
    header::{Header, Mode},
    pax::{InvalidPax, Pax},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExtensionType {
    /// `x`: PAX records for the next entry.
    Pax,
    /// `g`: PAX records for all following entries.
    GlobalPax,
    /// `L`: the name of the next entry (GNU).
    LongName,
    /// `K`: the link target of the next entry (GNU).
    LongLink,
}

impl ExtensionType {
    /// Returns `None` if this is not the typeflag of an extension header.
    pub(super) fn from_typeflag(typeflag: u8) -> Option<Self> {
        match typeflag {
            b'x' => Some(Self::Pax),
            b'g' => Some(Self::GlobalPax),
            b'L' => Some(Self::LongName),
            b'K' => Some(Self::LongLink),
            _ => None,
        }
    }
}

/// The extension headers that precede an entry.
#[derive(Debug, Default)]
pub(super) struct Extensions {
    types: Vec<ExtensionType>,
    pax: Pax,
    long_name: Option<Vec<u8>>,
}

/// Why an extension header is invalid. Reading stops at such a header, because it may set the size of the next entry.
#[derive(Debug, thiserror::Error)]
pub(super) enum InvalidExtension {
    #[error(
        "has a magic that is neither POSIX nor GNU (7-Zip 9 and R write such headers), so some tar readers ignore it; \
         create the archive with `tar --format=posix` or with a current version of 7-Zip"
    )]
    Magic,
    #[error(
        "follows another extension header, and tar readers disagree on which of them applies; create the archive with \
         `tar --format=posix`"
    )]
    Combined,
    #[error(
        "sets `path`, `linkpath`, `size` or the way a file is stored for all following entries, which is not allowed; \
         create the archive with `tar --format=posix` and without `--pax-option`"
    )]
    GlobalPax,
    #[error("contains a GNU long name that is empty or has a NUL in it; create the archive with `tar --format=posix`")]
    LongName,
    #[error(transparent)]
    Pax(#[from] InvalidPax),
}

impl Extensions {
    pub(super) fn add(
        &mut self,
        extension_type: ExtensionType,
        header: &Header,
        data: &[u8],
    ) -> Result<(), InvalidExtension> {
        use ExtensionType::{GlobalPax, LongLink, LongName, Pax as PaxRecords};
        if !header.has_extensions {
            return Err(InvalidExtension::Magic);
        }
        // Global headers may come only before the other extension headers of an entry, which is where `git archive`
        // writes one. Each of the other types may appear only once.
        let is_allowed = match extension_type {
            GlobalPax => self.types.iter().all(|before| *before == GlobalPax),
            PaxRecords | LongName | LongLink => !self.types.contains(&extension_type),
        };
        if !is_allowed {
            return Err(InvalidExtension::Combined);
        }
        self.types.push(extension_type);
        match extension_type {
            PaxRecords => self.pax = Pax::parse(data)?,
            GlobalPax if !Pax::parse(data)?.is_allowed_globally() => return Err(InvalidExtension::GlobalPax),
            LongName => self.long_name = Some(long_name(data)?),
            GlobalPax | LongLink => {}
        }
        Ok(())
    }

    /// Returns whether there are extension headers whose entry has not been read yet.
    pub(super) fn is_pending(&self) -> bool {
        !self.types.is_empty()
    }

    /// Returns the name that overrides the one in the entry's header, if any.
    pub(super) fn name(&self) -> Option<&[u8]> {
        self.pax.path.as_deref().or(self.long_name.as_deref())
    }

    /// Returns the original name of a sparse file, if a PAX record contains it.
    pub(super) fn sparse_name(&self) -> Option<&[u8]> {
        self.pax.sparse_name.as_deref()
    }

    /// Returns the PAX `size`. It must equal the size in the header.
    pub(super) fn size(&self) -> Option<u64> {
        self.pax.size
    }

    pub(super) fn contradicts(&self, mode: Mode) -> bool {
        self.pax.acl.as_ref().is_some_and(|acl| acl::contradicts(acl, mode))
    }

    /// Returns the problems that the extension headers cause. `header_name` is the name in the entry's header.
    pub(super) fn problems(&self, header_name: &[u8]) -> Vec<&'static str> {
        let mut problems = self.pax.problems.clone();
        if self.types.contains(&ExtensionType::LongLink) {
            problems.push("has a GNU long link name, which only a link may have");
        }
        if let (Some(path), Some(long_name)) = (&self.pax.path, &self.long_name)
            && path != long_name
        {
            problems.push(TWO_NAMES);
        }
        if self.pax.path.as_deref().and_then(|path| str::from_utf8(path).ok()).is_some_and(|path| !is_nfc(path)) {
            problems.push(NOT_NFC);
        }
        if self.pax.has_hidden_path && self.name() != Some(header_name) {
            problems.push(HIDDEN_PATH);
        }
        problems
    }
}

const TWO_NAMES: &str = "has a PAX `path` and a GNU long name that differ, and tar readers disagree on which applies; \
                         create the archive with `tar --format=posix`";
const NOT_NFC: &str = "has a PAX `path` with decomposed characters (not in Unicode normalization form C), which bsdtar \
                       changes; rename it, or create the archive with `tar --format=gnu`";
const HIDDEN_PATH: &str = "has a PAX `path` and another PAX record with a NUL or an empty line in its value, where some \
                           tar readers stop and use the name in the header; archive the files without extended \
                           attributes (`tar --no-xattrs --no-selinux`) and without `--listed-incremental`";

/// Parses a GNU long name. Removes trailing NULs, because most writers add one.
fn long_name(data: &[u8]) -> Result<Vec<u8>, InvalidExtension> {
    let length = data.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let name = &data[..length];
    if name.is_empty() || name.contains(&0) { Err(InvalidExtension::LongName) } else { Ok(name.to_vec()) }
}
