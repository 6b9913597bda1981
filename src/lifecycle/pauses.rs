use std::{iter, time::Duration};

use tokio::time::Instant;

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(1);

/// Returns the pauses of a polling loop. Each is twice as long as the previous one, up to a second. The iterator ends
/// when the next pause would end more than `wait` after this call.
pub(super) fn pauses(wait: Duration) -> impl Iterator<Item = Duration> {
    let deadline = Instant::now() + wait;
    let pauses = iter::successors(Some(FIRST), |pause| Some((*pause * 2).min(LONGEST)));
    pauses.take_while(move |pause| Instant::now() + *pause <= deadline)
}
