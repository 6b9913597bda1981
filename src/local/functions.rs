use std::{convert::Infallible, sync::Arc, time::Duration};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use tower::Service;

use super::{Clients, Options, QueueUrls};
use crate::{
    aws::{Queue, Staging, Table},
    http::{self, Api},
    image::RegistryAddress,
    pack::Limits,
    upload::Uploads,
};

/// The handlers of the three Lambdas, on the backends of a local run.
#[derive(Debug, Clone)]
pub(super) struct Functions {
    api: Arc<Api>,
}

impl Functions {
    pub(super) fn new(clients: &Clients, queues: &QueueUrls, registry: &RegistryAddress, options: &Options) -> Self {
        let uploads = Uploads {
            table: Table::new(clients.dynamodb.clone(), options.table_name.clone()),
            staging: Staging::new(clients.s3.clone(), options.staging_bucket.clone()),
            queue: Queue::new(clients.sqs.clone(), queues.builds.clone()),
            registry: registry.clone(),
            limits: Arc::new(Limits::default()),
            deadline: Duration::from_secs(24),
        };
        Self { api: Arc::new(Api::new(uploads)) }
    }

    /// What `api` runs.
    pub(super) fn api(
        &self,
    ) -> impl Service<
        lambda_http::Request,
        Response = lambda_http::Response<lambda_http::Body>,
        Error = Infallible,
        Future: Send,
    >
    + Clone
    + Send
    + Sync
    + 'static
    + use<> {
        http::service(Arc::clone(&self.api))
    }

    /// What `builder` runs.
    pub(super) async fn build(self, _batch: SqsEvent) -> SqsBatchResponse {
        todo!("the builder is not merged yet")
    }

    /// What `requeue` runs, for builds that were last enqueued longer than `age` ago.
    pub(super) async fn requeue(&self, _age: Duration) {
        todo!("requeue is not merged yet")
    }
}
