use std::path::Path;

use pack_upload::local::Options;

/// An AWS emulator at `TEST_AWS_ENDPOINT` that replaces the embedded S3, DynamoDB and SQS (see
/// `tests/scripts/on-moto`). All tests share the emulator, so each test has its own table, bucket and queues.
#[derive(Debug)]
pub(crate) struct AwsEmulator {
    endpoint: String,
    /// The name of the test's table, bucket and build queue.
    name: String,
    /// The name of the test's purge queue.
    purge_queue: String,
}

impl AwsEmulator {
    /// Returns the emulator if `TEST_AWS_ENDPOINT` is set. Derives the names of the table, the bucket and the queues
    /// from the name of the data directory.
    pub(crate) fn from_env(data: &Path) -> Option<Self> {
        let endpoint = std::env::var("TEST_AWS_ENDPOINT").ok()?;
        let directory = data.file_name().unwrap().to_str().unwrap().to_ascii_lowercase();
        let name = format!("test-{}", directory.trim_start_matches('.'));
        Some(Self { endpoint, purge_queue: format!("{name}-purges"), name })
    }

    /// Returns the environment variables that make `local` use the emulator.
    pub(crate) fn variables(&self) -> Vec<(&'static str, &str)> {
        let endpoints = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_SQS"];
        let names = ["TABLE_NAME", "STAGING_BUCKET", "BUILD_QUEUE"];
        let endpoints = endpoints.map(|variable| (variable, &*self.endpoint));
        let names = names.map(|variable| (variable, &*self.name));
        endpoints.into_iter().chain(names).chain([("PURGE_QUEUE", &*self.purge_queue)]).collect()
    }

    /// Returns `options` with the changes that make [`Embedded`](super::Embedded) use the emulator.
    pub(crate) fn options(self, options: Options) -> Options {
        let Self { endpoint, name, purge_queue } = self;
        Options {
            s3_endpoint: Some(endpoint.clone()),
            dynamodb_endpoint: Some(endpoint.clone()),
            sqs_endpoint: Some(endpoint),
            table_name: name.clone(),
            staging_bucket: name.clone(),
            build_queue: name,
            purge_queue,
            ..options
        }
    }
}
