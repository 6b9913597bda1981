/// The guards that maintain the invariants. Tests disable individual guards to show that an invariant fails without
/// them.
#[derive(Debug, Clone)]
pub struct Guards {
    /// A build takes the lease when it begins, so it cannot begin while another worker holds the lease.
    pub build_takes_lease: bool,
    /// A build publishes the version only if it still holds the lease and its record is queued or failed in the same
    /// attempt. The claim must name that record, must not contain different content, and must not be quarantined.
    pub claim_is_conditional: bool,
    /// A build writes the tag only after it has published the version.
    pub claim_precedes_tag: bool,
    /// A build marks the record `ready` only if the record is still queued in the same attempt. A deletion, for
    /// example, may have changed the record's status.
    pub ready_is_conditional: bool,
    /// `requeue` does not mark a record as failed if its version is published or being built.
    pub requeue_spares_published: bool,
    /// An upload replaces a failed record only if its version was never published and is not being built.
    pub replace_spares_published: bool,
    /// The claim of a published version outlives its record, so that the version cannot be published with different
    /// content after the record is deleted.
    pub claim_outlives_record: bool,
    /// An upload of a quarantined version is rejected.
    pub upload_respects_quarantine: bool,
    /// A purge takes the lease when it begins.
    pub purge_takes_lease: bool,
    /// A quarantine takes the lease when it begins.
    pub quarantine_takes_lease: bool,
    /// A restore extends its lease before it pushes the image manifest. It stops if it has lost the lease, or if the
    /// record is no longer quarantined in the same attempt.
    pub restore_extends_lease: bool,
    /// A lease lasts at least as long as any request that its holder makes.
    pub lease_outlives_requests: bool,
}

impl Guards {
    pub const ALL: Self = Self {
        build_takes_lease: true,
        claim_is_conditional: true,
        claim_precedes_tag: true,
        ready_is_conditional: true,
        requeue_spares_published: true,
        replace_spares_published: true,
        claim_outlives_record: true,
        upload_respects_quarantine: true,
        purge_takes_lease: true,
        quarantine_takes_lease: true,
        restore_extends_lease: true,
        lease_outlives_requests: true,
    };
}
