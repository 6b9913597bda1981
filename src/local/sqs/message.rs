use md5::{Digest as _, Md5};
use serde_json::{Map, Value, json};

use super::queue::Message;

/// Returns whether a list of attribute names includes this name. The list may contain the name itself, `prefix.*`, `.*`
/// or `All`.
fn includes(names: &[String], name: &str) -> bool {
    names.iter().any(|requested| {
        requested == "All"
            || requested == name
            || requested.strip_suffix(".*").is_some_and(|prefix| name.starts_with(prefix))
    })
}

/// Converts a received message to its API form, with the requested attributes.
pub(super) fn received(message: &Message, system_names: &[String], names: &[String]) -> Value {
    let mut output = json!({
        "MessageId": message.id,
        "ReceiptHandle": message.receipt_handle(),
        "MD5OfBody": md5_of_body(&message.body),
        "Body": message.body,
    });
    let system = [
        ("SenderId", Some("000000000000".to_owned())),
        ("SentTimestamp", Some(message.sent_at.to_string())),
        ("ApproximateReceiveCount", Some(message.receive_count.to_string())),
        ("ApproximateFirstReceiveTimestamp", message.first_received_at.map(|at| at.to_string())),
        ("AWSTraceHeader", message.trace_header.clone()),
        ("MessageGroupId", message.group.clone()),
    ];
    let system: Map<_, _> = system
        .into_iter()
        .filter(|(name, _)| includes(system_names, name))
        .filter_map(|(name, value)| Some((name.to_owned(), Value::String(value?))))
        .collect();
    let custom: Map<_, _> = message.attributes.clone().into_iter().filter(|(name, _)| includes(names, name)).collect();
    for (key, attributes) in [("Attributes", system), ("MessageAttributes", custom)] {
        if !attributes.is_empty() {
            output[key] = Value::Object(attributes);
        }
    }
    output
}

/// Returns the hexadecimal MD5 of a message body, which SDKs verify.
pub(super) fn md5_of_body(body: &str) -> String {
    hex::encode(Md5::digest(body))
}
