use md5::{Digest as _, Md5};
use serde_json::{Map, Value, json};

use super::queue::Message;

/// Whether a list of attribute names asks for this one: by name, by `prefix.*`, or by `All` and `.*` for every one.
fn asks_for(names: &[String], name: &str) -> bool {
    names.iter().any(|asked| {
        asked == "All" || asked == name || asked.strip_suffix(".*").is_some_and(|prefix| name.starts_with(prefix))
    })
}

/// A received message as the API writes it, with the attributes that were asked for.
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
    ];
    let system: Map<_, _> = system
        .into_iter()
        .filter(|(name, _)| asks_for(system_names, name))
        .filter_map(|(name, value)| Some((name.to_owned(), Value::String(value?))))
        .collect();
    let own: Map<_, _> = message.attributes.clone().into_iter().filter(|(name, _)| asks_for(names, name)).collect();
    for (key, attributes) in [("Attributes", system), ("MessageAttributes", own)] {
        if !attributes.is_empty() {
            output[key] = Value::Object(attributes);
        }
    }
    output
}

/// The MD5 of a body in hexadecimal, by which SDKs check what arrived.
pub(super) fn md5_of_body(body: &str) -> String {
    hex::encode(Md5::digest(body))
}
