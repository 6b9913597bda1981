use std::path::Path;

use pack_upload::local::Options;

/// Another AWS in place of the embedded one, which `TEST_AWS_ENDPOINT` names: see `tests/scripts/on-moto`. All tests
/// share it, so whoever uses it has a table, a bucket and a queue of its own.
#[derive(Debug)]
pub(crate) struct StandIn {
    endpoint: String,
    /// The name of the table, of the bucket and of the queue.
    name: String,
}

impl StandIn {
    /// The stand-in for whoever has this data folder, if there is one.
    pub(crate) fn of(data: &Path) -> Option<Self> {
        let endpoint = std::env::var("TEST_AWS_ENDPOINT").ok()?;
        let folder = data.file_name().unwrap().to_str().unwrap().to_ascii_lowercase();
        Some(Self { endpoint, name: format!("test-{}", folder.trim_start_matches('.')) })
    }

    /// What a `local` must have in its environment to use it.
    pub(crate) fn variables(&self) -> Vec<(&'static str, &str)> {
        let endpoints = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_SQS"];
        let names = ["TABLE_NAME", "STAGING_BUCKET", "BUILD_QUEUE"];
        let endpoints = endpoints.map(|variable| (variable, &*self.endpoint));
        endpoints.into_iter().chain(names.map(|variable| (variable, &*self.name))).collect()
    }

    /// The same as options.
    pub(crate) fn options(self, options: Options) -> Options {
        let Self { endpoint, name } = self;
        Options {
            s3_endpoint: Some(endpoint.clone()),
            dynamodb_endpoint: Some(endpoint.clone()),
            sqs_endpoint: Some(endpoint),
            table_name: name.clone(),
            staging_bucket: name.clone(),
            build_queue: name,
            ..options
        }
    }
}
