use std::io;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use pack_format::Digest;
use serde_json::json;

/// An error response of the registry (OCI distribution spec, "Error Codes").
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("no such endpoint")]
    NoEndpoint,
    #[error("the endpoint does not support this method")]
    MethodUnsupported,
    #[error("invalid query")]
    QueryInvalid,
    #[error("invalid repository name")]
    NameInvalid,
    #[error("no such repository")]
    NameUnknown,
    #[error("no such blob")]
    BlobUnknown,
    #[error("no such upload session, or another request is using it")]
    BlobUploadUnknown,
    #[error("the chunk does not start where the previous one ended")]
    ChunkOutOfOrder,
    #[error("the chunk is incomplete")]
    ChunkIncomplete(#[source] axum::Error),
    #[error("the digest is not the sha256 digest of the content")]
    DigestInvalid,
    #[error("no such manifest; a reference must be a tag or a sha256 digest")]
    ReferenceInvalid,
    #[error("no such manifest")]
    ManifestUnknown,
    #[error("the manifest is incomplete or too large")]
    ManifestUnreadable(#[source] axum::Error),
    #[error("the manifest has no Content-Type")]
    NoMediaType,
    #[error("invalid manifest: {0}")]
    ManifestInvalid(serde_json::Error),
    #[error("the manifest refers to {0}, which does not exist")]
    ManifestBlobUnknown(Digest),
    #[error("the registry's storage failed")]
    Storage(#[from] io::Error),
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
            Self::ChunkIncomplete(_) => (StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID"),
            Self::DigestInvalid => (StatusCode::BAD_REQUEST, "DIGEST_INVALID"),
            Self::ReferenceInvalid | Self::ManifestUnknown => (StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN"),
            Self::ManifestUnreadable(_) => (StatusCode::PAYLOAD_TOO_LARGE, "MANIFEST_INVALID"),
            Self::NoMediaType | Self::ManifestInvalid(_) => (StatusCode::BAD_REQUEST, "MANIFEST_INVALID"),
            Self::ManifestBlobUnknown(_) => (StatusCode::BAD_REQUEST, "MANIFEST_BLOB_UNKNOWN"),
            Self::Storage(_) => (StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN"),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        if let Self::Storage(error) = &self {
            tracing::error!(%error, "the registry backend failed");
        }
        let (status, code) = self.code();
        (status, Json(json!({ "errors": [{ "code": code, "message": self.to_string() }] }))).into_response()
    }
}
