//! in-toto statements (in-toto attestation framework, `spec/v1/statement.md`) with SLSA provenance
//! (slsa.dev/spec/v1.0/provenance).

use pack_format::{Digest, PackName, Version};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
pub const PREDICATE_TYPE: &str = "https://slsa.dev/provenance/v1";
/// The URI that identifies what the parameters and dependencies in the provenance mean (SLSA, `buildType`).
const BUILD_TYPE: &str = "https://evershell.ai/pack-upload/build/v1";
pub const BUILDER_ID: &str = "https://evershell.ai/pack-upload/builder";
/// The builder component whose version a statement contains (SLSA, `builder.version`).
pub const SERVICE: &str = "pack-upload";
const ARCHIVE: &str = "archive";
const LAYER: &str = "layer";

/// A statement about how an image was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The image's repository, including the registry's host.
    pub repository: String,
    pub image_digest: Digest,
    pub org_id: String,
    pub name: PackName,
    pub version: Version,
    pub pack_id: String,
    pub attempt: u32,
    pub image_format: u32,
    /// The SHA-256 of the archive as received.
    pub archive_sha256: Digest,
    pub layer_digest: Digest,
    /// The version of [`SERVICE`].
    pub builder_version: String,
    /// When the build started, in RFC 3339 format.
    pub started_on: String,
    /// When the build created the statement, in RFC 3339 format.
    pub finished_on: String,
}

/// The payload is not a statement like those that this service writes.
#[derive(Debug, thiserror::Error)]
#[error("not a statement with SLSA provenance of a pack's image")]
pub struct InvalidStatement;

impl Statement {
    /// Parses the payload of a bundle.
    pub fn from_json(json: &[u8]) -> Result<Self, InvalidStatement> {
        let JsonStatement { statement_type, subject: [image], predicate_type, predicate } =
            serde_json::from_slice(json).map_err(|_| InvalidStatement)?;
        let Provenance { build_definition: definition, run_details: details } = predicate;
        let ([archive], [layer]) = (definition.resolved_dependencies, details.byproducts);
        let expected = [
            (&statement_type, STATEMENT_TYPE),
            (&predicate_type, PREDICATE_TYPE),
            (&definition.build_type, BUILD_TYPE),
            (&details.builder.id, BUILDER_ID),
            (&archive.name, ARCHIVE),
            (&layer.name, LAYER),
        ];
        if expected.into_iter().any(|(found, expected)| found != expected) {
            return Err(InvalidStatement);
        }
        Ok(Self {
            repository: image.name,
            image_digest: image.digest,
            org_id: definition.external_parameters.org_id,
            name: definition.external_parameters.name,
            version: definition.external_parameters.version,
            pack_id: definition.internal_parameters.pack_id,
            attempt: definition.internal_parameters.attempt,
            image_format: definition.internal_parameters.image_format,
            archive_sha256: archive.digest,
            layer_digest: layer.digest,
            builder_version: details.builder.version.service,
            started_on: details.metadata.started_on,
            finished_on: details.metadata.finished_on,
        })
    }

    pub fn to_json(&self) -> Vec<u8> {
        let statement = JsonStatement {
            statement_type: STATEMENT_TYPE.to_owned(),
            subject: [Resource { name: self.repository.clone(), digest: self.image_digest }],
            predicate_type: PREDICATE_TYPE.to_owned(),
            predicate: Provenance {
                build_definition: BuildDefinition {
                    build_type: BUILD_TYPE.to_owned(),
                    external_parameters: ExternalParameters {
                        org_id: self.org_id.clone(),
                        name: self.name.clone(),
                        version: self.version.clone(),
                    },
                    internal_parameters: InternalParameters {
                        pack_id: self.pack_id.clone(),
                        attempt: self.attempt,
                        image_format: self.image_format,
                    },
                    resolved_dependencies: [Resource { name: ARCHIVE.to_owned(), digest: self.archive_sha256 }],
                },
                run_details: RunDetails {
                    builder: Builder {
                        id: BUILDER_ID.to_owned(),
                        version: BuilderVersion { service: self.builder_version.clone() },
                    },
                    metadata: Metadata { started_on: self.started_on.clone(), finished_on: self.finished_on.clone() },
                    byproducts: [Resource { name: LAYER.to_owned(), digest: self.layer_digest }],
                },
            },
        };
        serde_json::to_vec(&statement).expect("structs always serialize")
    }

    /// Returns whether both statements are about the same attempt to build the same image. Ignores the times and the
    /// builder's version.
    pub fn is_same_build(&self, other: &Self) -> bool {
        let same_run = Self {
            builder_version: self.builder_version.clone(),
            started_on: self.started_on.clone(),
            finished_on: self.finished_on.clone(),
            ..other.clone()
        };
        *self == same_run
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonStatement {
    #[serde(rename = "_type")]
    statement_type: String,
    subject: [Resource; 1],
    predicate_type: String,
    predicate: Provenance,
}

#[derive(Serialize, Deserialize)]
struct Resource {
    name: String,
    #[serde(serialize_with = "to_digest_set", deserialize_with = "from_digest_set")]
    digest: Digest,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Provenance {
    build_definition: BuildDefinition,
    run_details: RunDetails,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BuildDefinition {
    build_type: String,
    external_parameters: ExternalParameters,
    internal_parameters: InternalParameters,
    resolved_dependencies: [Resource; 1],
}

/// SLSA's `externalParameters`: the parameters that the uploader controls.
#[derive(Serialize, Deserialize)]
struct ExternalParameters {
    org_id: String,
    name: PackName,
    version: Version,
}

/// SLSA's `internalParameters`: the parameters that the service controls.
#[derive(Serialize, Deserialize)]
struct InternalParameters {
    pack_id: String,
    attempt: u32,
    image_format: u32,
}

#[derive(Serialize, Deserialize)]
struct RunDetails {
    builder: Builder,
    metadata: Metadata,
    byproducts: [Resource; 1],
}

#[derive(Serialize, Deserialize)]
struct Builder {
    id: String,
    version: BuilderVersion,
}

#[derive(Serialize, Deserialize)]
struct BuilderVersion {
    /// The key must be [`SERVICE`].
    #[serde(rename = "pack-upload")]
    service: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    started_on: String,
    finished_on: String,
}

#[derive(Serialize, Deserialize)]
struct DigestSet {
    /// In lower-case hexadecimal digits.
    sha256: String,
}

fn to_digest_set<S: Serializer>(digest: &Digest, serializer: S) -> Result<S::Ok, S::Error> {
    DigestSet { sha256: hex::encode(digest.as_bytes()) }.serialize(serializer)
}

fn from_digest_set<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
    let DigestSet { sha256 } = DigestSet::deserialize(deserializer)?;
    format!("sha256:{sha256}").parse().map_err(serde::de::Error::custom)
}
