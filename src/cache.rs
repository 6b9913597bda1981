//! An in-memory cache. Each instance of a Lambda function has its own.

use std::{
    hash::Hash,
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use lru::LruCache;

/// A cache whose values expire. When it is full, the least recently used value is evicted.
#[derive(Debug)]
pub(crate) struct Cache<K: Hash + Eq, V> {
    keep_for: Duration,
    /// Each value, with the time when its read began: the value may lack changes made after that.
    entries: Mutex<LruCache<K, (SystemTime, V)>>,
}

impl<K: Hash + Eq, V: Clone> Cache<K, V> {
    pub(crate) fn new(keep_for: Duration, capacity: NonZeroUsize) -> Self {
        Self { keep_for, entries: Mutex::new(LruCache::new(capacity)) }
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let found = entries.get(key).filter(|(read_at, _)| is_within(*read_at, self.keep_for));
        found.map(|(_, value)| value.clone())
    }

    pub(crate) fn put(&self, key: K, read_at: SystemTime, value: V) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).put(key, (read_at, value));
    }
}

/// Returns whether `time` is less than `age` ago, or false if `time` is in the future, which can happen if the clock is
/// set back. Uses the wall clock, because the monotonic clock may stop while Lambda freezes the execution environment
/// between two requests.
pub(crate) fn is_within(time: SystemTime, age: Duration) -> bool {
    time.elapsed().is_ok_and(|elapsed| elapsed < age)
}
