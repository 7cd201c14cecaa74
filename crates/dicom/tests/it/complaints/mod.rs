//! What users of other viewers and libraries complain about, as far as it is a matter of loading: one test each, with
//! the number of the complaint and the threads where it was made.

mod segmentations;

use anatome_core::{NoteCode, Samples, Unit, Voi, WindowFunction};
use anatome_dicom::{
    Error, Form, Frame, FramePixels, FrameReader, Limits, Series, Source, Stack, SuvType, group,
};
use glam::DVec3;

use crate::exercise::Watch;
use crate::made::{Image, element, item, loaded, loaded_stack};
use crate::objects_made::sequence;
use crate::shared::{POOL, load_one, scan_all, scan_bytes};
use crate::suv::{DECAY, INJECTION, Pet, SEX, SIZE, UNITS, WEIGHT};

const POSITION: (u16, u16) = (0x20, 0x32);
const ORIENTATION: (u16, u16) = (0x20, 0x37);
const SPACING: (u16, u16) = (0x28, 0x30);
const THICKNESS: (u16, u16) = (0x18, 0x50);
const BETWEEN: (u16, u16) = (0x18, 0x88);
const INTERCEPT: (u16, u16) = (0x28, 0x1052);
const SLOPE: (u16, u16) = (0x28, 0x1053);
const PIXELS: (u16, u16) = (0x7FE0, 0x10);

fn ds(tag: (u16, u16), value: &str) -> Vec<u8> {
    element(tag, b"DS", value.as_bytes())
}

trait With {
    fn ds(self, tag: (u16, u16), value: &str) -> Self;
}

impl With for Image {
    fn ds(self, tag: (u16, u16), value: &str) -> Self {
        self.with(tag, b"DS", value.as_bytes())
    }
}

fn slice(n: usize, position: &str) -> Image {
    Image::new()
        .with((0x08, 0x18), b"UI", format!("2.25.1{n:03}").as_bytes())
        .with((0x20, 0x13), b"IS", n.to_string().as_bytes())
        .ds(POSITION, position)
        .with(PIXELS, b"OW", &(n as u16).to_le_bytes().repeat(16))
}

/// Axial slices at these heights, each filled with its number.
fn slices(z_mm: &[f64]) -> Vec<Image> {
    z_mm.iter().enumerate().map(|(n, z)| slice(n, &format!("0\\0\\{z}"))).collect()
}

fn series_of(images: Vec<Image>) -> Vec<Series> {
    let sources: Vec<Source> = images.iter().map(|image| Source::Bytes(image.bytes().into())).collect();
    group(scan_all(&sources).unwrap().instances)
}

/// A multi-frame object with functional groups: those shared, and those of each frame.
fn frames(shared: &[Vec<u8>], each: &[Vec<Vec<u8>>]) -> Image {
    let groups: Vec<u8> = each.iter().flat_map(|groups| item(groups)).collect();
    let pixels: Vec<u8> = (0..each.len()).flat_map(|n| (n as u16).to_le_bytes().repeat(16)).collect();
    Image::new()
        .with((0x28, 0x08), b"IS", each.len().to_string().as_bytes())
        .with((0x5200, 0x9229), b"SQ", &item(shared))
        .with((0x5200, 0x9230), b"SQ", &groups)
        .with(PIXELS, b"OW", &pixels)
        .without(POSITION)
        .without(ORIENTATION)
        .without(SPACING)
}

fn place(z: f64) -> Vec<u8> {
    sequence((0x20, 0x9113), &[ds(POSITION, &format!("0\\0\\{z}"))])
}

/// Orientation, and measures without a spacing between slices.
fn axial() -> Vec<Vec<u8>> {
    let measures = [ds(THICKNESS, "1"), ds(SPACING, "0.5\\0.5")].concat();
    vec![
        sequence((0x20, 0x9116), &[ds(ORIENTATION, "1\\0\\0\\0\\1\\0")]),
        sequence((0x28, 0x9110), &[measures]),
    ]
}

/// 16: cornerstone3D #420, #501, #788, #1801.
#[test]
fn sixteen_bits_and_slopes_of_each_slice_are_exact() {
    let values: Vec<u16> = (0..16).map(|n| [0, 1, 32_767, 32_768, 65_534, 65_535][n % 6]).collect();
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let volume = loaded(&slice(0, "0\\0\\0").with(PIXELS, b"OW", &bytes).bytes()).unwrap().volume;
    let Samples::U16(samples) = volume.samples() else { panic!("{}", volume.samples().type_name()) };
    assert!(samples.iter().eq(&values));
    // PET: each slice has a slope of its own.
    let slopes = ["0.123456", "7.891011"];
    let images = slopes
        .iter()
        .enumerate()
        .map(|(n, slope)| slice(n, &format!("0\\0\\{n}")).ds(SLOPE, slope).with(PIXELS, b"OW", &bytes));
    let volume = loaded_stack(images).unwrap().volume;
    for (k, slope) in [(0, 0.123_456), (1, 7.891_011)] {
        for (n, &stored) in values.iter().enumerate() {
            let expected = slope * f64::from(stored);
            let found = volume.modality_value([k, n / 4, n % 4]).unwrap();
            assert!((found - expected).abs() <= 6e-8 * expected, "{found}, not {expected}");
        }
    }
}

/// 17: itk-vtk-viewer #272, where large floats were cut to 16 bits.
#[test]
fn large_floats_keep_their_values() {
    let values: Vec<f32> = (0..16).map(|n| 1.0e9 + 64.0 * n as f32).collect();
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let image = Image::new().us((0x28, 0x100), 32).without(PIXELS).with((0x7FE0, 0x08), b"OF", &bytes);
    let volume = loaded(&image.bytes()).unwrap().volume;
    let Samples::F32(samples) = volume.samples() else { panic!("{}", volume.samples().type_name()) };
    assert!(samples.iter().eq(&values));
}

fn windowed(function: Option<&str>) -> Image {
    let image = Image::new().ds((0x28, 0x1050), "40").ds((0x28, 0x1051), "400");
    match function {
        Some(function) => image.with((0x28, 0x1056), b"CS", function.as_bytes()),
        None => image,
    }
}

/// 19: cornerstone3D #2856, where SIGMOID and LINEAR_EXACT are shown as LINEAR and lookup tables not at all.
#[test]
fn every_voi_function_is_read_as_it_is_written() {
    for (written, read) in [
        (None, WindowFunction::Linear),
        (Some("LINEAR"), WindowFunction::Linear),
        (Some("LINEAR_EXACT"), WindowFunction::LinearExact),
        (Some("SIGMOID"), WindowFunction::Sigmoid),
    ] {
        let volume = loaded(&windowed(written).bytes()).unwrap().volume;
        let Voi::Window(window) = &volume.facts().vois[0].voi else { panic!("{written:?}") };
        assert_eq!((window.function(), window.center(), window.width()), (read, 40.0, 400.0));
    }
    let descriptor: Vec<u8> = [4u16, 0, 8].iter().flat_map(|n| n.to_le_bytes()).collect();
    let entries: Vec<u8> = [0u16, 10, 20, 255].iter().flat_map(|n| n.to_le_bytes()).collect();
    let table =
        [element((0x28, 0x3002), b"US", &descriptor), element((0x28, 0x3006), b"OW", &entries)].concat();
    let image = Image::new().with((0x28, 0x3010), b"SQ", &item(&[table]));
    let volume = loaded(&image.bytes()).unwrap().volume;
    let Voi::Lut(table) = &volume.facts().vois[0].voi else { panic!("no table") };
    assert!((table.display_from_modality(2.0) - 20.0 / 255.0).abs() < 1e-6);
}

/// 21 and 22: dcm4che #1513 and dicom-rs #724. PS3.3 C.11.2.1.2.1: a window of width 1 is a step in front of its
/// centre.
#[test]
fn a_linear_window_is_that_of_the_standard() {
    let display = |center: &str, width: &str, value: f64| {
        let image = Image::new().ds((0x28, 0x1050), center).ds((0x28, 0x1051), width);
        let volume = loaded(&image.bytes()).unwrap().volume;
        let Voi::Window(window) = volume.facts().vois[0].voi else { panic!("no window") };
        window.display_from_modality(value)
    };
    assert_eq!([display("0", "1", -1.0), display("0", "1", 0.0)], [0.0, 1.0]);
    // The standard's own example: c = 2048, w = 4096 shows 0 to 4095.
    assert_eq!([display("2048", "4096", 0.0), display("2048", "4096", 4095.0)], [0.0, 1.0]);
    let middle = ((100.0 - (40.0 - 0.5)) / 399.0 + 0.5) * 255.0;
    assert!((display("40", "400", 100.0) * 255.0 - middle).abs() < 1e-9);
}

/// 23: Weasis #620.
#[test]
fn monochrome1_with_an_inverse_shape_is_inverted_once() {
    let image =
        Image::new().with((0x28, 0x04), b"CS", b"MONOCHROME1").with((0x2050, 0x20), b"CS", b"INVERSE");
    let volume = loaded(&image.bytes()).unwrap().volume;
    assert!(volume.facts().inverted);
    assert_eq!(volume.samples().get([0, 0, 0]), Some(f64::from(0x0707)));
}

/// 23: Weasis #667.
#[test]
fn each_frame_of_a_multi_frame_object_has_its_own_window() {
    let window = |center: f64| {
        let window = [ds((0x28, 0x1050), &center.to_string()), ds((0x28, 0x1051), "10")].concat();
        sequence((0x28, 0x9132), &[window])
    };
    let each: Vec<Vec<Vec<u8>>> =
        (0..3).map(|n| vec![place(n.into()), window(100.0 * f64::from(n))]).collect();
    let header = scan_bytes(frames(&axial(), &each).bytes()).unwrap().instances.remove(0);
    let centers: Vec<f64> = Frame::all(&header)
        .map(|frame| match frame.values().windows[0].voi {
            Voi::Window(window) => window.center(),
            _ => f64::NAN,
        })
        .collect();
    assert_eq!(centers, [0.0, 100.0, 200.0]);
    let stack = Stack::new(&group(vec![header])[0], &Limits::default()).unwrap();
    let FramePixels::Grey(grey) = stack.frame(2).unwrap().pixels else { panic!("colour") };
    let Voi::Window(window) = grey.facts.vois[0].voi else { panic!("no window") };
    assert_eq!(window.center(), 200.0);
}

/// 24: Weasis #858, #855, #870: wrong Hounsfield units, and means that padding went into.
#[test]
fn hounsfield_units_leave_padding_out() {
    let mut stored = [1024i16; 16];
    (stored[0], stored[1]) = (-2000, 0);
    let bytes: Vec<u8> = stored.iter().flat_map(|v| v.to_le_bytes()).collect();
    let image = Image::new()
        .us((0x28, 0x103), 1)
        .ds(SLOPE, "1")
        .ds(INTERCEPT, "-1024")
        .with((0x28, 0x120), b"SS", &(-2000i16).to_le_bytes())
        .with(PIXELS, b"OW", &bytes);
    let volume = loaded(&image.bytes()).unwrap().volume;
    assert_eq!(volume.mapping().unit, Unit::Hounsfield);
    assert_eq!([volume.modality_value([0, 0, 0]), volume.modality_value([0, 0, 1])], [None, Some(-1024.0)]);
    assert_eq!(volume.modality_value([0, 3, 3]), Some(0.0));
    assert_eq!(volume.value_range(), Some((-1024.0, 0.0)));
}

/// 25: OHIF #4291, Weasis #673.
#[test]
fn eight_bits_stay_eight_bits_without_a_line_missing() {
    let image = |n: usize| {
        let image =
            slice(n, &format!("0\\0\\{n}")).us((0x28, 0x100), 8).us((0x28, 0x101), 8).us((0x28, 0x102), 7);
        image.with(PIXELS, b"OB", &std::array::from_fn::<u8, 16, _>(|i| (16 * n + i) as u8))
    };
    let volume = loaded_stack((0..4).map(image)).unwrap().volume;
    let Samples::U8(samples) = volume.samples() else { panic!("{}", volume.samples().type_name()) };
    assert!(samples.iter().copied().eq(0..64));
}

/// 26: cornerstone3D #227. PS3.3 C.7.6.2: the rows of a tilted gantry lean, the table does not.
#[test]
fn gantry_tilt_stays_a_shear() {
    let (sine, cosine) = 20f64.to_radians().sin_cos();
    let orientation = format!("1\\0\\0\\0\\{cosine:.10}\\{:.10}", -sine);
    let images: Vec<Image> =
        slices(&[0.0, 5.0, 10.0, 15.0]).into_iter().map(|i| i.ds(ORIENTATION, &orientation)).collect();
    let loaded = loaded_stack(images).unwrap();
    assert!(loaded.notes.has(NoteCode::GantryTilt));
    let grid = loaded.volume.grid();
    assert!((grid.spacing_mm().z - 4.69846).abs() < 1e-5);
    let place = grid.patient_from_index(DVec3::new(2.0, 3.0, 2.0));
    assert!(place.distance(DVec3::new(2.0, 3.0 * cosine, 10.0 - 3.0 * sine)) < 1e-8, "{place}");
}

/// 27: OHIF #4844, #2994, where oblique series were resampled along the patient's axes.
#[test]
fn oblique_slices_keep_their_number_and_their_planes() {
    let turn = glam::DMat3::from_euler(glam::EulerRot::XYZ, 0.3, -0.5, 0.2);
    let numbers = |v: DVec3| format!("{:.12}\\{:.12}\\{:.12}", v.x, v.y, v.z);
    let orientation = format!("{}\\{}", numbers(turn.x_axis), numbers(turn.y_axis));
    let image = |n: usize| {
        let origin = DVec3::new(10.0, -20.0, 30.0) + turn.z_axis * (2.5 * n as f64);
        let position: Vec<String> = origin.to_array().iter().map(|v| format!("{v:.10}")).collect();
        slice(n, &position.join("\\")).ds(ORIENTATION, &orientation)
    };
    let loaded = loaded_stack((0..7).rev().map(image)).unwrap();
    let grid = loaded.volume.grid();
    assert!(loaded.notes.is_empty(), "{:?}", loaded.notes);
    assert_eq!(grid.shape(), [7, 4, 4]);
    assert!(grid.tilt_rad() < 1e-9 && (grid.spacing_mm().z - 2.5).abs() < 1e-8);
    for k in 0..7 {
        let expected = DVec3::new(10.0, -20.0, 30.0) + turn * DVec3::new(3.0, 1.0, 2.5 * k as f64);
        assert!(grid.patient_from_index(DVec3::new(3.0, 1.0, k as f64)).distance(expected) < 1e-8);
        assert_eq!(loaded.volume.samples().get([k, 1, 3]), Some(k as f64));
    }
}

/// 28: OHIF #4352.
#[test]
fn a_negative_spacing_between_slices_turns_nothing_round() {
    let plain = loaded_stack(slices(&[0.0, 2.0, 4.0])).unwrap();
    for stated in ["-2", "0", "7"] {
        let images: Vec<Image> =
            slices(&[0.0, 2.0, 4.0]).into_iter().map(|i| i.ds(BETWEEN, stated)).collect();
        let loaded = loaded_stack(images).unwrap();
        assert_eq!(loaded.volume.grid(), plain.volume.grid());
        assert_eq!(loaded.volume.samples().bytes(), plain.volume.samples().bytes());
    }
}

/// 28: OHIF #3360, where a localizer and two parts of one series were shown as one volume without a word.
#[test]
fn an_inconsistent_series_is_told_to_be_one() {
    let mut images = slices(&[0.0, 2.0, 4.0, 300.0, 302.0, 304.0]);
    images.push(slice(9, "0\\-50\\0").ds(ORIENTATION, "1\\0\\0\\0\\0\\-1"));
    let series = series_of(images);
    assert_eq!(series.iter().map(|series| series.frames().len()).collect::<Vec<_>>(), [6, 1]);
    assert!(series[0].notes().has(NoteCode::Split));
    let loaded = load_one(&series[0]).unwrap();
    assert!(loaded.notes.has(NoteCode::MissingSlices));
    let table = loaded.volume.grid().slices().unwrap();
    assert_eq!(table.missing_after(), [false, false, true, false, false]);
}

/// 29: Slicer #570, #4409, #4005.
#[test]
fn variable_spacing_and_missing_slices_misplace_nothing() {
    let z = [0.0, 1.0, 2.0, 3.0, 6.0, 9.0, 12.0, 18.0, 21.0, 24.0];
    let loaded = loaded_stack(slices(&z)).unwrap();
    assert!(loaded.notes.has(NoteCode::UnevenSpacing) && loaded.notes.has(NoteCode::MissingSlices));
    let grid = loaded.volume.grid();
    for (k, z) in z.into_iter().enumerate() {
        assert!((grid.patient_from_index(DVec3::new(0.0, 0.0, k as f64)).z - z).abs() < 1e-9);
        assert_eq!(loaded.volume.samples().get([k, 0, 0]), Some(k as f64));
    }
    let missing: Vec<usize> = (0..9).filter(|&k| grid.slices().unwrap().missing_after()[k]).collect();
    assert_eq!(missing, [6]);
}

/// 29: Slicer #6773, #7496, where the slices of multi-frame objects were 1 mm apart.
#[test]
fn slices_of_multi_frame_objects_have_their_distance() {
    let each: Vec<Vec<Vec<u8>>> = [4.5, 0.0, 9.0, 13.5].map(|z| vec![place(z)]).to_vec();
    let volume = loaded(&frames(&axial(), &each).bytes()).unwrap().volume;
    assert_eq!(volume.grid().spacing_mm(), DVec3::new(0.5, 0.5, 4.5));
    // In order of their places, not of their numbers.
    let values: Vec<Option<f64>> = (0..4).map(|k| volume.samples().get([k, 2, 2])).collect();
    assert_eq!(values, [1.0, 0.0, 2.0, 3.0].map(Some));
}

/// 30: Weasis #752.
#[test]
fn sagittal_and_coronal_series_are_not_deformed() {
    for (orientation, along) in [("0\\1\\0\\0\\0\\-1", DVec3::NEG_X), ("1\\0\\0\\0\\0\\-1", DVec3::Y)] {
        let image = |n: usize| {
            let [x, y, z] = (along * (3.0 * n as f64)).to_array();
            slice(n, &format!("{x}\\{y}\\{z}")).ds(ORIENTATION, orientation).ds(SPACING, "0.5\\0.25")
        };
        let volume = loaded_stack((0..4).map(image)).unwrap().volume;
        let grid = volume.grid();
        assert_eq!(grid.spacing_mm(), DVec3::new(0.25, 0.5, 3.0), "{orientation}");
        let last = grid.patient_from_index(DVec3::new(0.0, 0.0, 3.0));
        assert!(last.distance(along * 9.0) < 1e-12, "{orientation}: {last}");
        let down = grid.patient_from_index(DVec3::new(0.0, 2.0, 0.0));
        assert!(down.distance(DVec3::new(0.0, 0.0, -1.0)) < 1e-12, "{orientation}: {down}");
    }
}

/// 31: dwv #1473, cornerstone3D #2591.
#[test]
fn three_different_spacings_stay_apart() {
    let images: Vec<Image> =
        slices(&[0.0, 2.5, 5.0]).into_iter().map(|i| i.ds(SPACING, "0.7\\0.5")).collect();
    let volume = loaded_stack(images).unwrap().volume;
    // Between rows first: that is the distance along j (PS3.3 10.7.1.3).
    assert_eq!(volume.grid().spacing_mm(), DVec3::new(0.5, 0.7, 2.5));
}

/// 32: niivue #688.
#[test]
fn slice_thickness_is_not_the_distance() {
    let images: Vec<Image> =
        slices(&[0.0, 1.0, 2.0, 3.0]).into_iter().map(|i| i.ds(THICKNESS, "5")).collect();
    let loaded = loaded_stack(images).unwrap();
    assert_eq!(loaded.volume.grid().spacing_mm().z, 1.0);
    assert_eq!(loaded.volume.facts().slice_thickness_mm, Some(5.0));
}

/// 40: Horos #653.
#[test]
fn decay_is_not_corrected_twice() {
    let start = Pet::new().factor().unwrap();
    let admin = Pet::new().with(DECAY, "ADMIN").factor().unwrap();
    assert!((admin - 70_000.0 / 370e6).abs() < 1e-12);
    // An hour of F-18 is in START alone.
    assert!((start / admin - (3600.0f64 / 6586.2).exp2()).abs() < 1e-6);
}

/// 40: Weasis #399. The digital reference object of QIBA: the dose, decayed and shared out over the body's weight, is
/// an SUV of 1, whatever the slope of a slice.
#[test]
fn the_dose_shared_out_over_the_body_is_one() {
    let activity = 370e6 * (-3600.0f64 / 6586.2).exp2() / 70_000.0;
    for (stored, slope) in [(2500u16, activity / 2500.0), (30_000, activity / 30_000.0)] {
        let pixels: Vec<u8> = std::iter::repeat_n(stored.to_le_bytes(), 16).flatten().collect();
        let pet = Pet::new();
        let image = Image { elements: pet.image.elements, ..pet.image }
            .with((0x28, 0x1052), b"DS", b"0 ")
            .with((0x28, 0x1053), b"DS", format!("{slope:.12}").as_bytes())
            .with((0x7FE0, 0x10), b"OW", &pixels);
        let factor = Pet::new().factor().unwrap();
        let volume = loaded(&image.bytes()).unwrap().volume;
        assert_eq!(volume.mapping().unit, Unit::BecquerelPerMl);
        let uptake = factor * volume.modality_value([0, 2, 2]).unwrap();
        assert!((uptake - 1.0).abs() < 1e-6, "{uptake}");
    }
}

/// 40: Weasis #635.
#[test]
fn a_negative_time_zone_is_subtracted() {
    let same = Pet::new().factor().unwrap();
    for (offset, injection) in
        [("-0500", "20200101100000-0500"), ("-0330", "20200101133000+0000"), ("+0530", "20200101043000+0000")]
    {
        let pet = Pet::new().with((0x08, 0x201), offset).with(INJECTION, injection);
        assert!((pet.factor().unwrap() - same).abs() < 1e-12, "{offset}");
    }
}

/// 40: OHIF #3439.
#[test]
fn counts_are_not_called_suv() {
    let counts = Pet::new().with(UNITS, "PROPCOUNTS");
    assert!(counts.factor().is_err());
    assert_eq!(
        loaded(&counts.image.bytes()).unwrap().volume.mapping().unit,
        Unit::Other("PROPCOUNTS".into())
    );
}

/// 40: calculate-suv #15.
#[test]
fn lean_body_mass_of_women_and_men_is_not_swapped() {
    // James: 1.10 w - 120 (w/h)^2 for men, 1.07 w - 148 (w/h)^2 for women, w in kg, h in cm.
    for (sex, expected) in [
        ("M", 1.10 * 60.0 - 120.0 * (60.0f64 / 165.0).powi(2)),
        ("F", 1.07 * 60.0 - 148.0 * (60.0f64 / 165.0).powi(2)),
    ] {
        let pet = Pet::new().with(DECAY, "ADMIN").with(WEIGHT, "60").with(SIZE, "1.65").with(SEX, sex);
        let factor = pet.report().factor(SuvType::LeanBodyMassJames).unwrap();
        assert!((factor - 1000.0 * expected / 370e6).abs() < 1e-12, "{sex}: {factor}");
    }
}

/// 41: Weasis #763, #739, #701; cornerstone3D #2523.
#[test]
fn phases_are_split_by_what_names_them() {
    for (tag, vr, values, part) in [
        ((0x20, 0x100), b"IS", ["1", "2"], "temporal position 2"),
        ((0x18, 0x1060), b"DS", ["0", "350"], "trigger time 350 ms"),
        ((0x18, 0x81), b"DS", ["10", "80"], "echo time 80 ms"),
        ((0x20, 0x12), b"IS", ["3", "4"], "acquisition 4"),
    ] {
        let images = values.iter().enumerate().flat_map(|(phase, value)| {
            (0..3).map(move |n| slice(3 * phase + n, &format!("0\\0\\{n}")).with(tag, vr, value.as_bytes()))
        });
        let series = series_of(images.collect());
        assert_eq!(series.len(), 2, "{part}");
        assert_eq!(series[1].part(), Some(part));
        assert!(series[1].notes().has(NoteCode::Split));
        let volume = load_one(&series[1]).unwrap().volume;
        assert_eq!(
            (0..3).map(|k| volume.samples().get([k, 0, 0])).collect::<Vec<_>>(),
            [3.0, 4.0, 5.0].map(Some)
        );
    }
}
