use std::time::{Duration, SystemTime};

/// Whether a moment is less than this span ago. By the wall clock, since the monotonic one may stand still while a
/// function is frozen between two requests, and what is kept in its memory grows old all the same. A moment in the
/// future, which a clock that was set back leaves behind, counts as long ago.
pub(super) fn is_within(moment: SystemTime, span: Duration) -> bool {
    moment.elapsed().is_ok_and(|age| age < span)
}
