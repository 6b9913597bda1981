use std::time::Duration;

/// The pauses after the first attempts of a request. An attempt that fails after them is the last.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];
/// The longest `Retry-After` that is waited for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

/// Returns the pause after a number of failed attempts, or `None` if there is no further attempt. Without a
/// `Retry-After`, the pause is random, so that clients that failed together do not come back together.
pub(super) fn pause(failed: usize, retry_after: Option<Duration>) -> Option<Duration> {
    let pause = PAUSES.get(failed.checked_sub(1)?)?;
    match retry_after {
        None => Some(pause.mul_f64(0.5 + fastrand::f64() / 2.0)),
        Some(wait) => (wait <= MAX_RETRY_AFTER).then_some(wait),
    }
}
