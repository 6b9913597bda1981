use std::{
    error::Error,
    sync::Arc,
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::Client;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use lambda_http::{Context, LambdaEvent, Service as _};
use pack_format::Limits;
use pack_upload::{
    aws::{Events, Lease, Queue, Staging, Table},
    identity::{self, OrgLimit, OrgLimits},
    lambda::http::{self, Api},
    lifecycle::Lifecycle,
    local::{Keys, seed},
    records::Timestamp,
    requeue::{self, Requeue},
    upload::Uploads,
};
use serde_json::{Value, json};
use strum::VariantArray as _;
use test_support::{Embedded, Meter, Usage, archive::Archive, event};

/// The form boundary in the `content-type` header of `events/upload-http-api.json`.
const BOUNDARY: &str = "------------------------d74496d66958873e";

/// The API and requeue, on embedded backends.
pub(crate) struct Service {
    pub(crate) embedded: Embedded,
    /// A client for the table. Its calls are not metered.
    pub(crate) table: Table,
    api: Arc<Api>,
    requeue: Requeue,
    meter: Meter,
    keys: Keys,
}

/// The cost of a request, or of a run of requeue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) usage: Usage,
    pub(crate) time: Duration,
}

impl Service {
    pub(crate) async fn start() -> Result<Self, Box<dyn Error>> {
        let embedded = Embedded::start().await;
        let Embedded { backends, clients, options, queues, .. } = &embedded;
        let table = Table::new(clients.dynamodb.clone(), options.table_name.clone());
        let keys = seed(&table).await?;

        let meter = Meter::default();
        let dynamodb = clients.dynamodb.config().to_builder().interceptor(meter.clone()).build();
        let s3 = clients.s3.config().to_builder().interceptor(meter.clone()).build();
        let sqs = clients.sqs.config().to_builder().interceptor(meter.clone()).build();
        let sqs = aws_sdk_sqs::Client::from_conf(sqs);
        let metered = Table::new(Client::from_conf(dynamodb), options.table_name.clone());
        let (builds, purges) = (queues.builds.clone(), queues.purges.clone());
        let staging = Staging::new(aws_sdk_s3::Client::from_conf(s3), options.staging_bucket.clone());
        // Lift the limits: the benchmark's orgs have more packs than the default limits allow.
        let org_limits: OrgLimits = OrgLimit::VARIANTS.iter().map(|&limit| (limit, u64::MAX)).collect();
        let uploads = Uploads {
            table: metered.clone(),
            staging: staging.clone(),
            queue: Queue::new(sqs.clone(), builds.clone()),
            registry: backends.registry.clone(),
            limits: Arc::new(Limits::default()),
            large_limits: Arc::new(Limits::large()),
            org_limits,
            deadline: Duration::from_secs(20),
        };
        let lifecycle = Lifecycle {
            table: metered.clone(),
            purges: Queue::new(sqs.clone(), purges.clone()),
            purge_wait: Duration::from_secs(15),
        };
        let requeue = Requeue {
            table: metered.clone(),
            staging,
            queue: Queue::new(sqs.clone(), builds),
            purges: Queue::new(sqs, purges),
            events: Events::new(metered, None),
            settings: requeue::Settings::default(),
        };
        // Disable the cache, so that the cost of every request includes reading its credential from the table.
        let identity = identity::Settings { cache_for: Duration::ZERO, ..identity::Settings::default() };
        let api = Arc::new(Api::new(uploads, lifecycle, &identity));
        Ok(Self { table, api, requeue, meter, keys, embedded })
    }

    /// Lists packs as acme.
    pub(crate) async fn list(&self, query: &str) -> Result<Cost, Box<dyn Error>> {
        let mut event = event("list");
        event["rawQueryString"] = json!(query);
        let (cost, response) = self.request(event).await?;
        if response["statusCode"] == 200 { Ok(cost) } else { Err(format!("not listed: {response}").into()) }
    }

    /// Uploads a pack. Returns the cost and the pack's id.
    pub(crate) async fn upload(
        &self,
        org: &str,
        visibility: &str,
        name: &str,
        version: &str,
    ) -> Result<(Cost, String), Box<dyn Error>> {
        let mut event = event("upload-http-api");
        event["headers"]["authorization"] = json!(format!("Bearer {}", self.keys[org]["full_access"]));
        let mut body = Vec::new();
        let archive = Archive::pack_named(name, version).tar_gz();
        for (part, content) in [("visibility", visibility.as_bytes()), ("archive", &archive)] {
            let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{part}\"\r\n\r\n");
            body.extend([head.as_bytes(), content, b"\r\n"].concat());
        }
        body.extend(format!("--{BOUNDARY}--\r\n").bytes());
        event["body"] = json!(STANDARD.encode(body));
        let (cost, response) = self.request(event).await?;
        if response["statusCode"] != 201 {
            return Err(format!("not accepted: {response}").into());
        }
        let record: Value = serde_json::from_str(response["body"].as_str().unwrap_or_default())?;
        Ok((cost, record["id"].as_str().unwrap_or_default().to_owned()))
    }

    /// Empties the build queue, then runs requeue. Because no job waits in the queue, requeue sends the job of each
    /// build that is due. Returns an error unless it sends `due` jobs.
    pub(crate) async fn sweep(&self, due: usize) -> Result<Cost, Box<dyn Error>> {
        self.empty_queue().await?;
        let start = Instant::now();
        self.meter.take();
        let sweep = self.requeue.sweep().await?;
        let cost = Cost { usage: self.meter.take(), time: start.elapsed() };
        if sweep.sent == due { Ok(cost) } else { Err(format!("{due} builds are due, but: {sweep:?}").into()) }
    }

    /// Publishes a pack's version and marks its record as ready, as a build does, but pushes no image.
    pub(crate) async fn make_ready(&self, id: &str) -> Result<(), Box<dyn Error>> {
        let record = self.table.record(id.parse()?).await?.ok_or("no record")?;
        let now = Timestamp::now();
        let lease = Lease::new(now + Duration::from_secs(60));
        let is_ready = self.table.begin_build(&record, &lease, now).await?
            && self.table.publish(&record, &lease).await?
            && self.table.mark_ready(&record, &lease, now).await?;
        if is_ready { Ok(()) } else { Err("the pack was not made ready".into()) }
    }

    async fn request(&self, event: Value) -> Result<(Cost, Value), Box<dyn Error>> {
        let event = LambdaEvent::new(serde_json::from_value(event)?, Context::default());
        let mut function = http::function(Arc::clone(&self.api));
        let start = Instant::now();
        self.meter.take();
        let Ok(response) = function.call(event).await;
        let cost = Cost { usage: self.meter.take(), time: start.elapsed() };
        Ok((cost, serde_json::to_value(&response)?))
    }

    /// Deletes all jobs in the build queue.
    async fn empty_queue(&self) -> Result<(), Box<dyn Error>> {
        let Embedded { clients, queues, .. } = &self.embedded;
        loop {
            let receive = clients.sqs.receive_message().queue_url(&queues.builds).max_number_of_messages(10);
            let jobs = receive.send().await?.messages.unwrap_or_default();
            if jobs.is_empty() {
                return Ok(());
            }
            for job in jobs {
                let handle = job.receipt_handle.unwrap_or_default();
                clients.sqs.delete_message().queue_url(&queues.builds).receipt_handle(handle).send().await?;
            }
        }
    }
}
