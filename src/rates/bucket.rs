use std::time::SystemTime;

/// A token bucket: it holds up to a second's worth of tokens, and each request takes one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    tokens: f64,
    filled_at: SystemTime,
}

impl Bucket {
    pub(super) fn full(per_second: f64, now: SystemTime) -> Self {
        Self { tokens: per_second, filled_at: now }
    }

    /// Refills the bucket, and takes a token if there is one. Returns the changed bucket, and whether it took a token.
    ///
    /// Uses the wall clock, because the monotonic clock may stop while a Lambda function is frozen between two
    /// requests. If the clock was set back, no tokens are added.
    pub(super) fn take(self, per_second: f64, now: SystemTime) -> (Self, bool) {
        let elapsed = now.duration_since(self.filled_at).unwrap_or_default();
        let tokens = (self.tokens + elapsed.as_secs_f64() * per_second).min(per_second);
        let is_taken = tokens >= 1.0;
        (Self { tokens: if is_taken { tokens - 1.0 } else { tokens }, filled_at: now }, is_taken)
    }
}
