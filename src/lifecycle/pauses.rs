use std::{iter, time::Duration};

use tokio::time::Instant;

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(1);

/// Returns the pauses between reads while something is awaited: each is twice as long as the one before, up to a
/// second. The last pause ends before `wait` is over.
pub(super) fn pauses(wait: Duration) -> impl Iterator<Item = Duration> {
    let deadline = Instant::now() + wait;
    let pauses = iter::successors(Some(FIRST), |pause| Some((*pause * 2).min(LONGEST)));
    pauses.take_while(move |pause| Instant::now() + *pause <= deadline)
}
