use aws_sdk_dynamodb::error::BoxError;

/// A call to AWS failed.
#[derive(Debug, thiserror::Error)]
#[error("{operation} failed")]
pub struct Error {
    /// The API's own name of the call, such as `PutObject`, or what was done with an item before or after it.
    pub operation: &'static str,
    /// What the SDK, or the reading of its answer, said.
    pub source: BoxError,
}

impl Error {
    /// Makes the error of a failing call: `.map_err(Error::of("PutObject"))`.
    pub(crate) fn of<E: Into<BoxError>>(operation: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self { operation, source: source.into() }
    }
}
