//! Tests that upload packs with the same name and version to a running `local` at the same time.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use crate::support::{Archive, BackendState, Local};

const CLIENTS: usize = 64;

#[tokio::test]
async fn concurrent_uploads_of_the_same_content_create_one_record() {
    let local = Local::start().await;
    let uploads = (0..CLIENTS).map(|_| local.upload(Archive::pack_named("race", "1.0.0").tar_gz()));
    let responses = join_all(uploads).await;
    let created = responses.iter().filter(|response| response.status == 201).count();
    let same = responses.iter().filter(|response| response.status == 200).count();
    assert_eq!((created, created + same), (1, CLIENTS));
    let ids: BTreeSet<_> = responses.iter().map(|response| response.text("id")).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(local.wait_for_build("acme", responses[0].text("id")).await["build_status"], "ready");
    assert_eq!(BackendState::from_local(&local).await.pack_items.len(), 2, "a record and its version claim");
}

#[tokio::test]
async fn one_of_several_concurrent_uploads_of_different_content_succeeds() {
    let local = Local::start().await;
    let archive = |index: usize| Archive::pack_named("race", "1.0.0").file("data/who", index.to_string()).tar_gz();
    let responses = join_all((0..CLIENTS).map(|index| local.upload(archive(index)))).await;
    let winners: Vec<_> = responses.iter().filter(|response| response.status == 201).collect();
    let [winner] = winners[..] else { panic!("{} uploads succeeded instead of one", winners.len()) };
    for response in responses.iter().filter(|response| response.status != 201) {
        let error = response.expect_error(409, "version_exists");
        assert_eq!(error["details"]["pack_id"], winner.text("id"));
        assert_eq!(error["details"]["image_digest"], winner.text("image_digest"));
    }
    assert_eq!(local.wait_for_build("acme", winner.text("id")).await["build_status"], "ready");
    assert_eq!(BackendState::from_local(&local).await.pack_items.len(), 2, "a record and its version claim");
}
