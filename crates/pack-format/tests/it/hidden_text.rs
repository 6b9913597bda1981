//! Tests for characters that people cannot see. They are rejected in file names, in `behavior.md` and in the strings of
//! `pack.yaml`, except where a writing system or an emoji needs them.

use pack_format::{Escaped, Location, Quoted, Span, ValidationError};
use test_support::{
    archive::Archive,
    manifest::{MANIFEST, manifest_with},
    validation::{problems, validate, validate_files},
};

use crate::support::{assert_manifest_rejected, assert_problems, assert_rejected};

/// Valid strings. Most of them need joiners, variation selectors or tag characters.
const VALID: [&str; 40] = [
    "Persian: می\u{200c}خواهم، کتاب\u{200c}ها",
    "Persian beside Latin: API\u{200c}ها",
    "Arabic letters in their initial form: ه\u{200d}.ق.",
    "with a vowel sign: بِ\u{200c}ا",
    "Kurdish: ئه\u{200c}م",
    "Hindi: क्\u{200d}ष, क्\u{200c}ष",
    "a half form at the end: क्\u{200d}",
    "Marathi: र्\u{200d}य",
    "Bengali: র\u{200d}্য",
    "Malayalam: ന്\u{200d}",
    "Kannada: ರ\u{200d}್ಕ",
    "Sinhala: ශ්\u{200d}රී",
    "Mongolian: ᠠ\u{180b}, ᠨ\u{200d}",
    "Burmese: က\u{fe00}",
    "Japanese: 葛\u{e0100}飾区, 辻\u{e0101}",
    "a compatibility ideograph: 㐀\u{fe00}",
    "a family: 👨\u{200d}👩\u{200d}👧\u{200d}👦",
    "a skin tone: 👩🏽\u{200d}🚀",
    "a heart: ❤\u{fe0f}",
    "a heart on fire: ❤\u{fe0f}\u{200d}🔥",
    "a couple: 👩\u{200d}❤\u{fe0f}\u{200d}💋\u{200d}👨",
    "a runner: 🏃🏿\u{200d}♀\u{fe0f}\u{200d}➡\u{fe0f}",
    "hands: 🧑🏻\u{200d}🤝\u{200d}🧑🏿",
    "a polar bear: 🐻\u{200d}❄\u{fe0f}",
    "a rainbow flag: 🏳\u{fe0f}\u{200d}🌈",
    "a pirate flag: 🏴\u{200d}☠\u{fe0f}",
    "flags: 🇩🇪🇮🇷🇮🇳",
    "England: 🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
    "Scotland: 🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
    "Wales: 🏴\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}.",
    "keycaps: 1\u{fe0f}\u{20e3} #\u{fe0f}\u{20e3} *\u{fe0f}\u{20e3}",
    "text style: ☎\u{fe0e} ⚠\u{fe0e}",
    "marks: ©\u{fe0f} ™\u{fe0f} ✓\u{fe0f}",
    "a mathematical variant: ∩\u{fe00}",
    "a soft hyphen: Donau\u{ad}dampf\u{ad}schiff",
    "Thai and Khmer: ภาษาไทย ភាសាខ្មែរ",
    "Korean: 한국어 각",
    "Hebrew: עברית",
    "Arabic: السلام عليكم",
    "spaces: a\u{a0}b\u{3000}c\u{2009}d",
];

#[test]
fn accepts_invisible_characters_that_a_writing_system_or_emoji_needs() {
    for text in VALID {
        let yaml = manifest_with(&format!("display_name: '{text}'\n"));
        let name = format!("guides/{text}.md");
        let files: [(&str, &[u8]); 3] =
            [("pack.yaml", yaml.as_bytes()), ("behavior.md", text.as_bytes()), (&name, text.as_bytes())];
        assert_problems(&validate_files(&files), &[], text);
    }
}

const INVISIBLE: &str = "which is invisible";
const OUT_OF_PLACE: &str = "which is invisible and has no effect here: no script or emoji sequence uses it";
const TAG: &str = "which is invisible and allowed only in the flags of England, Scotland and Wales";

/// Strings with a hidden character. For each string: the character's column, the number of characters to remove, the
/// character's name, and why it is not allowed.
const HIDDEN: [(&str, usize, usize, &str, &str); 44] = [
    ("a\u{200b}b", 2, 1, "U+200B ZERO WIDTH SPACE", INVISIBLE),
    ("a\u{115f}", 2, 1, "U+115F HANGUL CHOSEONG FILLER", INVISIBLE),
    ("a\u{1160}", 2, 1, "U+1160 HANGUL JUNGSEONG FILLER", INVISIBLE),
    ("a\u{3164}", 2, 1, "U+3164 HANGUL FILLER", INVISIBLE),
    ("a\u{ffa0}", 2, 1, "U+FFA0 HALFWIDTH HANGUL FILLER", INVISIBLE),
    ("a\u{180e}", 2, 1, "U+180E MONGOLIAN VOWEL SEPARATOR", INVISIBLE),
    ("a\u{2060}", 2, 1, "U+2060 WORD JOINER", INVISIBLE),
    ("a\u{2061}", 2, 1, "U+2061 FUNCTION APPLICATION", INVISIBLE),
    ("a\u{2062}", 2, 1, "U+2062 INVISIBLE TIMES", INVISIBLE),
    ("a\u{2063}", 2, 1, "U+2063 INVISIBLE SEPARATOR", INVISIBLE),
    ("a\u{2064}", 2, 1, "U+2064 INVISIBLE PLUS", INVISIBLE),
    ("\u{200c}a", 1, 1, "U+200C ZERO WIDTH NON-JOINER", OUT_OF_PLACE),
    ("a\u{200d}", 2, 1, "U+200D ZERO WIDTH JOINER", OUT_OF_PLACE),
    ("a\u{200d}b", 2, 1, "U+200D ZERO WIDTH JOINER", OUT_OF_PLACE),
    ("-\u{200d}-", 2, 1, "U+200D ZERO WIDTH JOINER", OUT_OF_PLACE),
    ("日\u{200c}本", 2, 1, "U+200C ZERO WIDTH NON-JOINER", OUT_OF_PLACE),
    ("می\u{200c}\u{200c}خ", 4, 1, "U+200C ZERO WIDTH NON-JOINER", OUT_OF_PLACE),
    ("می\u{200c}\u{200d}خ", 4, 1, "U+200D ZERO WIDTH JOINER", OUT_OF_PLACE),
    ("e\u{301}\u{200d}", 3, 1, "U+200D ZERO WIDTH JOINER", OUT_OF_PLACE),
    ("👩\u{200d}", 2, 1, "U+200D ZERO WIDTH JOINER", OUT_OF_PLACE),
    ("👩\u{200d}a", 2, 1, "U+200D ZERO WIDTH JOINER", OUT_OF_PLACE),
    ("👩\u{200c}👩", 2, 1, "U+200C ZERO WIDTH NON-JOINER", OUT_OF_PLACE),
    ("🇩🇪\u{200d}👩", 3, 1, "U+200D ZERO WIDTH JOINER", OUT_OF_PLACE),
    ("a\u{fe0f}", 2, 1, "U+FE0F VARIATION SELECTOR-16", OUT_OF_PLACE),
    ("1\u{fe0f}2", 2, 1, "U+FE0F VARIATION SELECTOR-16", OUT_OF_PLACE),
    ("1\u{fe0f}", 2, 1, "U+FE0F VARIATION SELECTOR-16", OUT_OF_PLACE),
    ("é\u{fe00}", 2, 1, "U+FE00 VARIATION SELECTOR-1", OUT_OF_PLACE),
    ("❤\u{fe0f}\u{fe0e}", 3, 1, "U+FE0E VARIATION SELECTOR-15", OUT_OF_PLACE),
    ("😀\u{e0150}", 2, 1, "U+E0150 VARIATION SELECTOR-97", OUT_OF_PLACE),
    ("葛\u{e0100}\u{e0101}", 3, 1, "U+E0101 VARIATION SELECTOR-18", OUT_OF_PLACE),
    ("a\u{180b}", 2, 1, "U+180B MONGOLIAN FREE VARIATION SELECTOR ONE", OUT_OF_PLACE),
    ("a\u{e0049}\u{e0067}\u{e0020}b", 2, 3, "U+E0049 TAG LATIN CAPITAL LETTER I", TAG),
    ("a\u{e0001}", 2, 1, "U+E0001 LANGUAGE TAG", TAG),
    ("🏴\u{e0075}\u{e0073}\u{e0074}\u{e0078}\u{e007f}", 2, 5, "U+E0075 TAG LATIN SMALL LETTER U", TAG),
    ("🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}", 2, 5, "U+E0067 TAG LATIN SMALL LETTER G", TAG),
    ("🏁\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}!", 2, 6, "U+E0067 TAG LATIN SMALL LETTER G", TAG),
    // Runs of several characters.
    ("a\u{200b}\u{200b}b", 2, 2, "U+200B ZERO WIDTH SPACE", INVISIBLE),
    ("a\u{200b}b\u{200b}\u{200b}", 2, 1, "U+200B ZERO WIDTH SPACE", INVISIBLE),
    ("a\u{200d}\u{200b}\u{e0041}b", 2, 3, "U+200D ZERO WIDTH JOINER", OUT_OF_PLACE),
    ("a\u{e0041}\u{e0042}\u{200b}b", 2, 3, "U+E0041 TAG LATIN CAPITAL LETTER A", TAG),
    // Runs whose removal leaves a valid sequence, such as an emoji.
    ("👩\u{200b}\u{200d}🚀", 2, 1, "U+200B ZERO WIDTH SPACE", INVISIBLE),
    ("می\u{200c}\u{200b}\u{200c}خ", 4, 2, "U+200B ZERO WIDTH SPACE", INVISIBLE),
    ("1\u{fe0f}\u{200b}\u{20e3}", 2, 2, "U+FE0F VARIATION SELECTOR-16", OUT_OF_PLACE),
    ("葛\u{200b}\u{e0100}", 2, 1, "U+200B ZERO WIDTH SPACE", INVISIBLE),
];

fn remove(length: usize) -> String {
    match length {
        1 => "remove it".to_owned(),
        2 => "remove it and the character after it".to_owned(),
        _ => format!("remove it and the {} characters after it", length - 1),
    }
}

#[test]
fn rejects_hidden_characters_in_pack_yaml() {
    for (text, column, length, name, reason) in HIDDEN {
        // In the file, the text starts in column 15.
        let (column, remove) = (column + 14, remove(length));
        let message = format!("line 4, column {column}: contains {name}, {reason}; {remove}");
        let yaml = manifest_with(&format!("display_name: {text}\n"));
        assert_manifest_rejected(&yaml, &[("pack.yaml: display_name", &message)]);
    }
}

#[test]
fn rejects_hidden_characters_in_behavior_md() {
    for (text, column, length, name, reason) in HIDDEN {
        let message = format!("line 2, column {column}: contains {name}, {reason}; {}", remove(length));
        let behavior = format!("# Rules\n{text}\n");
        let result = validate_files(&[("pack.yaml", MANIFEST.as_bytes()), ("behavior.md", behavior.as_bytes())]);
        assert_problems(&result, &[("behavior.md", &message)], text);
        let Err(ValidationError::Invalid(problems)) = result else { panic!("no problems") };
        let Some(Location::File { file, span, suggestion: Some(suggestion) }) = &problems.listed()[0].location else {
            panic!("{problems:?}")
        };
        assert_eq!((file.as_str(), *span), ("behavior.md", Some(Span { line: 2, column, length })));
        assert_eq!(suggestion.replacement, "");
    }
}

#[test]
fn rejects_hidden_characters_in_names() {
    for (text, _, _, name, reason) in HIDDEN {
        let archive = Archive::pack().file(format!("guides/{text}/a.md"), "");
        let found = problems(&validate(&archive.tar_gz()));
        let expected = format!("has a name that contains {name}, {reason}; rename it");
        assert!(found.iter().any(|(_, message)| message.ends_with(&expected)), "{text:?}: {found:?}");
    }
}

#[test]
fn escapes_a_hidden_character_in_a_file_name() {
    assert_rejected(
        Archive::pack().file("guides/a\u{200b}b.md", ""),
        &["entry `guides/a\\u{200b}b.md` at byte 1024 has a name that contains U+200B ZERO WIDTH SPACE, which is \
           invisible; rename it"],
    );
}

#[test]
fn locates_hidden_characters_in_several_yaml_styles() {
    let zwsp = "contains U+200B ZERO WIDTH SPACE, which is invisible; remove it";
    for (yaml, line, column) in [
        ("display_name: \"a\u{200b}\"\n", 4, 17),
        ("display_name: 'a''\u{200b}'\n", 4, 19),
        // For an escape, the reported position is the start of the scalar.
        ("display_name: \"a\\u200b\"\n", 4, 15),
        ("display_name: a\n  b\u{200b}\n", 5, 4),
        ("display_name: >-\r\n  a\r\n  b\u{200b}\r\n", 6, 4),
        ("suggested_packs: []\ncategory: \u{200b}\n", 5, 11),
    ] {
        let field = if yaml.contains("category") { "pack.yaml: category" } else { "pack.yaml: display_name" };
        let message = format!("line {line}, column {column}: {zwsp}");
        assert_manifest_rejected(manifest_with(yaml), &[(field, &message)]);
    }
}

/// No other problem with such a name or version is reported, because the text may be valid without the hidden
/// character.
#[test]
fn explains_a_hidden_character_in_a_name_or_version() {
    assert_manifest_rejected(
        "name: sam\u{200b}ple\nversion: 1.0.0\u{2060}\ndescription: For a test.\n",
        &[
            ("pack.yaml: name", "line 1, column 10: contains U+200B ZERO WIDTH SPACE, which is invisible; remove it"),
            ("pack.yaml: version", "line 2, column 15: contains U+2060 WORD JOINER, which is invisible; remove it"),
        ],
    );
}

#[test]
fn rejects_control_characters_and_a_byte_order_mark_in_behavior_md() {
    let assert_behavior = |behavior: &str, message: &str| {
        let result = validate_files(&[("pack.yaml", MANIFEST.as_bytes()), ("behavior.md", behavior.as_bytes())]);
        assert_problems(&result, &[("behavior.md", message)], behavior);
    };
    assert_behavior("a\r\n\tb\u{1b}[1m", "line 2, column 3: contains the control character U+001B; remove it");
    assert_behavior(
        "a \u{202e}b",
        "line 1, column 3: contains U+202E RIGHT-TO-LEFT OVERRIDE, which changes the order in which text is \
         displayed; remove it",
    );
    assert_behavior("\u{feff}# Rules\n", "starts with a byte order mark (U+FEFF); save the file as UTF-8 without it");
    assert_behavior(
        "a\u{feff}b",
        "line 1, column 2: contains U+FEFF ZERO WIDTH NO-BREAK SPACE, which is invisible; remove it",
    );
}

#[test]
fn a_byte_order_mark_is_not_counted_and_a_carriage_return_ends_a_line() {
    for (behavior, line, column) in [
        ("\u{feff}a\u{200b}b\n".as_bytes(), 1, 2),
        (b"\xef\xbb\xbfa\xff\n", 1, 2),
        ("a\rb\u{200b}c\n".as_bytes(), 2, 2),
        ("a\r\n\rb\u{200b}c\n".as_bytes(), 3, 2),
    ] {
        let result = validate_files(&[("pack.yaml", MANIFEST.as_bytes()), ("behavior.md", behavior)]);
        let Err(ValidationError::Invalid(problems)) = result else { panic!("no problems") };
        let Some(Location::File { span, .. }) = &problems.listed().last().unwrap().location else {
            panic!("{problems:?}")
        };
        assert_eq!(span.map(|span| (span.line, span.column)), Some((line, column)), "{behavior:?}");
    }
}

/// At some of these lengths, a sequence crosses the end of the 8 KiB buffer.
#[test]
fn checks_sequences_that_cross_the_end_of_the_buffer() {
    for blanks in 8_150..8_195 {
        let text = format!("{}👩🏽\u{200d}🚀 می\u{200c}خ 1\u{fe0f}\u{20e3}\n", " ".repeat(blanks)).repeat(2);
        let hidden = format!("{text}👩\u{200d}\n");
        let validate = |behavior: &str| {
            validate_files(&[("pack.yaml", MANIFEST.as_bytes()), ("behavior.md", behavior.as_bytes())])
        };
        assert_problems(&validate(&text), &[], "honest");
        let message = format!("line 3, column 2: contains U+200D ZERO WIDTH JOINER, {OUT_OF_PLACE}; remove it");
        assert_problems(&validate(&hidden), &[("behavior.md", &message)], "hidden");
    }
}

#[test]
fn messages_show_the_code_points_of_invisible_characters() {
    for (char, shown) in [
        ('\u{ad}', r"\u{ad}"),
        ('\u{34f}', r"\u{34f}"),
        ('\u{200b}', r"\u{200b}"),
        ('\u{200d}', r"\u{200d}"),
        ('\u{202e}', r"\u{202e}"),
        ('\u{2060}', r"\u{2060}"),
        ('\u{feff}', r"\u{feff}"),
        ('\u{fe0f}', r"\u{fe0f}"),
        ('\u{e0061}', r"\u{e0061}"),
        ('\u{fff9}', r"\u{fff9}"),
        ('\u{2800}', r"\u{2800}"),
        ('\u{a0}', r"\u{a0}"),
        ('\u{3000}', r"\u{3000}"),
        ('\u{e000}', r"\u{e000}"),
        ('\u{378}', r"\u{378}"),
        ('\u{ffff}', r"\u{ffff}"),
        ('\t', r"\t"),
        ('`', r"\`"),
        (' ', " "),
        ('é', "é"),
        ('日', "日"),
        ('😀', "😀"),
        ('\u{301}', "\u{301}"),
    ] {
        assert_eq!(Quoted::new(&format!("a{char}b")).to_string(), format!("`a{shown}b`"));
        assert_eq!(Escaped::new(&format!("a{char}b")).to_string(), format!("a{shown}b"));
    }
}
