use std::collections::BTreeSet;

/// The content of an upload. Uploads with the same content have the same digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Content {
    A,
    B,
}

/// The content of each upload. The uploads can happen in any order.
pub(crate) const UPLOADS: [Content; 3] = [Content::A, Content::B, Content::A];

/// A record's id: the index of the upload that created it.
pub(crate) type Id = usize;
pub(crate) type Attempt = u8;
pub(crate) type WorkerId = usize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Status {
    Queued,
    Ready,
    Failed,
    Quarantined,
    Deleting,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Record {
    pub(crate) content: Content,
    pub(crate) status: Status,
    pub(crate) attempt: Attempt,
    /// Whether a build of this attempt has begun.
    pub(crate) tried: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Claim {
    /// The record that owns the version. `None` if that record has been deleted.
    pub(crate) owner: Option<Id>,
    pub(crate) published: Option<Content>,
    pub(crate) quarantine: Option<Quarantine>,
    pub(crate) lease: Option<WorkerId>,
}

/// The progress of a quarantine. Uploads and builds are rejected in both states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Quarantine {
    /// The image is being deleted from the registry, or restored.
    Changing,
    Complete,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Registry {
    pub(crate) manifests: BTreeSet<Content>,
    pub(crate) tag: Option<Content>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Step {
    /// Extend the lease. The restore may have lost it while pushing the blobs.
    ExtendLease,
    Push,
    Claim,
    Tag,
    MarkReady,
    /// Delete the pushed manifest of a version that could not be published. Keep the manifest if the version is not
    /// quarantined and its record has the same content.
    CleanUp,
    Save,
    Untag,
    DeleteManifest,
    RemoveRecord,
    CompleteQuarantine,
    /// After a restore has pushed the image, queue the record's next attempt. The build of that attempt tags the image.
    EndQuarantine,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Task {
    Build { id: Id, attempt: Attempt, content: Content },
    Purge { id: Id, content: Content },
    Quarantine { content: Content },
    Restore { id: Id, attempt: Attempt, content: Content },
}

impl Task {
    pub(crate) fn content(self) -> Content {
        match self {
            Self::Build { content, .. }
            | Self::Purge { content, .. }
            | Self::Quarantine { content }
            | Self::Restore { content, .. } => content,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Worker {
    Idle,
    Running(Task, Step),
    /// The worker crashed. Contains the step that it was running, as long as the step's call may still take effect.
    Crashed(Option<(Task, Step)>),
}

/// The state of the model: the table, the build queue, the registry and the workers. It also contains how many more
/// crashes, deletions, quarantines and rebuilds are possible, and the history that the invariants need.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    pub(crate) records: [Option<Record>; 3],
    pub(crate) claim: Option<Claim>,
    pub(crate) registry: Registry,
    pub(crate) saved: Option<Content>,
    /// The messages in the build queue. A message can be delivered more than once.
    pub(crate) jobs: BTreeSet<(Id, Attempt)>,
    pub(crate) workers: [Worker; 2],
    pub(crate) uploaded: [bool; 3],
    pub(crate) crashes_left: u8,
    pub(crate) deletes_left: u8,
    pub(crate) quarantines_left: u8,
    pub(crate) rebuilds_left: u8,

    // The history that the invariants need.
    pub(crate) first_tag: Option<Content>,
    pub(crate) first_published: Option<Content>,
    /// Content that was purged and has not been uploaded since.
    pub(crate) purged: BTreeSet<Content>,
    /// Records whose deletion has begun but is not complete.
    pub(crate) deleting: BTreeSet<Id>,
    pub(crate) restored: bool,
}

impl State {
    pub(crate) fn initial() -> Self {
        Self {
            records: [None, None, None],
            claim: None,
            registry: Registry::default(),
            saved: None,
            jobs: BTreeSet::new(),
            workers: [Worker::Idle, Worker::Idle],
            uploaded: [false; 3],
            crashes_left: 3,
            deletes_left: 2,
            quarantines_left: 2,
            rebuilds_left: 1,
            first_tag: None,
            first_published: None,
            purged: BTreeSet::new(),
            deleting: BTreeSet::new(),
            restored: false,
        }
    }

    pub(crate) fn lease(&self) -> Option<WorkerId> {
        self.claim.as_ref().and_then(|claim| claim.lease)
    }

    /// Returns the record that owns the version, and its id.
    pub(crate) fn owner(&self) -> Option<(Id, &Record)> {
        let id = self.claim.as_ref()?.owner?;
        Some((id, self.records[id].as_ref()?))
    }

    pub(crate) fn has_record_of(&self, content: Content) -> bool {
        self.records.iter().flatten().any(|record| record.content == content)
    }
}
