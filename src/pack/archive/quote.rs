use std::fmt::{self, Write as _};

use crate::pack::text::is_unseen;

/// How much of a name is shown, in characters.
const MAX_SHOWN: usize = 200;

/// A name as a message shows it: in backticks, at most 200 characters of it, with everything escaped that is not UTF-8,
/// is not seen, or changes how other text is seen.
pub(super) struct Quoted<'a>(pub(super) &'a [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('`')?;
        let mut shown = 0;
        for chunk in self.0.utf8_chunks() {
            for char in chunk.valid().chars() {
                if shown == MAX_SHOWN {
                    return f.write_str("…`");
                }
                shown += 1;
                match char {
                    '`' | '\\' => write!(f, "\\{char}")?,
                    _ if is_unseen(char) => write!(f, "{}", char.escape_unicode())?,
                    _ => f.write_char(char)?,
                }
            }
            for byte in chunk.invalid() {
                if shown == MAX_SHOWN {
                    return f.write_str("…`");
                }
                shown += 1;
                write!(f, "\\x{byte:02x}")?;
            }
        }
        f.write_char('`')
    }
}
