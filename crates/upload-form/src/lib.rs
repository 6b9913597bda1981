//! The multipart form of an upload (`multipart/form-data`, RFC 7578): its parts, and what is wrong with them.

#![warn(clippy::large_futures, clippy::unwrap_used)]

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream;
use multer::{Constraints, Multipart, SizeLimit};
use pack_format::{Escaped, Limit, Limits, Problems};

/// The field of a problem that no single part of the form has.
pub const FORM: &str = "form";
/// The part that takes an archive's place.
pub const UPLOAD_ID: &str = "upload_id";
/// The longest boundary, in characters (RFC 2046, section 5.1.1).
const MAX_BOUNDARY: usize = 70;

/// The form of an upload, as far as it could be read.
#[derive(Debug, Default)]
pub struct Form {
    /// The pack, as a `.tar.gz`.
    pub archive: Option<Bytes>,
    /// The id of an upload by which the pack was sent, as the client has it.
    pub upload_id: Option<String>,
    /// Who may see it, as the client has it.
    pub visibility: Option<String>,
}

impl Form {
    /// Reads a body as `multipart/form-data` (RFC 7578). What is wrong with it goes to `problems`; a form without a
    /// problem has either an archive or an upload's id.
    ///
    /// # Errors
    /// The limit that the archive is over.
    pub async fn read(boundary: String, body: Bytes, limits: &Limits, problems: &mut Problems) -> Result<Self, Limit> {
        let size_limit = SizeLimit::new().for_field("archive", limits.compressed_bytes);
        let constraints = Constraints::new().size_limit(size_limit);
        let whole = stream::iter([Ok::<_, Infallible>(body)]);
        let mut parts = Multipart::with_constraints(whole, boundary, constraints);
        let mut form = Self::default();
        match form.read_parts(&mut parts, problems).await {
            Ok(()) => match (&form.archive, &form.upload_id) {
                (None, None) => {
                    problems.add("archive", "is missing; send the pack as a .tar.gz in a part of this name");
                }
                (Some(_), Some(_)) => problems.add(UPLOAD_ID, "stands beside an archive; send one of the two"),
                _ => {}
            },
            Err(multer::Error::FieldSizeExceeded { limit, .. }) => return Err(Limit::CompressedBytes(limit)),
            Err(error) => problems.add(FORM, format_args!("is not well-formed multipart/form-data: {error}")),
        }
        Ok(form)
    }

    async fn read_parts(&mut self, parts: &mut Multipart<'_>, problems: &mut Problems) -> multer::Result<()> {
        while let Some(mut part) = parts.next_field().await? {
            let name = part.name().unwrap_or_default().to_owned();
            // The body arrives whole, so a part is one chunk, which shares the reader's buffer.
            let content = part.chunk().await?.unwrap_or_default();
            match name.as_str() {
                "archive" if self.archive.is_none() => self.archive = Some(content),
                UPLOAD_ID if self.upload_id.is_none() => self.upload_id = Some(beginning(&content)),
                "visibility" if self.visibility.is_none() => self.visibility = Some(beginning(&content)),
                "archive" | UPLOAD_ID | "visibility" => problems.add(name, "is there more than once"),
                "" => problems.add(FORM, "a part has no name"),
                _ => problems.add(
                    Escaped::new(&name).to_string(),
                    "is not a part of this form; its parts are `archive` or `upload_id`, and `visibility`",
                ),
            }
        }
        Ok(())
    }
}

/// As much of a part's text as any that is good has.
fn beginning(content: &[u8]) -> String {
    String::from_utf8_lossy(&content[..content.len().min(256)]).into_owned()
}

/// Why a Content-Type names no boundary.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidContentType {
    /// It is that of something else.
    #[error("the body must be multipart/form-data")]
    NotAForm,
    /// It is that of a form, and has no boundary that could be used.
    #[error("the Content-Type header has no usable boundary; let the HTTP client write the header")]
    NoBoundary,
}

/// What separates the parts of a form, by its Content-Type.
pub fn boundary(content_type: &str) -> Result<String, InvalidContentType> {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("multipart/form-data") {
        return Err(InvalidContentType::NotAForm);
    }
    let boundary = multer::parse_boundary(content_type).map_err(|_| InvalidContentType::NoBoundary)?;
    if boundary.is_empty() || boundary.len() > MAX_BOUNDARY {
        Err(InvalidContentType::NoBoundary)
    } else {
        Ok(boundary)
    }
}
