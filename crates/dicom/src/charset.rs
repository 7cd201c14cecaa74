//! Text in the character sets of DICOM (PS3.3 C.12.1.1.2, PS3.5 6.1): single-byte sets, code extensions by ISO 2022
//! escapes, and the sets that stand for themselves (UTF-8, GB18030, GBK).
//!
//! What a file declares is often wrong, so every known escape is followed, declared or not, and bytes that nothing
//! explains are read as UTF-8 if they are that, else as Latin-1. There is no text that fails.

use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;
use encoding_rs::{
    EUC_JP, EUC_KR, Encoding, GB18030, GBK, ISO_8859_2, ISO_8859_3, ISO_8859_4, ISO_8859_5, ISO_8859_6,
    ISO_8859_7, ISO_8859_8, ISO_8859_15, UTF_8, WINDOWS_874, WINDOWS_1252, WINDOWS_1254,
};

use crate::elements::Fields;

const ESCAPE: u8 = 0x1B;

/// What bytes of one half of the code table mean (PS3.3 tables C.12-2 to C.12-4).
#[derive(Clone, Copy, Debug, PartialEq)]
enum Set {
    /// ISO-IR 6, in G0.
    Ascii,
    /// ISO-IR 14, Japanese, in G0: ASCII but for the overline.
    Romaji,
    /// ISO-IR 87, JIS X 0208: two bytes of G0.
    Kanji,
    /// ISO-IR 159, JIS X 0212: two bytes of G0.
    SupplementaryKanji,
    /// No set: Latin-1, for want of better knowledge.
    Undeclared,
    /// The upper half of a single-byte set.
    Upper(&'static Encoding),
    /// ISO-IR 13, JIS X 0201.
    Katakana,
    /// Two bytes of G1: ISO-IR 149 or ISO-IR 58.
    Pairs(&'static Encoding),
}

/// The sets for bytes below and above 128.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Halves {
    g0: Set,
    g1: Set,
}

/// A Specific Character Set (0008,0005).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Charset {
    /// Holds at the start of each value and after each delimiter.
    start: Halves,
    /// A set without code extensions.
    whole: Option<&'static Encoding>,
    /// Whether the first code is of the other kind than `whole`: a mixture that the standard forbids.
    mixed: bool,
}

impl Default for Charset {
    fn default() -> Self {
        Self { start: Halves { g0: Set::Ascii, g1: Set::Undeclared }, whole: None, mixed: false }
    }
}

impl Charset {
    /// The set of a dataset or of an item, which inherits the set of what holds it (PS3.3 C.12.1.1.2).
    pub fn within(self, fields: Fields<'_>) -> Self {
        if fields.has(tags::SPECIFIC_CHARACTER_SET) {
            Self::from_codes(fields.texts(tags::SPECIFIC_CHARACTER_SET))
        } else {
            self
        }
    }

    /// The set of a dataset.
    pub fn of(fields: Fields<'_>) -> Self {
        Self::default().within(fields)
    }

    /// Whether a dataset declares a set that nobody knows, or sets that exclude each other.
    pub fn is_doubtful(fields: Fields<'_>) -> bool {
        let codes = || fields.texts(tags::SPECIFIC_CHARACTER_SET);
        Self::from_codes(codes()).mixed || codes().any(|code| !is_known(&plain_name(code)))
    }

    fn from_codes<'a>(codes: impl Iterator<Item = &'a str>) -> Self {
        let mut set = Self::default();
        for (n, code) in codes.enumerate() {
            let name = plain_name(code);
            if let Some(whole) = standing_alone(&name) {
                set.mixed = n > 0;
                set.whole = set.whole.or(Some(whole));
            } else if n == 0 {
                set.start = start(&name);
            } else {
                set.mixed |= set.whole.is_some();
            }
        }
        set
    }

    /// The text of an element: at most `longest` bytes of it, control characters as spaces, trimmed; `None` if
    /// nothing is left.
    pub fn text(self, fields: Fields<'_>, tag: Tag, longest: usize) -> Option<String> {
        let element = fields.find(tag)?;
        let whole = fields.value(tag)?;
        let bytes = whole.get(..longest).unwrap_or(whole);
        let text = self.decode(bytes, element.vr == VR::PN);
        // A character may have been cut in two.
        let text = if bytes.len() < whole.len() { text.trim_end_matches('\u{FFFD}') } else { &text };
        let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let clean = clean.trim();
        (!clean.is_empty()).then(|| clean.to_owned())
    }

    /// Decodes one element's value; in names `^` and `=` delimit, too (PS3.5 6.1.2.5.3).
    pub fn decode(self, bytes: &[u8], is_name: bool) -> String {
        let escapes = bytes.contains(&ESCAPE);
        if let Some(whole) = self.whole {
            if !self.mixed {
                return whole.decode_without_bom_handling(bytes).0.into_owned();
            }
            let strict = whole.decode_without_bom_handling_and_without_replacement(bytes);
            if let (Some(text), false) = (strict, escapes) {
                return text.into_owned();
            }
        }
        if self.start.g1 == Set::Undeclared
            && !escapes
            && let Ok(text) = std::str::from_utf8(bytes)
        {
            return text.to_owned();
        }
        self.extended(bytes, is_name)
    }

    fn extended(self, bytes: &[u8], is_name: bool) -> String {
        let mut text = String::with_capacity(bytes.len());
        let mut now = self.start;
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            if byte == ESCAPE {
                let (used, change) = escape(after);
                change(&mut now);
                rest = after.get(used..).unwrap_or_default();
                continue;
            }
            let set = if byte < 0x80 { now.g0 } else { now.g1 };
            let single = !matches!(set, Set::Kanji | Set::SupplementaryKanji);
            let delimits = matches!(byte, b'\\' | b'\t' | b'\n' | 0x0C | b'\r')
                || (is_name && matches!(byte, b'^' | b'='));
            if byte < 0x21 || (delimits && single) {
                text.push(char::from(byte));
                rest = after;
                if delimits {
                    now = self.start;
                }
                continue;
            }
            let used = set.push(rest, byte, &mut text);
            rest = rest.get(used..).unwrap_or_default();
        }
        text
    }
}

impl Set {
    /// Decodes the character at the start of `rest`, which begins with `byte`; returns its length.
    fn push(self, rest: &[u8], byte: u8, text: &mut String) -> usize {
        let second = rest.get(1).copied().unwrap_or(0);
        match self {
            Self::Romaji if byte == 0x7E => text.push('\u{203E}'),
            Self::Ascii | Self::Romaji | Self::Undeclared => text.push(char::from(byte)),
            Self::Kanji => return pair(EUC_JP, &[byte | 0x80, second | 0x80], text),
            Self::SupplementaryKanji => return pair(EUC_JP, &[0x8F, byte | 0x80, second | 0x80], text),
            Self::Pairs(encoding) => return pair(encoding, &[byte, second], text),
            Self::Katakana if (0xA1..=0xDF).contains(&byte) => {
                text.extend(char::from_u32(0xFF61 + u32::from(byte - 0xA1)));
            }
            Self::Katakana => text.push(char::REPLACEMENT_CHARACTER),
            Self::Upper(encoding) => text.push_str(&encoding.decode_without_bom_handling(&[byte]).0),
        }
        1
    }
}

/// Decodes a character of two bytes; a first byte that begins none is replaced alone.
fn pair(encoding: &'static Encoding, bytes: &[u8], text: &mut String) -> usize {
    match encoding.decode_without_bom_handling_and_without_replacement(bytes) {
        Some(character) => {
            text.push_str(&character);
            2
        }
        None => {
            text.push(char::REPLACEMENT_CHARACTER);
            1
        }
    }
}

/// A defined term without what writers vary: `ISO_IR 100`, `ISO-IR 100` and `ISO 2022 IR 100` are `100`.
fn plain_name(code: &str) -> String {
    let letters: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    let letters = letters.to_ascii_uppercase();
    let rest = letters.strip_prefix("ISO").unwrap_or(&letters);
    let rest = rest.strip_prefix("2022").unwrap_or(rest);
    rest.strip_prefix("IR").unwrap_or(rest).to_owned()
}

fn standing_alone(name: &str) -> Option<&'static Encoding> {
    match name {
        "192" | "UTF8" => Some(UTF_8),
        "GB18030" => Some(GB18030),
        "GBK" | "GB2312" => Some(GBK),
        _ => None,
    }
}

fn upper(name: &str) -> Option<Set> {
    Some(Set::Upper(match name {
        // Windows 1252 adds letters where Latin-1 has none.
        "100" => WINDOWS_1252,
        "101" => ISO_8859_2,
        "109" => ISO_8859_3,
        "110" => ISO_8859_4,
        "126" => ISO_8859_7,
        "127" => ISO_8859_6,
        "138" => ISO_8859_8,
        "144" => ISO_8859_5,
        "148" => WINDOWS_1254,
        "166" => WINDOWS_874,
        "203" => ISO_8859_15,
        _ => return None,
    }))
}

/// Of PS3.3 tables C.12-2 to C.12-5, and the usual misspellings.
fn is_known(name: &str) -> bool {
    matches!(name, "" | "6" | "13" | "14" | "58" | "87" | "149" | "159")
        || upper(name).is_some()
        || standing_alone(name).is_some()
}

fn start(name: &str) -> Halves {
    let g0 = if name == "13" { Set::Romaji } else { Set::Ascii };
    let g1 = match name {
        "13" => Set::Katakana,
        "149" => Set::Pairs(EUC_KR),
        "58" => Set::Pairs(GBK),
        _ => upper(name).unwrap_or(Set::Undeclared),
    };
    Halves { g0, g1 }
}

/// The length of an escape sequence behind its first byte, and what it changes (PS3.3 tables C.12-3 and C.12-4).
fn escape(after: &[u8]) -> (usize, impl FnOnce(&mut Halves)) {
    let g1 = |set: &str| (2, None, upper(set));
    let (used, g0, g1) = match after {
        [b'(', b'B', ..] => (2, Some(Set::Ascii), None),
        [b'(', b'J', ..] => (2, Some(Set::Romaji), None),
        [b')', b'I', ..] => (2, None, Some(Set::Katakana)),
        [b'-', b'A', ..] => g1("100"),
        [b'-', b'B', ..] => g1("101"),
        [b'-', b'C', ..] => g1("109"),
        [b'-', b'D', ..] => g1("110"),
        [b'-', b'F', ..] => g1("126"),
        [b'-', b'G', ..] => g1("127"),
        [b'-', b'H', ..] => g1("138"),
        [b'-', b'L', ..] => g1("144"),
        [b'-', b'M', ..] => g1("148"),
        [b'-', b'T', ..] => g1("166"),
        [b'-', b'b', ..] => g1("203"),
        [b'$', b'B' | b'@', ..] => (2, Some(Set::Kanji), None),
        [b'$', b'(', b'D', ..] => (3, Some(Set::SupplementaryKanji), None),
        [b'$', b')', b'C', ..] => (3, None, Some(Set::Pairs(EUC_KR))),
        [b'$', b')', b'A', ..] => (3, None, Some(Set::Pairs(GBK))),
        _ => (0, None, None),
    };
    (used, move |halves: &mut Halves| {
        halves.g0 = g0.unwrap_or(halves.g0);
        halves.g1 = g1.unwrap_or(halves.g1);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(codes: &[&str], bytes: &[u8]) -> String {
        Charset::from_codes(codes.iter().copied()).decode(bytes, true)
    }

    /// The examples of PS3.5 annexes H, I, J and K.
    #[test]
    fn the_names_of_the_standard() {
        let h1: &[u8] =
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B";
        assert_eq!(name(&["", "ISO 2022 IR 87"], h1), "Yamada^Tarou=山田^太郎=やまだ^たろう");
        let h2: &[u8] = b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J";
        assert_eq!(name(&["ISO 2022 IR 13", "ISO 2022 IR 87"], h2), "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう");
        let i2: &[u8] =
            b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf";
        assert_eq!(name(&["", "ISO 2022 IR 149"], i2), "Hong^Gildong=洪^吉洞=홍^길동");
        let j: &[u8] = "Wang^XiaoDong=王^小東=".as_bytes();
        assert_eq!(name(&["ISO_IR 192"], j), "Wang^XiaoDong=王^小東=");
        let j2: &[u8] = b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=";
        assert_eq!(name(&["GB18030"], j2), "Wang^XiaoDong=王^小东=");
        let k: &[u8] = b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=";
        assert_eq!(name(&["", "ISO 2022 IR 58"], k), "Zhang^XiaoDong=张^小东=");
    }

    #[test]
    fn a_delimiter_returns_to_the_first_set() {
        let both: &[u8] = b"\xe9\x1b-F\xe1^\xe9";
        assert_eq!(name(&["ISO 2022 IR 100", "ISO 2022 IR 126"], both), "éα^é");
        let text = Charset::from_codes(["ISO 2022 IR 100", "ISO 2022 IR 126"].into_iter());
        assert_eq!(text.decode(both, false), "éα^ι");
        // The second byte of a character may look like a delimiter: JIS X 0208 25-5E is マ.
        assert_eq!(name(&["", "ISO 2022 IR 87"], b"\x1b$B%]%^\x1b(B^a"), "ポマ^a");
    }

    #[test]
    fn supplementary_kanji_and_less_usual_single_bytes() {
        // JIS X 0212 30-21 is U+4E02.
        assert_eq!(name(&["", "ISO 2022 IR 159"], b"\x1b$(D0!\x1b(B"), "\u{4E02}");
        assert_eq!(name(&["ISO_IR 148"], b"\xfd\xfe"), "ış");
        assert_eq!(name(&["ISO_IR 203"], b"\xa4"), "€");
        assert_eq!(name(&["ISO_IR 166"], b"\xa1"), "ก");
        assert_eq!(name(&["ISO_IR 13"], b"~\xb1\\"), "\u{203E}ｱ\\");
    }

    #[test]
    fn misspelt_terms_are_understood() {
        for code in
            ["ISO_IR 100", "ISO-IR 100", "ISO_IR_100", "iso ir 100", "ISO 2022 IR 100", "ISO2022IR100"]
        {
            assert_eq!(name(&[code], b"J\xe9r\xf4me"), "Jérôme", "{code}");
        }
    }

    #[test]
    fn undeclared_unknown_and_mixed_sets_stay_readable() {
        assert_eq!(name(&[], "Jérôme".as_bytes()), "Jérôme");
        assert_eq!(name(&[], b"J\xe9r\xf4me"), "Jérôme");
        assert_eq!(name(&["ISO_IR 999"], b"J\xe9r\xf4me"), "Jérôme");
        assert_eq!(name(&["ISO_IR 100", "ISO_IR 192"], "Jérôme 王".as_bytes()), "Jérôme 王");
        assert_eq!(name(&["ISO_IR 100", "ISO_IR 192"], b"J\xe9r\xf4me"), "Jérôme");
        assert_eq!(name(&["ISO_IR 192", "ISO 2022 IR 87"], b"\x1b$B;3ED\x1b(B"), "山田");
        assert_eq!(name(&["ISO_IR 192"], b"a\xff b"), "a\u{FFFD} b");
    }

    #[test]
    fn no_bytes_panic() {
        let codes: [&[&str]; 8] = [
            &[],
            &["", "ISO 2022 IR 87"],
            &["ISO 2022 IR 13", "ISO 2022 IR 159"],
            &["ISO 2022 IR 149"],
            &["", "ISO 2022 IR 58"],
            &["GB18030"],
            &["ISO_IR 100", "ISO_IR 192"],
            &["ISO_IR 127"],
        ];
        let pieces: [&[u8]; 9] =
            [b"\x1b", b"\x1b$", b"\x1b$B", b"\x1b$(D", b"\x1b$)C", b"\xff", b"\x21", b"^", b"\x81\x30"];
        for codes in codes {
            for a in pieces {
                for b in pieces {
                    for c in pieces {
                        let bytes = [a, b, c].concat();
                        assert!(name(codes, &bytes).len() <= 4 * bytes.len(), "{bytes:?}");
                    }
                }
            }
        }
    }
}
