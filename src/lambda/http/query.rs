use std::{collections::BTreeMap, fmt};

use lambda_http::{Request, RequestExt};
use pack_format::{Escaped, Problems};

use super::ApiError;
use crate::{
    catalog::{Filter, NameFilter},
    identity::Credential,
    records::PackId,
};

/// Common names of query parameters that carry credentials.
const CREDENTIAL_NAMES: [&str; 6] = ["access_token", "api_key", "apikey", "authorization", "key", "token"];
/// The default and maximum number of packs in a page.
const MAX_LIMIT: usize = 1_000;

/// The query parameters that have not been read yet, with all of their values.
#[derive(Debug)]
pub(super) struct Query(BTreeMap<String, Vec<String>>);

/// The parsed query of `GET /v1/packs`.
#[derive(Debug)]
pub(super) struct List {
    pub(super) filter: Filter,
    pub(super) limit: usize,
    /// The last pack of the previous page.
    pub(super) after: Option<PackId>,
}

impl Query {
    pub(super) fn from_request(request: &Request) -> Self {
        let mut parameters: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in request.query_string_parameters_ref().into_iter().flat_map(|query| query.iter()) {
            parameters.entry(name.to_owned()).or_default().push(value.to_owned());
        }
        Self(parameters)
    }

    /// Returns whether a parameter has a name that is common for credentials, or a name or value that looks like one.
    pub(super) fn holds_credential(&self) -> bool {
        self.0.iter().any(|(name, values)| {
            CREDENTIAL_NAMES.contains(&name.to_ascii_lowercase().as_str())
                || Credential::is_likely(name)
                || values.iter().any(|value| Credential::is_likely(value))
        })
    }

    /// Parses the query of an upload, and returns whether it is a dry run.
    pub(super) fn into_dry_run(mut self, problems: &mut Problems) -> bool {
        let dry_run = self.take("dry_run", problems, boolean);
        self.finish(problems);
        dry_run.unwrap_or(false)
    }

    pub(super) fn into_list(mut self, problems: &mut Problems) -> List {
        let limit = self.take("limit", problems, |value| {
            let limit = value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
            limit.ok_or(format!("must be an integer from 1 to {MAX_LIMIT}"))
        });
        let cursor = self.take("cursor", problems, |value| {
            value.parse::<PackId>().map_err(|_| "must be the `next_cursor` of the previous page")
        });
        let filter = Filter {
            name: self.take_name(problems),
            owned: self.take("owned", problems, boolean),
            visibility: self
                .take("visibility", problems, |value| value.parse().map_err(|_| "must be `org` or `community`")),
        };
        self.finish(problems);
        List { filter, limit: limit.unwrap_or(MAX_LIMIT), after: cursor }
    }

    fn take_name(&mut self, problems: &mut Problems) -> Option<NameFilter> {
        let has_name = self.0.contains_key("name");
        let name = self.take("name", problems, str::parse);
        let version = self.take("version", problems, str::parse);
        if version.is_some() && !has_name {
            problems.add("version", "is allowed only together with `name`");
        }
        Some(NameFilter { name: name?, version })
    }

    /// Removes a parameter and parses its value. If the value is invalid or the parameter appears more than once, adds
    /// a problem and returns `None`. Also returns `None` if the parameter is absent.
    fn take<T, E: fmt::Display>(
        &mut self,
        name: &str,
        problems: &mut Problems,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        match self.0.remove(name)?.as_slice() {
            [value] => parse(value).map_err(|problem| problems.add(name, problem)).ok(),
            _ => {
                problems.add(name, "appears more than once; send it only once");
                None
            }
        }
    }

    /// Checks that the request has no query parameters.
    ///
    /// # Errors
    /// Returns [`ApiError::Validation`] with a problem for each parameter.
    pub(super) fn reject_all(self) -> Result<(), ApiError> {
        let mut problems = Problems::default();
        self.finish(&mut problems);
        if problems.is_empty() { Ok(()) } else { Err(ApiError::Validation(problems)) }
    }

    /// Adds a problem for each parameter that was not read.
    pub(super) fn finish(self, problems: &mut Problems) {
        for name in self.0.keys() {
            problems.add(Escaped::new(name).to_string(), "is not a query parameter of this request");
        }
    }
}

fn boolean(text: &str) -> Result<bool, &'static str> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("must be `true` or `false`"),
    }
}
