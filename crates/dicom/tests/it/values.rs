//! What stored values mean: rescale, padding, windows and lookup tables, and which slices make a volume.

use anatome_core::{NoteCode, Padding, Unit, Voi};
use anatome_dicom::{Source, group};

use crate::made::{Image, element, item, loaded, loaded_stack};
use crate::shared::{data, load_one, scan_all, unzipped};

const PIXELS: (u16, u16) = (0x7FE0, 0x10);

fn words(values: [i32; 16]) -> Vec<u8> {
    values.iter().flat_map(|&v| (v as u16).to_le_bytes()).collect()
}

fn ramp() -> Vec<u8> {
    words(std::array::from_fn(|n| n as i32))
}

fn at(z: f64) -> Image {
    let position = format!("0\\0\\{z}");
    let padded = format!("{position:<width$}", width = position.len() + position.len() % 2);
    let uid = format!("2.25.{:03}", (z * 10.0) as i64 + 100);
    Image::new().with((0x20, 0x32), b"DS", padded.as_bytes()).with((0x08, 0x18), b"UI", uid.as_bytes())
}

#[test]
fn rescale_is_the_volumes_mapping() {
    let image = at(0.0).with(PIXELS, b"OW", &ramp());
    let image = image.with((0x28, 0x1052), b"DS", b"-1024 ").with((0x28, 0x1053), b"DS", b"2.5 ");
    let volume = loaded(&image.bytes()).unwrap().volume;
    assert_eq!(volume.samples().type_name(), "u16");
    assert_eq!(volume.mapping().unit, Unit::Hounsfield);
    assert_eq!(volume.modality_value([0, 1, 2]), Some(6.0 * 2.5 - 1024.0));
}

/// PS3.3 C.7.5.1.1.2: the value has the pixels' sign, although many files write it as US.
#[test]
fn padding_has_the_pixels_sign_and_may_be_a_range() {
    let mut values = [5; 16];
    (values[0], values[1], values[2], values[3]) = (-2000, -1995, -1990, -1989);
    let image = |image: Image| image.us((0x28, 0x103), 1).with(PIXELS, b"OW", &words(values));
    let single = image(at(0.0)).us((0x28, 0x120), (-2000i16).cast_unsigned());
    let volume = loaded(&single.bytes()).unwrap().volume;
    assert_eq!(volume.padding(), Some(Padding { lowest: -2000.0, highest: -2000.0 }));
    assert_eq!(volume.value_range(), Some((-1995.0, 5.0)));
    // Either end may be the larger one.
    let range = image(at(0.0)).with((0x28, 0x120), b"SS", &(-1990i16).to_le_bytes());
    let range = range.with((0x28, 0x121), b"SS", &(-2000i16).to_le_bytes());
    assert_eq!(loaded(&range.bytes()).unwrap().volume.value_range(), Some((-1989.0, 5.0)));
}

#[test]
fn padding_stays_padding_where_slices_differ_in_slope() {
    let slice = |z: f64, slope: &[u8]| {
        let image = at(z).with(PIXELS, b"OW", &ramp()).us((0x28, 0x120), 3);
        image.with((0x28, 0x1053), b"DS", slope)
    };
    let loaded = loaded_stack([slice(0.0, b"2 "), slice(1.0, b"4 ")]).unwrap();
    let volume = &loaded.volume;
    assert!(loaded.notes.has(NoteCode::Converted));
    assert_eq!(volume.samples().type_name(), "f32");
    assert_eq!([volume.modality_value([0, 0, 2]), volume.modality_value([1, 0, 2])], [Some(4.0), Some(8.0)]);
    assert_eq!([volume.modality_value([0, 0, 3]), volume.modality_value([1, 0, 3])], [None, None]);
}

#[test]
fn monochrome1_is_inverted_and_nothing_else() {
    let image = at(0.0).with((0x28, 0x04), b"CS", b"MONOCHROME1 ").with(PIXELS, b"OW", &ramp());
    let volume = loaded(&image.bytes()).unwrap().volume;
    assert!(volume.facts().inverted);
    assert_eq!(volume.modality_value([0, 0, 3]), Some(3.0));
}

#[test]
fn stored_bits_are_cut_out_and_sign_extended() {
    let image = at(0.0).with(PIXELS, b"OW", &words([0xF800u16.into(); 16]));
    let image = image.us((0x28, 0x101), 12).us((0x28, 0x102), 11).us((0x28, 0x103), 1);
    assert_eq!(loaded(&image.bytes()).unwrap().volume.modality_value([0, 0, 0]), Some(-2048.0));
}

#[test]
fn windows_come_with_their_names_and_function() {
    let image = at(0.0)
        .with((0x28, 0x1050), b"DS", b"40\\-600\\1 ")
        .with((0x28, 0x1051), b"DS", b"400\\1500\\0 ")
        .with((0x28, 0x1055), b"LO", b"Soft\\Lung ");
    let loaded = loaded(&image.bytes()).unwrap();
    let vois = &loaded.volume.facts().vois;
    let names: Vec<&str> = vois.iter().map(|voi| voi.name.as_str()).collect();
    // The third has no width.
    assert_eq!(names, ["Soft", "Lung"]);
    let Voi::Window(lung) = &vois[1].voi else { panic!("no window") };
    assert_eq!((lung.center(), lung.width()), (-600.0, 1500.0));
}

fn lut(descriptor: [u16; 3], entries: &[u16]) -> Vec<u8> {
    let bytes = |words: &[u16]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<_>>();
    let descriptor = element((0x28, 0x3002), b"US", &bytes(&descriptor));
    item(&[descriptor, element((0x28, 0x3006), b"OW", &bytes(entries))])
}

/// PS3.3 C.11.2.1.1: the first mapped value is signed if what the modality step gives may be negative.
#[test]
fn a_voi_lut_begins_where_the_modality_step_says() {
    let first = (-100i16).cast_unsigned();
    let table = lut([4, first, 16], &[0, 0x5555, 0xAAAA, 0xFFFF]);
    let unsigned = at(0.0).with((0x28, 0x3010), b"SQ", &table);
    let signed = at(0.0).with((0x28, 0x3010), b"SQ", &table).with((0x28, 0x1052), b"DS", b"-1024 ");
    for (image, expected) in [(signed, -100.0), (unsigned, 65_436.0)] {
        let volume = loaded(&image.bytes()).unwrap().volume;
        let Voi::Lut(lut) = &volume.facts().vois[0].voi else { panic!("no LUT") };
        assert_eq!(lut.first_mapped(), expected);
        assert_eq!(lut.display_from_modality(expected + 1.0), f64::from(0x5555) / 65_535.0);
    }
}

#[test]
fn a_modality_lut_gives_its_entries_and_goes_on_with_its_ends() {
    let image = at(0.0).with(PIXELS, b"OW", &ramp());
    let image = image.with((0x28, 0x3000), b"SQ", &lut([3, 2, 16], &[100, 300, 200]));
    let volume = loaded(&image.bytes()).unwrap().volume;
    let values = [0, 2, 3].map(|i| volume.modality_value([0, 0, i]));
    assert_eq!(values, [Some(100.0), Some(100.0), Some(300.0)]);
    assert_eq!(volume.modality_value([0, 3, 3]), Some(200.0));
}

#[test]
fn positions_rule_the_order_and_missing_slices_are_found() {
    let filled = |z: f64| at(z).with(PIXELS, b"OW", &words([z as i32; 16]));
    // Written in no order, one missing at 6.
    let loaded = loaded_stack([9.0, 0.0, 15.0, 3.0, 12.0, 18.0].map(filled)).unwrap();
    let volume = &loaded.volume;
    let values: Vec<Option<f64>> = (0..6).map(|k| volume.modality_value([k, 0, 0])).collect();
    assert_eq!(values, [0.0, 3.0, 9.0, 12.0, 15.0, 18.0].map(Some));
    assert!(loaded.notes.has(NoteCode::MissingSlices) && !loaded.notes.has(NoteCode::UnevenSpacing));
    let table = volume.grid().slices().unwrap();
    assert_eq!(table.missing_after(), [false, true, false, false, false]);
    assert_eq!(table.z_mm(), [0.0, 3.0, 9.0, 12.0, 15.0, 18.0]);
}

#[test]
fn of_two_images_at_one_position_the_first_number_stays() {
    let numbered = |z: f64, number: &[u8], uid: &[u8], value: i32| {
        let image = at(z).with((0x20, 0x13), b"IS", number).with((0x08, 0x18), b"UI", uid);
        image.with(PIXELS, b"OW", &words([value; 16]))
    };
    let images = [
        numbered(0.0, b"1 ", b"2.25.31\0", 10),
        numbered(2.0, b"9 ", b"2.25.39\0", 99),
        numbered(2.0, b"2 ", b"2.25.32\0", 20),
        numbered(4.0, b"3 ", b"2.25.33\0", 30),
    ];
    let loaded = loaded_stack(images).unwrap();
    assert!(loaded.notes.has(NoteCode::DuplicateSlice));
    let values: Vec<Option<f64>> = (0..3).map(|k| loaded.volume.modality_value([k, 0, 0])).collect();
    assert_eq!(values, [Some(10.0), Some(20.0), Some(30.0)]);
}

#[test]
fn a_localizer_and_another_orientation_are_volumes_of_their_own() {
    let uid = |image: Image, uid: &[u8]| Source::Bytes(image.with((0x08, 0x18), b"UI", uid).bytes().into());
    let scout = at(5.0).with((0x08, 0x08), b"CS", b"ORIGINAL\\PRIMARY\\LOCALIZER");
    let coronal = at(0.0).with((0x20, 0x37), b"DS", b"1\\0\\0\\0\\0\\-1");
    let sources = [
        uid(at(0.0), b"2.25.41\0"),
        uid(at(1.0), b"2.25.42\0"),
        uid(scout, b"2.25.43\0"),
        uid(coronal, b"2.25.44\0"),
    ];
    let series = group(scan_all(&sources).unwrap().instances);
    let mut counts: Vec<usize> = series.iter().map(|series| series.instances().len()).collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 1, 2]);
    assert!(series.iter().all(|series| series.part().is_some() && series.notes().has(NoteCode::Split)));
}

/// Every file of the shared data: what loads is whole, what does not says why.
#[test]
fn all_shared_files_scan_and_load_or_say_why_not() {
    for zip in ["syntaxes", "rt-seg-sr", "malformed", "geometry"] {
        let Some(path) = data(&format!("{zip}.zip")) else { return };
        let files = unzipped(&path, "").len();
        let scanned = scan_all(&[Source::Path(path)]).unwrap();
        // The zip itself is one.
        assert_eq!(scanned.files, files + 1, "{zip}");
        let (mut volumes, mut errors) = (0, 0);
        for series in group(scanned.instances) {
            match load_one(&series) {
                Ok(loaded) => {
                    assert_eq!(Some(loaded.volume.grid().shape()), series.shape());
                    volumes += 1;
                }
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    errors += 1;
                }
            }
        }
        println!("{zip}: {volumes} volumes, {errors} series that are none");
        assert!(volumes > 0, "{zip}");
    }
}
