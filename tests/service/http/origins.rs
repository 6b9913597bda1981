use lambda_http::{Context, LambdaEvent, request::LambdaRequest, tower::ServiceExt};
use pack_upload::lambda::http;
use serde_json::{Value, json};

use super::{event, unreachable};

/// What the function that `api` runs answers to an event.
async fn invoke(event: Value) -> Value {
    let payload: LambdaRequest = serde_json::from_value(event).unwrap();
    let answer = http::function(unreachable()).oneshot(LambdaEvent::new(payload, Context::default())).await.unwrap();
    serde_json::to_value(answer).unwrap()
}

/// `lambda_http` would panic on each of these.
#[tokio::test]
async fn what_a_client_writes_of_the_uri_is_not_taken_for_one() {
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
            let answer = invoke(event).await;
            assert_eq!(answer["statusCode"], 401, "{name} {header}: {answer}");
        }
    }
}
