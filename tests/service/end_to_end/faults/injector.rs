//! The state that the proxies of a stack share: the faults to inject, and the calls so far.

use std::{
    ops::Range,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use super::fault::{Call, Fault, PlannedFault, Role, Service};

/// Decides whether a call through a proxy fails, and records all calls.
#[derive(Debug, Default)]
pub(crate) struct FaultInjector {
    state: Mutex<State>,
    /// Notified when the current caller's process must be killed.
    pub(crate) kill: Notify,
}

#[derive(Debug, Default)]
struct State {
    caller: Option<Role>,
    faults: Vec<ActiveFault>,
    calls: Vec<Call>,
    /// The delay before every call without a fault.
    delay: Duration,
    /// The start and the end of every call without a fault.
    timings: Vec<(Call, Range<Instant>)>,
}

#[derive(Debug)]
struct ActiveFault {
    planned: PlannedFault,
    /// The number of matching calls so far.
    matches: u32,
    /// The number of calls that failed because of this fault.
    injected: u32,
}

impl FaultInjector {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Attributes all later calls to `role`. This works because only one Lambda function runs at a time.
    pub(crate) fn set_caller(&self, role: Role) {
        self.state.lock().unwrap().caller = Some(role);
    }

    /// Replaces the faults to inject.
    pub(crate) fn inject(&self, faults: impl IntoIterator<Item = PlannedFault>) {
        self.state.lock().unwrap().faults =
            faults.into_iter().map(|planned| ActiveFault { planned, matches: 0, injected: 0 }).collect();
    }

    /// Removes all faults.
    ///
    /// # Panics
    /// Panics if a fault was never injected, because the case would then test nothing.
    pub(crate) fn clear(&self) {
        for ActiveFault { planned, injected, .. } in std::mem::take(&mut self.state.lock().unwrap().faults) {
            assert!(injected > 0, "no call matched {planned}");
        }
    }

    /// Returns the calls since this method was last called, in order.
    pub(crate) fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.state.lock().unwrap().calls)
    }

    pub(crate) fn delay_calls(&self, delay: Duration) {
        self.state.lock().unwrap().delay = delay;
    }

    /// Returns the operations of the longest sequence of calls in which each call began after the previous one ended.
    /// The Lambda function had to wait for these calls one after another. Considers only the calls since this method
    /// was last called.
    pub(crate) fn take_sequential_operations(&self) -> Vec<String> {
        let mut timings = std::mem::take(&mut self.state.lock().unwrap().timings);
        timings.sort_by_key(|(_, time)| time.end);
        let mut sequence = Vec::new();
        let mut ended = None;
        for (call, time) in timings {
            if ended.is_none_or(|ended| ended <= time.start) {
                ended = Some(time.end);
                sequence.push(call.operation);
            }
        }
        sequence
    }

    /// Attributes a call to the current caller.
    pub(super) fn call(&self, service: Service, operation: String) -> Call {
        let caller = self.state.lock().unwrap().caller.expect("a function is running");
        Call { caller, service, operation }
    }

    /// Forwards a call after the configured delay, and records when the call began and ended.
    pub(super) async fn forward<T>(&self, call: Call, forward: impl Future<Output = T>) -> T {
        let delay = self.state.lock().unwrap().delay;
        let began = Instant::now();
        tokio::time::sleep(delay).await;
        let response = forward.await;
        self.state.lock().unwrap().timings.push((call, began..Instant::now()));
        response
    }

    /// Records a call and returns its fault, if any.
    pub(super) fn next_fault(&self, call: &Call) -> Option<Fault> {
        let mut state = self.state.lock().unwrap();
        let mut fault = None;
        for active in state.faults.iter_mut().filter(|active| active.planned.call == *call) {
            active.matches += 1;
            if fault.is_none() && active.matches > active.planned.skip && active.injected < active.planned.times {
                active.injected += 1;
                fault = Some(active.planned.fault);
            }
        }
        state.calls.push(call.clone());
        fault
    }
}
