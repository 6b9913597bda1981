use std::{fmt, str::FromStr, time::Duration};

/// The environment does not say what a binary needs to know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// All that is wrong, in the order in which it was read.
    pub faults: Vec<Fault>,
}

/// What is wrong with a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The variable's name.
    pub variable: &'static str,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the environment is not complete:")?;
        for (index, Fault { variable, message }) in self.faults.iter().enumerate() {
            write!(f, "{} {variable} {message}", if index == 0 { "" } else { ";" })?;
        }
        Ok(())
    }
}

/// Reads variables, and remembers what was wrong with them.
pub(super) struct Reader<L> {
    lookup: L,
    faults: Vec<Fault>,
}

impl<L: Fn(&str) -> Option<String>> Reader<L> {
    pub(super) fn new(lookup: L) -> Self {
        Self { lookup, faults: Vec::new() }
    }

    /// A variable that must be set; none, and a fault, if it is not or cannot be read.
    pub(super) fn required<T: FromStr<Err: fmt::Display>>(&mut self, variable: &'static str) -> Option<T> {
        let value = self.value(variable);
        if value.is_none() {
            self.fault(variable, "is not set".to_owned());
        }
        self.parse(variable, &value?)
    }

    /// A variable that has a default.
    pub(super) fn optional<T: FromStr<Err: fmt::Display>>(&mut self, variable: &'static str, default: T) -> T {
        let value = self.value(variable);
        value.and_then(|value| self.parse(variable, &value)).unwrap_or(default)
    }

    /// A duration in milliseconds that has a default.
    pub(super) fn milliseconds(&mut self, variable: &'static str, default: Duration) -> Duration {
        let value = self.value(variable);
        value.and_then(|value| self.parse(variable, &value)).map_or(default, Duration::from_millis)
    }

    /// Rejects a variable that has been renamed, so that its value is not silently ignored.
    pub(super) fn renamed(&mut self, old: &'static str, new: &str) {
        if self.is_set(old) {
            self.fault(old, format!("was renamed: set {new} instead"));
        }
    }

    /// Whether a variable is set.
    pub(super) fn is_set(&self, variable: &str) -> bool {
        self.value(variable).is_some()
    }

    /// Remembers what is wrong with a variable.
    pub(super) fn fault(&mut self, variable: &'static str, message: String) {
        self.faults.push(Fault { variable, message });
    }

    /// The settings, if nothing was wrong.
    pub(super) fn finish<T>(self, settings: impl FnOnce() -> Option<T>) -> Result<T, ConfigError> {
        match settings() {
            Some(settings) if self.faults.is_empty() => Ok(settings),
            _ => Err(ConfigError { faults: self.faults }),
        }
    }

    fn value(&self, variable: &str) -> Option<String> {
        (self.lookup)(variable).filter(|value| !value.is_empty())
    }

    fn parse<T: FromStr<Err: fmt::Display>>(&mut self, variable: &'static str, value: &str) -> Option<T> {
        value.parse().map_err(|error| self.fault(variable, format!("is {value:?}, which cannot be read: {error}"))).ok()
    }
}
