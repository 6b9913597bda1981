use std::{collections::BTreeMap, fmt};

/// How many problems of one upload are listed; the rest are counted.
const MAX_LISTED: usize = 50;

/// One thing that is wrong with an upload, in words that its author can act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What it belongs to: a part of the form, `archive`, or a key of the manifest such as `pack.yaml: version`.
    pub field: String,
    /// What was found, what is allowed, and where there is one the mend.
    pub message: String,
}

/// Everything that is wrong with one upload: the first 50 problems in the order they were found, and how many more
/// there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    listed: Vec<Problem>,
    unlisted: usize,
}

impl Problems {
    /// Adds a problem; the same problem twice is one.
    pub fn add(&mut self, field: impl Into<String>, message: impl fmt::Display) {
        let problem = Problem { field: field.into(), message: message.to_string() };
        if self.listed.contains(&problem) {
            return;
        }
        if self.listed.len() < MAX_LISTED { self.listed.push(problem) } else { self.unlisted += 1 }
    }

    /// Adds all of `other`'s problems.
    pub fn append(&mut self, other: Self) {
        for problem in other.listed {
            self.add(problem.field, problem.message);
        }
        self.unlisted += other.unlisted;
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// The listed problems, in the order they were found.
    pub fn listed(&self) -> &[Problem] {
        &self.listed
    }

    /// How many problems there are beyond the listed ones.
    pub fn unlisted(&self) -> usize {
        self.unlisted
    }

    /// The listed messages by the field they belong to.
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
