//! Parses the multipart form of an upload (`multipart/form-data`, RFC 7578) and checks that it has the right parts.

#![warn(clippy::large_futures, clippy::unwrap_used)]

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream;
use multer::{Constraints, Multipart, SizeLimit};
use pack_format::{Escaped, Limit, LimitName, Limits, Problems, Quoted};

/// The field under which problems that concern the whole form are reported.
pub const FORM: &str = "form";
/// The name of the part that contains the id of an upload whose archive is already in S3. Clients send this part
/// instead of `archive`.
pub const UPLOAD_ID: &str = "upload_id";
/// The maximum length of a boundary, in characters (RFC 2046, section 5.1.1).
const MAX_BOUNDARY: usize = 70;
/// How many bytes of a text part are kept. Every valid value is shorter.
const MAX_TEXT: usize = 256;

/// The parts of an upload's form. Of their contents, only the size of the archive has been validated.
#[derive(Debug, Default)]
pub struct Form {
    /// The `.tar.gz` as received.
    pub archive: Option<Bytes>,
    pub upload_id: Option<String>,
    pub visibility: Option<String>,
}

impl Form {
    /// Parses the body of a request. Unless this adds problems, the form contains either an archive or an upload id.
    ///
    /// # Errors
    /// Returns the limit on compressed bytes if the archive exceeds it.
    pub async fn read(boundary: String, body: Bytes, limits: &Limits, problems: &mut Problems) -> Result<Self, Limit> {
        let size_limit = SizeLimit::new().for_field("archive", limits.compressed_bytes);
        let constraints = Constraints::new().size_limit(size_limit);
        let body = stream::iter([Ok::<_, Infallible>(body)]);
        let mut parts = Multipart::with_constraints(body, boundary, constraints);
        let mut form = Self::default();
        match form.read_parts(&mut parts, problems).await {
            Ok(()) => match (&form.archive, &form.upload_id) {
                (None, None) => {
                    problems.add("archive", "is missing; send the pack as a .tar.gz in a part named `archive`");
                }
                (Some(_), Some(_)) => problems.add(UPLOAD_ID, "is not allowed together with `archive`; send only one"),
                _ => {}
            },
            Err(multer::Error::FieldSizeExceeded { .. }) => return Err(limits.limit(LimitName::CompressedBytes)),
            Err(multer::Error::IncompleteFieldData { field_name }) => {
                let name = field_name.unwrap_or_default();
                problems.add(
                    FORM,
                    format_args!("is not valid multipart/form-data: part {} is truncated", Quoted::new(&name)),
                );
            }
            Err(error) => {
                let error = error.to_string();
                problems.add(FORM, format_args!("is not valid multipart/form-data: {}", Escaped::new(&error)));
            }
        }
        Ok(form)
    }

    async fn read_parts(&mut self, parts: &mut Multipart<'_>, problems: &mut Problems) -> multer::Result<()> {
        while let Some(mut part) = parts.next_field().await? {
            let name = part.name().unwrap_or_default().to_owned();
            // The body is a single chunk of the stream, so each part is also a single chunk, and shares the body's
            // buffer.
            let content = part.chunk().await?.unwrap_or_default();
            match name.as_str() {
                "archive" if self.archive.is_none() => self.archive = Some(content),
                UPLOAD_ID if self.upload_id.is_none() => self.upload_id = Some(text(&content)),
                "visibility" if self.visibility.is_none() => self.visibility = Some(text(&content)),
                "archive" | UPLOAD_ID | "visibility" => problems.add(name, "appears more than once; send it only once"),
                "" => problems.add(FORM, "has a part without a name"),
                _ => problems.add(
                    Escaped::new(&name).to_string(),
                    "is not a part of this form; send `archive` or `upload_id`, and optionally `visibility`",
                ),
            }
        }
        Ok(())
    }
}

/// Returns the first [`MAX_TEXT`] bytes of a part as a string, with replacement characters for bytes that are not
/// UTF-8.
fn text(content: &[u8]) -> String {
    String::from_utf8_lossy(&content[..content.len().min(MAX_TEXT)]).into_owned()
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the Content-Type header has no valid boundary; let the HTTP client set the header")]
pub struct NoBoundary;

/// Returns the boundary from a form's Content-Type. It must have 1 to 70 characters (RFC 2046, section 5.1.1).
pub fn boundary(content_type: &str) -> Result<String, NoBoundary> {
    let boundary = multer::parse_boundary(content_type).map_err(|_| NoBoundary)?;
    if boundary.is_empty() || boundary.len() > MAX_BOUNDARY { Err(NoBoundary) } else { Ok(boundary) }
}
