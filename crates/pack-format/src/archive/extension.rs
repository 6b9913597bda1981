use super::{
    header::Header,
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

/// The extension headers before one entry.
#[derive(Debug, Default)]
pub(super) struct Extensions {
    types: Vec<ExtensionType>,
    pax: Pax,
    long_name: Option<Vec<u8>>,
}

/// The reason that an extension header is invalid. Reading stops there, since the header may contain the size of the
/// next entry.
#[derive(Debug, thiserror::Error)]
pub(super) enum InvalidExtension {
    #[error("is in v7 format, which has no extension headers; create the archive with `tar --format=posix`")]
    V7,
    #[error("follows another extension header, and tar readers disagree on which of them applies")]
    Combined,
    #[error(
        "sets `path`, `linkpath`, `size` or the way a file is stored for all following entries, which is not allowed"
    )]
    GlobalPax,
    #[error("contains a GNU long name that is empty or has a NUL in it")]
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
        if header.is_v7 {
            return Err(InvalidExtension::V7);
        }
        // GNU tar writes a long link name before a long name. `git archive` writes a global header before all others.
        match (self.types.as_slice(), extension_type) {
            ([], _) | ([GlobalPax], PaxRecords | LongName | LongLink) => {}
            ([.., LongLink], LongName) | ([.., LongName], LongLink) if !self.types.contains(&extension_type) => {}
            _ => return Err(InvalidExtension::Combined),
        }
        self.types.push(extension_type);
        match extension_type {
            PaxRecords => self.pax = Pax::parse(data)?,
            GlobalPax if Pax::parse(data)? != Pax::default() => return Err(InvalidExtension::GlobalPax),
            LongName => self.long_name = Some(long_name(data)?),
            GlobalPax | LongLink => {}
        }
        Ok(())
    }

    /// Returns whether an entry must follow, because extension headers were read.
    pub(super) fn is_pending(&self) -> bool {
        !self.types.is_empty()
    }

    /// Returns the name that replaces the name in the header.
    pub(super) fn name(&self) -> Option<&[u8]> {
        self.pax.path.as_deref().or(self.long_name.as_deref())
    }

    /// Returns the PAX `size`, which must equal the size in the header.
    pub(super) fn size(&self) -> Option<u64> {
        self.pax.size
    }

    /// Returns the problems with the entry that its extension headers cause.
    pub(super) fn problems(&self) -> impl Iterator<Item = &'static str> {
        let has_long_link = self.types.contains(&ExtensionType::LongLink);
        let long_link = has_long_link.then_some("has a GNU long link name, which only a link may have");
        self.pax.problems.iter().copied().chain(long_link)
    }
}

/// Returns a GNU long name without the trailing NUL, which some writers omit.
fn long_name(data: &[u8]) -> Result<Vec<u8>, InvalidExtension> {
    let name = data.strip_suffix(b"\0").unwrap_or(data);
    if name.is_empty() || name.contains(&0) { Err(InvalidExtension::LongName) } else { Ok(name.to_vec()) }
}
