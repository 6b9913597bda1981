//! How many calls to AWS an upload waits for, one after another: each costs its user a round trip.

use std::time::Duration;

use reqwest::StatusCode;

use super::{scenario::archive, system::System};

/// How much longer each call takes: so long that calls which are made side by side overlap for certain.
const DELAY: Duration = Duration::from_millis(50);

#[tokio::test]
async fn an_upload_waits_for_four_calls_and_for_one_less_where_its_credential_is_known() {
    let mut system = System::start(&[("CREDENTIAL_CACHE_MS", "60000")]).await;
    system.script.slow_down(DELAY);
    for (name, expected) in [
        ("cold", &["BatchGetItem", "PUT object", "TransactWriteItems", "SendMessage"][..]),
        ("warm", &["PUT object", "TransactWriteItems", "SendMessage"]),
    ] {
        system.upload(&archive(name)).await.unwrap().expect(StatusCode::CREATED);
        assert_eq!(system.script.take_sequence(), expected, "{name}");
    }
}
