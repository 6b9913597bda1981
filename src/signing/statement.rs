//! in-toto statements (in-toto attestation framework, `spec/v1/statement.md`) with SLSA provenance
//! (slsa.dev/spec/v1.0/provenance). docs/attestations.md describes the values.

use std::collections::BTreeMap;

use pack_format::{Digest, PackName, Version};
use serde::{Deserialize, Serialize};

use crate::records::{ImageFormat, OrgId, PackId, Record, Timestamp};

const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
pub const PREDICATE_TYPE: &str = "https://slsa.dev/provenance/v1";
/// The `buildType` URI. It tells verifiers how to interpret the parameters and dependencies.
const BUILD_TYPE: &str = "https://evershell.ai/pack-upload/build/v1";
const BUILDER_ID: &str = "https://evershell.ai/pack-upload/builder";

/// A statement about how an image was built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    #[serde(rename = "_type")]
    statement_type: String,
    subject: [Resource; 1],
    predicate_type: String,
    predicate: Provenance,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Resource {
    name: String,
    digest: DigestSet,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct DigestSet {
    /// In hexadecimal digits.
    sha256: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Provenance {
    build_definition: BuildDefinition,
    run_details: RunDetails,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BuildDefinition {
    build_type: String,
    external_parameters: ExternalParameters,
    internal_parameters: InternalParameters,
    resolved_dependencies: [Resource; 1],
}

/// What the uploader controls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ExternalParameters {
    org_id: OrgId,
    name: PackName,
    version: Version,
}

/// What the service controls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct InternalParameters {
    pack_id: PackId,
    attempt: u32,
    image_format: ImageFormat,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct RunDetails {
    builder: BuilderIdentity,
    metadata: Metadata,
    byproducts: [Resource; 1],
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct BuilderIdentity {
    id: String,
    version: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    started_on: Timestamp,
    finished_on: Timestamp,
}

impl Statement {
    /// Returns the statement about the image of `record`'s current attempt.
    pub fn new(record: &Record, started_on: Timestamp, finished_on: Timestamp) -> Self {
        let release = &record.release;
        let repository = release.image_ref.rsplit_once(':').map_or(&*release.image_ref, |(repository, _)| repository);
        let version = (env!("CARGO_PKG_NAME").to_owned(), env!("CARGO_PKG_VERSION").to_owned());
        Self {
            statement_type: STATEMENT_TYPE.to_owned(),
            subject: [Resource::new(repository, release.image_digest)],
            predicate_type: PREDICATE_TYPE.to_owned(),
            predicate: Provenance {
                build_definition: BuildDefinition {
                    build_type: BUILD_TYPE.to_owned(),
                    external_parameters: ExternalParameters {
                        org_id: release.org_id,
                        name: release.manifest.name.clone(),
                        version: release.manifest.version.clone(),
                    },
                    internal_parameters: InternalParameters {
                        pack_id: record.id,
                        attempt: record.build.attempt,
                        image_format: release.image_format,
                    },
                    resolved_dependencies: [Resource::new("archive", release.archive_sha256)],
                },
                run_details: RunDetails {
                    builder: BuilderIdentity { id: BUILDER_ID.to_owned(), version: BTreeMap::from([version]) },
                    metadata: Metadata { started_on, finished_on },
                    byproducts: [Resource::new("layer", release.layer_digest)],
                },
            },
        }
    }

    /// Returns whether both statements are about the same attempt to build the same image. The times may differ.
    pub fn is_same_build(&self, other: &Self) -> bool {
        self.subject == other.subject && self.predicate.build_definition == other.predicate.build_definition
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("structs with text keys always serialize")
    }
}

impl Resource {
    fn new(name: &str, digest: Digest) -> Self {
        Self { name: name.to_owned(), digest: DigestSet { sha256: hex::encode(digest.as_bytes()) } }
    }
}
