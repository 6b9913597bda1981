//! Tests for the attestations that builds create. Docker's registry has no referrers API, so the tests that depend on
//! how a registry lists referrers also run against that registry if it is installed.

use attestation::Bundle;
use bytes::Bytes;
use pack_upload::{
    aws::{Attestations, Job, PurgeJob, Timeouts},
    build::{BuildError, BuildOutcome},
    lifecycle::PurgeOutcome,
    records::{BuildStatus, Record},
    registry::{Credentials, RegistryAddress},
    signing::{Settings, Signer},
    upload::Outcome,
};
use serde_json::{Value, json};

use super::{file_signer, key_file, new_key};
use crate::{
    support::{DockerOptions, DockerRegistry, Embedded, RepositoryClient, sdk},
    use_cases::fixture::{Fixture, pack, registry},
};

/// The use cases with signing enabled, and with either the embedded registry or Docker's registry.
struct Signing {
    fixture: Fixture,
    repository: RepositoryClient,
    _docker: Option<DockerRegistry>,
}

impl Signing {
    async fn start(docker: Option<DockerRegistry>) -> Self {
        let mut fixture = Fixture::start().await;
        fixture.builder.signer = Some(file_signer(&key_file(&new_key())).unwrap());
        let mut address: RegistryAddress = fixture.embedded.backends.registry.clone();
        if let Some(docker) = &docker {
            address = docker.address.clone();
            fixture.builder.registry = registry(&address, Credentials::None);
            fixture.purger.registry = fixture.builder.registry.clone();
            fixture.uploads.registry = address.clone();
        }
        Self { fixture, repository: RepositoryClient::new(&address, "acme/tools"), _docker: docker }
    }

    /// Starts the use cases with the embedded registry, and again with Docker's registry if that is installed.
    async fn start_all() -> Vec<Self> {
        let docker = DockerRegistry::start(DockerOptions { needs_password: false, deletes: true }).await;
        let mut all = vec![Self::start(None).await];
        if docker.is_some() {
            all.push(Self::start(docker).await);
        }
        all
    }

    async fn build(&self, record: &Record) -> Record {
        assert_eq!(self.fixture.builder.build(Job::from(record)).await.unwrap(), BuildOutcome::Ready);
        self.fixture.read(record).await
    }

    /// Returns the digests of the image's referrers.
    async fn referrers(&self, record: &Record) -> Vec<String> {
        let referrers = self.repository.referrers(&record.release.image_digest.to_string()).await;
        referrers.iter().map(|referrer| referrer["digest"].as_str().unwrap().to_owned()).collect()
    }

    fn attestations(&self) -> &Attestations {
        &self.fixture.builder.attestations
    }
}

#[tokio::test]
async fn a_retry_adds_no_attestation_and_a_new_attempt_adds_one() {
    for signing in Signing::start_all().await {
        let record = signing.fixture.create(pack("hello")).await;
        let first = signing.build(&record).await;
        let digest = first.attestation_digest.unwrap().to_string();
        let bundle = signing.attestations().get(&record.release).await.unwrap().unwrap();
        assert_eq!(signing.referrers(&record).await, [&*digest]);

        signing.fixture.fail(&record).await;
        assert_eq!(signing.build(&record).await.attestation_digest, first.attestation_digest);
        assert_eq!(signing.referrers(&record).await, [&*digest]);
        assert_eq!(signing.attestations().get(&record.release).await.unwrap().unwrap(), bundle);

        signing.fixture.fail(&record).await;
        let Outcome::QueuedAgain(again) = signing.fixture.submit(pack("hello")).await else { panic!("not queued") };
        let second = signing.build(&again).await.attestation_digest.unwrap().to_string();
        let (mut expected, mut found) = ([digest, second], signing.referrers(&record).await);
        expected.sort();
        found.sort();
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn a_retry_does_not_reuse_a_bundle_signed_with_a_previous_key() {
    let mut signing = Signing::start(None).await;
    let record = signing.fixture.create(pack("hello")).await;
    signing.build(&record).await;
    let signer = file_signer(&key_file(&new_key())).unwrap();
    let hint = signer.public_key().await.unwrap().hint();
    signing.fixture.builder.signer = Some(signer);
    signing.fixture.fail(&record).await;
    signing.build(&record).await;
    let bundle = signing.attestations().get(&record.release).await.unwrap().unwrap();
    let bundle: Value = serde_json::from_slice(&bundle).unwrap();
    assert_eq!(bundle["verificationMaterial"]["publicKey"]["hint"], hint);
}

#[tokio::test]
async fn a_replaced_pack_leaves_no_bundle() {
    let signing = Signing::start(None).await;
    let first = signing.fixture.create(pack("first")).await;
    signing.attestations().put(&first.release, Bytes::from_static(b"{}")).await.unwrap();
    signing.fixture.fail(&first).await;
    let second = signing.fixture.create(pack("second")).await;
    signing.build(&second).await;
    let Embedded { clients, options, .. } = &signing.fixture.embedded;
    let list = clients.s3.list_objects_v2().bucket(&options.staging_bucket).prefix("attestations/");
    assert_eq!(list.send().await.unwrap().contents().len(), 1);
}

#[tokio::test]
async fn a_statement_names_the_image_and_its_archive_but_not_the_uploader() {
    let signing = Signing::start(None).await;
    let record = signing.fixture.create(pack("hello")).await;
    let record = signing.build(&record).await;
    let bundle = signing.attestations().get(&record.release).await.unwrap().unwrap();
    let bundle = Bundle::from_json(&bundle).unwrap();
    let mut statement: Value = serde_json::from_slice(&bundle.payload).unwrap();
    let times = statement["predicate"]["runDetails"]["metadata"].take();
    let time = |name: &str| times[name].as_str().unwrap().to_owned();
    assert!(time("startedOn") >= record.created_at.to_string() && time("finishedOn") >= time("startedOn"));

    let release = &record.release;
    let digest = |digest: pack_format::Digest| json!({"sha256": digest.to_string().trim_start_matches("sha256:")});
    let repository = release.image_ref.strip_suffix(":1.0.0").unwrap();
    let expected = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": repository, "digest": digest(release.image_digest)}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://evershell.ai/pack-upload/build/v1",
                "externalParameters": {"org_id": release.org_id, "name": "tools", "version": "1.0.0"},
                "internalParameters": {"pack_id": record.id, "attempt": 1, "image_format": 1},
                "resolvedDependencies": [{"name": "archive", "digest": digest(release.archive_sha256)}],
            },
            "runDetails": {
                "builder": {
                    "id": "https://evershell.ai/pack-upload/builder",
                    "version": {"pack-upload": env!("CARGO_PKG_VERSION")},
                },
                "metadata": null,
                "byproducts": [{"name": "layer", "digest": digest(release.layer_digest)}],
            },
        },
    });
    assert_eq!(statement, expected);
    assert!(!statement.to_string().contains(&release.uploaded_by));
}

#[tokio::test]
async fn a_pack_that_cannot_be_attested_is_neither_tagged_nor_ready() {
    let mut signing = Signing::start(None).await;
    let working = signing.fixture.builder.signer.take();
    let timeouts = Timeouts::default();
    let unreachable = sdk("127.0.0.1:1".parse().unwrap()).await;
    let signer = Signer::new(Settings::Kms("alias/unreachable".to_owned()), &unreachable, &timeouts).unwrap();
    signing.fixture.builder.signer = Some(signer);

    let record = signing.fixture.create(pack("hello")).await;
    let error = signing.fixture.builder.build(Job::from(&record)).await.unwrap_err();
    assert!(matches!(error, BuildError::Signing(_)), "{error}");
    let found = signing.fixture.read(&record).await;
    assert_eq!((&found.build.status, found.attestation_digest), (&BuildStatus::Queued, None));
    assert!(found.build.last_error.unwrap().starts_with("a signing error: the KMS call GetPublicKey failed: "));
    assert_eq!(signing.repository.manifest("1.0.0").await, None);

    signing.fixture.builder.signer = working;
    assert!(signing.build(&record).await.attestation_digest.is_some());
}

#[tokio::test]
async fn a_deletion_removes_the_bundle_and_the_referrer() {
    for signing in Signing::start_all().await {
        let record = signing.fixture.create(pack("hello")).await;
        let digest = signing.build(&record).await.attestation_digest.unwrap().to_string();
        let deletion = signing.fixture.lifecycle.delete(&signing.fixture.caller(), record.id).await.unwrap();
        assert!(!deletion.is_complete);
        let purged = signing.fixture.purger.purge(PurgeJob { pack_id: record.id }).await.unwrap();
        assert_eq!(purged, PurgeOutcome::Deleted);

        assert_eq!(signing.repository.manifest(&digest).await, None);
        assert_eq!(signing.referrers(&record).await, Vec::<String>::new());
        assert_eq!(signing.repository.tags().await, Vec::<String>::new());
        assert_eq!(signing.attestations().get(&record.release).await.unwrap(), None);
    }
}
