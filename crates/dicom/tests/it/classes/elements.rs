//! Classes 3 and 4: elements and sequences.

use anatome_core::{ErrorKind, NoteCode};

use super::{Case, Expect, case};
use crate::made::{EXPLICIT, Image, element, item, meta};
use crate::objects_made::sequence;

const MALFORMED: Expect = Expect::Unreadable(ErrorKind::Malformed);
const LIMITS: Expect = Expect::Unreadable(ErrorKind::Limits);
const TOLERATED: Expect = Expect::Noted(NoteCode::Tolerated);

/// The plain image with encoded bytes between its elements, in front of group 0010.
fn holding(bytes: &[u8]) -> Vec<u8> {
    let image = Image::new();
    let mut out = meta(EXPLICIT);
    let (front, rest) = image.elements.split_at(3);
    front.iter().for_each(|(tag, vr, value)| out.extend(element(*tag, vr, value)));
    out.extend_from_slice(bytes);
    rest.iter().for_each(|(tag, vr, value)| out.extend(element(*tag, vr, value)));
    out
}

fn private(vr: &[u8; 2], value: &[u8]) -> Vec<u8> {
    element((0x09, 0x1010), vr, value)
}

/// An element with a length of 32 bits that says what it likes.
fn claiming(vr: &[u8; 2], length: u32, value: &[u8]) -> Vec<u8> {
    [&b"\x09\x00\x10\x10"[..], vr, &[0, 0], &length.to_le_bytes(), value].concat()
}

pub fn cases() -> Vec<Case> {
    let long = "1".repeat(60_000);
    let uid = "1.".repeat(2047) + "10";
    let mut repeated = Image::new();
    repeated.elements.insert(9, ((0x28, 0x10), *b"US", vec![0, 8]));
    let mut twice = Image::new();
    twice.elements.insert(8, ((0x28, 0x10), *b"US", vec![4, 0]));
    let mut shuffled = Image::new();
    shuffled.elements.swap(4, 7);
    let mut trailing = Image::new().bytes();
    trailing.extend_from_slice(&[0xA5; 333]);
    let mut cases = vec![
        case(3, "a harmless private element", holding(&private(b"UN", b"abcd")), Expect::Loads),
        case(
            3,
            "a short length beyond the end",
            cut(holding(&element((0x10, 0x10), b"LO", &[b'x'; 65_534])), 30_000),
            MALFORMED,
        ),
        case(3, "no length on a text", holding(&claiming(b"UT", u32::MAX, b"")), MALFORMED),
        case(3, "no length on a number", holding(&claiming(b"OV", u32::MAX, b"")), MALFORMED),
        case(3, "an odd length", holding(b"\x10\x00\x20\x00LO\x03\0abc"), TOLERATED),
        case(3, "a VR of zeros", holding(b"\x10\x00\x20\x00\0\0\x04\0abcd"), MALFORMED),
        case(3, "an unknown VR", holding(b"\x09\x00\x10\x10ZZ\0\0\x04\0\0\0abcd"), Expect::Loads),
        case(3, "an unknown VR with a short length", holding(b"\x09\x00\x10\x10ZZ\x04\0abcd"), MALFORMED),
        case(3, "Rows as UL", Image::new().with((0x28, 0x10), b"UL", &[4, 0, 0, 0]).bytes(), TOLERATED),
        case(3, "Rows as text", Image::new().with((0x28, 0x10), b"IS", b"4 ").bytes(), TOLERATED),
        case(3, "Rows twice, the first is right", repeated.bytes(), TOLERATED),
        case(3, "Rows twice, both right", twice.bytes(), TOLERATED),
        case(3, "elements out of order", shuffled.bytes(), TOLERATED),
        case(3, "garbage behind the pixel data", trailing, TOLERATED),
        case(
            3,
            "a window of 60,000 digits",
            Image::new()
                .with((0x28, 0x1050), b"DS", long.as_bytes())
                .with((0x28, 0x1051), b"DS", b"1 ")
                .bytes(),
            TOLERATED,
        ),
        case(
            3,
            "a spacing of 60,000 digits",
            Image::new().with((0x28, 0x30), b"DS", long.as_bytes()).bytes(),
            Expect::NoVolume(ErrorKind::Geometry),
        ),
        case(
            3,
            "60,000 values",
            Image::new().with((0x20, 0x32), b"DS", "1\\".repeat(30_000).as_bytes()).bytes(),
            Expect::NoVolume(ErrorKind::Geometry),
        ),
        case(3, "a UID of 4 KB", Image::new().with((0x20, 0x0E), b"UI", uid.as_bytes()).bytes(), TOLERATED),
        case(
            3,
            "a UID that is a path",
            Image::new().with((0x08, 0x18), b"UI", b"../../etc/passwd").bytes(),
            TOLERATED,
        ),
    ];
    for vr in [b"UT", b"SQ", b"OB", b"UN"] {
        let name = format!("{} beyond the end", String::from_utf8_lossy(vr));
        cases.push(case(3, name, holding(&claiming(vr, 0x0FFF_FFF0, b"")), MALFORMED));
        // Some megabytes are read ahead before it turns out.
        let name = format!("{} a little beyond the end", String::from_utf8_lossy(vr));
        cases.push(case(3, name, holding(&claiming(vr, 0x0030_0000, b"")), MALFORMED));
    }
    cases.extend(sequences());
    cases
}

fn cut(mut bytes: Vec<u8>, length: usize) -> Vec<u8> {
    bytes.truncate(length);
    bytes
}

/// Sequences in sequences, without stated lengths or with right ones.
fn nested(depth: usize, stated: bool) -> Vec<u8> {
    const HEAD: &[u8] = b"\x09\x00\x10\x10SQ\0\0";
    let mut bytes = Vec::new();
    for level in 0..depth {
        let inner = 20 * (depth - level - 1) as u32;
        let [sequence, item] = if stated { [inner + 8, inner] } else { [u32::MAX; 2] };
        bytes.extend([HEAD, &sequence.to_le_bytes(), b"\xFE\xFF\x00\xE0", &item.to_le_bytes()].concat());
    }
    if !stated {
        bytes.extend(b"\xFE\xFF\x0D\xE0\0\0\0\0\xFE\xFF\xDD\xE0\0\0\0\0".repeat(depth));
    }
    bytes
}

fn sequences() -> Vec<Case> {
    let text = element((0x08, 0x104), b"LO", b"a term");
    let empty = |count: usize| {
        [&claiming(b"SQ", 8 * count as u32, b"")[..], &b"\xFE\xFF\x00\xE0\0\0\0\0".repeat(count)].concat()
    };
    let lying = |sequence: u32, item: u32| {
        let body = [b"\xFE\xFF\x00\xE0", &item.to_le_bytes()[..], &text].concat();
        holding(&claiming(b"SQ", sequence, &body))
    };
    let right = text.len() as u32;
    let implicit = b"\x08\x00\x04\x01\x06\0\0\0a term";
    let unknown = |body: &[u8]| {
        let body = [
            &b"\xFE\xFF\x00\xE0\xFF\xFF\xFF\xFF"[..],
            body,
            b"\xFE\xFF\x0D\xE0\0\0\0\0\xFE\xFF\xDD\xE0\0\0\0\0",
        ]
        .concat();
        holding(&claiming(b"UN", u32::MAX, &body))
    };
    let mut cases = vec![
        case(4, "60 deep", holding(&nested(60, false)), Expect::Loads),
        case(4, "60 deep with lengths", holding(&nested(60, true)), Expect::Loads),
        case(
            4,
            "without end",
            holding(&claiming(b"SQ", u32::MAX, &item(std::slice::from_ref(&text)))),
            MALFORMED,
        ),
        case(
            4,
            "an item without end",
            holding(&claiming(b"SQ", u32::MAX, b"\xFE\xFF\x00\xE0\xFF\xFF\xFF\xFF")),
            MALFORMED,
        ),
        case(4, "right lengths", lying(8 + right, right), Expect::Loads),
        case(4, "an item longer than its sequence", lying(8 + right, right + 4), MALFORMED),
        case(4, "an item shorter than its elements", lying(8 + right, right - 4), MALFORMED),
        case(4, "an item far beyond the end", lying(8 + right, 0x7FFF_FFF0), MALFORMED),
        case(4, "a sequence shorter than its item", lying(4 + right, right), MALFORMED),
        case(4, "a million empty items", holding(&empty(1_000_000)), Expect::Loads),
        case(4, "five million empty items", holding(&empty(5_000_000)), LIMITS),
        case(4, "70,000 elements in one level", holding(&private(b"UN", b"").repeat(70_000)), LIMITS),
        case(4, "implicit elements in UN", unknown(implicit), Expect::Loads),
        case(4, "explicit elements in UN", unknown(&text), Expect::Loads),
        case(
            4,
            "a sequence in a private one",
            holding(&element(
                (0x09, 0x1010),
                b"SQ",
                &item(&[sequence((0x09, 0x1011), std::slice::from_ref(&text))]),
            )),
            Expect::Loads,
        ),
        case(
            4,
            "text where items belong",
            holding(&element((0x40, 0xA730), b"SQ", b"no item at all!!")),
            MALFORMED,
        ),
        case(
            4,
            "a delimiter where an element belongs",
            holding(b"\xFE\xFF\x00\xE0\x04\0\0\0abcd"),
            MALFORMED,
        ),
    ];
    for depth in [70, 200, 2_000, 200_000] {
        for stated in [false, true] {
            cases.push(case(
                4,
                format!("{depth} deep, lengths stated: {stated}"),
                holding(&nested(depth, stated)),
                LIMITS,
            ));
        }
    }
    cases
}
