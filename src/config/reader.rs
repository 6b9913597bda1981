use std::{fmt, str::FromStr, time::Duration};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// All missing and invalid variables, in the order in which they were read.
    pub variables: Vec<InvalidVariable>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidVariable {
    pub name: String,
    /// What is wrong, as a phrase that follows the name, such as "is not set".
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid configuration:")?;
        for (index, InvalidVariable { name, message }) in self.variables.iter().enumerate() {
            write!(f, "{} {name} {message}", if index == 0 { "" } else { ";" })?;
        }
        Ok(())
    }
}

/// A reader for environment variables. It collects the missing and invalid ones.
pub(super) struct Reader<L> {
    lookup: L,
    invalid: Vec<InvalidVariable>,
}

impl<L: Fn(&str) -> Option<String>> Reader<L> {
    pub(super) fn new(lookup: L) -> Self {
        Self { lookup, invalid: Vec::new() }
    }

    /// Reads a required variable. If it is missing or invalid, rejects it and returns `None`.
    pub(super) fn required<T: FromStr<Err: fmt::Display>>(&mut self, name: &str) -> Option<T> {
        let value = self.value(name);
        if value.is_none() {
            self.reject(name, "is not set".to_owned());
        }
        self.parse(name, &value?)
    }

    /// Reads a variable. Returns the default if the variable is not set, or if it is invalid and therefore rejected.
    pub(super) fn optional<T: FromStr<Err: fmt::Display>>(&mut self, name: &str, default: T) -> T {
        let value = self.value(name);
        value.and_then(|value| self.parse(name, &value)).unwrap_or(default)
    }

    /// Like [`Reader::optional`], but reads a duration in milliseconds.
    pub(super) fn milliseconds(&mut self, name: &str, default: Duration) -> Duration {
        let value = self.value(name);
        value.and_then(|value| self.parse(name, &value)).map_or(default, Duration::from_millis)
    }

    /// Rejects a variable that has been renamed, so that its value is not silently ignored.
    pub(super) fn renamed(&mut self, old: &str, new: &str) {
        if self.is_set(old) {
            self.reject(old, format!("was renamed: set {new} instead"));
        }
    }

    pub(super) fn is_set(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// Adds a variable to the error that [`Reader::finish`] returns.
    pub(super) fn reject(&mut self, name: &str, message: String) {
        self.invalid.push(InvalidVariable { name: name.to_owned(), message });
    }

    /// Returns the settings if no variable was rejected.
    pub(super) fn finish<T>(self, settings: impl FnOnce() -> Option<T>) -> Result<T, ConfigError> {
        match settings() {
            Some(settings) if self.invalid.is_empty() => Ok(settings),
            _ => Err(ConfigError { variables: self.invalid }),
        }
    }

    /// Returns the value of a variable if it is set. An empty variable counts as not set.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    fn parse<T: FromStr<Err: fmt::Display>>(&mut self, name: &str, value: &str) -> Option<T> {
        value.parse().map_err(|error| self.reject(name, format!("has the invalid value {value:?}: {error}"))).ok()
    }
}
