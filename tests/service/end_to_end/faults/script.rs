//! What goes wrong, and when.

use std::{
    env, fmt,
    ops::Range,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

/// One of the three Lambda functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    Api,
    Builder,
    Requeue,
}

impl Role {
    /// As template.yaml's functions and their binaries are named.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Builder => "builder",
            Self::Requeue => "requeue",
        }
    }

    /// Its binary: of this build, or of `cargo lambda build` where `FUNCTIONS` names the folder of those.
    pub(crate) fn binary(self) -> PathBuf {
        match (env::var_os("FUNCTIONS"), self) {
            (Some(folder), _) => Path::new(&folder).join(self.name()).join("bootstrap"),
            (None, Self::Api) => env!("CARGO_BIN_EXE_api").into(),
            (None, Self::Builder) => env!("CARGO_BIN_EXE_builder").into(),
            (None, Self::Requeue) => env!("CARGO_BIN_EXE_requeue").into(),
        }
    }
}

/// A backend that a proxy stands before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Service {
    S3,
    DynamoDb,
    Sqs,
    Registry,
}

/// One kind of call of a function, such as `TransactWriteItems` of DynamoDB or `PUT manifests` of the registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Call {
    pub(crate) caller: Role,
    pub(crate) service: Service,
    pub(crate) operation: String,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {:?} {}", self.caller, self.service, self.operation)
    }
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It never reaches the backend: the connection breaks.
    Fails,
    /// The backend acts, and the connection breaks before the answer.
    AnswerLost,
    /// The service answers that it is throttling.
    Throttles,
    /// The service answers with its own internal error.
    InternalError,
    /// A transaction is cancelled since another one is under way on the same item.
    TransactionConflict,
    /// Half of the answer comes back, and the connection breaks.
    CutOff,
    /// Nothing comes back.
    Stalls,
    /// The process is killed before the call reaches the backend.
    KilledBefore,
    /// The backend acts, and the process is killed before the answer.
    KilledAfter,
}

/// A fault that waits for its call.
#[derive(Debug, Clone)]
pub(crate) struct Trap {
    pub(crate) call: Call,
    /// How many such calls it lets pass first.
    pub(crate) skip: u32,
    pub(crate) fault: Fault,
    /// How many such calls it hits at most, one after another.
    pub(crate) times: u32,
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} #{}: {:?} × {}", self.call, self.skip, self.fault, self.times)
    }
}

/// What all proxies of one system share.
#[derive(Debug, Default)]
pub(crate) struct Script {
    state: Mutex<State>,
    /// Told when the process that is at work is to be killed.
    pub(crate) kill: Notify,
}

#[derive(Debug, Default)]
struct State {
    at_work: Option<Role>,
    traps: Vec<Armed>,
    seen: Vec<Call>,
    /// How much longer a call takes that nothing befalls.
    delay: Duration,
    /// When each such call was under way.
    passed: Vec<(Call, Range<Instant>)>,
}

#[derive(Debug)]
struct Armed {
    trap: Trap,
    passed: u32,
    hits: u32,
}

impl Script {
    /// A new one, without traps.
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Says whose calls come from now on: only one function is at work at a time.
    pub(crate) fn at_work(&self, role: Role) {
        self.state.lock().unwrap().at_work = Some(role);
    }

    /// Sets traps.
    pub(crate) fn set(&self, traps: impl IntoIterator<Item = Trap>) {
        self.state.lock().unwrap().traps = traps.into_iter().map(|trap| Armed { trap, passed: 0, hits: 0 }).collect();
    }

    /// Takes the traps away.
    ///
    /// # Panics
    /// If one was never hit: its case would prove nothing.
    pub(crate) fn clear(&self) {
        for Armed { trap, hits, .. } in std::mem::take(&mut self.state.lock().unwrap().traps) {
            assert!(hits > 0, "nobody ran into {trap}");
        }
    }

    /// All calls since the last time, in the order they came.
    pub(crate) fn take_seen(&self) -> Vec<Call> {
        std::mem::take(&mut self.state.lock().unwrap().seen)
    }

    /// Lets every call from now on take this much longer.
    pub(crate) fn slow_down(&self, delay: Duration) {
        self.state.lock().unwrap().delay = delay;
    }

    /// The operations since the last time that one after another was waited for: as many as there can be of which none
    /// began before the one before it ended.
    pub(crate) fn take_sequence(&self) -> Vec<String> {
        let mut passed = std::mem::take(&mut self.state.lock().unwrap().passed);
        passed.sort_by_key(|(_, time)| time.end);
        let mut sequence = Vec::new();
        let mut ended = None;
        for (call, time) in passed {
            if ended.is_none_or(|ended| ended <= time.start) {
                ended = Some(time.end);
                sequence.push(call.operation);
            }
        }
        sequence
    }

    /// The call that comes now.
    pub(super) fn call(&self, service: Service, operation: String) -> Call {
        let caller = self.state.lock().unwrap().at_work.expect("a function is at work");
        Call { caller, service, operation }
    }

    /// Lets a call pass.
    pub(super) async fn pass<T>(&self, call: Call, forward: impl Future<Output = T>) -> T {
        let delay = self.state.lock().unwrap().delay;
        let began = Instant::now();
        tokio::time::sleep(delay).await;
        let answer = forward.await;
        self.state.lock().unwrap().passed.push((call, began..Instant::now()));
        answer
    }

    /// What befalls a call.
    pub(super) fn fault(&self, call: &Call) -> Option<Fault> {
        let mut state = self.state.lock().unwrap();
        let mut fault = None;
        for armed in state.traps.iter_mut().filter(|armed| armed.trap.call == *call) {
            armed.passed += 1;
            if fault.is_none() && armed.passed > armed.trap.skip && armed.hits < armed.trap.times {
                armed.hits += 1;
                fault = Some(armed.trap.fault);
            }
        }
        state.seen.push(call.clone());
        fault
    }
}
