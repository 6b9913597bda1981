use pack_upload::{
    aws::Created,
    records::{BuildStatus, OrgId, Timestamp},
};

use super::support::{Database, failed, record, taken};

#[tokio::test]
async fn a_failed_record_is_replaced_whole() {
    let database = Database::start().await;
    let org = OrgId::generate();
    let old = failed(&database.table, record(org, "tools", "1.0.0", "old")).await;
    let new = record(org, "tools", "1.0.0", "new");
    assert!(matches!(database.table.replace(&old, &new).await.unwrap(), Created::Written));

    assert_eq!(database.table.record(old.id).await.unwrap(), None);
    let manifest = &new.release.manifest;
    assert_eq!(database.table.released(org, &manifest.name, &manifest.version).await.unwrap(), Some(new.clone()));
    assert!(database.is_outstanding(&new).await);
    assert_eq!(database.items().await, 2);
}

#[tokio::test]
async fn a_record_that_is_not_failed_any_more_is_not_replaced() {
    let database = Database::start().await;
    let org = OrgId::generate();
    let seen = failed(&database.table, record(org, "tools", "1.0.0", "old")).await;
    let new = record(org, "tools", "1.0.0", "new");

    let anew = seen.queued_again("staging/again.tar.gz".to_owned(), Timestamp::now());
    assert!(matches!(database.table.queue_again(&seen, &anew).await.unwrap(), Created::Written));
    assert_eq!(taken(database.table.replace(&seen, &new).await.unwrap()), anew, "queued");

    assert!(database.table.mark_failed(seen.id, 2, "again", Timestamp::now()).await.unwrap());
    assert_eq!(taken(database.table.replace(&seen, &new).await.unwrap()).build.attempt, 2, "failed in a newer attempt");

    assert!(database.table.mark_ready(seen.id, Timestamp::now()).await.unwrap());
    let met = taken(database.table.replace(&seen, &new).await.unwrap());
    assert_eq!((met.id, met.build.status), (seen.id, BuildStatus::Ready));
    assert_eq!(database.table.record(new.id).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_racing_replacements_one_wins() {
    let database = Database::start().await;
    let org = OrgId::generate();
    let old = failed(&database.table, record(org, "tools", "1.0.0", "old")).await;
    let racers: Vec<_> = (0..20)
        .map(|racer| {
            let (table, old) = (database.table.clone(), old.clone());
            let new = record(org, "tools", "1.0.0", &racer.to_string());
            tokio::spawn(async move { (table.replace(&old, &new).await.unwrap(), new) })
        })
        .collect();
    let (mut written, mut met) = (Vec::new(), Vec::new());
    for racer in racers {
        match racer.await.unwrap() {
            (Created::Written, new) => written.push(new),
            (Created::Taken(winner), _) => met.push(*winner),
        }
    }
    let [winner] = written.as_slice() else { panic!("{} won", written.len()) };
    assert!(met.len() == 19 && met.iter().all(|record| record == winner));
    assert_eq!(database.items().await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_racing_queuings_one_wins_and_the_attempt_rises_once() {
    let database = Database::start().await;
    let old = failed(&database.table, record(OrgId::generate(), "tools", "1.0.0", "old")).await;
    let racers: Vec<_> = (0..20)
        .map(|racer| {
            let (table, old) = (database.table.clone(), old.clone());
            let anew = old.queued_again(format!("staging/{racer}.tar.gz"), Timestamp::now());
            tokio::spawn(async move { (table.queue_again(&old, &anew).await.unwrap(), anew) })
        })
        .collect();
    let mut written = Vec::new();
    for racer in racers {
        if let (Created::Written, anew) = racer.await.unwrap() {
            written.push(anew);
        }
    }
    let [winner] = written.as_slice() else { panic!("{} won", written.len()) };
    assert_eq!((winner.build.attempt, winner.build.sends), (2, 1));
    assert_eq!(database.table.record(old.id).await.unwrap().as_ref(), Some(winner));
    assert!(database.is_outstanding(winner).await);
}
