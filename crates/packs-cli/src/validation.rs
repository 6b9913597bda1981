use pack_format::{Limits, Pack, Problem, Problems, ValidationError, Visibility, image::Image};
use tempfile::{SpooledTempFile, spooled_tempfile};

use crate::{error::Error, source::Source};

/// The maximum size of a pack's contents in memory, in bytes. Larger contents are written to a temporary file.
const IN_MEMORY: usize = 32 << 20;

/// The result of validating an archive.
#[derive(Debug)]
pub enum Validation {
    Valid(Box<ValidPack>),
    Invalid(Problems),
}

/// A valid pack and its image.
#[derive(Debug)]
pub struct ValidPack {
    pub pack: Pack,
    pub image: Image,
    /// The contents of the pack's files.
    pub contents: SpooledTempFile,
}

impl Validation {
    /// Validates an archive as the service does. An archive that exceeds a request limit is validated with the higher
    /// limits for archives sent to S3. If it exceeds one of those too, that is the only problem reported.
    pub fn new(source: &Source, visibility: Visibility) -> Result<Self, Error> {
        let mut result = validate(source, &Limits::default(), visibility);
        if matches!(result, Err(ValidationError::TooLarge(_))) {
            result = validate(source, &Limits::large(), visibility);
        }
        match result {
            Ok(pack) => Ok(Self::Valid(Box::new(pack))),
            Err(ValidationError::Invalid(problems)) => Ok(Self::Invalid(problems)),
            Err(ValidationError::TooLarge(limit)) => {
                let mut problems = Problems::default();
                problems.push(Problem::new("archive", limit));
                Ok(Self::Invalid(problems))
            }
            Err(ValidationError::Io(error)) => Err(Error::Validate(error)),
        }
    }
}

fn validate(source: &Source, limits: &Limits, visibility: Visibility) -> Result<ValidPack, ValidationError> {
    let mut contents = spooled_tempfile(IN_MEMORY);
    let pack = pack_format::validate(source.reader()?, limits, visibility, &mut contents)?;
    let image = Image::new(&pack, &mut contents)?;
    Ok(ValidPack { pack, image, contents })
}
