//! Tests that requests from one org do not change the status or the cost of another org's requests.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use pack_upload::identity::{KeyTemplate, OrgLimit};
use serde_json::{Value, json};
use test_support::{Meter, Usage, archive::Archive};

use super::{
    event, request,
    test_api::{TestApi, form, secret, upload, with_credential},
};

/// How many hostile requests of each kind to send, unless the environment variable `TWO_ORGS_REPLAYS` is set.
const DEFAULT_REPLAYS: usize = 25;

fn as_org(slug: &str, event: Value) -> Value {
    with_credential(event, secret(slug, KeyTemplate::FullAccess).reveal())
}

fn upload_of(slug: &str, name: &str, visibility: &str) -> Value {
    let archive = Archive::pack_named(name, "1.0.0").tar_gz();
    as_org(slug, upload(&form(&[("archive", &archive), ("visibility", visibility.as_bytes())])))
}

fn with_query(mut event: Value, query: &str) -> Value {
    event["rawQueryString"] = json!(query);
    event
}

fn with_body(mut event: Value, body: &Value) -> Value {
    event["headers"]["content-type"] = json!("application/json");
    event["body"] = json!(body.to_string());
    event["isBase64Encoded"] = json!(false);
    event
}

fn begin(slug: &str) -> Value {
    let body = json!({"size_bytes": 1, "sha256": "0".repeat(64)});
    as_org(slug, with_body(request("POST", "/v1/packs/uploads"), &body))
}

/// A function that returns the event of the n-th request of a kind.
type Event = Box<dyn Fn(usize) -> Value>;

/// The status of the response to a request, and the request's calls to DynamoDB with the capacity that they consume.
type Cost = (u16, Usage);

/// Sends one request of each kind as globex, for a pack with this name. Returns the cost of each, and their total time.
async fn requests_of_the_other_org(api: &TestApi, meter: &Meter, name: &str) -> (Vec<Cost>, Duration) {
    let began = Instant::now();
    let mut costs = Vec::new();
    let mut send = async |event: Value| {
        meter.take();
        let response = api.send(&event).await;
        costs.push((response.status, meter.take()));
        response.body
    };
    let created = send(upload_of("globex", name, "org")).await;
    let path = format!("/v1/packs/{}", created["id"].as_str().unwrap());
    send(upload_of("globex", name, "org")).await;
    send(with_query(upload_of("globex", name, "org"), "dry_run=true")).await;
    send(begin("globex")).await;
    send(as_org("globex", request("GET", &path))).await;
    send(as_org("globex", with_query(event("list"), &format!("name={name}")))).await;
    send(as_org("globex", with_query(event("list"), &format!("name={name}&version=1.0.0")))).await;
    send(as_org("globex", with_query(event("list"), "limit=1"))).await;
    send(as_org("globex", with_body(request("PATCH", &path), &json!({"visibility": "community"})))).await;
    send(as_org("globex", request("DELETE", &path))).await;
    // A deletion polls until its purge ends or the wait is over, so its number of calls depends on timing. Compare only
    // its status.
    let (status, _) = costs.pop().unwrap();
    costs.push((status, Usage::default()));
    (costs, began.elapsed())
}

#[tokio::test]
async fn no_request_from_one_org_changes_the_status_or_the_cost_of_a_request_from_another_org() {
    let replays = std::env::var("TWO_ORGS_REPLAYS").map_or(DEFAULT_REPLAYS, |replays| replays.parse().unwrap());
    let meter = Meter::default();
    let metered = meter.clone();
    let limits = [
        (OrgLimit::UploadsPerMinute, 100_000),
        (OrgLimit::ReadsPerSecond, 100_000),
        (OrgLimit::Names, 100_000),
        (OrgLimit::PendingBuilds, 100_000),
    ];
    let api = TestApi::start_with_client(&limits, |client: &Client| {
        Client::from_conf(client.config().to_builder().interceptor(metered).build())
    })
    .await;
    // The first round is not compared, because globex has no packs before it.
    requests_of_the_other_org(&api, &meter, "tools-a").await;
    let (expected, alone) = requests_of_the_other_org(&api, &meter, "tools-b").await;
    println!("{expected:?}");

    let stored = api.send(&upload_of("acme", "stored", "community")).await.body;
    let path = format!("/v1/packs/{}", stored["id"].as_str().unwrap());
    let foreign = "/v1/packs/pack_01M857NA6Y6E1XYQ05DEPKJKQN";
    let new_upload = |n: usize| upload_of("acme", &format!("new-{n}"), "community");
    let hostile: [(&str, Event); 12] = [
        ("uploads", Box::new(new_upload)),
        ("repeated uploads", Box::new(|_| upload_of("acme", "stored", "community"))),
        (
            "the other org's name",
            Box::new(|n| upload_of("acme", &format!("tools-{}", ['c', 'd', 'e'][n % 3]), "community")),
        ),
        ("dry runs", Box::new(|_| with_query(upload_of("acme", "stored", "community"), "dry_run=true"))),
        ("invalid uploads", Box::new(|_| as_org("acme", upload(&form(&[("archive", b"no archive")]))))),
        ("begun uploads", Box::new(|_| begin("acme"))),
        ("lists", Box::new(|_| as_org("acme", event("list")))),
        ("lists by name", Box::new(|_| as_org("acme", with_query(event("list"), "name=tools-b")))),
        ("reads", Box::new(move |_| as_org("acme", request("GET", foreign)))),
        ("deletions", Box::new(move |_| as_org("acme", request("DELETE", foreign)))),
        (
            "changes",
            Box::new(move |_| as_org("acme", with_body(request("PATCH", &path), &json!({"visibility": "community"})))),
        ),
        ("unauthenticated requests", Box::new(|_| with_credential(event("list"), "sk_nonsense"))),
    ];
    for (round, (kind, hostile)) in ('c'..).zip(&hostile) {
        for n in 0..replays {
            api.send(&hostile(n)).await;
        }
        let (costs, time) = requests_of_the_other_org(&api, &meter, &format!("tools-{round}")).await;
        assert_eq!(costs, expected, "after {kind}");
        println!("after {kind}: {:.2} times as long", time.as_secs_f64() / alone.as_secs_f64());
    }
}
