use std::collections::BTreeSet;

use futures_util::future::join_all;

use crate::support::{Archive, Holdings, Local};

/// How many clients upload at once.
const CLIENTS: usize = 64;

#[tokio::test]
async fn the_same_content_becomes_one_record() {
    let local = Local::start().await;
    let uploads = (0..CLIENTS).map(|_| local.upload(Archive::pack_named("race", "1.0.0").tar_gz()));
    let answers = join_all(uploads).await;
    let created = answers.iter().filter(|answer| answer.status == 201).count();
    let same = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((created, created + same), (1, CLIENTS));
    let ids: BTreeSet<_> = answers.iter().map(|answer| answer.text("id")).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(local.built("acme", answers[0].text("id")).await["build_status"], "ready");
    assert_eq!(Holdings::of(&local).await.pack_items.len(), 2, "a record and its guard");
}

#[tokio::test]
async fn of_different_contents_one_wins() {
    let local = Local::start().await;
    let archive = |index: usize| Archive::pack_named("race", "1.0.0").file("data/who", index.to_string()).tar_gz();
    let answers = join_all((0..CLIENTS).map(|index| local.upload(archive(index)))).await;
    let winners: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    let [winner] = winners[..] else { panic!("one winner, not {}", winners.len()) };
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        let error = answer.expect_error(409, "state_conflict");
        assert_eq!(error["details"]["pack_id"], winner.text("id"));
        assert_eq!(error["details"]["image_digest"], winner.text("image_digest"));
    }
    assert_eq!(local.built("acme", winner.text("id")).await["build_status"], "ready");
    assert_eq!(Holdings::of(&local).await.pack_items.len(), 2, "a record and its guard");
}
