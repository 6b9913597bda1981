use std::fmt;

use strum::IntoStaticStr;

/// The limits for one upload. Each can be configured (docs/configuration.md).
///
/// The defaults apply to an archive in the request body. [`Limits::large`] returns the limits for an archive that the
/// client sends to S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The size of the archive as uploaded, in bytes. An archive of the default size fits in a Lambda event (6,291,456
    /// bytes) after base64 encoding.
    pub compressed_bytes: u64,
    /// The size of the unpacked tar, in bytes, including headers, padding and files that are dropped later.
    pub unpacked_bytes: u64,
    /// The size of one file, in bytes.
    pub file_bytes: u64,
    /// The size of `pack.yaml`, in bytes.
    pub manifest_bytes: u64,
    /// The number of entries in the archive, including dropped ones. An extension header counts as an entry.
    ///
    /// Missing parent directories are added and counted separately, against the same limit. If they were not limited,
    /// 10,000 files, each 32 levels deep, could make an image far larger than the upload.
    pub entries: u64,
    /// The length of one path in the archive, in bytes, without a leading `./` or a trailing slash.
    pub path_bytes: u64,
    /// The number of components in one path, including the wrapping directory.
    pub path_depth: u64,
    /// The length of one component of a path, in bytes. The default is Linux's `NAME_MAX`.
    pub component_bytes: u64,
    /// The ratio of unpacked to compressed bytes. Applies only if more than [`Limits::ratio_free_bytes`] bytes are
    /// unpacked.
    pub compression_ratio: u64,
    /// The number of unpacked bytes up to which the ratio is not checked, because a small archive of zeros is harmless.
    pub ratio_free_bytes: u64,
    /// The size of the data in one PAX or GNU extension header, in bytes.
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
            ratio_free_bytes: 64 << 20,
            extension_header_bytes: 64 << 10,
        }
    }
}

impl Limits {
    /// Returns the limits for an archive that the client sends to S3: the defaults, with higher limits on compressed
    /// bytes, unpacked bytes and file size. A Lambda function can validate an archive at these limits before API
    /// Gateway times out (measured in `benches/`).
    pub fn large() -> Self {
        Self { compressed_bytes: 256 << 20, unpacked_bytes: 1 << 30, file_bytes: 128 << 20, ..Self::default() }
    }

    /// Returns these limits with each value replaced by `value(name, current)`, where `name` is the field's name.
    pub fn map(&self, mut value: impl FnMut(&'static str, u64) -> u64) -> Self {
        Self {
            compressed_bytes: value("compressed_bytes", self.compressed_bytes),
            unpacked_bytes: value("unpacked_bytes", self.unpacked_bytes),
            file_bytes: value("file_bytes", self.file_bytes),
            manifest_bytes: value("manifest_bytes", self.manifest_bytes),
            entries: value("entries", self.entries),
            path_bytes: value("path_bytes", self.path_bytes),
            path_depth: value("path_depth", self.path_depth),
            component_bytes: value("component_bytes", self.component_bytes),
            compression_ratio: value("compression_ratio", self.compression_ratio),
            ratio_free_bytes: value("ratio_free_bytes", self.ratio_free_bytes),
            extension_header_bytes: value("extension_header_bytes", self.extension_header_bytes),
        }
    }

    /// Returns the limit with this name, so that the caller can report that an archive exceeds it.
    pub fn limit(&self, name: LimitName) -> Limit {
        let (value, verb, unit) = match name {
            LimitName::CompressedBytes => (self.compressed_bytes, "has", "bytes"),
            LimitName::UnpackedBytes => (self.unpacked_bytes, "unpacks to", "bytes"),
            LimitName::FileBytes => (self.file_bytes, "has", "bytes"),
            LimitName::Entries => (self.entries, "has", "entries"),
            LimitName::CompressionRatio => (self.compression_ratio, "unpacks to", "times its compressed size"),
        };
        Limit { name, value, claimed: None, subject: "the archive".to_owned(), verb, unit }
    }

    /// Returns the value that these limits have for `limit`, which may come from a different set of limits.
    pub fn value(&self, limit: &Limit) -> u64 {
        self.limit(limit.name).value
    }
}

/// The limits reported as [`ValidationError::TooLarge`](crate::ValidationError::TooLarge). An archive that exceeds any
/// other limit has a [problem](crate::Problem).
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum LimitName {
    CompressedBytes,
    UnpackedBytes,
    FileBytes,
    Entries,
    CompressionRatio,
}

/// A limit that an upload exceeds, displayed as a message such as ``the archive has more than 10000 entries (limit
/// `entries`)``.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    name: LimitName,
    value: u64,
    /// The size that an entry's header or PAX record states, in bytes. `None` unless a single entry exceeds the limit.
    claimed: Option<u64>,
    subject: String,
    verb: &'static str,
    unit: &'static str,
}

impl Limit {
    /// Makes `entry` the subject of the message instead of the archive. `claimed` is the size that its header or PAX
    /// record states, in bytes.
    pub(super) fn for_entry(self, entry: impl fmt::Display, claimed: u64) -> Self {
        Self { subject: entry.to_string(), claimed: Some(claimed), ..self }
    }

    /// Returns the limit's field name in [`Limits`], which is also its name in the API's error details.
    pub fn name(&self) -> &'static str {
        self.name.into()
    }

    /// Returns whether the upload might be accepted if this limit were `value`. The size of an entry is known in
    /// advance, but the totals of the archive are not, because reading stops at the limit.
    pub fn may_fit(&self, value: u64) -> bool {
        value > self.value && self.claimed.is_none_or(|claimed| claimed <= value)
    }

    /// Returns the configured maximum: a number of bytes or entries, or the compression ratio.
    pub fn value(&self) -> u64 {
        self.value
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { value, subject, verb, unit, .. } = self;
        write!(f, "{subject} {verb} more than {value} {unit} (limit `{}`)", self.name())
    }
}
