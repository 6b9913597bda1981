use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;

/// Asserts that the counters of every org's quotas equal a recount of the table's items.
#[track_caller]
pub(crate) fn expect_exact_counters(items: &[HashMap<String, AttributeValue>]) {
    let (mut stored, mut counted) = (BTreeMap::new(), BTreeMap::new());
    for item in items {
        let text = |name: &str| item[name].as_s().unwrap().as_str();
        let number = |value: &AttributeValue| value.as_n().unwrap().parse::<i128>().unwrap();
        let (partition, org) = text("pk").split_once('#').unwrap();
        let mut count = |org: &str, counter: &'static str, amount| {
            *counted.entry((org.to_owned(), counter.to_owned())).or_insert(0) += amount;
        };
        match (partition, text("sk")) {
            ("PACK", "PACK") => {
                count(text("org_id"), "stored_bytes", number(&item["size_bytes"]));
                count(text("org_id"), "pending_builds", i128::from(item.contains_key("is_counted")));
            }
            ("NAME", _) => count(org, "names", 1),
            ("VERSION", _) => count(org, "versions", 1),
            ("QUOTA", "QUOTA") => {
                let counters = item.iter().filter(|(name, _)| !["pk", "sk"].contains(&name.as_str()));
                stored.extend(counters.map(|(name, value)| ((org.to_owned(), name.clone()), number(value))));
            }
            ("QUOTA", _) => count(org, "begun_uploads", 1),
            _ => {}
        }
    }
    stored.retain(|_, value| *value != 0);
    counted.retain(|_, value| *value != 0);
    assert_eq!(stored, counted, "the counters equal a recount");
}
