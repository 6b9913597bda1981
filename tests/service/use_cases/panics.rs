//! Tests for panics in a handler, caused by a DynamoDB client that panics if a request contains a given string.

use std::sync::Arc;

use aws_sdk_dynamodb::{
    Client,
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeTransmitInterceptorContextRef},
    error::BoxError,
};
use lambda_http::{Body, tower::ServiceExt};
use pack_upload::{
    aws::{Job, Table},
    build::Builder,
    identity::Settings,
    lambda::{
        http::{self, Api},
        sqs::{self, Handlers},
    },
    records::{BuildStatus, PackId},
    upload::Uploads,
};
use serde_json::{Value, json};

use super::fixture::{Fixture, pack};
use crate::support::event;

#[derive(Debug)]
struct PanicAt(String);

impl Intercept for PanicAt {
    fn name(&self) -> &'static str {
        "PanicAt"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.request().body().bytes().unwrap_or_default();
        assert!(!String::from_utf8_lossy(body).contains(&self.0), "an inner secret");
        Ok(())
    }
}

/// Returns the fixture's table with a client that panics if a request contains `text`.
fn table(fixture: &Fixture, text: String) -> Table {
    let config = fixture.embedded.clients.dynamodb.config().to_builder().interceptor(PanicAt(text)).build();
    Table::new(Client::from_conf(config), fixture.embedded.options.table_name.clone())
}

#[tokio::test]
async fn a_panic_in_a_handler_returns_an_internal_error_without_details() {
    let fixture = Fixture::start().await;
    let uploads = Uploads { table: table(&fixture, "KEY#".to_owned()), ..fixture.uploads.clone() };
    let service = http::service(Arc::new(Api::new(uploads, fixture.lifecycle.clone(), &Settings::default())));
    let event = event("list");
    let request = lambda_http::request::from_str(&event.to_string()).unwrap();
    let response = service.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 500);
    let Body::Text(body) = response.body() else { panic!("{response:?}") };
    let expected = json!({"error": {
        "code": "internal_error",
        "message": "an internal error occurred",
        "request_id": event["requestContext"]["requestId"],
    }});
    assert_eq!(serde_json::from_str::<Value>(body).unwrap(), expected);
}

#[tokio::test]
async fn a_panicking_job_does_not_affect_the_rest_of_its_batch() {
    let fixture = Fixture::start().await;
    let record = fixture.create(pack("hello")).await;
    let panicking = PackId::generate();
    let builder = Builder { table: table(&fixture, panicking.to_string()), ..fixture.builder.clone() };
    let handlers = Handlers { builder, ..fixture.handlers() };

    let mut batch = event("build-batch");
    for (message, pack_id) in batch["Records"].as_array_mut().unwrap().iter_mut().zip([panicking, record.id]) {
        message["messageId"] = json!(pack_id);
        message["body"] = json!(serde_json::to_string(&Job { pack_id, attempt: 1 }).unwrap());
    }
    let response = sqs::handle_batch(&handlers, serde_json::from_value(batch).unwrap()).await;
    let failed: Vec<_> = response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
    assert_eq!(failed, [panicking.to_string()]);
    assert_eq!(fixture.read(&record).await.build.status, BuildStatus::Ready);
}
