use std::io;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use pack_format::Digest;
use serde_json::json;

/// An error of the distribution API (OCI distribution spec, "Error Codes"), or of the folder.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("there is no such endpoint")]
    NoEndpoint,
    #[error("the endpoint does not take this method")]
    MethodUnsupported,
    #[error("the query is not valid")]
    QueryInvalid,
    #[error("this cannot be the name of a repository")]
    NameInvalid,
    #[error("there is no such repository")]
    NameUnknown,
    #[error("there is no such blob")]
    BlobUnknown,
    #[error("there is no such upload, or a request is working on it")]
    BlobUploadUnknown,
    #[error("the chunk does not begin where the last one ended")]
    ChunkOutOfOrder,
    #[error("the content broke off")]
    BrokenOff(#[source] axum::Error),
    #[error("this is not the sha256 digest of the content")]
    DigestInvalid,
    #[error("there is no such manifest: a reference is a tag or a sha256 digest")]
    ReferenceInvalid,
    #[error("there is no such manifest")]
    ManifestUnknown,
    #[error("the manifest broke off, or is too large")]
    ManifestUnreadable(#[source] axum::Error),
    #[error("a manifest needs a Content-Type")]
    NoMediaType,
    #[error("this is not a manifest: {0}")]
    ManifestInvalid(serde_json::Error),
    #[error("the manifest points at {0}, which is not there")]
    ManifestBlobUnknown(Digest),
    #[error("the registry's folder failed")]
    Folder(#[from] io::Error),
}

impl Error {
    fn code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NoEndpoint => (StatusCode::NOT_FOUND, "UNSUPPORTED"),
            Self::MethodUnsupported => (StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED"),
            Self::QueryInvalid => (StatusCode::BAD_REQUEST, "UNSUPPORTED"),
            Self::NameInvalid => (StatusCode::BAD_REQUEST, "NAME_INVALID"),
            Self::NameUnknown => (StatusCode::NOT_FOUND, "NAME_UNKNOWN"),
            Self::BlobUnknown => (StatusCode::NOT_FOUND, "BLOB_UNKNOWN"),
            Self::BlobUploadUnknown => (StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN"),
            Self::ChunkOutOfOrder => (StatusCode::RANGE_NOT_SATISFIABLE, "BLOB_UPLOAD_INVALID"),
            Self::BrokenOff(_) => (StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID"),
            Self::DigestInvalid => (StatusCode::BAD_REQUEST, "DIGEST_INVALID"),
            Self::ReferenceInvalid | Self::ManifestUnknown => (StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN"),
            Self::ManifestUnreadable(_) => (StatusCode::PAYLOAD_TOO_LARGE, "MANIFEST_INVALID"),
            Self::NoMediaType | Self::ManifestInvalid(_) => (StatusCode::BAD_REQUEST, "MANIFEST_INVALID"),
            Self::ManifestBlobUnknown(_) => (StatusCode::BAD_REQUEST, "MANIFEST_BLOB_UNKNOWN"),
            Self::Folder(_) => (StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN"),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        if let Self::Folder(error) = &self {
            tracing::error!(%error, "the registry backend failed");
        }
        let (status, code) = self.code();
        (status, Json(json!({ "errors": [{ "code": code, "message": self.to_string() }] }))).into_response()
    }
}
