//! Error responses from AWS and from the registry, in each service's format.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::fault::{Fault, Service};

/// Returns a service's error response for `fault`. `request` is the request body.
pub(super) fn error_response(service: Service, fault: Fault, request: &[u8]) -> Response {
    match service {
        Service::DynamoDb => dynamodb(fault, request),
        Service::Sqs => sqs(fault),
        Service::S3 => s3(fault),
        Service::Registry => registry(fault),
    }
}

fn dynamodb(fault: Fault, request: &[u8]) -> Response {
    let error = |name: &str, message: &str| json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{name}"), "message": message});
    match fault {
        Fault::Throttled => {
            let name = "ProvisionedThroughputExceededException";
            aws_json(
                StatusCode::BAD_REQUEST,
                &error(name, "The level of configured provisioned throughput was exceeded."),
            )
        }
        Fault::TransactionConflict => {
            let request: Value = serde_json::from_slice(request).unwrap();
            let writes = request["TransactItems"].as_array().unwrap().len();
            let mut reasons =
                vec![json!({"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"})];
            reasons.resize(writes, json!({"Code": "None"}));
            let mut body =
                error("TransactionCanceledException", "Transaction cancelled, please refer cancellation reasons");
            body["CancellationReasons"] = Value::Array(reasons);
            aws_json(StatusCode::BAD_REQUEST, &body)
        }
        _ => aws_json(StatusCode::INTERNAL_SERVER_ERROR, &error("InternalServerError", "Internal server error")),
    }
}

fn sqs(fault: Fault) -> Response {
    let (status, name) = match fault {
        Fault::Throttled => (StatusCode::BAD_REQUEST, "RequestThrottled"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
    };
    aws_json(status, &json!({"__type": format!("com.amazonaws.sqs#{name}"), "message": "try again"}))
}

fn aws_json(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.0")], body.to_string()).into_response()
}

fn s3(fault: Fault) -> Response {
    let (status, code) = match fault {
        Fault::Throttled => (StatusCode::SERVICE_UNAVAILABLE, "SlowDown"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
    };
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{code}</Message></Error>");
    (status, [(header::CONTENT_TYPE, "application/xml")], body).into_response()
}

fn registry(fault: Fault) -> Response {
    let (status, code) = match fault {
        Fault::Throttled => (StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN"),
    };
    let body = json!({"errors": [{"code": code, "message": "later"}]});
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
