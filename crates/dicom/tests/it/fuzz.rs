//! Good files, damaged at random: any outcome but a panic, a long wait or a volume that breaks its own rules.
//! `ANATOME_FUZZ_SECONDS` says for how long, see CONTRIBUTING.md.

use std::io::Write as _;

use anatome_dicom::Source;
use anatome_testkit::{Random, Tally, damaged, fuzz};

use crate::exercise::{exercise, tight};
use crate::made::{EXPLICIT, Image, element, item, meta};
use crate::objects_made::{sequence, structure_set};
use crate::shared::{data, unzipped};
use crate::{codestreams, sources};

/// Bytes that mean something in DICOM files: tags, VRs, delimiters, numbers as text, escapes.
#[rustfmt::skip]
const ODD: &[&[u8]] = &[
    b"SQ\0\0\xFF\xFF\xFF\xFF", b"UN\0\0\xFF\xFF\xFF\xFF", b"OB\0\0\xFF\xFF\xFF\xFF", b"OW\0\0\xFF\xFF\xFF\x7F",
    b"\xFE\xFF\x00\xE0\0\0\0\0", b"\xFE\xFF\x00\xE0\xFF\xFF\xFF\xFF", b"\xFE\xFF\x0D\xE0\0\0\0\0", b"\xFE\xFF\xDD\xE0\0\0\0\0",
    b"\xE0\x7F\x10\x00", b"\xE0\x7F\x08\x00", b"\xE0\x7F\x09\x00", b"\x00\x52\x30\x92SQ", b"\x00\x52\x29\x92SQ",
    b"\x28\x00\x08\x00IS", b"\x28\x00\x10\x00US\x02\0\0\0", b"\x28\x00\x00\x01US\x02\0\x01\0", b"\x28\x00\x06\x00US\x02\0\x01\0",
    b"US", b"UL", b"DS", b"IS", b"FD", b"UN", b"\\", b"-1", b"0 ", b"nan", b"inf", b"1e308", b"0,5", b"2147483647",
    b"\x1B$B", b"\x1B(B", b"\x1B-F", b"ISO_IR 192", b"ISO 2022 IR 87", b"GB18030", b"PALETTE COLOR", b"YBR_FULL_422", b"RGB ",
    b"1.2.840.10008.1.2.5", b"1.2.840.10008.1.2.4.90", b"1.2.840.10008.1.2.1.99", b"\xFF\xD8", b"\xFF\xD9",
];

fn padded(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(bytes.len() + bytes.len() % 2, b' ');
    bytes
}

/// Small real files, where there are any.
fn real(zip: &str, folders: &[&str], most_bytes: usize) -> Vec<Vec<u8>> {
    let Some(zip) = data(zip) else { return Vec::new() };
    let files = folders.iter().flat_map(|folder| unzipped(&zip, folder).into_values());
    files.filter(|bytes| bytes.len() <= most_bytes).map(|bytes| bytes.to_vec()).collect()
}

/// Damages the files one by one.
fn one_by_one(name: &str, least: u64, originals: &[Vec<u8>]) -> Tally {
    let limits = tight();
    assert!(originals.iter().any(|bytes| exercise(&[Source::Bytes(bytes.as_slice().into())], &limits)));
    let tally = fuzz(name, least, |random| {
        exercise(&[Source::Bytes(damaged(originals, ODD, random).into())], &limits)
    });
    println!("{name}: {tally:?} of {} files", originals.len());
    // If nearly nothing loads, the damage is too great to reach anything.
    assert!(tally.good > tally.runs / 50, "{tally:?}");
    tally
}

fn frames(count: usize) -> Image {
    let groups: Vec<u8> = (0..count)
        .flat_map(|n| {
            let position = element((0x20, 0x32), b"DS", &padded(&format!("0\\0\\{n}")));
            let rescale =
                [element((0x28, 0x1052), b"DS", b"-5"), element((0x28, 0x1053), b"DS", b"2 ")].concat();
            item(&[sequence((0x20, 0x9113), &[position]), sequence((0x28, 0x9145), &[rescale])])
        })
        .collect();
    let shared = item(&[
        sequence((0x20, 0x9116), &[element((0x20, 0x37), b"DS", b"1\\0\\0\\0\\1\\0 ")]),
        sequence((0x28, 0x9110), &[element((0x28, 0x30), b"DS", b"1\\1 ")]),
    ]);
    Image::new()
        .with((0x28, 0x08), b"IS", &padded(&count.to_string()))
        .with((0x5200, 0x9229), b"SQ", &shared)
        .with((0x5200, 0x9230), b"SQ", &groups)
        .with((0x7FE0, 0x10), b"OW", &vec![5; 32 * count])
}

/// The parser's walk in front of the pixel data, in every encoding.
#[test]
fn damaged_headers_are_survived() {
    let whole = Image::new().bytes();
    let dataset = &whole[meta(EXPLICIT).len()..];
    let deflated = {
        let start = meta("1.2.840.10008.1.2.1.99");
        let mut out = flate2::write::DeflateEncoder::new(start, flate2::Compression::fast());
        out.write_all(dataset).unwrap();
        out.finish().unwrap()
    };
    let text = Image::new().with((0x08, 0x05), b"CS", b"\\ISO 2022 IR 87\\ISO 2022 IR 149 ").with(
        (0x10, 0x10),
        b"PN",
        b"A^B=\x1B$B;3ED\x1B(B^\x1B$BB@O:\x1B(B",
    );
    let mut originals = vec![whole.clone(), dataset.to_vec(), deflated, frames(3).bytes(), text.bytes()];
    originals.extend(real("syntaxes.zip", &["syntaxes/pydicom/"], 12_000));
    originals.extend(real("malformed.zip", &["malformed/"], 8_000));
    one_by_one("headers", 3_000, &originals);
}

#[test]
fn damaged_derived_objects_are_survived() {
    let mut originals = vec![structure_set(&[b"1\\2\\3\\4\\5\\6", b"1\\2\\3"])];
    originals.extend(real("rt-seg-sr.zip", &["rt-seg-sr/"], 40_000));
    one_by_one("objects", 1_000, &originals);
}

/// One RLE frame of 4 x 4 pixels of 16 bits, each of its two planes in one run.
fn rle_frame(value: u8) -> Vec<u8> {
    let mut frame = vec![0; 64];
    (frame[0], frame[4], frame[8]) = (2, 64, 66);
    frame.extend([0xF1, 0, 0xF1, value]);
    frame
}

fn encapsulated(image: &Image, table: &[u32], fragments: &[Vec<u8>], extended: &[u64]) -> Vec<u8> {
    let mut image =
        Image { syntax: "1.2.840.10008.1.2.5", elements: image.elements.clone() }.without((0x7FE0, 0x10));
    if !extended.is_empty() {
        let offsets: Vec<u8> = extended.iter().flat_map(|n| n.to_le_bytes()).collect();
        image = image.with((0x7FE0, 0x01), b"OV", &offsets);
    }
    let mut bytes = image.bytes();
    bytes.extend_from_slice(b"\xE0\x7F\x10\x00OB\0\0\xFF\xFF\xFF\xFF");
    let table: Vec<u8> = table.iter().flat_map(|n| n.to_le_bytes()).collect();
    for fragment in std::iter::once(&table).chain(fragments) {
        bytes.extend_from_slice(b"\xFE\xFF\x00\xE0");
        bytes.extend_from_slice(&(fragment.len() as u32).to_le_bytes());
        bytes.extend_from_slice(fragment);
    }
    bytes.extend_from_slice(b"\xFE\xFF\xDD\xE0\0\0\0\0");
    bytes
}

/// Offset tables of both kinds, right and wrong, and frames in several fragments.
#[test]
fn damaged_fragments_are_survived() {
    let three: Vec<Vec<u8>> = (1..=3).map(rle_frame).collect();
    let mut split = three.clone();
    let rest = split[1].split_off(40);
    split.insert(2, rest);
    let image = frames(3);
    let originals = vec![
        encapsulated(&image, &[0, 76, 152], &three, &[]),
        encapsulated(&image, &[], &three, &[]),
        encapsulated(&image, &[], &three, &[0, 76, 152]),
        encapsulated(&image, &[0, 76, 160], &split, &[]),
        encapsulated(&image, &[0, 76, 999], &split, &[]),
        encapsulated(&Image::new(), &[0], &[rle_frame(9)], &[]),
    ];
    one_by_one("fragments", 3_000, &originals);
}

#[test]
fn damaged_codestreams_are_survived() {
    let mut originals = codestreams::originals();
    originals.push(encapsulated(&Image::new(), &[0], &[rle_frame(9)], &[]));
    originals.extend(real("syntaxes.zip", &["syntaxes/"], 40_000));
    one_by_one("codestreams", 500, &originals);
}

#[test]
fn damaged_archives_are_survived() {
    one_by_one("archives", 1_000, &sources::originals());
}

/// Series of a few slices whose attributes are drawn from good and odd ones.
#[test]
fn damaged_geometry_is_survived() {
    let limits = tight();
    let tally = fuzz("geometry", 1_500, |random| {
        let image = |n: usize, random: &mut Random| odd_slice(n, random).bytes();
        let count = random.whole(1, 8);
        let sources: Vec<Source> = (0..count).map(|n| Source::Bytes(image(n, random).into())).collect();
        exercise(&sources, &limits)
    });
    println!("geometry: {tally:?}");
    assert!(tally.good > tally.runs / 10, "{tally:?}");
}

/// Tag, VR and what may stand there.
type OddValues = ((u16, u16), &'static [u8; 2], &'static [&'static str]);

fn odd_slice(n: usize, random: &mut Random) -> Image {
    #[rustfmt::skip]
    const ODD_VALUES: &[OddValues] = &[
        ((0x20, 0x32), b"DS", &["0\\0\\0", "0\\0\\1e308", "1e-320\\0\\1e-320", "-0\\0\\nan", "0\\0", "", "0\\0\\3\\4", "9e15\\1\\1", "0\\0\\1,5", "0\\0\\0.3"]),
        ((0x20, 0x37), b"DS", &["0\\0\\0\\0\\0\\0", "1\\0\\0\\1\\0\\0", "1\\0\\0\\0\\1", "0.9998\\0.02\\0\\0\\1\\0", "0\\1\\0\\0\\0\\-1", "1e-200\\0\\0\\0\\1e-200\\0", "1\\0\\0\\0\\0.94\\-0.34"]),
        ((0x28, 0x30), b"DS", &["0\\0", "-1\\1", "1e308\\1e308", "1e-320\\1", "inf\\1", "0.5\\2", "1"]),
        ((0x18, 0x50), b"DS", &["0", "-5", "1e308", "nan", "0.001"]),
        ((0x18, 0x88), b"DS", &["0", "-3", "inf"]),
        ((0x20, 0x13), b"IS", &["-2147483648", "2147483647", "x", "1"]),
        ((0x20, 0x100), b"IS", &["1", "2", "-7"]),
        ((0x20, 0x12), b"IS", &["1", "2"]),
        ((0x18, 0x1060), b"DS", &["0", "100", "nan"]),
        ((0x28, 0x1053), b"DS", &["0", "1e308", "1e-320", "nan", "-1"]),
        ((0x28, 0x1052), b"DS", &["-1024", "1e308", "inf"]),
        ((0x28, 0x1050), b"DS", &["40\\40", "nan", "1e308"]),
        ((0x28, 0x1051), b"DS", &["400\\0", "-1", "0.5"]),
        ((0x08, 0x08), b"CS", &["ORIGINAL\\PRIMARY\\LOCALIZER", "ORIGINAL\\PRIMARY\\MOSAIC"]),
        ((0x20, 0x52), b"UI", &["2.25.5", "2.25.6"]),
        ((0x10, 0x20), b"LO", &["A", "B"]),
        ((0x08, 0x60), b"CS", &["PT", "MR", "NM", "US"]),
        ((0x28, 0x04), b"CS", &["MONOCHROME1", "RGB", "?"]),
        ((0x28, 0x08), b"IS", &["1", "2", "0"]),
        ((0x28, 0x120), b"SS", &["\u{7}\u{7}"]),
    ];
    let position = format!("{}\\{}\\{}", random.whole(0, 1), 0, 3 * n + random.whole(0, 1));
    let mut image = Image::new().with((0x08, 0x18), b"UI", &padded(&format!("2.25.{}", 100 + n))).with(
        (0x20, 0x32),
        b"DS",
        &padded(&position),
    );
    for _ in 0..random.whole(0, 3) {
        let (tag, vr, values) = ODD_VALUES[random.whole(0, ODD_VALUES.len() - 1)];
        image = image.with(tag, vr, &padded(values[random.whole(0, values.len() - 1)]));
    }
    image
}
