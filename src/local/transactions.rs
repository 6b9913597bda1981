use aws_sdk_dynamodb::{
    Client,
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeTransmitInterceptorContextMut},
    error::BoxError,
};
use aws_sdk_s3::primitives::SdkBody;
use serde_json::{Map, Value};

/// Returns a client for the embedded DynamoDB whose transactions contain no idempotency token.
///
/// In each transaction, dynoxide checks the age of every token from the last ten minutes, so the CPU time of a write
/// would grow with the number of uploads and builds in that time. Even without a token, the SDK can safely send a
/// transaction twice: either its conditions no longer hold, or repeating its writes does no harm.
pub(super) fn without_tokens(client: &Client) -> Client {
    Client::from_conf(client.config().to_builder().interceptor(TokenRemover).build())
}

#[derive(Debug)]
struct TokenRemover;

impl Intercept for TokenRemover {
    fn name(&self) -> &'static str {
        "token remover"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        if request.headers().get("x-amz-target") != Some("DynamoDB_20120810.TransactWriteItems") {
            return Ok(());
        }
        let Some(body) = request.body().bytes() else { return Ok(()) };
        let mut body: Map<String, Value> = serde_json::from_slice(body)?;
        body.remove("ClientRequestToken");
        let body = serde_json::to_vec(&body)?;
        request.headers_mut().insert("content-length", body.len().to_string());
        *request.body_mut() = SdkBody::from(body);
        Ok(())
    }
}
