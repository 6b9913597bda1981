use lambda_http::{Context, LambdaEvent, request::LambdaRequest, tower::ServiceExt};
use pack_upload::lambda::http;
use serde_json::{Value, json};

use super::{event, unreachable};

/// Invokes the function of the `api` binary and returns its response.
async fn invoke(event: Value) -> Value {
    let payload: LambdaRequest = serde_json::from_value(event).unwrap();
    let response = http::function(unreachable()).oneshot(LambdaEvent::new(payload, Context::default())).await.unwrap();
    serde_json::to_value(response).unwrap()
}

/// `lambda_http` itself panics on each of these events.
#[tokio::test]
async fn a_malformed_host_or_query_does_not_panic() {
    for name in ["list", "upload-rest"] {
        for (header, value) in [("host", "<>"), ("host", "a b"), ("x-forwarded-proto", "a b,https")] {
            let mut event = event(name);
            event["headers"].as_object_mut().unwrap().remove("authorization");
            event["multiValueHeaders"].as_object_mut().map(|headers| headers.remove("Authorization"));
            event["headers"].as_object_mut().unwrap().remove("Authorization");
            event["headers"][header] = json!(value);
            if name == "list" {
                event["rawQueryString"] = json!("name=<a>&version=\"\u{e9} b\"&limit=%zz");
            }
            let response = invoke(event).await;
            assert_eq!(response["statusCode"], 401, "{name} {header}: {response}");
        }
    }
}
