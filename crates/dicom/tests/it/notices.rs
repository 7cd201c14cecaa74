//! What is said of files that can be used and are not quite what they state.

use anatome_core::{NoteCode, Notes};
use anatome_dicom::{FramePixels, Limits, Scanned, Series, Source, SpacingSource, Stack, Survey, group};

use crate::classes::pixels::{RLE, rle};
use crate::codestreams::unhex;
use crate::codestreams_made as codestreams;
use crate::groups::{FRAMES, POSITION, SPACING, With, at, note};
use crate::made::{Image, element, item};
use crate::shared::{POOL, load_one, scan_all, scan_bytes};

const PIXELS: (u16, u16) = (0x7FE0, 0x10);
const SLOPE: (u16, u16) = (0x28, 0x1053);

fn one(bytes: Vec<u8>) -> Series {
    let mut series = group(scan_bytes(bytes).unwrap().instances);
    assert_eq!(series.len(), 1);
    series.pop().unwrap()
}

fn survey(series: &Series) -> Survey {
    let stack = Stack::new(series, &Limits::default()).unwrap();
    stack.survey(&POOL, &anatome_core::Progress::new()).unwrap()
}

#[track_caller]
fn says(notes: &Notes, code: NoteCode, part: &str) {
    assert!(notes.iter().any(|note| note.code == code && note.text.contains(part)), "{part}: {notes:?}");
}

fn scanned(image: &Image) -> Scanned {
    scan_bytes(image.bytes()).unwrap()
}

#[test]
fn frames_that_are_stated_and_not_there_are_no_frames() {
    let cine = |stated: usize, there: usize| {
        let image = Image::new().without(POSITION).text(FRAMES, b"IS", stated);
        one(image.with(PIXELS, b"OW", &vec![7; 32 * there]).bytes())
    };
    let whole = cine(10, 10);
    assert!(whole.damaged().is_empty() && !whole.notes().has(NoteCode::Damaged));
    for (series, stated) in [(cine(30, 10), "30"), (cine(2_147_483_647, 10), "2147483647")] {
        let text = format!("{stated} frames are stated, 10 are there");
        assert!(note(&series, NoteCode::Damaged).ends_with(&text), "{:?}", series.notes());
        assert_eq!((series.frames().len(), series.damaged().len()), (10, 1));
        let survey = survey(&series);
        assert!(survey.decoded == 10 && survey.damaged.is_empty(), "{survey:?}");
    }
    // A frame and a half.
    let half = Image::new().without(POSITION).text(FRAMES, b"IS", 2).with(PIXELS, b"OW", &[7; 48]);
    assert_eq!(one(half.bytes()).frames().len(), 1);
}

/// Fragments tell how many there are when they are looked at: one reason for all that are missing.
#[test]
fn compressed_frames_that_are_not_there_have_one_reason() {
    let image = Image { syntax: RLE, ..Image::new().without(POSITION).text(FRAMES, b"IS", 30) };
    let mut bytes = image.without(PIXELS).bytes();
    bytes.extend_from_slice(b"\xE0\x7F\x10\x00OB\0\0\xFF\xFF\xFF\xFF\xFE\xFF\x00\xE0\0\0\0\0");
    for _ in 0..10 {
        let frame = rle();
        bytes.extend_from_slice(b"\xFE\xFF\x00\xE0");
        bytes.extend_from_slice(&(frame.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&frame);
    }
    bytes.extend_from_slice(b"\xFE\xFF\xDD\xE0\0\0\0\0");
    let survey = survey(&one(bytes));
    let [missing] = survey.damaged.as_slice() else { panic!("{:?}", survey.damaged) };
    assert_eq!((survey.decoded, missing.frames, missing.images.len()), (10, 20, 5));
    assert!(missing.reason.ends_with("30 frames are stated, 10 are there"), "{}", missing.reason);
    assert_eq!((missing.images[0].as_str(), survey.damaged_files.len()), ("frame 11", 1));
}

#[test]
fn overlays_are_counted() {
    let words = |words: [u16; 1]| words.map(u16::to_le_bytes).concat();
    let with = |image: Image, group: u16| {
        let image = image.with((group, 0x10), b"US", &words([4])).with((group, 0x11), b"US", &words([4]));
        image.with((group, 0x3000), b"OW", &[0xFF; 2])
    };
    let image = |n: usize| at(n, n as f64, n);
    let series = one(image(1).bytes());
    assert!(!series.notes().has(NoteCode::Ignored));
    let loaded = load_one(&one(with(image(1), 0x6000).bytes())).unwrap();
    says(&loaded.notes, NoteCode::Ignored, "an overlay (60xx) is not shown");
    let two = with(with(image(1), 0x6000), 0x6002);
    // In the bits above those stored; a size alone is none.
    let embedded = image(2).us((0x6000, 0x10), 4).us((0x6000, 0x11), 4).us((0x6000, 0x102), 12);
    let size_alone = image(3).us((0x6000, 0x10), 4).us((0x6000, 0x11), 4);
    let sources = [two, embedded, size_alone].map(|image| Source::Bytes(image.bytes().into()));
    let series = group(scan_all(&sources).unwrap().instances);
    assert_eq!(note(&series[0], NoteCode::Ignored), "3 overlays (60xx) are not shown");
}

#[test]
fn copies_with_other_contents_are_told_from_those_that_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let same = "an instance that is there twice; the first is used";
    let other = "an instance that is there twice, with other contents; the first is used";
    let of = |copy: Vec<u8>| {
        for (name, bytes) in [("a", at(1, 0.0, 5).bytes()), ("b", copy)] {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        let series = group(scan_all(&[Source::from(folder.path())]).unwrap().instances);
        assert_eq!(series.len(), 1);
        note(&series[0], NoteCode::InstanceSkipped)
    };
    assert_eq!(of(at(1, 0.0, 5).bytes()), same);
    assert_eq!(of(at(1, 0.0, 6).bytes()), other);
    assert_eq!(of(at(1, 0.0, 5).text(SLOPE, b"DS", 2).bytes()), other);
    // One of the last bytes, in fragments.
    let mut packed = rle();
    let fragment = |packed: &[u8]| at(1, 0.0, 5).encapsulated(RLE, packed);
    std::fs::write(folder.path().join("c"), fragment(&packed)).unwrap();
    *packed.last_mut().unwrap() ^= 1;
    std::fs::write(folder.path().join("d"), fragment(&packed)).unwrap();
    for name in ["a", "b"] {
        std::fs::remove_file(folder.path().join(name)).unwrap();
    }
    let series = group(scan_all(&[Source::from(folder.path())]).unwrap().instances);
    assert_eq!(note(&series[0], NoteCode::InstanceSkipped), other);
}

#[test]
fn values_that_are_stated_in_two_ways_are_noted() {
    let tolerated = |image: Image, part: &str| says(&scanned(&image).notes, NoteCode::Tolerated, part);
    let plain = || at(1, 0.0, 5);
    let rescaled = plain().text(SLOPE, b"DS", 1).text((0x28, 0x1052), b"DS", -1024);
    assert!(scanned(&rescaled).notes.is_empty());
    tolerated(plain().text(SLOPE, b"DS", "1\\2"), "of several values; the first is used");
    tolerated(plain().us((0x28, 0x103), 7), "neither 0 nor 1");
    let table: Vec<u8> = (0..256u16).flat_map(u16::to_le_bytes).collect();
    let lut = item(&[
        element((0x28, 0x3002), b"US", &[0, 1, 0, 0, 16, 0]),
        element((0x28, 0x3004), b"LO", b"HU"),
        element((0x28, 0x3006), b"OW", &table),
    ]);
    let with_lut = |image: Image| image.with((0x28, 0x3000), b"SQ", &lut);
    assert!(scanned(&with_lut(plain())).notes.is_empty());
    tolerated(with_lut(rescaled), "both a rescale and a Modality LUT");
}

#[test]
fn a_spacing_that_no_image_has_is_none() {
    for bad in ["1e308\\1e308", "1e7\\1", "1\\1e-9"] {
        let image = at(1, 0.0, 5).text(SPACING, b"DS", bad);
        let found = scanned(&image);
        says(&found.notes, NoteCode::Tolerated, "the pixel spacing (0028,0030) is that of no image");
        let stack = Stack::new(&group(found.instances)[0], &Limits::default()).unwrap();
        let spacing = stack.spacing(0).unwrap();
        assert_eq!((spacing.mm, spacing.source), (None, SpacingSource::None), "{bad}");
        let imager = at(1, 0.0, 5).without(SPACING).text((0x18, 0x1164), b"DS", bad);
        let stack = Stack::new(&one(imager.bytes()), &Limits::default()).unwrap();
        assert_eq!(stack.spacing(0).unwrap().mm, None, "{bad}");
    }
}

#[test]
fn elements_may_follow_the_pixel_data_and_garbage_is_noted() {
    let behind = |more: &[u8]| scan_bytes([&at(1, 0.0, 5).bytes(), more].concat()).unwrap().notes;
    assert!(behind(&[]).is_empty());
    assert!(behind(&element((0xFFFC, 0xFFFC), b"OB", &[0; 500])).is_empty());
    assert!(behind(&element((0x7FE1, 0x10), b"LO", b"PRIVATE")).is_empty());
    let text = "bytes behind the pixel data that are no elements";
    says(&behind(&[0xA5; 333]), NoteCode::Tolerated, text);
    says(&behind(&[0; 64]), NoteCode::Tolerated, text);
    // An element that would go beyond the file, and one that should have come before.
    let long = element((0xFFFC, 0xFFFC), b"OB", &[0; 500]);
    says(&behind(&long[..300]), NoteCode::Tolerated, text);
    says(&behind(&element((0x10, 0x20), b"LO", b"LATE")), NoteCode::Tolerated, text);
}

#[test]
fn a_codestream_of_fewer_bits_than_are_stored_is_noted() {
    let of = |stored: u16| {
        let image = Image::new().us((0x28, 0x10), 12).us((0x28, 0x11), 16).us((0x28, 0x101), stored);
        let image = image.us((0x28, 0x102), stored - 1);
        let bytes = image.encapsulated("1.2.840.10008.1.2.4.90", &unhex(codestreams::J2K_12));
        load_one(&one(bytes)).unwrap().notes
    };
    assert!(!of(12).has(NoteCode::Tolerated));
    says(&of(16), NoteCode::Tolerated, "of fewer bits than the dataset says are stored (0028,0101)");
}

/// PS3.3 C.7.6.3.1.2: what a JPEG XL decoder makes of XYB is RGB.
#[test]
fn colours_of_jpeg_xl_are_rgb_once_decoded() {
    let of = |photometric: &[u8]| {
        let image = Image::new().us((0x28, 0x02), 3).with((0x28, 0x04), b"CS", photometric);
        let image = image.us((0x28, 0x10), 12).us((0x28, 0x11), 16).us((0x28, 0x06), 0);
        let image = image.us((0x28, 0x100), 8).us((0x28, 0x101), 8).us((0x28, 0x102), 7);
        let bytes = image.encapsulated("1.2.840.10008.1.2.4.112", &unhex(codestreams::JXL_RGB));
        let stack = Stack::new(&one(bytes), &Limits::default()).unwrap();
        match stack.frame(0).unwrap().pixels {
            FramePixels::Rgb(rgb) => rgb,
            other => panic!("{other:?}"),
        }
    };
    assert!(of(b"XYB ") == of(b"RGB "));
}
