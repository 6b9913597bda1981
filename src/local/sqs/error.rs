use axum::{
    http::{HeaderName, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::json;

/// An error response of the SQS API, always caused by the caller.
#[derive(Debug)]
pub(super) struct Error {
    code: &'static str,
    message: String,
}

impl Error {
    /// Creates an error. `code` is the name of the error in the API's model.
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterValue", message)
    }

    pub(super) fn no_such_queue() -> Self {
        Self::new("QueueDoesNotExist", "The specified queue does not exist.")
    }

    /// Returns the error's code in the older query protocol. SDKs still identify some errors by this code.
    fn query_code(&self) -> String {
        match self.code {
            "QueueDoesNotExist" => "AWS.SimpleQueueService.NonExistentQueue".to_owned(),
            "QueueNameExists" => "QueueAlreadyExists".to_owned(),
            "EmptyBatchRequest" | "MessageNotInflight" | "TooManyEntriesInBatchRequest" | "UnsupportedOperation" => {
                format!("AWS.SimpleQueueService.{}", self.code)
            }
            code => code.to_owned(),
        }
    }

    /// Returns an entry for the `Failed` list of a batch response.
    pub(super) fn batch_entry(&self, id: &str) -> serde_json::Value {
        json!({ "Id": id, "SenderFault": true, "Code": self.code, "Message": self.message })
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let body = json!({ "__type": format!("com.amazonaws.sqs#{}", self.code), "message": self.message });
        let query_error = [(HeaderName::from_static("x-amzn-query-error"), format!("{};Sender", self.query_code()))];
        (StatusCode::BAD_REQUEST, query_error, super::json(&body)).into_response()
    }
}
