//! Class 9: text. It never becomes an error, never holds what controls a terminal, and never leaves the identity.

use anatome_core::NoteCode;
use anatome_dicom::Source;

use super::{Case, Expect, case};
use crate::made::Image;
use crate::shared::scan_all;

/// What is wrong, the character set and a name. The first three sets are wrong themselves.
const NAMES: &[(&str, &[u8], &[u8])] = &[
    ("an unknown character set", b"ISO_IR 999", b"M\xFCller^Eve"),
    ("a set that is none", b"\x1B[2J%s%n", b"M\xFCller^Eve"),
    ("sets that exclude each other", b"ISO_IR 192\\GB18030\\ISO 2022 IR 87", b"M\xC3\xBCller^Eve"),
    ("bytes that are no UTF-8", b"ISO_IR 192", b"M\xFF\xFE\xC3^Eve"),
    ("GB18030 cut off", b"GB18030", b"\xCD\xF5\x81\x30\x81"),
    ("escapes to nowhere", b"\\ISO 2022 IR 87", b"A\x1B$B\x1B$\x1B(Q\x1B"),
    ("control characters", b"", b"A\x00B\x07C\x08D\x7FE\r\nF"),
    ("a terminal's escapes", b"", b"\x1B[31mred\x1B]0;title\x07"),
    ("HTML", b"", b"<script>alert(1)</script>"),
    ("a formula", b"", b"=HYPERLINK(\"http://x\")"),
    ("bidirectional overrides", b"ISO_IR 192", b"abc\xE2\x80\xAEdef"),
    ("a name of 60 KB", b"", &[b'x'; 60_000]),
];

fn image(set: &[u8], name: &[u8]) -> Image {
    Image::new()
        .with((0x08, 0x05), b"CS", set)
        .with((0x08, 0x103E), b"LO", name)
        .with((0x10, 0x10), b"PN", name)
        .with((0x28, 0x1055), b"LO", name)
}

pub fn cases() -> Vec<Case> {
    let of = |(n, (what, set, name)): (usize, &(&str, &[u8], &[u8]))| {
        let expect = if n < 3 { Expect::Noted(NoteCode::Tolerated) } else { Expect::Loads };
        case(9, *what, image(set, name).bytes(), expect)
    };
    NAMES.iter().enumerate().map(of).collect()
}

#[test]
fn text_is_short_and_holds_no_controls() {
    for (what, set, name) in NAMES {
        let bytes = image(set, name).bytes();
        let scanned = scan_all(&[Source::Bytes(bytes.into())]).unwrap();
        let header = &scanned.instances[0];
        let shown = [header.identity().patient_name, header.series_description.clone()];
        for text in shown.into_iter().flatten() {
            assert!(text.len() <= 4096 && !text.chars().any(char::is_control), "{what}: {text:?}");
        }
        assert!(!format!("{header:?}{:?}", scanned.notes).contains("ller^Eve"), "{what}");
    }
}
