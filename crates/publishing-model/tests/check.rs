//! Tests that the invariants hold in every reachable state, and that the guards are necessary: if a guard is disabled,
//! the checker finds a state that breaks an invariant. Where two guards prevent the same fault, the test disables both.

use publishing_model::{Guards, Publishing};
use stateright::{Checker, HasDiscoveries, Model};

#[test]
fn every_interleaving_maintains_the_invariants() {
    let checker = Publishing { guards: Guards::ALL }.checker().threads(2).spawn_bfs().join();
    println!("{} states", checker.unique_state_count());
    checker.assert_properties();
}

/// Asserts that the protocol breaks the invariant if it has only these guards.
#[track_caller]
fn assert_breaks(guards: Guards, invariant: &'static str) {
    let only = HasDiscoveries::AllOf([invariant].into_iter().collect());
    let checker = Publishing { guards }.checker().threads(2).finish_when(only).spawn_bfs().join();
    assert!(checker.discovery(invariant).is_some(), "{invariant} holds");
}

const TAG_MOVES: &str = "a tag never moves to other content";
const READY: &str = "the tag of a ready record points to its content";
const DELETED: &str = "no part of a deleted pack can be pulled";
const QUARANTINED: &str = "no part of a quarantined pack can be pulled";

#[test]
fn a_build_must_take_the_lease() {
    assert_breaks(Guards { build_takes_lease: false, ..Guards::ALL }, DELETED);
}

/// `claim_is_conditional` and `replace_spares_published` each prevent a late build of a replaced record from
/// publishing, so the tag moves only if both are disabled.
#[test]
fn a_late_build_of_a_replaced_record_must_not_publish() {
    let guards = Guards { claim_is_conditional: false, replace_spares_published: false, ..Guards::ALL };
    assert_breaks(guards, TAG_MOVES);
}

#[test]
fn a_build_must_publish_the_version_before_it_writes_the_tag() {
    assert_breaks(Guards { claim_precedes_tag: false, ..Guards::ALL }, TAG_MOVES);
}

#[test]
fn a_build_must_not_mark_a_record_as_ready_during_its_deletion() {
    let guards = Guards { ready_is_conditional: false, ..Guards::ALL };
    assert_breaks(guards, "a deletion that has begun is not undone");
}

#[test]
fn requeue_must_not_mark_a_published_record_as_failed() {
    let guards = Guards { requeue_spares_published: false, ..Guards::ALL };
    assert_breaks(guards, "no published record is marked as failed");
}

#[test]
fn a_claim_must_outlive_its_record() {
    assert_breaks(Guards { claim_outlives_record: false, ..Guards::ALL }, TAG_MOVES);
}

#[test]
fn an_upload_of_a_quarantined_version_must_be_rejected() {
    assert_breaks(Guards { upload_respects_quarantine: false, ..Guards::ALL }, QUARANTINED);
}

#[test]
fn a_purge_must_take_the_lease() {
    assert_breaks(Guards { purge_takes_lease: false, ..Guards::ALL }, READY);
}

#[test]
fn a_quarantine_must_take_the_lease() {
    assert_breaks(Guards { quarantine_takes_lease: false, ..Guards::ALL }, READY);
}

#[test]
fn a_restore_that_lost_the_lease_must_not_push_the_image() {
    assert_breaks(Guards { restore_extends_lease: false, ..Guards::ALL }, DELETED);
}

#[test]
fn a_lease_must_last_as_long_as_its_holders_requests() {
    assert_breaks(Guards { lease_outlives_requests: false, ..Guards::ALL }, DELETED);
}
