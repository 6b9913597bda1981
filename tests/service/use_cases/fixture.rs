use std::{
    io::{Cursor, Read, Seek},
    sync::Arc,
    time::Duration,
};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use pack_format::{
    Limits, Tree,
    image::{Image, write_layer},
};
use pack_upload::{
    aws::{Events, Job, Queue, SavedImages, Staging, Table, Timeouts},
    build::{BuildOutcome, Builder},
    identity::{Billing, Caller, Org, OrgLimits, Permission},
    lambda::sqs::Handlers,
    lifecycle::{Lifecycle, Operator, Purger},
    records::{OrgId, Record, Visibility},
    registry::{self, Credentials, Layer, PushError, Registry, RegistryAddress, Settings},
    requeue::{self, Requeue},
    upload::{Accepted, Archive, Outcome, Submission, UploadError, Uploads},
};
use test_support::{
    manifest::manifest,
    validation::{ValidatedPack, validate},
};
use tokio::time::Instant;

use crate::{support::Embedded, table::support::count_items};

/// The result of [`Fixture::pullable`] for a record whose image is not in the registry.
pub(crate) const NOTHING: [Option<String>; 2] = [None, None];

/// The use cases with embedded backends.
pub(crate) struct Fixture {
    pub(crate) uploads: Uploads,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) builder: Builder,
    pub(crate) purger: Purger,
    pub(crate) org: Org,
    pub(crate) embedded: Embedded,
}

impl Fixture {
    pub(crate) async fn start() -> Self {
        let embedded = Embedded::start().await;
        let Embedded { backends, clients, options, queues, .. } = &embedded;
        // A build or purge is due again immediately after its job is sent.
        let table = Table::new(clients.dynamodb.clone(), options.table_name.clone()).with_resend_after(Duration::ZERO);
        let staging = Staging::new(clients.s3.clone(), options.staging_bucket.clone());
        let large_limits = Arc::new(Limits::large());
        let uploads = Uploads {
            table: table.clone(),
            staging: staging.clone(),
            queue: Queue::new(clients.sqs.clone(), queues.builds.clone()),
            registry: backends.registry.clone(),
            limits: Arc::new(Limits::default()),
            large_limits: large_limits.clone(),
            org_limits: OrgLimits::unlimited(),
            deadline: Duration::from_secs(24),
        };
        let lifecycle = Lifecycle {
            table: table.clone(),
            purges: Queue::new(clients.sqs.clone(), queues.purges.clone()),
            purge_wait: Duration::from_millis(200),
        };
        let registry = registry(&backends.registry, Credentials::None);
        let events = Events::new(table.clone(), None);
        let purger = Purger {
            table: table.clone(),
            registry: registry.clone(),
            events: events.clone(),
            attestations: staging.attestations(),
            lease: Duration::from_secs(60),
            lease_wait: Duration::from_millis(200),
        };
        let builder = Builder {
            table,
            attestations: staging.attestations(),
            staging,
            registry,
            events,
            signer: None,
            limits: large_limits,
            lease: Duration::from_secs(60),
        };
        let org = Org {
            id: OrgId::generate(),
            slug: "acme".parse().unwrap(),
            billing: Billing::Active,
            limits: OrgLimits::default(),
        };
        Self { uploads, lifecycle, builder, purger, org, embedded }
    }

    pub(crate) fn operator(&self) -> Operator {
        let Embedded { clients, options, .. } = &self.embedded;
        Operator {
            actor: "tester".to_owned(),
            table: self.uploads.table.clone(),
            builds: self.uploads.queue.clone(),
            purges: self.lifecycle.purges.clone(),
            registry: self.builder.registry.clone(),
            saved_images: SavedImages::new(clients.s3.clone(), options.staging_bucket.clone()),
            lease: Duration::from_secs(60),
            lease_wait: Duration::from_millis(200),
            purge_wait: Duration::from_millis(200),
        }
    }

    /// Returns a caller from the org that owns the packs.
    pub(crate) fn caller(&self) -> Caller {
        Caller {
            org: self.org.clone(),
            permissions: vec![Permission::CapsWrite],
            credential_id: "key:0123456789ab".to_owned(),
        }
    }

    pub(crate) fn handlers(&self) -> Handlers {
        Handlers { builder: self.builder.clone(), purger: self.purger.clone() }
    }

    pub(crate) fn requeue(&self, settings: requeue::Settings) -> Requeue {
        let (table, queue, purges) =
            (self.uploads.table.clone(), self.uploads.queue.clone(), self.lifecycle.purges.clone());
        let staging = self.uploads.staging.clone();
        Requeue { table, staging, queue, purges, events: self.builder.events.clone(), settings }
    }

    pub(crate) async fn try_submit(&self, submission: Submission) -> Result<Accepted, UploadError> {
        submit(&self.uploads, &self.org, submission).await
    }

    pub(crate) async fn submit(&self, submission: Submission) -> Outcome {
        self.try_submit(submission).await.unwrap().outcome
    }

    /// Uploads a pack and returns its record. Panics unless the upload created the record.
    pub(crate) async fn create(&self, submission: Submission) -> Record {
        match self.submit(submission).await {
            Outcome::Created(record) => record,
            Outcome::Existing(record) | Outcome::QueuedAgain(record) => panic!("{} exists", record.id),
        }
    }

    /// Uploads and builds a pack. Returns its record as it was before the build.
    pub(crate) async fn ready(&self, behavior: &str) -> Record {
        let record = self.create(pack(behavior)).await;
        assert_eq!(self.builder.build(Job::from(&record)).await.unwrap(), BuildOutcome::Ready);
        record
    }

    /// Requests a record's image manifest by tag and by digest. Returns the digest in each response, or `None` if the
    /// manifest does not exist.
    pub(crate) async fn pullable(&self, record: &Record) -> [Option<String>; 2] {
        let (repository, tag) = record.release.image_ref.split_once('/').unwrap().1.split_once(':').unwrap();
        let mut found = [None, None];
        for (found, reference) in found.iter_mut().zip([tag, &record.release.image_digest.to_string()]) {
            let url = format!("http://{}/v2/{repository}/manifests/{reference}", self.embedded.backends.registry);
            let response = reqwest::get(url).await.unwrap();
            *found = response.headers().get("docker-content-digest").map(|digest| digest.to_str().unwrap().to_owned());
        }
        found
    }

    pub(crate) async fn read(&self, record: &Record) -> Record {
        self.uploads.table.record(record.id).await.unwrap().unwrap()
    }

    /// Counts the items in the table, except those in the partitions of names, quotas and request counters.
    pub(crate) async fn items(&self) -> usize {
        count_items(&self.embedded.clients.dynamodb, &self.embedded.options.table_name).await
    }

    /// Returns the number of objects in the bucket that belong to saved images.
    pub(crate) async fn saved_objects(&self) -> usize {
        let list = self.embedded.clients.s3.list_objects_v2().bucket(&self.embedded.options.staging_bucket);
        list.prefix("quarantine/").send().await.unwrap().contents().len()
    }

    /// Receives all visible jobs from the build queue.
    pub(crate) async fn jobs(&self) -> Vec<Job> {
        let mut jobs = Vec::new();
        loop {
            let receive = self
                .embedded
                .clients
                .sqs
                .receive_message()
                .queue_url(&self.embedded.queues.builds)
                .max_number_of_messages(10);
            let received = receive.wait_time_seconds(0).send().await.unwrap();
            if received.messages().is_empty() {
                return jobs;
            }
            jobs.extend(
                received.messages().iter().map(|message| serde_json::from_str::<Job>(message.body().unwrap()).unwrap()),
            );
        }
    }

    /// Sets a record's status to `failed`, regardless of its state.
    pub(crate) async fn fail(&self, record: &Record) {
        let update = self.embedded.clients.dynamodb.update_item().table_name(&self.embedded.options.table_name);
        let text = |text: String| AttributeValue::S(text);
        let update = update.key("pk", text(format!("PACK#{}", record.id))).key("sk", text("PACK".to_owned()));
        let update = update.update_expression("SET build_status = :failed REMOVE due_at");
        update.expression_attribute_values(":failed", text("failed".to_owned())).send().await.unwrap();
    }

    /// Deletes the staged archive, as the bucket's lifecycle rule does.
    pub(crate) async fn expire(&self, record: &Record) {
        let delete = self.embedded.clients.s3.delete_object().bucket(&self.embedded.options.staging_bucket);
        delete.key(&record.build.staging_key).send().await.unwrap();
    }
}

pub(crate) fn registry(address: &RegistryAddress, credentials: Credentials) -> Registry {
    registry_with_timeout(address, credentials, Duration::from_secs(60))
}

pub(crate) fn registry_with_timeout(
    address: &RegistryAddress,
    credentials: Credentials,
    push_timeout: Duration,
) -> Registry {
    let settings = Settings { address: address.clone(), credentials, plain_http: false, push_timeout };
    Registry::new(settings, &SdkConfig::builder().build(), &Timeouts::default())
}

pub(crate) struct Validated {
    pub(crate) image: Image,
    pub(crate) tree: Tree,
    pub(crate) contents: Cursor<Vec<u8>>,
}

impl Validated {
    /// Validates the archive from [`tools`] and assembles its image.
    pub(crate) fn pack(behavior: &str) -> Self {
        Self::archive(&tools(behavior))
    }

    pub(crate) fn archive(archive: &[u8]) -> Self {
        let mut validated = validate(archive).unwrap();
        let image = validated.image();
        let ValidatedPack { pack, contents } = validated;
        Self { image, tree: pack.tree, contents }
    }
}

/// Pushes an image by its digest, as a build does. `may_exist` is false in the first try of a build.
pub(crate) async fn push_image(
    registry: &Registry,
    image_ref: &str,
    image: &Image,
    may_exist: bool,
    tree: Tree,
    mut contents: impl Read + Seek + Send + 'static,
) -> Result<(), registry::Error> {
    let uploads = registry.open_image(image_ref, image, may_exist).await?;
    let layer = Layer::write(image.layer.size, move |layer| write_layer(&tree, &mut contents, layer));
    match registry.push(image_ref, image, uploads, layer).await {
        Ok(()) => Ok(()),
        Err(PushError::Registry(error)) => Err(error),
        Err(PushError::Layer(error)) => panic!("{error}"),
    }
}

/// Returns a submission of the pack `tools` 1.0.0 with `behavior` in its `behavior.md`.
pub(crate) fn pack(behavior: &str) -> Submission {
    submission(tools(behavior))
}

/// Returns a submission of the same pack as [`pack`], with an archive in layer order.
pub(crate) fn sorted_pack(behavior: &str) -> Submission {
    submission(sorted_tools(behavior))
}

/// Returns a submission of an archive in the request, with the visibility `org`.
pub(crate) fn submission(archive: Bytes) -> Submission {
    Submission {
        archive: Archive::InRequest(archive),
        visibility: Visibility::Org,
        uploaded_by: "key:0123456789ab".to_owned(),
        arrived_at: Instant::now(),
    }
}

/// Prepares an upload and commits it, as the API does.
pub(crate) async fn submit(uploads: &Uploads, org: &Org, submission: Submission) -> Result<Accepted, UploadError> {
    let prepared = uploads.prepare(org, submission).await?;
    uploads.commit(org, prepared).await
}

/// Returns the archive that [`pack`] submits.
pub(crate) fn tools(behavior: &str) -> Bytes {
    archive(&[("pack.yaml", &manifest("tools", "1.0.0")), ("behavior.md", behavior)])
}

/// Returns the archive that [`sorted_pack`] submits.
pub(crate) fn sorted_tools(behavior: &str) -> Bytes {
    archive(&[("behavior.md", behavior), ("pack.yaml", &manifest("tools", "1.0.0"))])
}

pub(crate) fn archive(files: &[(&str, &str)]) -> Bytes {
    test_support::archive::Archive::new().files(files).tar_gz().into()
}
