//! Classes 1 and 2: files and their meta information.

use std::io::Write as _;

use anatome_core::{ErrorKind, NoteCode};

use super::{Case, Expect, case, refused};
use crate::made::{EXPLICIT, Image, element, meta};

const MALFORMED: Expect = Expect::Unreadable(ErrorKind::Malformed);
const TOLERATED: Expect = Expect::Noted(NoteCode::Tolerated);

fn dataset() -> Vec<u8> {
    Image::new().bytes().split_off(meta(EXPLICIT).len())
}

pub fn cases() -> Vec<Case> {
    let whole = Image::new().bytes();
    let start = meta(EXPLICIT).len();
    let header = whole.len() - 44;
    let preamble = |bytes: &[u8]| {
        let mut whole = whole.clone();
        whole[..bytes.len()].copy_from_slice(bytes);
        whole
    };
    let mut random = vec![0; 5000];
    let mut state = 1u32;
    random.fill_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    let mut cases = vec![
        case(1, "empty", Vec::new(), MALFORMED),
        case(1, "preamble only", vec![0; 128], MALFORMED),
        case(1, "preamble and prefix only", whole[..132].to_vec(), MALFORMED),
        case(1, "cut off in the meta information", whole[..145].to_vec(), MALFORMED),
        case(1, "cut off in an element", whole[..start + 20].to_vec(), MALFORMED),
        case(
            1,
            "cut off in front of the pixel data",
            whole[..header].to_vec(),
            Expect::NoVolume(ErrorKind::Unsupported),
        ),
        case(
            1,
            "cut off in the pixel data",
            whole[..whole.len() - 1].to_vec(),
            Expect::NoVolume(ErrorKind::Malformed),
        ),
        case(1, "a prefix, but no preamble", whole[128..].to_vec(), TOLERATED),
        case(1, "meta information only in front", whole[132..].to_vec(), TOLERATED),
        case(1, "a dataset alone", dataset(), TOLERATED),
        case(1, "random bytes", random, MALFORMED),
        case(1, "zeros", vec![0; 5000], MALFORMED),
        case(1, "text", b"<html>Dear colleague</html>".repeat(50), MALFORMED),
    ];
    for (name, start) in [
        ("a PE program", &b"MZ\x90\0"[..]),
        ("an ELF program", b"\x7FELF\x02\x01\x01"),
        ("a TIFF file", b"II*\0\x10\0\0\0"),
        ("a big-endian TIFF file", b"MM\0*\0\0\0\x10"),
        ("a script", b"#!/bin/sh\n"),
    ] {
        cases.push(case(1, format!("also {name}"), preamble(start), TOLERATED));
    }
    cases.extend(meta_cases());
    cases
}

fn with_group_length(length: u32) -> Vec<u8> {
    let mut bytes = vec![0; 128];
    bytes.extend_from_slice(b"DICM");
    bytes.extend(element((2, 0), b"UL", &length.to_le_bytes()));
    bytes.extend_from_slice(&meta(EXPLICIT)[132..]);
    bytes.extend(dataset());
    bytes
}

fn declared(syntax: &str, dataset: &[u8]) -> Vec<u8> {
    [meta(syntax), dataset.to_vec()].concat()
}

/// The dataset of the plain image in implicit little endian.
fn implicit() -> Vec<u8> {
    let mut bytes = Vec::new();
    for (tag, _, value) in Image::new().elements {
        bytes.extend([tag.0.to_le_bytes(), tag.1.to_le_bytes()].concat());
        bytes.extend((value.len() as u32).to_le_bytes());
        bytes.extend(value);
    }
    bytes
}

fn meta_cases() -> Vec<Case> {
    const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
    let true_length = (meta(EXPLICIT).len() - 132) as u32;
    let mut cases = vec![case(2, "a right group length", with_group_length(true_length), Expect::Loads)];
    for length in [0, 7, true_length + 1, u32::MAX] {
        cases.push(case(2, format!("group length {length}"), with_group_length(length), TOLERATED));
    }
    let none = [&meta(EXPLICIT)[..132], &dataset()].concat();
    let mut long = meta(EXPLICIT);
    let at = long.len() - 22;
    long[at] = 0xFF;
    long[at + 1] = 0xFF;
    cases.extend([
        case(2, "no meta information", none, TOLERATED),
        case(2, "an empty transfer syntax", declared("", &dataset()), TOLERATED),
        case(
            2,
            "an unknown transfer syntax",
            declared("1.2.3.4", &dataset()),
            Expect::NoVolume(ErrorKind::Unsupported),
        ),
        case(2, "explicit that says implicit", declared("1.2.840.10008.1.2", &dataset()), TOLERATED),
        case(2, "implicit that says explicit", declared(EXPLICIT, &implicit()), TOLERATED),
        case(2, "little endian that says big endian", declared("1.2.840.10008.1.2.2", &dataset()), TOLERATED),
        case(
            2,
            "native that says JPEG",
            declared("1.2.840.10008.1.2.4.50", &dataset()),
            Expect::NoVolume(ErrorKind::Malformed),
        ),
        case(2, "plain that says deflated", declared(DEFLATED, &dataset()), MALFORMED),
        case(2, "meta information longer than the file", [long, vec![0; 8]].concat(), MALFORMED),
        case(2, "a deflate bomb in an element", bomb(false), Expect::Unreadable(ErrorKind::Limits)),
        case(2, "a deflate bomb in empty items", bomb(true), Expect::Unreadable(ErrorKind::Limits)),
        case(
            2,
            "deflated pixels that are not there",
            deflated_giant(),
            Expect::NoVolume(ErrorKind::Malformed),
        ),
    ]);
    cases
}

/// More than a header may have, in a few kilobytes.
fn bomb(of_items: bool) -> Vec<u8> {
    let start = meta("1.2.840.10008.1.2.1.99");
    let mut out = flate2::write::DeflateEncoder::new(start, flate2::Compression::fast());
    out.write_all(&element((8, 0x16), b"UI", b"1.2\0")).unwrap();
    let (head, content) = if of_items {
        (b"\x09\x00\x10\x10SQ\0\0\xFF\xFF\xFF\xFF", b"\xFE\xFF\x00\xE0\0\0\0\0".repeat(1 << 17))
    } else {
        (b"\x09\x00\x10\x10OB\0\0\0\0\0\x20", vec![0; 1 << 20])
    };
    out.write_all(head).unwrap();
    for _ in 0..80 {
        out.write_all(&content).unwrap();
    }
    out.finish().unwrap()
}

/// Half a gigabyte of pixels in a file of some bytes.
fn deflated_giant() -> Vec<u8> {
    let image =
        Image::new().us((0x28, 0x10), 16_000).us((0x28, 0x11), 16_000).without((0x7FE0, 0x10)).bytes();
    let start = meta("1.2.840.10008.1.2.1.99");
    let mut out = flate2::write::DeflateEncoder::new(start, flate2::Compression::fast());
    out.write_all(&image[meta(EXPLICIT).len()..]).unwrap();
    out.write_all(b"\xE0\x7F\x10\x00OW\0\0\0\x40\x84\x1E").unwrap();
    out.finish().unwrap()
}

/// Class 1, wherever the file is cut off.
#[test]
fn every_truncation_ends_in_an_error_or_an_object_without_pixels() {
    let whole = Image::new().bytes();
    for length in 0..whole.len() - 44 {
        let refused = refused(whole[..length].to_vec());
        assert!(matches!(refused, None | Some(ErrorKind::Malformed)), "{length}: {refused:?}");
    }
}
