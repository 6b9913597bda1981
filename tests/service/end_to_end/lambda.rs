//! Tests for the Lambda functions' binaries, each with its own Runtime API. No worker delivers jobs, so a test that
//! needs a build receives the job from the queue and invokes the builder with it.

use std::{path::Path, process::Command, time::Duration};

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use pack_upload::{aws::Table, local::seed};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    end_to_end::faults::{
        FaultInjector,
        Role::{self, Api, Builder, Requeue},
        proxy,
    },
    support::{AwsEmulator, BackendState, Embedded, Function, event, run, tool},
};

/// The image digest of the sample pack, which the events upload.
const SAMPLE: &str = "sha256:d2cf4e536d99451218dfed5e19eddb855c2d105efaef39566e0ba794bee5dbe0";

/// Embedded backends with the orgs that `local` seeds.
struct SeededBackends {
    embedded: Embedded,
}

impl SeededBackends {
    async fn start() -> Self {
        let directory = TempDir::new().unwrap();
        let emulator = AwsEmulator::from_env(directory.path());
        let embedded = Embedded::start_in(directory, |options| match emulator {
            Some(emulator) => emulator.options(options),
            None => options,
        })
        .await;
        seed(&Table::new(embedded.clients.dynamodb.clone(), embedded.options.table_name.clone())).await.unwrap();
        Self { embedded }
    }

    /// Starts a Lambda function that calls AWS through proxies, which record its calls. Sets the environment variables
    /// in `more` in addition to those that the Lambda functions require.
    async fn function(&self, role: Role, more: &[(&str, &str)]) -> Function {
        let Embedded { backends, options, queues, .. } = &self.embedded;
        let registry = backends.registry.to_string();
        let mut variables = vec![
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local-secret"),
            ("TABLE_NAME", &options.table_name),
            ("STAGING_BUCKET", &options.staging_bucket),
            ("BUILD_QUEUE_URL", &queues.builds),
            ("PURGE_QUEUE_URL", &queues.purges),
            ("REGISTRY", &registry),
        ];
        variables.extend(more);
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let injector = FaultInjector::new();
        injector.set_caller(role);
        let proxies = proxy::start_for_aws(&backends.endpoints, &injector).await;
        Function::start(&role.binary(), &variables.chain(proxies).collect::<Vec<_>>()).await
    }

    /// Receives and deletes the only job in the build queue.
    async fn take_job(&self) -> Message {
        let (sqs, queue) = (&self.embedded.clients.sqs, &self.embedded.queues.builds);
        let receive = sqs.receive_message().queue_url(queue).max_number_of_messages(10);
        let received = receive.message_system_attribute_names(MessageSystemAttributeName::All).send().await.unwrap();
        let [job] = received.messages() else { panic!("expected one job: {received:?}") };
        sqs.delete_message().queue_url(queue).receipt_handle(job.receipt_handle().unwrap()).send().await.unwrap();
        job.clone()
    }

    /// Returns the digest that an image reference resolves to in the registry.
    async fn digest(&self, image_ref: &str) -> String {
        let (repository, tag) = image_ref.split_once('/').unwrap().1.split_once(':').unwrap();
        let url = format!("http://{}/v2/{repository}/manifests/{tag}", self.embedded.backends.registry);
        let get = reqwest::Client::new().get(url).header("accept", "application/vnd.oci.image.manifest.v1+json");
        let manifest = get.send().await.unwrap();
        assert_eq!(manifest.status(), StatusCode::OK);
        manifest.headers()["docker-content-digest"].to_str().unwrap().to_owned()
    }
}

/// Invokes the API and returns the status and the body.
async fn send(api: &mut Function, event: Value) -> (u64, Value) {
    let response = api.invoke(event).await.unwrap();
    let body = response["body"].as_str().unwrap();
    let body = if response["isBase64Encoded"] == true { STANDARD.decode(body).unwrap() } else { body.into() };
    (response["statusCode"].as_u64().unwrap(), serde_json::from_slice(&body).unwrap())
}

fn get(id: &str) -> Value {
    for_pack("get", id)
}

/// Returns the event `name` with its pack id replaced by `id`.
fn for_pack(name: &str, id: &str) -> Value {
    let event = event(name).to_string().replace("pack_01JACME1000000000000000000", id);
    serde_json::from_str(&event).unwrap()
}

/// Returns the event `name` with `job` as its first message.
fn batch(name: &str, job: &Message) -> Value {
    let mut event = event(name);
    event["Records"][0]["body"] = json!(job.body().unwrap());
    event["Records"][0]["md5OfBody"] = json!(job.md5_of_body().unwrap());
    event["Records"][0]["attributes"]["AWSTraceHeader"] = json!(trace_header(job));
    event
}

fn trace_header(job: &Message) -> &str {
    &job.attributes().unwrap()[&MessageSystemAttributeName::AwsTraceHeader]
}

/// Returns the messages logged with this trace id.
fn logged_for(trace_id: &str, log: &str) -> Vec<String> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .filter(|line| line["span"]["trace_id"] == trace_id)
        .map(|line| line["message"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn every_upload_event_format_is_accepted() {
    for name in ["upload-http-api", "upload-rest", "upload-rest-stage", "upload-function-url"] {
        let backends = SeededBackends::start().await;
        let mut api = backends.function(Api, &[]).await;
        let response = api.invoke(event(name)).await.unwrap();
        assert_eq!(response["statusCode"], 201, "{name}: {response}");
        let created: Value = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
        let id = created["id"].as_str().unwrap();
        // In responses to REST APIs, `lambda_http` puts the headers only into `multiValueHeaders`.
        let location = match name.starts_with("upload-rest") {
            true => &response["multiValueHeaders"]["location"][0],
            false => &response["headers"]["location"],
        };
        assert_eq!(location, &json!(format!("/v1/packs/{id}")), "{name}: {response}");
        assert_eq!((&created["image_digest"], &created["build_status"]), (&json!(SAMPLE), &json!("queued")), "{name}");

        assert_eq!(send(&mut api, event(name)).await, (200, created.clone()), "{name}: repeated");
        let mut listed = created.clone();
        listed.as_object_mut().unwrap().remove("warnings");
        assert_eq!(send(&mut api, get(id)).await, (200, listed.clone()), "{name}");
        listed.as_object_mut().unwrap().remove("capabilities");
        assert_eq!(send(&mut api, event("list")).await, (200, json!({"packs": [listed]})), "{name}");
        let job: Value = serde_json::from_str(backends.take_job().await.body().unwrap()).unwrap();
        assert_eq!(job, json!({"pack_id": id, "attempt": 1}), "{name}");
    }
}

#[tokio::test]
async fn the_update_event_changes_a_pack() {
    let backends = SeededBackends::start().await;
    let mut api = backends.function(Api, &[]).await;
    let (_, created) = send(&mut api, event("upload-http-api")).await;
    let (status, updated) = send(&mut api, for_pack("update", created["id"].as_str().unwrap())).await;
    assert_eq!((status, &updated["visibility"]), (200, &json!("community")), "{updated}");
}

#[tokio::test]
async fn the_delete_event_deletes_a_pack_and_the_builder_purges_it() {
    let backends = SeededBackends::start().await;
    let mut api = backends.function(Api, &[("PURGE_WAIT_MS", "100")]).await;
    let (_, created) = send(&mut api, event("upload-http-api")).await;
    let id = created["id"].as_str().unwrap();
    let (status, body) = send(&mut api, for_pack("delete", id)).await;
    assert_eq!((status, &body["error"]["code"]), (502, &json!("registry_cleanup_failed")));
    assert_eq!(send(&mut api, get(id)).await.1["build_status"], "deleting");

    let mut builder = backends.function(Builder, &[]).await;
    for time in ["first", "second"] {
        let response = builder.invoke(for_pack("purge-job", id)).await.unwrap();
        assert_eq!(response, json!({"batchItemFailures": []}), "{time} time");
    }
    assert_eq!(send(&mut api, for_pack("delete", id)).await.0, 404);
}

#[tokio::test]
async fn the_rejection_of_a_body_corrupted_by_the_gateway_explains_the_cause() {
    let backends = SeededBackends::start().await;
    let before = BackendState::from_embedded(&backends.embedded).await;
    let mut api = backends.function(Api, &[]).await;
    let (status, body) = send(&mut api, event("upload-rest-text")).await;
    assert_eq!((status, &body["error"]["code"]), (400, &json!("validation_error")), "{body}");
    assert!(body["error"]["details"]["fields"]["form"][0].as_str().unwrap().contains("binaryMediaTypes"), "{body}");
    assert_eq!(BackendState::from_embedded(&backends.embedded).await, before);
    assert_eq!(send(&mut api, event("get")).await.0, 404, "the function continues to run");
}

// skopeo blocks one thread, so the registry needs another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_malformed_message_in_a_batch_fails() {
    for (name, failures) in
        [("build-job", json!([])), ("build-batch", json!([{"itemIdentifier": "2e1424d4-f796-459a-8184-9c92662be6da"}]))]
    {
        let backends = SeededBackends::start().await;
        let mut api = backends.function(Api, &[]).await;
        let (_, created) = send(&mut api, event("upload-http-api")).await;
        let batch = batch(name, &backends.take_job().await);
        let mut builder = backends.function(Builder, &[]).await;
        for time in ["first", "second"] {
            let response = builder.invoke(batch.clone()).await.unwrap();
            assert_eq!(response, json!({"batchItemFailures": failures}), "{name}, {time} time");
        }

        let (status, built) = send(&mut api, get(created["id"].as_str().unwrap())).await;
        assert_eq!((status, &built["build_status"]), (200, &json!("ready")), "{built}");
        let image_ref = built["image_ref"].as_str().unwrap();
        assert_eq!(backends.digest(image_ref).await, SAMPLE);
        if let Some(mut skopeo) = tool("skopeo") {
            let inspect = skopeo.args(["inspect", "--tls-verify=false", "--format={{.Digest}}"]);
            assert_eq!(run(inspect.arg(format!("docker://{image_ref}"))).trim(), SAMPLE);
        }
    }
}

#[tokio::test]
async fn a_lost_job_is_sent_again_when_it_is_due() {
    let backends = SeededBackends::start().await;
    let mut api = backends.function(Api, &[("REQUEUE_AFTER_MS", "1000")]).await;
    let mut requeue = backends.function(Requeue, &[("REQUEUE_AFTER_MS", "1000")]).await;
    send(&mut api, event("upload-http-api")).await;
    let lost = backends.take_job().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(requeue.invoke(event("requeue")).await, Ok(Value::Null));
    assert_eq!(backends.take_job().await.body(), lost.body());
}

#[tokio::test]
async fn a_request_and_its_build_share_a_trace() {
    let backends = SeededBackends::start().await;
    let mut api = backends.function(Api, &[("REQUEUE_AFTER_MS", "1")]).await;
    send(&mut api, event("upload-http-api")).await;
    let job = backends.take_job().await;
    assert_eq!(trace_header(&job), format!("Root={};Parent=9a9197af755a6419;Sampled=1", api.trace_id()));
    assert_eq!(logged_for(api.trace_id(), &api.log()), ["upload accepted", "request completed"]);

    let mut requeue = backends.function(Requeue, &[("REQUEUE_AFTER_MS", "1")]).await;
    requeue.invoke(event("requeue")).await.unwrap();
    let sent_again = backends.take_job().await;
    assert!(trace_header(&sent_again).contains(requeue.trace_id()), "{sent_again:?}");
    assert_eq!(logged_for(requeue.trace_id(), &requeue.log()), ["job sent again"]);

    let mut builder = backends.function(Builder, &[]).await;
    for job in [job, sent_again] {
        builder.invoke(batch("build-job", &job)).await.unwrap();
    }
    for function in [api, requeue] {
        assert_eq!(logged_for(function.trace_id(), &builder.log()), ["build finished"]);
    }
    assert!(logged_for(builder.trace_id(), &builder.log()).is_empty());
}

#[test]
fn a_function_without_configuration_names_every_missing_variable() {
    for (role, missing) in [
        (Api, &["TABLE_NAME", "STAGING_BUCKET", "BUILD_QUEUE_URL", "PURGE_QUEUE_URL", "REGISTRY"][..]),
        (Builder, &["TABLE_NAME", "STAGING_BUCKET", "REGISTRY"]),
        (Requeue, &["TABLE_NAME", "STAGING_BUCKET", "BUILD_QUEUE_URL", "PURGE_QUEUE_URL"]),
    ] {
        let output = Command::new(role.binary()).env_clear().output().unwrap();
        assert!(!output.status.success(), "{role:?}");
        let log = String::from_utf8(output.stdout).unwrap();
        let line: Value = serde_json::from_str(&log).unwrap_or_else(|_| panic!("expected one line of JSON: {log}"));
        let expected: Vec<_> = missing.iter().map(|variable| format!("{variable} is not set")).collect();
        assert_eq!(line["error"], format!("invalid configuration: {}", expected.join("; ")), "{role:?}");
    }
}

/// String literals from each embedded backend and from the rest of `local`. The names of Rust functions are not
/// suitable, because debug information includes the names of functions that the linker removed.
const MARKERS: [&str; 6] = [
    "SQLite format 3",
    "MalformedXML",
    "the chunk does not start where the previous one ended",
    "The message is not in flight.",
    "lambda_http cannot read the event",
    "local-secret",
];

#[test]
fn function_binaries_contain_no_code_from_local() {
    let found = |binary: &Path| {
        let content = std::fs::read(binary).unwrap();
        let text = String::from_utf8_lossy(&content);
        MARKERS.into_iter().filter(|marker| text.contains(marker)).collect::<Vec<_>>()
    };
    assert_eq!(found(Path::new(env!("CARGO_BIN_EXE_local"))), MARKERS);
    for role in [Api, Builder, Requeue] {
        let found = found(&role.binary());
        assert!(found.is_empty(), "{role:?}: {found:?}");
    }
}
