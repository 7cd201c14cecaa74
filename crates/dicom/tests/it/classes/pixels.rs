//! Classes 5 and 6: the pixel module, and encapsulated pixel data.

use anatome_core::{ErrorKind, NoteCode};

use super::{Case, Expect, case};
use crate::made::{Image, element};

const MALFORMED: Expect = Expect::NoVolume(ErrorKind::Malformed);
const LIMITS: Expect = Expect::NoVolume(ErrorKind::Limits);
const UNSUPPORTED: Expect = Expect::NoVolume(ErrorKind::Unsupported);
const TOLERATED: Expect = Expect::Noted(NoteCode::Tolerated);

const ROWS: (u16, u16) = (0x28, 0x10);
const COLUMNS: (u16, u16) = (0x28, 0x11);
const SAMPLES: (u16, u16) = (0x28, 0x02);
const PHOTOMETRIC: (u16, u16) = (0x28, 0x04);
const FRAMES: (u16, u16) = (0x28, 0x08);
const PIXELS: (u16, u16) = (0x7FE0, 0x10);

pub fn cases() -> Vec<Case> {
    let plain = Image::new;
    let size = |rows, columns| plain().us(ROWS, rows).us(COLUMNS, columns).bytes();
    let bits = |allocated, stored, high| {
        plain().us((0x28, 0x100), allocated).us((0x28, 0x101), stored).us((0x28, 0x102), high).bytes()
    };
    let color =
        |photometric: &[u8], samples| plain().with(PHOTOMETRIC, b"CS", photometric).us(SAMPLES, samples);
    let mut cases = vec![
        case(5, "plain", plain().bytes(), Expect::Loads),
        case(5, "no rows", plain().without(ROWS).bytes(), MALFORMED),
        case(5, "no columns", plain().without(COLUMNS).bytes(), MALFORMED),
        case(5, "0 rows", size(0, 4), MALFORMED),
        case(5, "0 columns", size(4, 0), MALFORMED),
        case(5, "65535 x 65535", size(65_535, 65_535), LIMITS),
        case(5, "8000 x 8000 with 32 bytes", size(8_000, 8_000), MALFORMED),
        case(5, "0 bits", bits(0, 0, 0), MALFORMED),
        case(5, "13 bits allocated", bits(13, 12, 11), MALFORMED),
        case(5, "65535 bits allocated", bits(65_535, 16, 15), MALFORMED),
        case(5, "more bits stored than allocated", bits(16, 17, 16), MALFORMED),
        case(5, "a high bit below the stored ones", bits(16, 12, 5), MALFORMED),
        case(5, "no bits stored", bits(16, 0, 15), MALFORMED),
        case(5, "0 samples per pixel", plain().us(SAMPLES, 0).bytes(), MALFORMED),
        case(5, "65535 samples per pixel", plain().us(SAMPLES, 65_535).bytes(), MALFORMED),
        case(5, "an unknown photometric interpretation", color(b"WHATEVER", 1).bytes(), UNSUPPORTED),
        case(5, "RGB with one sample", color(b"RGB ", 1).bytes(), Expect::NoFrame(ErrorKind::Malformed)),
        case(5, "RGB without the bytes", color(b"RGB ", 3).bytes(), Expect::NoFrame(ErrorKind::Malformed)),
        case(5, "grey with three samples", plain().us(SAMPLES, 3).bytes(), MALFORMED),
        case(5, "a palette as a volume", palette(16, [256, 0, 16], 512).bytes(), UNSUPPORTED),
        case(5, "no palette", color(b"PALETTE COLOR ", 1).bytes(), Expect::NoFrame(ErrorKind::Malformed)),
        case(
            5,
            "a short palette",
            palette(16, [256, 0, 16], 100).bytes(),
            Expect::NoFrame(ErrorKind::Malformed),
        ),
        case(
            5,
            "an empty palette",
            palette(16, [0, 0, 16], 0).bytes(),
            Expect::NoFrame(ErrorKind::Malformed),
        ),
        case(5, "pixel data too short", plain().with(PIXELS, b"OW", &[7; 30]).bytes(), MALFORMED),
        case(5, "pixel data too long", plain().with(PIXELS, b"OW", &[7; 64]).bytes(), TOLERATED),
        case(5, "no pixel data", plain().without(PIXELS).bytes(), UNSUPPORTED),
        case(5, "empty pixel data", plain().with(PIXELS, b"OW", &[]).bytes(), MALFORMED),
        case(
            5,
            "float pixels of 16 bits",
            plain().without(PIXELS).with((0x7FE0, 0x08), b"OF", &[0; 32]).bytes(),
            MALFORMED,
        ),
        case(5, "2147483647 frames", plain().with(FRAMES, b"IS", b"2147483647").bytes(), LIMITS),
        case(5, "more frames than pixel data", plain().with(FRAMES, b"IS", b"2 ").bytes(), MALFORMED),
        case(5, "a lossless image of the other sign", signed_jpeg_2000(), TOLERATED),
    ];
    for frames in ["-1", "0", "many", "1e", "1.5", "99999999999999999999"] {
        let bytes = plain().with(FRAMES, b"IS", format!("{frames:<20}").as_bytes()).bytes();
        cases.push(case(5, format!("{frames} frames"), bytes, MALFORMED));
    }
    cases.extend(encapsulated_cases());
    cases
}

fn palette(bits: u16, descriptor: [u16; 3], bytes: usize) -> Image {
    let words: Vec<u8> = descriptor.iter().flat_map(|n| n.to_le_bytes()).collect();
    let mut image = Image::new().with(PHOTOMETRIC, b"CS", b"PALETTE COLOR ").us((0x28, 0x100), bits);
    for n in 0..3 {
        image =
            image.with((0x28, 0x1101 + n), b"US", &words).with((0x28, 0x1201 + n), b"OW", &vec![1; bytes]);
    }
    image
}

pub const RLE: &str = "1.2.840.10008.1.2.5";
const JPEG: &str = "1.2.840.10008.1.2.4.50";
const JPEG_LOSSLESS: &str = "1.2.840.10008.1.2.4.70";
const JPEG_LS: &str = "1.2.840.10008.1.2.4.80";
const JPEG_2000: &str = "1.2.840.10008.1.2.4.90";

/// One frame of 4 x 4 pixels of 16 bits in two runs.
pub fn rle() -> Vec<u8> {
    let mut frame = vec![0; 64];
    (frame[0], frame[4], frame[8]) = (2, 64, 66);
    frame.extend([0xF1, 7, 0xF1, 7]);
    frame
}

/// Pixel data of an offset table and fragments, in an image of as many frames.
fn fragments(frames: usize, table: &[u32], fragments: &[&[u8]], extended: &[u64], end: bool) -> Vec<u8> {
    let mut image = Image { syntax: RLE, ..Image::new() }.without(PIXELS);
    if frames != 1 {
        let each: Vec<u8> = (0..frames).flat_map(placed).collect();
        image =
            image.with(FRAMES, b"IS", format!("{frames:<4}").as_bytes()).with((0x5200, 0x9230), b"SQ", &each);
        image = image.with((0x5200, 0x9229), b"SQ", &crate::made::item(&[]));
    }
    if !extended.is_empty() {
        let offsets: Vec<u8> = extended.iter().flat_map(|n| n.to_le_bytes()).collect();
        image = image.with((0x7FE0, 0x01), b"OV", &offsets);
    }
    let mut bytes = image.bytes();
    bytes.extend_from_slice(b"\xE0\x7F\x10\x00OB\0\0\xFF\xFF\xFF\xFF");
    let table: Vec<u8> = table.iter().flat_map(|n| n.to_le_bytes()).collect();
    for fragment in std::iter::once(&table[..]).chain(fragments.iter().copied()) {
        bytes.extend_from_slice(b"\xFE\xFF\x00\xE0");
        bytes.extend_from_slice(&(fragment.len() as u32).to_le_bytes());
        bytes.extend_from_slice(fragment);
    }
    if end {
        bytes.extend_from_slice(b"\xFE\xFF\xDD\xE0\0\0\0\0");
    }
    bytes
}

fn placed(n: usize) -> Vec<u8> {
    let position = element((0x20, 0x32), b"DS", format!("0\\0\\{n:<2}").as_bytes());
    crate::made::item(&[crate::objects_made::sequence((0x20, 0x9113), &[position])])
}

fn encapsulated_cases() -> Vec<Case> {
    let frame = rle();
    let (f, half) = (frame.as_slice(), frame.split_at(40));
    let one = |fragment: &[u8]| Image::new().encapsulated(RLE, fragment);
    let as_codec = |syntax, fragment: &[u8]| Image::new().encapsulated(syntax, fragment);
    let mut offset = frame.clone();
    offset[8..12].copy_from_slice(&[0xFF; 4]);
    let mut segments = frame.clone();
    segments[0] = 200;
    let jpeg = b"\xFF\xD8\xFF\xC0\0\x0B\x08\xFF\xDC\xFF\xDC\x01\x01\x11\0";
    let lossless = b"\xFF\xD8\xFF\xC3\0\x0B\x10\xFF\xDC\xFF\xDC\x01\x01\x11\0";
    let jpeg_ls = b"\xFF\xD8\xFF\xF7\0\x0B\x10\xFF\xDC\xFF\xDC\x01\x01\x11\0";
    let mut cases = vec![
        case(6, "one frame", fragments(1, &[0], &[f], &[], true), Expect::Loads),
        case(6, "an empty table", fragments(1, &[], &[f], &[], true), Expect::Loads),
        case(6, "three frames, an empty table", fragments(3, &[], &[f, f, f], &[], true), Expect::Loads),
        case(
            6,
            "three frames, a right table",
            fragments(3, &[0, 76, 152], &[f, f, f], &[], true),
            Expect::Loads,
        ),
        case(6, "a table that overflows", fragments(3, &[0, 76, u32::MAX], &[f, f, f], &[], true), TOLERATED),
        case(6, "a table out of order", fragments(3, &[0, 152, 76], &[f, f, f], &[], true), TOLERATED),
        case(6, "a table of one entry for three", fragments(3, &[0], &[f, f, f], &[], true), TOLERATED),
        case(6, "a right extended table", fragments(3, &[], &[f, f, f], &[0, 76, 152], true), Expect::Loads),
        case(
            6,
            "an extended table that overflows",
            fragments(3, &[], &[f, f, f], &[0, 76, u64::MAX], true),
            TOLERATED,
        ),
        case(
            6,
            "several fragments a frame",
            fragments(3, &[0, 76, 160], &[f, half.0, half.1, f], &[], true),
            Expect::Loads,
        ),
        case(
            6,
            "several fragments a frame, no table",
            fragments(3, &[], &[f, half.0, half.1, f], &[], true),
            Expect::Loads,
        ),
        case(
            6,
            "several fragments of one frame",
            fragments(1, &[], &[half.0, half.1], &[], true),
            Expect::Loads,
        ),
        case(6, "no delimiter", fragments(1, &[], &[f], &[], false), TOLERATED),
        case(6, "three frames, no delimiter", fragments(3, &[], &[f, f, f], &[], false), TOLERATED),
        case(6, "no fragments", fragments(1, &[0], &[], &[], true), MALFORMED),
        case(6, "nothing at all", cut(fragments(1, &[], &[], &[], false), 8), MALFORMED),
        case(6, "an empty fragment", fragments(1, &[0], &[&[]], &[], true), MALFORMED),
        case(6, "three frames in two fragments", fragments(3, &[], &[f, f], &[], true), MALFORMED),
        case(6, "more frames than fragments by far", fragments(40, &[], &[f, f], &[], true), MALFORMED),
        case(6, "a fragment beyond the end", cut(fragments(1, &[], &[f], &[], false), 1), MALFORMED),
        case(6, "native pixels that say RLE", Image { syntax: RLE, ..Image::new() }.bytes(), MALFORMED),
        case(6, "RLE offsets beyond the end", one(&offset), MALFORMED),
        case(6, "200 RLE segments", one(&segments), MALFORMED),
        case(6, "a JPEG of 65500 x 65500", as_codec(JPEG, jpeg), MALFORMED),
        case(6, "a lossless JPEG of 65500 x 65500", as_codec(JPEG_LOSSLESS, lossless), MALFORMED),
        case(6, "a JPEG-LS image of 65500 x 65500", as_codec(JPEG_LS, jpeg_ls), MALFORMED),
        case(6, "a JPEG 2000 image of 60000 x 60000", as_codec(JPEG_2000, &jpeg_2000_of(60_000)), MALFORMED),
        case(6, "JPEG 2000 of 16384 x 16384 pixels in 100 bytes", giant_jpeg_2000(), MALFORMED),
        case(6, "a video", as_codec("1.2.840.10008.1.2.4.100", b"abcd"), UNSUPPORTED),
    ];
    #[rustfmt::skip]
    let codecs = [RLE, JPEG, "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.57", JPEG_LOSSLESS, JPEG_LS, "1.2.840.10008.1.2.4.81",
        JPEG_2000, "1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.203", "1.2.840.10008.1.2.4.110", "1.2.840.10008.1.2.8.1"];
    for syntax in codecs {
        cases.push(case(
            6,
            format!("garbage as {syntax}"),
            as_codec(syntax, b"garbage, not image"),
            MALFORMED,
        ));
        cases.push(case(6, format!("zeros as {syntax}"), as_codec(syntax, &[0; 64]), MALFORMED));
    }
    cases
}

fn cut(mut bytes: Vec<u8>, by: usize) -> Vec<u8> {
    bytes.truncate(bytes.len() - by);
    bytes
}

/// The size segment of an image of one unsigned component of 16 bits, and nothing behind it.
fn jpeg_2000_of(side: u32) -> Vec<u8> {
    jpeg_2000_start(side, 15)
}

fn jpeg_2000_start(side: u32, depth: u8) -> Vec<u8> {
    let mut bytes = b"\xFF\x4F\xFF\x51\0\x29\0\0".to_vec();
    for word in [side, side, 0, 0, side, side, 0, 0] {
        bytes.extend(word.to_be_bytes());
    }
    bytes.extend([0, 1, depth, 1, 1]);
    bytes
}

/// A JPEG 2000 image of 4 x 4 signed samples, all of them 0, in a dataset that says unsigned.
fn signed_jpeg_2000() -> Vec<u8> {
    Image::new().encapsulated(JPEG_2000, &flat_jpeg_2000(4, 0x8F))
}

/// Within the limits, and header and codestream agree, but nobody has such an image.
fn giant_jpeg_2000() -> Vec<u8> {
    Image::new().us(ROWS, 16_384).us(COLUMNS, 16_384).encapsulated(JPEG_2000, &flat_jpeg_2000(16_384, 15))
}

/// A valid image of which all samples are one.
fn flat_jpeg_2000(side: u32, depth: u8) -> Vec<u8> {
    let mut bytes = jpeg_2000_start(side, depth);
    // No decomposition, one layer, blocks of 64 x 64, the reversible transform; exponents; one empty packet.
    bytes.extend(b"\xFF\x52\0\x0C\0\0\0\x01\0\0\x04\x04\0\x01");
    bytes.extend(b"\xFF\x5C\0\x04\x40\x80");
    bytes.extend(b"\xFF\x90\0\x0A\0\0\0\0\0\x0F\0\x01\xFF\x93\0\xFF\xD9");
    bytes
}
