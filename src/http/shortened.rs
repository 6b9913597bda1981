/// The most characters of a client's own words that a message repeats.
const MAX_QUOTED: usize = 64;

/// A client's own words, short enough to be repeated in an answer.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTED) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
