//! Classes 7 and 8: geometry and the meaning of values.

use anatome_core::{ErrorKind, NoteCode, Voi};

use super::{Case, Expect, case};
use crate::made::{Image, element, loaded, loaded_stack};
use crate::objects_made::sequence;

const TOLERATED: Expect = Expect::Noted(NoteCode::Tolerated);
const POSITION: (u16, u16) = (0x20, 0x32);
const ORIENTATION: (u16, u16) = (0x20, 0x37);
const SPACING: (u16, u16) = (0x28, 0x30);
const THICKNESS: (u16, u16) = (0x18, 0x50);
const SLOPE: (u16, u16) = (0x28, 0x1053);
const CENTER: (u16, u16) = (0x28, 0x1050);
const WIDTH: (u16, u16) = (0x28, 0x1051);

fn ds(image: Image, tag: (u16, u16), value: &str) -> Image {
    let mut bytes = value.as_bytes().to_vec();
    bytes.resize(bytes.len().next_multiple_of(2), b' ');
    image.with(tag, b"DS", &bytes)
}

pub fn cases() -> Vec<Case> {
    let geometry = Expect::NoVolume(ErrorKind::Geometry);
    let mut cases = Vec::new();
    for (what, tag) in [("position", POSITION), ("orientation", ORIENTATION), ("spacing", SPACING)] {
        cases.push(case(7, format!("no {what}"), Image::new().without(tag).bytes(), geometry));
        cases.push(case(7, format!("an empty {what}"), Image::new().with(tag, b"DS", b"").bytes(), geometry));
    }
    for bad in
        ["0\\0", "-1\\1", "nan\\1", "inf\\1", "1e308\\1e308", "1e-320\\1", "0,5\\0,5", "1", "1\\1\\1", "x\\y"]
    {
        cases.push(case(7, format!("spacing {bad}"), ds(Image::new(), SPACING, bad).bytes(), geometry));
    }
    for bad in [
        "0\\0\\0\\0\\0\\0",
        "1\\0\\0\\1\\0\\0",
        "1\\0\\0\\0\\1",
        "1\\0\\0\\0.5\\1\\0",
        "a\\b\\c\\d\\e\\f",
        "2\\0\\0\\0\\2\\0",
        "nan\\0\\0\\0\\1\\0",
        "1e308\\0\\0\\0\\1e308\\0",
        "1\\0\\0\\0\\1\\0\\0",
    ] {
        cases.push(case(
            7,
            format!("orientation {bad}"),
            ds(Image::new(), ORIENTATION, bad).bytes(),
            geometry,
        ));
    }
    for bad in ["0\\0", "0\\0\\nan", "inf\\0\\0", "0\\0\\0\\0", "1e308\\1e308\\1e308", "1,5\\0\\0"] {
        cases.push(case(7, format!("position {bad}"), ds(Image::new(), POSITION, bad).bytes(), geometry));
    }
    let turned = ds(Image::new(), ORIENTATION, "1\\0.0005\\0\\0\\1\\0");
    cases.push(case(
        7,
        "an orientation a little off",
        turned.bytes(),
        Expect::Noted(NoteCode::OrientationCorrected),
    ));
    for bad in ["0", "-5", "nan", "1e308", "5,0"] {
        let expect = if bad == "1e308" { geometry } else { TOLERATED };
        cases.push(case(7, format!("thickness {bad}"), ds(Image::new(), THICKNESS, bad).bytes(), expect));
    }
    cases.extend(value_cases());
    cases
}

fn lut(descriptor: [u16; 3], bytes: usize) -> Vec<u8> {
    let descriptor: Vec<u8> = descriptor.iter().flat_map(|n| n.to_le_bytes()).collect();
    let data: Vec<u8> = (0..bytes / 2).flat_map(|n| (n as u16).to_le_bytes()).collect();
    let item = [element((0x28, 0x3002), b"US", &descriptor), element((0x28, 0x3006), b"OW", &data)].concat();
    let whole = sequence((0x28, 0x3000), &[item]);
    whole[12..].to_vec()
}

fn value_cases() -> Vec<Case> {
    let malformed = Expect::NoVolume(ErrorKind::Malformed);
    let mut cases = Vec::new();
    for bad in ["0", "nan", "inf", "-inf", "1e999", "0,5", "x"] {
        cases.push(case(8, format!("slope {bad}"), ds(Image::new(), SLOPE, bad).bytes(), malformed));
        cases.push(case(
            8,
            format!("intercept {bad}"),
            ds(Image::new(), (0x28, 0x1052), bad).bytes(),
            if bad == "0" { Expect::Loads } else { malformed },
        ));
        let width = ds(ds(Image::new(), CENTER, "40"), WIDTH, bad).bytes();
        cases.push(case(8, format!("window width {bad}"), width, TOLERATED));
    }
    let windows = |center, width| ds(ds(Image::new(), CENTER, center), WIDTH, width);
    let modality_lut =
        |descriptor, bytes| Image::new().with((0x28, 0x3000), b"SQ", &lut(descriptor, bytes)).bytes();
    let voi_lut =
        |descriptor, bytes| Image::new().with((0x28, 0x3010), b"SQ", &lut(descriptor, bytes)).bytes();
    cases.extend([
        case(8, "window width -1", windows("40", "-1").bytes(), TOLERATED),
        case(8, "window centre NaN", windows("nan", "400").bytes(), TOLERATED),
        case(8, "one window of three wrong", windows("40\\50\\60", "400\\0\\300").bytes(), TOLERATED),
        case(8, "more centres than widths", windows("40\\50", "400").bytes(), TOLERATED),
        case(
            8,
            "an unknown VOI LUT function",
            windows("40", "400").with((0x28, 0x1056), b"CS", b"WHATEVER").bytes(),
            TOLERATED,
        ),
        case(8, "all is padding", Image::new().us((0x28, 0x120), 0x0707).bytes(), Expect::Loads),
        case(
            8,
            "padding of the other sign",
            Image::new().with((0x28, 0x120), b"SS", &(-2000i16).to_le_bytes()).bytes(),
            Expect::Loads,
        ),
        case(
            8,
            "a padding range upside down",
            Image::new().us((0x28, 0x120), 9).us((0x28, 0x121), 2).bytes(),
            Expect::Loads,
        ),
        case(
            8,
            "a modality LUT of 65536 entries, written as 0",
            modality_lut([0, 0, 16], 131_072),
            Expect::Noted(NoteCode::Converted),
        ),
        case(8, "a modality LUT shorter than it says", modality_lut([0, 0, 16], 131_070), malformed),
        case(8, "a modality LUT of 77 bits", modality_lut([16, 0, 77], 32), malformed),
        case(
            8,
            "an empty modality LUT",
            Image::new().with((0x28, 0x3000), b"SQ", b"\xFE\xFF\x00\xE0\0\0\0\0").bytes(),
            malformed,
        ),
        case(8, "a VOI LUT shorter than it says", voi_lut([0, 0, 16], 100), Expect::Noted(NoteCode::Ignored)),
        case(8, "a VOI LUT of 65536 entries, written as 0", voi_lut([0, 0, 16], 131_072), Expect::Loads),
    ]);
    cases
}

/// PS3.3 C.11.2.1.1: a first descriptor of 0 is 65536.
#[test]
fn a_lookup_table_of_65536_entries_has_them_all() {
    let image = Image::new().with((0x28, 0x3010), b"SQ", &lut([0, 0, 16], 131_072));
    let volume = loaded(&image.bytes()).unwrap().volume;
    let Voi::Lut(table) = &volume.facts().vois[0].voi else { panic!("{:?}", volume.facts().vois) };
    let display = table.display_values();
    assert_eq!((display.len(), display[0], display[65_535]), (65_536, 0.0, 1.0));
}

/// Slices at these places along z.
fn slices(z_mm: &[f64]) -> Vec<Image> {
    let slice = |(n, z): (usize, &f64)| {
        let uid = format!("2.25.1{n:02}");
        ds(Image::new(), POSITION, &format!("0\\0\\{z}")).with((0x08, 0x18), b"UI", uid.as_bytes())
    };
    z_mm.iter().enumerate().map(slice).collect()
}

fn changed(mut images: Vec<Image>, n: usize, change: impl FnOnce(Image) -> Image) -> Vec<Image> {
    let image = images.remove(n);
    images.insert(n, change(image));
    images
}

/// Class 7 where it takes several files: series that become one volume with a note.
#[test]
fn odd_series_are_volumes_with_notes() {
    let tilted = slices(&[0.0, 1.0, 2.0, 3.0])
        .into_iter()
        .map(|image| ds(image, ORIENTATION, "1\\0\\0\\0\\0.94\\-0.3411744421846396"));
    let reversed = slices(&[3.0, 2.0, 1.0, 0.0]);
    for (name, images, code, count) in [
        ("a duplicate", slices(&[0.0, 1.0, 1.0, 2.0, 3.0, 4.0]), Some(NoteCode::DuplicateSlice), 5),
        ("a missing slice", slices(&[0.0, 1.0, 2.0, 4.0, 5.0, 6.0]), Some(NoteCode::MissingSlices), 6),
        ("unequal slices", slices(&[0.0, 1.0, 2.3, 3.1, 5.0]), Some(NoteCode::UnevenSpacing), 5),
        ("tilt", tilted.collect(), Some(NoteCode::GantryTilt), 4),
        ("one slice", slices(&[7.0]), Some(NoteCode::Assumed), 1),
        ("reversed", reversed, None, 4),
        (
            "mixed slopes",
            changed(slices(&[0.0, 1.0, 2.0]), 1, |image| ds(image, SLOPE, "2")),
            Some(NoteCode::Converted),
            3,
        ),
    ] {
        let loaded = loaded_stack(images).unwrap();
        assert_eq!(loaded.volume.grid().shape()[0], count, "{name}");
        match code {
            Some(code) => assert!(loaded.notes.has(code), "{name}: {:?}", loaded.notes),
            None => assert!(loaded.notes.is_empty(), "{name}: {:?}", loaded.notes),
        }
    }
}

/// Class 7: what differs from the rest of its series stands apart, and the rest is a volume.
#[test]
fn mixed_series_are_split() {
    let base = || slices(&[0.0, 1.0, 2.0, 3.0, 4.0, 9.0]);
    let last = |change: fn(Image) -> Image| changed(base(), 5, change);
    for (name, images) in [
        ("orientation", last(|image| ds(image, ORIENTATION, "0\\1\\0\\0\\0\\-1"))),
        ("a localizer", last(|image| image.with((0x08, 0x08), b"CS", b"ORIGINAL\\PRIMARY\\LOCALIZER"))),
        ("size", last(|image| image.us((0x28, 0x10), 2))),
        ("spacing", last(|image| ds(image, SPACING, "2\\2"))),
        ("frame of reference", last(|image| image.with((0x20, 0x52), b"UI", b"2.25.77\0"))),
        ("no position", last(|image| image.without(POSITION))),
        ("an unknown syntax", last(|image| Image { syntax: "1.2.3", ..image })),
        ("patient", last(|image| image.with((0x10, 0x20), b"LO", b"other "))),
    ] {
        let sources: Vec<_> =
            images.iter().map(|image| anatome_dicom::Source::Bytes(image.bytes().into())).collect();
        let series = anatome_dicom::group(crate::shared::scan_all(&sources).unwrap().instances);
        assert_eq!(series.len(), 2, "{name}");
        let rest = series.iter().find(|series| series.frames().len() == 5).unwrap();
        let loaded = crate::shared::load_one(rest).unwrap();
        assert_eq!(loaded.volume.grid().shape(), [5, 4, 4], "{name}");
        assert!(loaded.notes.has(NoteCode::Split) || name == "patient", "{name}: {:?}", loaded.notes);
    }
}

/// Class 7: mixed encodings of one matrix are one volume.
#[test]
fn mixed_transfer_syntaxes_are_one_volume() {
    let images =
        changed(slices(&[0.0, 1.0, 2.0]), 1, |image| Image { syntax: "1.2.840.10008.1.2.1", ..image });
    let mut sources: Vec<Vec<u8>> = images.iter().map(Image::bytes).collect();
    let rle = [vec![2u8, 0, 0, 0, 64, 0, 0, 0, 66, 0, 0, 0], vec![0; 52], vec![0xF1, 7, 0xF1, 7]].concat();
    sources[1] =
        Image { syntax: "", elements: images[1].elements.clone() }.encapsulated("1.2.840.10008.1.2.5", &rle);
    let sources: Vec<_> =
        sources.into_iter().map(|bytes| anatome_dicom::Source::Bytes(bytes.into())).collect();
    let series = anatome_dicom::group(crate::shared::scan_all(&sources).unwrap().instances);
    assert_eq!(series.len(), 1);
    let volume = crate::shared::load_one(&series[0]).unwrap().volume;
    assert!((0..3).all(|k| volume.samples().get([k, 3, 3]) == Some(f64::from(0x0707))));
}
