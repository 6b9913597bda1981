//! Where images go: any OCI registry, over the distribution API.
