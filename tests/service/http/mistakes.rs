//! Tests that the suggestions in responses to authors' common mistakes fix these mistakes.

use pack_format::{Location, Problem, Problems, Span, Suggestion};
use serde_json::Value;
use test_support::{
    mistakes::{Mistake, Upload, mistakes},
    suggestions::apply_all,
};

use super::test_api::TestApi;
use crate::support::Archive;

#[tokio::test]
async fn an_upload_is_accepted_once_the_suggestions_in_its_rejection_are_applied() {
    let mut fixed = 0;
    let mut api = TestApi::start().await;
    for Mistake { title, upload, .. } in mistakes().into_iter().flat_map(|(_, mistakes)| mistakes) {
        let Upload::Files(files) = upload else { continue };
        let rejected = api.upload(&[("archive", &Archive::new().files(&files).tar_gz())]).await;
        rejected.fields();
        let problems = fixable(&rejected.body["error"]["details"]["problems"]);
        if problems.is_empty() {
            continue;
        }
        let files: Vec<(&str, &[u8])> = files.iter().map(|(path, text)| (*path, text.as_bytes())).collect();
        let archive = Archive::new().files(&apply_all(&files, &problems)).tar_gz();
        let accepted = api.upload(&[("archive", &archive)]).await;
        assert_eq!(accepted.status, 201, "{title}: {}", accepted.body);
        fixed += 1;
        // All packs have the same name and version, so each needs new backends.
        api = TestApi::start().await;
    }
    assert!(fixed >= 15, "only {fixed} mistakes have suggestions");
}

/// Returns the problems that have a suggestion. `problems` is the list in a response.
fn fixable(problems: &Value) -> Problems {
    let mut fixable = Problems::default();
    for problem in problems.as_array().unwrap() {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let Some(suggestion) = problem.get("suggestion") else { continue };
        let number = |name| problem.get(name).map(|value: &Value| value.as_u64().unwrap() as usize);
        let span = number("line").map(|line| Span {
            line,
            column: number("column").unwrap(),
            length: number("length").unwrap(),
        });
        let suggestion =
            Suggestion { description: text(&suggestion["description"]), replacement: text(&suggestion["replacement"]) };
        let location = Location::File { file: text(&problem["file"]), span, suggestion: Some(suggestion) };
        let (field, message) = (text(&problem["field"]), text(&problem["message"]));
        fixable.push(Problem { field, message, location: Some(location) });
    }
    fixable
}
