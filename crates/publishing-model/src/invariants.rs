use stateright::Property;

use crate::{
    protocol::Publishing,
    state::{Content, Id, Quarantine, State, Status},
};

pub(crate) fn all() -> Vec<Property<Publishing>> {
    vec![
        Property::always("a tag never moves to other content", |_, state: &State| {
            state.registry.tag.is_none_or(|tag| state.first_tag == Some(tag))
        }),
        Property::always("a published version keeps its content", |_, state: &State| {
            let published = state.claim.as_ref().and_then(|claim| claim.published);
            published.is_none_or(|published| state.first_published == Some(published))
        }),
        Property::always("the tag of a ready record points to its content", |_, state: &State| {
            state.records.iter().enumerate().all(|(id, record)| {
                let Some(record) = record.as_ref().filter(|record| record.status == Status::Ready) else { return true };
                let is_owner = state.claim.as_ref().is_some_and(|claim| claim.owner == Some(id));
                is_owner && is_pullable(state, record.content)
            })
        }),
        Property::always("no part of a deleted pack can be pulled", |_, state: &State| {
            state
                .purged
                .iter()
                .filter(|content| !state.has_record_of(**content))
                .all(|content| state.registry.tag != Some(*content) && !state.registry.manifests.contains(content))
        }),
        Property::always("no part of a quarantined pack can be pulled", |_, state: &State| {
            let complete = state.claim.as_ref().filter(|claim| claim.quarantine == Some(Quarantine::Complete));
            complete.is_none_or(|claim| {
                let published = claim.published.is_some_and(|content| state.registry.manifests.contains(&content));
                state.registry.tag.is_none() && !published
            })
        }),
        Property::always("a deletion that has begun is not undone", |_, state: &State| {
            let status = |id: &Id| state.records[*id].as_ref().map(|record| record.status);
            state.deleting.iter().all(|id| status(id) == Some(Status::Deleting))
        }),
        Property::always("no published record is marked as failed", |_, state: &State| {
            let is_published = state.claim.as_ref().is_some_and(|claim| claim.published.is_some());
            !is_published || state.owner().is_none_or(|(_, record)| record.status != Status::Failed)
        }),
        Property::sometimes("content B becomes ready although content A was uploaded", |_, state: &State| {
            state.records[1].as_ref().is_some_and(|record| record.status == Status::Ready) && state.uploaded[0]
        }),
        Property::sometimes("a deleted version is published again", |_, state: &State| {
            !state.purged.is_empty() && state.records.iter().flatten().any(|record| record.status == Status::Ready)
        }),
        Property::sometimes("a quarantined pack is restored", |_, state: &State| state.restored && is_ready(state)),
        Property::sometimes("a rebuilt pack is ready", |_, state: &State| state.rebuilds_left == 0 && is_ready(state)),
    ]
}

fn is_ready(state: &State) -> bool {
    state.owner().is_some_and(|(_, record)| record.status == Status::Ready)
}

fn is_pullable(state: &State, content: Content) -> bool {
    state.registry.tag == Some(content) && state.registry.manifests.contains(&content)
}
