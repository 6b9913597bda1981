use super::{
    forbidden::{Forbidden, Reason},
    property::{Joining, VariationSelector, is_emoji_modifier, is_pictographic},
};

const ZWNJ: char = '\u{200C}';
const ZWJ: char = '\u{200D}';
/// The last character of a keycap emoji. The first is a digit, `#` or `*`, and the second is U+FE0F.
const KEYCAP: char = '\u{20E3}';
const BLACK_FLAG: char = '\u{1F3F4}';
/// The flags that Unicode recommends (UTS #51, `RGI_Emoji_Tag_Sequence`): England, Scotland and Wales. Each is written
/// as the ASCII text that its tag characters spell. Any other flag is displayed as a black flag, and its tag characters
/// could spell out hidden text.
const FLAGS: [&str; 3] = ["gbeng\x7F", "gbsct\x7F", "gbwls\x7F"];
/// The number of tag characters in the longest flag.
const MAX_FLAG: usize = 6;

/// Returns the runs of forbidden characters in `text`, each with its index in characters. Of the runs that start with
/// the same character, returns only the first. For this rule, all tag characters count as the same character.
pub(crate) fn scan(text: &str) -> Vec<(usize, Forbidden)> {
    let mut scanner = Scanner::default();
    for (index, char) in text.chars().enumerate() {
        scanner.push(index, char);
    }
    scanner.finish()
}

/// A scanner that finds runs of forbidden characters in a stream of characters. `P` is the type of a character's
/// position.
///
/// Removing all runs, including those that are not returned, makes the text valid, because a character that is
/// forbidden everywhere does not affect what is allowed after it.
#[derive(Debug)]
pub(super) struct Scanner<P> {
    found: Vec<(P, Forbidden)>,
    /// The last run, and the index of the character after it.
    run: Option<(P, Forbidden, usize)>,
    /// The index of the next character.
    index: usize,
    /// Characters that are allowed only if certain characters follow them.
    pending: Option<Pending<P>>,
    previous: char,
    /// Whether the text so far ends with an emoji, possibly followed by a skin tone modifier or a variation selector.
    is_after_emoji: bool,
    /// How the last letter affects a joiner that follows it.
    joining: Joining,
}

/// A character's position and its index in the text.
#[derive(Debug)]
struct Place<P> {
    position: P,
    index: usize,
}

#[derive(Debug)]
enum Pending<P> {
    Joiner {
        place: Place<P>,
        char: char,
        is_after_emoji: bool,
    },
    /// A variation selector after an ASCII character.
    Keycap {
        place: Place<P>,
        char: char,
    },
    /// A run of tag characters. `ascii` is the text that the run spells, at most [`MAX_FLAG`] characters of it.
    Tags {
        place: Place<P>,
        first: char,
        length: usize,
        ascii: String,
        is_after_black_flag: bool,
    },
}

impl<P> Default for Scanner<P> {
    fn default() -> Self {
        Self {
            found: Vec::new(),
            run: None,
            index: 0,
            pending: None,
            previous: ' ',
            is_after_emoji: false,
            joining: Joining::None,
        }
    }
}

impl<P> Scanner<P> {
    pub(super) fn push(&mut self, position: P, char: char) {
        let place = Place { position, index: self.index };
        self.index += 1;
        let is_plain = matches!(char, ' '..='~' | '\n');
        if !is_plain && let Some(reason) = Reason::without_context(char) {
            self.resolve_pending(Some(char));
            self.report(place, Forbidden { char, reason, length: 1 });
            return;
        }
        if !is_plain || self.pending.is_some() {
            self.push_in_context(place, char);
        }
        if is_plain {
            self.is_after_emoji = false;
            self.joining = Joining::None;
        } else {
            let continues_emoji = is_emoji_modifier(char) || VariationSelector::from_char(char).is_some();
            self.is_after_emoji = is_pictographic(char) || (self.is_after_emoji && continues_emoji);
            self.joining = match Joining::from_char(char) {
                Joining::Mark => self.joining,
                joining => joining,
            };
        }
        self.previous = char;
    }

    /// Returns the runs of forbidden characters, sorted by position.
    pub(super) fn finish(mut self) -> Vec<(P, Forbidden)> {
        self.resolve_pending(None);
        self.end_run();
        self.found
    }

    fn push_in_context(&mut self, place: Place<P>, char: char) {
        if let (Some(Pending::Tags { length, ascii, .. }), Some(tag)) = (&mut self.pending, tag(char)) {
            if *length < MAX_FLAG {
                ascii.push(tag);
            }
            *length += 1;
            return;
        }
        self.resolve_pending(Some(char));
        self.check(place, char);
    }

    /// Checks a character against the text before it. If the next character matters too, the character becomes pending.
    fn check(&mut self, place: Place<P>, char: char) {
        let previous = self.previous;
        if let Some(tag) = tag(char) {
            let is_after_black_flag = previous == BLACK_FLAG;
            let ascii = tag.to_string();
            self.pending = Some(Pending::Tags { place, first: char, length: 1, ascii, is_after_black_flag });
        } else if matches!(char, ZWJ | ZWNJ) {
            if matches!(previous, ZWJ | ZWNJ) {
                self.report_out_of_place(place, char);
            } else if self.joining != Joining::Script {
                let is_after_emoji = self.is_after_emoji && char == ZWJ;
                self.pending = Some(Pending::Joiner { place, char, is_after_emoji });
            }
        } else if let Some(selector) = VariationSelector::from_char(char) {
            if !selector.follows(previous) {
                self.report_out_of_place(place, char);
            } else if previous.is_ascii() {
                self.pending = Some(Pending::Keycap { place, char });
            }
        }
    }

    /// Reports the pending characters if they are not allowed before `next`, which is `None` at the end of the text.
    fn resolve_pending(&mut self, next: Option<char>) {
        let Some(pending) = self.pending.take() else { return };
        match pending {
            Pending::Joiner { place, char, is_after_emoji } => {
                let is_used = next.is_some_and(|next| {
                    Joining::from_char(next) == Joining::Script || (is_after_emoji && is_pictographic(next))
                });
                if !is_used {
                    self.report_out_of_place(place, char);
                }
            }
            Pending::Keycap { place, char } => {
                if next != Some(KEYCAP) {
                    self.report_out_of_place(place, char);
                }
            }
            Pending::Tags { place, first, length, ascii, is_after_black_flag } => {
                let is_flag = is_after_black_flag && length <= MAX_FLAG && FLAGS.contains(&ascii.as_str());
                if !is_flag {
                    self.report(place, Forbidden { char: first, reason: Reason::Tags, length });
                }
            }
        }
    }

    fn report_out_of_place(&mut self, place: Place<P>, char: char) {
        self.report(place, Forbidden { char, reason: Reason::OutOfPlace, length: 1 });
    }

    /// Adds characters to the last run if they directly follow it. Otherwise, starts a new run.
    fn report(&mut self, place: Place<P>, forbidden: Forbidden) {
        if let Some((_, run, end)) = &mut self.run
            && *end == place.index
        {
            run.length += forbidden.length;
            *end += forbidden.length;
        } else {
            self.end_run();
            self.run = Some((place.position, forbidden, place.index + forbidden.length));
        }
    }

    fn end_run(&mut self) {
        let Some((position, run, _)) = self.run.take() else { return };
        let is_same = |(_, other): &(P, Forbidden)| {
            other.char == run.char || (other.reason, run.reason) == (Reason::Tags, Reason::Tags)
        };
        if !self.found.iter().any(is_same) {
            self.found.push((position, run));
        }
    }
}

/// Returns the ASCII character that a tag character represents, or `None` for any other character. Treats U+E0000 to
/// U+E001F as tag characters, although most of them are unassigned.
fn tag(char: char) -> Option<char> {
    let code_point = u32::from(char).checked_sub(0xE0000)?;
    char::from_u32(code_point).filter(char::is_ascii)
}
