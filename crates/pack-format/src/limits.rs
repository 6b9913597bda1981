use std::fmt;

/// How much an upload may be. Every figure can be set by configuration (README.md, "Configuration").
///
/// The defaults are those of an archive that comes inside a request; [`Limits::large`] has those of one that comes by way
/// of S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The archive as uploaded, in bytes. The default is below what a Lambda event can carry (6,291,456 bytes, of
    /// which base64 takes a quarter).
    pub compressed_bytes: u64,
    /// All that gzip yields, in bytes: contents, headers, padding, dropped files and all.
    pub unpacked_bytes: u64,
    /// One file's content, in bytes.
    pub file_bytes: u64,
    /// The content of `pack.yaml`, in bytes.
    pub manifest_bytes: u64,
    /// Entries in the archive, dropped ones too; an extension header counts as one. Directories that the archive does
    /// not name and that are added as parents of its entries are counted by themselves, and may be as many again: 32
    /// levels over each of 10,000 files would make an image far larger than the upload.
    pub entries: u64,
    /// One path as the archive has it, in bytes, a leading `./` and a trailing slash aside.
    pub path_bytes: usize,
    /// Components of one path, the wrapping directory being one.
    pub path_depth: usize,
    /// One component of a path, in bytes (Linux `NAME_MAX`).
    pub component_bytes: usize,
    /// How many bytes gzip may yield for each byte it was given, once past [`Limits::ratio_free_bytes`].
    pub compression_ratio: u64,
    /// How much may be unpacked before the ratio is looked at, in bytes: small archives of zeros are no bombs.
    pub ratio_free_bytes: u64,
    /// The data of one extension header (PAX or GNU long name), in bytes.
    pub extension_header_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            compressed_bytes: 4_500_000,
            unpacked_bytes: 64 << 20,
            file_bytes: 16 << 20,
            manifest_bytes: 64 << 10,
            entries: 10_000,
            path_bytes: 1_024,
            path_depth: 32,
            component_bytes: 255,
            compression_ratio: 200,
            ratio_free_bytes: 1 << 20,
            extension_header_bytes: 64 << 10,
        }
    }
}

impl Limits {
    /// The limits of an archive that comes by way of S3: more bytes, and all else the same. What a function can validate
    /// before API Gateway stops waiting for it (benches/ has the figures).
    pub fn large() -> Self {
        Self { compressed_bytes: 256 << 20, unpacked_bytes: 1 << 30, file_bytes: 128 << 20, ..Self::default() }
    }

    /// The value that a limit has here.
    pub fn value(&self, limit: &Limit) -> u64 {
        match limit {
            Limit::CompressedBytes(_) => self.compressed_bytes,
            Limit::UnpackedBytes(_) => self.unpacked_bytes,
            Limit::FileBytes { .. } => self.file_bytes,
            Limit::Entries(_) => self.entries,
            Limit::CompressionRatio(_) => self.compression_ratio,
        }
    }
}

/// A limit that stopped the reading of an upload, with the value that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limit {
    /// [`Limits::compressed_bytes`]
    CompressedBytes(u64),
    /// [`Limits::unpacked_bytes`]
    UnpackedBytes(u64),
    /// [`Limits::file_bytes`]
    FileBytes {
        /// The limit.
        value: u64,
        /// Which entry of the archive has more, and where it is, in words for the pack's author.
        entry: String,
    },
    /// [`Limits::entries`]
    Entries(u64),
    /// [`Limits::compression_ratio`]
    CompressionRatio(u64),
}

impl Limit {
    /// The limit's name, as the configuration and the error's details have it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::CompressedBytes(_) => "compressed_bytes",
            Self::UnpackedBytes(_) => "unpacked_bytes",
            Self::FileBytes { .. } => "file_bytes",
            Self::Entries(_) => "entries",
            Self::CompressionRatio(_) => "compression_ratio",
        }
    }

    /// The limit's value, in the unit that its name says.
    pub fn value(&self) -> u64 {
        match self {
            Self::CompressedBytes(value)
            | Self::UnpackedBytes(value)
            | Self::FileBytes { value, .. }
            | Self::Entries(value)
            | Self::CompressionRatio(value) => *value,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CompressedBytes(bytes) => write!(f, "the archive has more than {bytes} bytes"),
            Self::UnpackedBytes(bytes) => write!(f, "the archive unpacks to more than {bytes} bytes"),
            Self::FileBytes { value, entry } => write!(f, "{entry} has more than {value} bytes"),
            Self::Entries(entries) => write!(f, "the archive has more than {entries} entries"),
            Self::CompressionRatio(ratio) => {
                write!(f, "the archive unpacks to more than {ratio} times its compressed size")
            }
        }?;
        write!(f, " (limit `{}`)", self.name())
    }
}
