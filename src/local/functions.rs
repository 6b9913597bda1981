use std::{env, path::Path, sync::Arc};

use super::{Error, Issuer, Options, QueueUrls, sdk::Sdk, transactions};
use crate::{
    aws::{self, EventBus, Events, Queue, Staging, Table},
    build::Builder,
    config,
    lambda::{http::Api, sqs::Handlers},
    lifecycle::{Lifecycle, Purger},
    registry::{Registry, RegistryAddress},
    requeue::Requeue,
    signing::Signer,
    upload::Uploads,
};

/// The default for `REQUEUE_AFTER_MS` in a local run. It exceeds the time during which the local queue itself
/// redelivers a job: 5 deliveries with a visibility timeout of 30 s each.
const REQUEUE_AFTER_MS: &str = "180000";

/// The default for `BUILD_LEASE_MS` in a local run: the default for `PUSH_TIMEOUT_MS` plus a minute for the rest of a
/// build. It is shorter than the time during which the local queue redelivers a job. So if a killed run leaves a build
/// unfinished, the next run still redelivers its job after the lease has expired.
const BUILD_LEASE_MS: &str = "120000";

/// The handlers for the three Lambda functions, configured for the backends of a local run.
#[derive(Debug, Clone)]
pub(super) struct Functions {
    pub(super) table: Table,
    pub(super) api: Arc<Api>,
    pub(super) handlers: Handlers,
    pub(super) requeue: Requeue,
}

impl Functions {
    /// Configures the handlers from environment variables, as in Lambda. The local run itself sets the variables that
    /// name a backend or the issuer, and has its own defaults for `REQUEUE_AFTER_MS`, `BUILD_LEASE_MS`, `SIGNING` and
    /// `SIGNING_KEY_FILE`. It ignores `SESSION_AUDIENCE`, and also `REGISTRY_AUTH` if the registry is embedded.
    pub(super) fn new(
        sdk: &Sdk,
        queues: &QueueUrls,
        registry: &RegistryAddress,
        issuer: &Issuer,
        signing_key: &Path,
        options: &Options,
    ) -> Result<Self, Error> {
        let lookup = |variable: &str| match variable {
            "TABLE_NAME" => Some(options.table_name.clone()),
            "STAGING_BUCKET" => Some(options.staging_bucket.clone()),
            "BUILD_QUEUE_URL" => Some(queues.builds.clone()),
            "PURGE_QUEUE_URL" => Some(queues.purges.clone()),
            "REGISTRY" => Some(registry.to_string()),
            "SESSION_ISSUER" => Some(issuer.url.clone()),
            "SESSION_JWKS_URL" => Some(issuer.jwks_url()),
            "SESSION_AUDIENCE" => None,
            // The embedded registry needs no credentials.
            "REGISTRY_AUTH" if options.registry.is_none() => None,
            "SIGNING" => env::var(variable).ok().or_else(|| Some("file".to_owned())),
            "SIGNING_KEY_FILE" => env::var(variable).ok().or_else(|| Some(signing_key.to_string_lossy().into_owned())),
            "REQUEUE_AFTER_MS" => env::var(variable).ok().or_else(|| Some(REQUEUE_AFTER_MS.to_owned())),
            "BUILD_LEASE_MS" => env::var(variable).ok().or_else(|| Some(BUILD_LEASE_MS.to_owned())),
            _ => env::var(variable).ok(),
        };
        let api = config::Api::read(lookup)?;
        let builder = config::Builder::read(lookup)?;
        let requeue = config::Requeue::read(lookup)?;

        let timeouts = &api.timeouts;
        let dynamodb = aws::dynamodb(&sdk.dynamodb, timeouts);
        let dynamodb =
            if options.dynamodb_endpoint.is_none() { transactions::without_tokens(&dynamodb) } else { dynamodb };
        let table = Table::new(dynamodb, api.table_name)
            .with_community_cache(api.community_cache)
            .with_resend_after(api.resend_after)
            .with_events(builder.event_bus_name.is_some());
        let bus = builder.event_bus_name.map(|name| EventBus::new(aws::eventbridge(&sdk.aws, timeouts), name));
        let events = Events::new(table.clone(), bus);
        let staging = Staging::new(aws::s3(&sdk.s3, timeouts, true), api.staging_bucket);
        let signer = builder.signing.map(|signing| Signer::new(signing, &sdk.aws, timeouts)).transpose()?;
        let sqs = aws::sqs(&sdk.sqs, timeouts);
        let queue = Queue::new(sqs.clone(), api.build_queue_url);
        let purges = Queue::new(sqs, api.purge_queue_url);
        let registry = Registry::new(builder.registry, &sdk.aws, timeouts);
        let uploads = Uploads {
            table: table.clone(),
            staging: staging.clone(),
            queue: queue.clone(),
            registry: api.registry,
            limits: Arc::new(api.limits),
            large_limits: Arc::new(api.large_limits),
            org_limits: api.org_limits,
            deadline: api.deadline,
        };
        let lifecycle = Lifecycle { table: table.clone(), purges: purges.clone(), purge_wait: api.purge_wait };
        let purger = Purger {
            table: table.clone(),
            registry: registry.clone(),
            events: events.clone(),
            attestations: staging.attestations(),
            lease: builder.lease,
            lease_wait: Purger::LEASE_WAIT,
        };
        let builder = Builder {
            table: table.clone(),
            attestations: staging.attestations(),
            staging: staging.clone(),
            registry,
            events: events.clone(),
            signer,
            limits: Arc::new(builder.limits),
            lease: builder.lease,
        };
        Ok(Self {
            api: Arc::new(Api::new(uploads, lifecycle, &api.identity)),
            handlers: Handlers { builder, purger },
            requeue: Requeue { table: table.clone(), staging, queue, purges, events, settings: requeue.settings },
            table,
        })
    }
}
