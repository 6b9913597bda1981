use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{
        BidiControl, DefaultIgnorableCodePoint, Emoji, EmojiModifier, ExtendedPictographic, GeneralCategory,
        GeneralCategoryGroup, Ideographic, IndicSyllabicCategory, JoiningType, Script,
    },
};

/// Returns whether the character can change the order in which text is displayed (CVE-2021-42574).
pub(super) fn is_bidirectional_control(char: char) -> bool {
    CodePointSetData::new::<BidiControl>().contains(char)
}

/// Returns whether the character is usually not displayed (UAX #44, `Default_Ignorable_Code_Point`).
pub(crate) fn is_ignorable(char: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(char)
}

/// Returns whether the character is invisible or looks like a space, except for the space itself (U+0020). Also returns
/// `true` for every character without a fixed appearance, such as an unassigned or private-use character.
pub(crate) fn is_invisible(char: char) -> bool {
    /// The blank Braille pattern. Its general category is `So` (other symbol).
    const BRAILLE_BLANK: char = '\u{2800}';
    let category = CodePointMapData::<GeneralCategory>::new().get(char);
    let is_blank = GeneralCategoryGroup::Other.contains(category) || GeneralCategoryGroup::Separator.contains(category);
    (is_blank && char != ' ') || is_ignorable(char) || char == BRAILLE_BLANK
}

/// Returns whether the character is an emoji that a ZWJ can join to another emoji.
pub(super) fn is_pictographic(char: char) -> bool {
    CodePointSetData::new::<ExtendedPictographic>().contains(char)
}

/// Returns whether the character is a skin tone modifier.
pub(super) fn is_emoji_modifier(char: char) -> bool {
    CodePointSetData::new::<EmojiModifier>().contains(char)
}

/// How a character affects a ZWJ or ZWNJ next to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joining {
    /// A letter that joins its neighbors, as in Arabic, or a character of a Brahmic script, such as Devanagari, whose
    /// letters form conjuncts.
    Script,
    /// A mark. A joiner after a mark applies to the letter before the mark.
    Mark,
    None,
}

impl Joining {
    pub(super) fn from_char(char: char) -> Self {
        match CodePointMapData::<JoiningType>::new().get(char) {
            JoiningType::DualJoining | JoiningType::LeftJoining | JoiningType::RightJoining => Self::Script,
            _ if is_brahmic(char) => Self::Script,
            JoiningType::Transparent => Self::Mark,
            _ => Self::None,
        }
    }
}

/// Returns whether the character belongs to a Brahmic script, such as Devanagari.
fn is_brahmic(char: char) -> bool {
    CodePointMapData::<IndicSyllabicCategory>::new().get(char) != IndicSyllabicCategory::Other
        // Some characters that many scripts share, such as the hyphen, also have an Indic syllabic category.
        && !matches!(script(char), Script::Common | Script::Inherited)
}

fn script(char: char) -> Script {
    CodePointMapData::<Script>::new().get(char)
}

/// A kind of variation selector. Which characters a selector may follow depends on its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum VariationSelector {
    /// U+FE0E (text style) and U+FE0F (emoji style).
    Style,
    /// U+FE00 to U+FE0D: variants of symbols and of letters in some scripts.
    Standardized,
    /// U+E0100 to U+E01EF: variants of ideographs.
    Ideographic,
    /// U+180B to U+180D and U+180F: variants of Mongolian letters.
    Mongolian,
}

impl VariationSelector {
    pub(super) fn from_char(char: char) -> Option<Self> {
        match char {
            '\u{FE0E}' | '\u{FE0F}' => Some(Self::Style),
            '\u{FE00}'..='\u{FE0D}' => Some(Self::Standardized),
            '\u{E0100}'..='\u{E01EF}' => Some(Self::Ideographic),
            '\u{180B}'..='\u{180D}' | '\u{180F}' => Some(Self::Mongolian),
            _ => None,
        }
    }

    /// Returns whether this selector is allowed after `base`. Approximates UTS #51, StandardizedVariants.txt (Unicode
    /// Character Database) and IVD_Sequences.txt (Ideographic Variation Database) by checking properties of `base`.
    /// Does not allow standardized variants of ASCII, Latin, Greek or Cyrillic characters.
    pub(super) fn follows(self, base: char) -> bool {
        if is_ignorable(base) {
            return false;
        }
        match self {
            Self::Style => CodePointSetData::new::<Emoji>().contains(base) || (!base.is_ascii() && is_symbol(base)),
            Self::Standardized => {
                let is_alphabetic = matches!(script(base), Script::Latin | Script::Greek | Script::Cyrillic);
                !(base.is_ascii() || is_alphabetic)
            }
            Self::Ideographic => CodePointSetData::new::<Ideographic>().contains(base),
            Self::Mongolian => script(base) == Script::Mongolian,
        }
    }
}

fn is_symbol(char: char) -> bool {
    GeneralCategoryGroup::Symbol.contains(CodePointMapData::<GeneralCategory>::new().get(char))
}
