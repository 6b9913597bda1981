use serde_json::json;

use super::{event, invoke, unreachable};

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
            let response = invoke(unreachable(), event).await;
            assert_eq!(response["statusCode"], 401, "{name} {header}: {response}");
        }
    }
}
