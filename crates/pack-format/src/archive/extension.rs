use super::{
    header::Header,
    pax::{InvalidPax, Pax},
};

/// The kinds of extension headers, by typeflag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `x`: PAX records for the next entry.
    Pax,
    /// `g`: PAX records for all entries that follow.
    Global,
    /// `L`: the next entry's name, by GNU.
    LongName,
    /// `K`: the next entry's link target, by GNU.
    LongLink,
}

impl Kind {
    /// The kind that a typeflag means, if it is an extension header.
    pub(super) fn of(typeflag: u8) -> Option<Self> {
        match typeflag {
            b'x' => Some(Self::Pax),
            b'g' => Some(Self::Global),
            b'L' => Some(Self::LongName),
            b'K' => Some(Self::LongLink),
            _ => None,
        }
    }
}

/// The extension headers that await their entry.
#[derive(Debug, Default)]
pub(super) struct Extensions {
    pending: Vec<Kind>,
    pax: Pax,
    long_name: Option<Vec<u8>>,
}

/// Why an extension header cannot stand where it stands, or cannot be read. Since it may have said where the entry after
/// it ends, reading ends here.
#[derive(Debug, thiserror::Error)]
pub(super) enum InvalidExtension {
    #[error("stands in a v7 header, which knows no extension headers")]
    V7,
    #[error("follows another extension header, and readers differ in which of them they apply")]
    Combined,
    #[error("sets `path`, `linkpath`, `size` or how a file is stored for all entries at once")]
    Global,
    #[error("holds a GNU long name that is empty or has a NUL in it")]
    LongName,
    #[error(transparent)]
    Pax(#[from] InvalidPax),
}

impl Extensions {
    /// Takes in an extension header and its data.
    pub(super) fn add(&mut self, kind: Kind, header: &Header, data: &[u8]) -> Result<(), InvalidExtension> {
        if header.is_v7 {
            return Err(InvalidExtension::V7);
        }
        // GNU writes a long link before a long name, and `git archive` a global header before any other.
        match (self.pending.as_slice(), kind) {
            ([], _) | ([Kind::Global], Kind::Pax | Kind::LongName | Kind::LongLink) => {}
            ([.., Kind::LongLink], Kind::LongName) | ([.., Kind::LongName], Kind::LongLink)
                if !self.pending.contains(&kind) => {}
            _ => return Err(InvalidExtension::Combined),
        }
        self.pending.push(kind);
        match kind {
            Kind::Pax => self.pax = Pax::parse(data)?,
            Kind::Global if Pax::parse(data)? != Pax::default() => return Err(InvalidExtension::Global),
            Kind::LongName => self.long_name = Some(c_string(data)?),
            Kind::Global | Kind::LongLink => {}
        }
        Ok(())
    }

    /// Whether an entry must follow.
    pub(super) fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// The name that takes the place of the header's.
    pub(super) fn name(&self) -> Option<&[u8]> {
        self.pax.path.as_deref().or(self.long_name.as_deref())
    }

    /// The size that must be the header's.
    pub(super) fn size(&self) -> Option<u64> {
        self.pax.size
    }

    /// What the extension headers make wrong with the entry.
    pub(super) fn faults(&self) -> impl Iterator<Item = &'static str> {
        let link = self.pending.contains(&Kind::LongLink).then_some("has a GNU long link name, as only a link has");
        self.pax.faults.iter().copied().chain(link)
    }
}

/// The bytes before the NUL that ends them, which some writers leave out.
fn c_string(data: &[u8]) -> Result<Vec<u8>, InvalidExtension> {
    let name = data.strip_suffix(b"\0").unwrap_or(data);
    if name.is_empty() || name.contains(&0) { Err(InvalidExtension::LongName) } else { Ok(name.to_vec()) }
}
