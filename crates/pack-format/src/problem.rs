use std::{collections::BTreeMap, fmt};

/// The maximum number of problems listed for one upload. Further problems are only counted.
const MAX_LISTED: usize = 50;

/// One thing that is wrong with an upload, shown to its author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The part of the form, or the file and key, such as `archive` or `pack.yaml: version`.
    pub field: String,
    /// What is wrong, where, what is allowed, and how to fix it.
    pub message: String,
}

/// The problems of one upload: the first 50, in the order they were found, and the number of further problems.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    listed: Vec<Problem>,
    unlisted: usize,
}

impl Problems {
    /// Lists a problem, or counts it if the list is full. Ignores a problem that is already listed.
    pub fn add(&mut self, field: impl Into<String>, message: impl fmt::Display) {
        let problem = Problem { field: field.into(), message: message.to_string() };
        if self.listed.contains(&problem) {
            return;
        }
        if self.listed.len() < MAX_LISTED { self.listed.push(problem) } else { self.unlisted += 1 }
    }

    /// Adds the problems in `other`, including those that it only counts.
    pub fn append(&mut self, other: Self) {
        for problem in other.listed {
            self.add(problem.field, problem.message);
        }
        self.unlisted += other.unlisted;
    }

    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// Returns the listed problems in the order they were found.
    pub fn listed(&self) -> &[Problem] {
        &self.listed
    }

    /// Returns the number of problems that are not listed.
    pub fn unlisted(&self) -> usize {
        self.unlisted
    }

    /// Returns the messages of the listed problems, grouped by field.
    pub fn by_field(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut fields: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for problem in &self.listed {
            fields.entry(&problem.field).or_default().push(&problem.message);
        }
        fields
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.listed.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{}: {}", problem.field, problem.message)?;
        }
        if self.unlisted > 0 {
            write!(f, "; and {} more", self.unlisted)?;
        }
        Ok(())
    }
}
