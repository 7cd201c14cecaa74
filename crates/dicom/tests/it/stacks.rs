//! Frames that make no volume: colour, scale, and where both come from.

use anatome_core::Samples;
use anatome_dicom::{
    Error, Form, Frame, FramePixels, Limits, OverlayKind, SpacingSource, Stack, StackFrame, group,
};
use ndarray::Array3;

use crate::made::{Image, element, item};
use crate::shared::{all_values, data, one_series, scan_bytes};

fn stack_of(bytes: Vec<u8>) -> Stack {
    let series = group(scan_bytes(bytes).unwrap().instances);
    Stack::new(&series[0], &Limits::default()).unwrap()
}

fn real(zip: &std::path::Path, file: &str) -> Stack {
    let series = one_series(zip, file);
    assert!(matches!(series.form(), Form::Stack { .. }), "{file}");
    Stack::new(&series, &Limits::default()).unwrap()
}

fn rgb(frame: StackFrame) -> Array3<u8> {
    match frame.pixels {
        FramePixels::Rgb(rgb) => rgb,
        other => panic!("{other:?}"),
    }
}

/// One pattern in all forms of colour: RGB is the truth.
#[test]
fn all_kinds_of_colour_show_one_pattern() {
    let Some(zip) = data("syntaxes.zip") else { return };
    let pattern = |file: &str| {
        rgb(real(&zip, &format!("syntaxes/photometric/TestPattern_{file}.dcm")).frame(0).unwrap())
    };
    let truth = pattern("RGB");
    for file in ["JPEG-LS-Lossless", "JPEG-Lossless_RGB"] {
        assert!(pattern(file) == truth, "{file}");
    }
    // 256 colours can't show all; 8 and 16 bits of a palette are the same.
    let palette = pattern("Palette");
    assert!(pattern("Palette_16") == palette);
    for (file, tolerance) in [
        ("JPEG-LS-NearLossless", 4.0),
        ("JPEG-Baseline_YBRFull", 8.0),
        ("JPEG-Baseline_YBR422", 8.0),
        ("Palette", 8.0),
    ] {
        let found = pattern(file);
        let difference: f64 =
            found.iter().zip(&truth).map(|(&a, &b)| (f64::from(a) - f64::from(b)).abs()).sum();
        let mean = difference / truth.len() as f64;
        assert!(mean < tolerance, "{file} is off by {mean} on average");
    }
}

#[test]
fn a_cine_gives_each_of_its_frames() {
    let Some(zip) = data("syntaxes.zip") else { return };
    let stack = real(&zip, "syntaxes/pydicom/examples_ybr_color.dcm");
    assert_eq!(stack.frames().len(), 30);
    let (first, last) = (rgb(stack.frame(0).unwrap()), rgb(stack.frame(29).unwrap()));
    assert_eq!(first.dim(), (240, 320, 3));
    assert!(first != last);
    assert!(rgb(stack.frame(0).unwrap()) == first);
    assert!(matches!(stack.frame(30), Err(Error::Malformed { .. })));
}

/// By the first of three tags that is a positive number (PS3.3 C.7.6.5).
#[test]
fn how_fast_a_cine_is_played_is_stated_in_three_ways() {
    let rate = |display: &str, cine: &str, time_ms: &str| {
        let image = plain(Image::new())
            .with((0x08, 0x2144), b"IS", display.as_bytes())
            .with((0x18, 0x40), b"IS", cine.as_bytes())
            .with((0x18, 0x1063), b"DS", time_ms.as_bytes());
        scan_bytes(image.bytes()).unwrap().instances[0].frames_per_s()
    };
    assert_eq!(rate("24", "12", "40"), Some(24.0));
    assert_eq!(rate("0", "12", "40"), Some(12.0));
    assert_eq!(rate("", "-3", "40"), Some(25.0));
    assert_eq!(rate("-1", "0", "0"), None);
    assert_eq!(rate("", "", "-40"), None);
}

/// The same picture, compressed and not, in RGB and YBR, and by writers that disagree about what they wrote.
#[test]
fn colours_survive_writers_that_disagree() {
    let Some(zip) = data("syntaxes.zip") else { return };
    let of = |file: &str| rgb(real(&zip, &format!("syntaxes/pydicom/{file}.dcm")).frame(0).unwrap());
    let truth = of("SC_rgb_rle");
    for file in ["SC_rgb_jpeg_gdcm", "SC_rgb_rle_16bit"] {
        assert!(of(file) == truth, "{file}");
    }
    for file in [
        "SC_ybr_full_422_uncompressed",
        "SC_rgb_jpeg_dcmtk",
        "SC_rgb_dcmtk_+eb+cr",
        "SC_rgb_dcmtk_+eb+cy+n1",
        "SC_rgb_dcmtk_+eb+cy+np",
        "SC_rgb_jpeg_lossy_gdcm",
        "SC_rgb_jls_lossy_line",
    ] {
        let found = of(file);
        let difference: f64 =
            found.iter().zip(&truth).map(|(&a, &b)| (f64::from(a) - f64::from(b)).abs()).sum();
        let mean = difference / truth.len() as f64;
        assert!(mean < 4.0, "{file} is off by {mean} on average");
    }
}

fn plain(image: Image) -> Image {
    image.without((0x20, 0x32)).without((0x20, 0x37)).without((0x28, 0x30))
}

#[test]
fn pixels_may_be_planar_or_big_endian_words() {
    let planes: Vec<u8> = (0..48).collect();
    let image = plain(Image::new())
        .us((0x28, 0x02), 3)
        .with((0x28, 0x04), b"CS", b"RGB ")
        .us((0x28, 0x100), 8)
        .us((0x28, 0x101), 8)
        .us((0x28, 0x102), 7);
    let planar = image.us((0x28, 0x06), 1).with((0x7FE0, 0x10), b"OB", &planes);
    let found = rgb(stack_of(planar.bytes()).frame(0).unwrap());
    assert_eq!(found.as_slice().unwrap()[..6], [0, 16, 32, 1, 17, 33]);
    let together = planar.us((0x28, 0x06), 0);
    let found = rgb(stack_of(together.bytes()).frame(0).unwrap());
    assert_eq!(found.as_slice().unwrap(), planes);
}

/// PS3.3 C.7.6.19: what is below the first mapped value stays grey.
#[test]
fn a_supplemental_palette_colours_the_highest_values() {
    let words = |words: &[u16]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<_>>();
    let ramp = words(&std::array::from_fn::<u16, 16, _>(|n| 90 + n as u16));
    let mut image =
        plain(Image::new()).with((0x08, 0x9205), b"CS", b"MIXED ").with((0x7FE0, 0x10), b"OW", &ramp);
    for (n, entries) in [(0, [0xFF00, 0, 0x8000]), (1, [0, 0xFF00, 0x8000]), (2, [0, 0, 0xFFFF])] {
        image = image.with((0x28, 0x1101 + n), b"US", &words(&[3, 100, 16]));
        image = image.with((0x28, 0x1201 + n), b"OW", &words(&entries));
    }
    let frame = stack_of(image.bytes()).frame(0).unwrap();
    let FramePixels::Grey(grey) = frame.pixels else { panic!("no grey") };
    assert_eq!(grey.samples.get([0, 0, 3]), Some(93.0));
    let palette = grey.supplemental.unwrap();
    assert_eq!(palette.first_mapped(), 100);
    let colors = [99.0, 100.0, 101.0, 102.0, 105.0].map(|stored| palette.rgb(stored));
    assert_eq!(
        colors,
        [None, Some([254, 0, 0]), Some([0, 254, 0]), Some([128, 128, 255]), Some([128, 128, 255])]
    );
    // Tables that begin at different values are none.
    let broken = image.with((0x28, 0x1102), b"US", &words(&[3, 101, 16]));
    let frame = stack_of(broken.bytes()).frame(0).unwrap();
    let FramePixels::Grey(grey) = frame.pixels else { panic!("no grey") };
    assert!(grey.supplemental.is_none() && frame.notes.has(anatome_core::NoteCode::Ignored));
}

/// A survey decodes everything, keeps nothing, and counts what is damaged.
#[test]
fn a_survey_says_what_values_are_and_what_is_damaged() {
    let pool = &*crate::shared::POOL;
    let progress = anatome_core::Progress::new();
    let image = plain(Image::new()).with((0x28, 0x08), b"IS", b"2 ").us((0x28, 0x120), 0);
    let words: Vec<u8> = (0..32u16).flat_map(|n| (10 * n).to_le_bytes()).collect();
    let image = image.with((0x28, 0x1053), b"DS", b"0.5 ").with((0x7FE0, 0x10), b"OW", &words);
    let survey = stack_of(image.bytes()).survey(pool, &progress).unwrap();
    assert_eq!((survey.decoded, survey.damaged.len()), (2, 0));
    let values = survey.values.unwrap();
    assert_eq!((values.range, values.sample_type), (Some((5.0, 155.0)), "u16"));
    let destroyed = plain(Image::new()).us((0x28, 0x100), 8).us((0x28, 0x101), 8).us((0x28, 0x102), 7);
    let destroyed = destroyed.encapsulated("1.2.840.10008.1.2.4.50", &[0xFF, 0xD8, 1, 2, 3, 4]);
    let survey = stack_of(destroyed).survey(pool, &progress).unwrap();
    assert_eq!(survey.decoded, 0);
    let [damaged] = survey.damaged.as_slice() else { panic!("{:?}", survey.damaged) };
    assert!(damaged.frames == 1 && !damaged.reason.is_empty(), "{damaged:?}");
    assert_eq!(
        (damaged.images.as_slice(), survey.damaged_files.len()),
        (&["the image at place 1".to_owned()][..], 1)
    );
    assert!(survey.values.is_none());
    let cancelled = anatome_core::Progress::new();
    cancelled.cancel();
    assert!(matches!(stack_of(image.bytes()).survey(pool, &cancelled), Err(Error::Cancelled)));
}

/// 18 bits make three bytes, which are padded to four: frames begin and end within bytes.
#[test]
fn single_bits_of_several_frames_are_whole_in_an_archive_too() {
    let image = plain(Image::new()).us((0x28, 0x10), 3).us((0x28, 0x11), 3).with((0x28, 0x08), b"IS", b"2 ");
    let image = image.us((0x28, 0x100), 1).us((0x28, 0x101), 1).us((0x28, 0x102), 0);
    let image = image.with((0x7FE0, 0x10), b"OB", &[0b1010_0110, 0b0110_1101, 0b01]);
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer.start_file("a.dcm", zip::write::SimpleFileOptions::default()).unwrap();
    std::io::Write::write_all(&mut writer, &image.bytes()).unwrap();
    let zipped = writer.finish().unwrap().into_inner();
    for bytes in [image.bytes(), zipped] {
        let stack = stack_of(bytes);
        let frames = [0, 1].map(|n| match stack.frame(n).unwrap().pixels {
            FramePixels::Grey(grey) => all_values(&grey.samples),
            other => panic!("{other:?}"),
        });
        assert_eq!(frames[0], [0., 1., 1., 0., 0., 1., 0., 1., 1.]);
        assert_eq!(frames[1], [0., 1., 1., 0., 1., 1., 0., 1., 0.]);
    }
}

/// PS3.5 8.1.1 and D: two samples in three bytes, frames without a gap between them.
#[test]
fn twelve_bits_are_packed() {
    let values: Vec<u16> = (0..18).map(|n| (0xF01 + 13 * n) & 0xFFF).collect();
    let bits: Vec<u8> = values.iter().flat_map(|v| (0..12).map(move |bit| (v >> bit & 1) as u8)).collect();
    let bytes: Vec<u8> =
        bits.chunks(8).map(|byte| byte.iter().rev().fold(0, |all, bit| all << 1 | bit)).collect();
    assert_eq!(bytes[..3], [0x01, 0xEF, 0xF0]);
    // Frames of 3 x 3: the second one begins in the middle of a byte.
    let image = plain(Image::new()).us((0x28, 0x10), 3).us((0x28, 0x11), 3).with((0x28, 0x08), b"IS", b"2 ");
    let image = image.us((0x28, 0x100), 12).us((0x28, 0x101), 12).us((0x28, 0x102), 11);
    let image = image.with((0x7FE0, 0x10), b"OW", &bytes);
    for (signed, minus) in [(0, 0), (1, 0x1000)] {
        let stack = stack_of(image_with_sign(&image, signed).bytes());
        for frame in 0..2 {
            let FramePixels::Grey(grey) = stack.frame(frame).unwrap().pixels else { panic!("no grey") };
            let found: Vec<i32> = match &grey.samples {
                Samples::U16(a) => a.iter().map(|&v| v.into()).collect(),
                Samples::I16(a) => a.iter().map(|&v| v.into()).collect(),
                other => panic!("{other:?}"),
            };
            let expected = values[9 * frame..9 * frame + 9].iter().map(|&v| i32::from(v));
            let expected: Vec<i32> = expected.map(|v| if v >= 0x800 { v - minus } else { v }).collect();
            assert_eq!(found, expected);
        }
    }
}

fn image_with_sign(image: &Image, signed: u16) -> Image {
    Image { syntax: image.syntax, elements: image.elements.clone() }.us((0x28, 0x103), signed)
}

/// Retired, and packed as YBR_FULL_422 is: black is 16, white 235.
#[test]
fn partial_range_422_is_black_and_white_where_it_says() {
    let image = plain(Image::new()).us((0x28, 0x02), 3).with((0x28, 0x04), b"CS", b"YBR_PARTIAL_422 ");
    let image = image.us((0x28, 0x100), 8).us((0x28, 0x101), 8).us((0x28, 0x102), 7);
    let quads = [[16u8, 235, 128, 128], [81, 81, 90, 240]].concat().repeat(4);
    let found = rgb(stack_of(image.with((0x7FE0, 0x10), b"OB", &quads).bytes()).frame(0).unwrap());
    assert_eq!(found.as_slice().unwrap()[..6], [0, 0, 0, 255, 255, 255]);
    assert_eq!(found.as_slice().unwrap()[6..9], [254, 0, 0]);
    assert_eq!(found.as_slice().unwrap()[6..9], found.as_slice().unwrap()[9..12]);
}

/// PS3.3 C.7.6.3.1.2 and C.11.6: MONOCHROME1 with INVERSE is one inversion (Weasis #620).
#[test]
fn grey_is_inverted_once() {
    let shape = |value: &'static [u8]| plain(Image::new()).with((0x2050, 0x20), b"CS", value);
    let white = |image: Image| image.with((0x28, 0x04), b"CS", b"MONOCHROME1 ");
    for (image, inverted) in [
        (shape(b"IDENTITY"), false),
        (shape(b"INVERSE "), true),
        (white(shape(b"INVERSE ")), true),
        (white(plain(Image::new())), true),
    ] {
        let FramePixels::Grey(grey) = stack_of(image.bytes()).frame(0).unwrap().pixels else {
            panic!("colour")
        };
        assert_eq!(grey.facts.inverted, inverted);
        assert_eq!(all_values(&grey.samples), vec![f64::from(0x0707); 16]);
    }
}

fn spacing(image: Image) -> (Option<[f64; 2]>, SpacingSource) {
    let found = stack_of(image.bytes()).spacing(0).unwrap();
    (found.mm, found.source)
}

#[test]
fn scale_says_where_it_comes_from() {
    let image = || plain(Image::new());
    let pixel = |image: Image| image.with((0x28, 0x30), b"DS", b"0.2\\0.1 ");
    let imager = |image: Image| image.with((0x18, 0x1164), b"DS", b"0.3\\0.15");
    assert_eq!(spacing(image()), (None, SpacingSource::None));
    assert_eq!(spacing(pixel(image())), (Some([0.2, 0.1]), SpacingSource::PixelSpacing));
    for (modality, source) in [
        (b"MG", SpacingSource::ProjectionUnstated),
        (b"CR", SpacingSource::ProjectionUnstated),
        (b"OT", SpacingSource::PixelSpacing),
    ] {
        let image = pixel(image()).with((0x08, 0x60), b"CS", modality);
        assert_eq!(spacing(image), (Some([0.2, 0.1]), source));
    }
    assert_eq!(spacing(imager(image())), (Some([0.3, 0.15]), SpacingSource::Detector));
    let same = imager(image()).with((0x28, 0x30), b"DS", b"0.3\\0.15");
    assert_eq!(spacing(same).1, SpacingSource::Detector);
    assert_eq!(spacing(imager(pixel(image()))), (Some([0.2, 0.1]), SpacingSource::CalibratedUnstated));
    for (kind, source) in [
        (b"GEOMETRY", SpacingSource::CalibratedByGeometry),
        (b"FIDUCIAL", SpacingSource::CalibratedByFiducial),
    ] {
        assert_eq!(spacing(imager(pixel(image())).with((0x28, 0x0A02), b"CS", kind)).1, source);
    }
    let magnified = imager(image()).with((0x18, 0x1114), b"DS", b"1.5 ");
    let (mm, source) = spacing(magnified);
    assert_eq!(source, SpacingSource::Magnification { factor: 1.5 });
    assert!(mm.unwrap().iter().zip([0.2, 0.1]).all(|(a, b)| (a - b).abs() < 1e-12));
    let scanned = image().with((0x18, 0x2010), b"DS", b"0.1\\0.1 ");
    assert_eq!(spacing(scanned), (Some([0.1, 0.1]), SpacingSource::ScannedMedium));
    let aspect = stack_of(image().with((0x28, 0x34), b"IS", b"2\\1 ").bytes()).spacing(0).unwrap();
    assert_eq!((aspect.mm, aspect.aspect, aspect.source), (None, 2.0, SpacingSource::AspectRatio));
}

fn region(unit: u16, delta_cm: f64) -> Vec<u8> {
    let us = |tag, value: u16| element(tag, b"US", &value.to_le_bytes());
    let ul = |tag, value: u32| element(tag, b"UL", &value.to_le_bytes());
    let fd = |tag, value: f64| element(tag, b"FD", &value.to_le_bytes());
    item(&[
        us((0x18, 0x6012), 1),
        ul((0x18, 0x6018), 0),
        ul((0x18, 0x601A), 1),
        ul((0x18, 0x601C), 3),
        ul((0x18, 0x601E), 2),
        us((0x18, 0x6024), unit),
        us((0x18, 0x6026), unit),
        fd((0x18, 0x602C), delta_cm),
        fd((0x18, 0x602E), -2.0 * delta_cm),
    ])
}

#[test]
fn ultrasound_has_the_scale_of_its_regions() {
    let of = |regions: Vec<u8>| spacing(plain(Image::new()).with((0x18, 0x6011), b"SQ", &regions));
    assert_eq!(of(region(3, 0.05)), (Some([1.0, 0.5]), SpacingSource::UltrasoundRegions));
    assert_eq!(of([region(3, 0.05), region(4, 0.2)].concat()).1, SpacingSource::UltrasoundRegions);
    assert_eq!(of([region(3, 0.05), region(3, 0.1)].concat()), (None, SpacingSource::SeveralRegions));
    assert_eq!(of(region(4, 0.2)), (None, SpacingSource::None));
}

fn overlay(image: Image, size: [u16; 2], origin: [i16; 2], data: &[u8]) -> Image {
    let origin: Vec<u8> = origin.iter().flat_map(|n| n.to_le_bytes()).collect();
    let image = image.us((0x6000, 0x10), size[0]).us((0x6000, 0x11), size[1]);
    let image = image.with((0x6000, 0x40), b"CS", b"R ").with((0x6000, 0x50), b"SS", &origin);
    image.us((0x6000, 0x100), 1).us((0x6000, 0x102), 0).with((0x6000, 0x3000), b"OW", data)
}

/// PS3.3 C.9.2: the origin is 1-based and may be outside; rows are packed without gaps.
#[test]
fn overlays_are_bitmaps_with_an_origin() {
    let image = overlay(plain(Image::new()), [3, 3], [-1, 2], &[0b0101_0011, 1]);
    let scanned = scan_bytes(image.bytes()).unwrap();
    let frame = Frame::all(&scanned.instances[0]).next().unwrap();
    let overlays = frame.overlays(&Limits::default()).unwrap();
    assert_eq!(overlays.len(), 1);
    assert_eq!((overlays[0].size, overlays[0].origin), ([3, 3], [-1, 2]));
    assert_eq!(overlays[0].kind, OverlayKind::Region);
    assert_eq!(overlays[0].bits, [1, 1, 0, 0, 1, 0, 1, 0, 1]);
    let short = overlay(plain(Image::new()), [30, 30], [1, 1], &[0, 1]);
    let scanned = scan_bytes(short.bytes()).unwrap();
    let frame = Frame::all(&scanned.instances[0]).next().unwrap();
    assert!(matches!(frame.overlays(&Limits::default()), Err(Error::Malformed { .. })));
}

/// A bitmap so long that headers are kept without it, and one in the pixels' upper bits.
#[test]
fn overlays_are_found_in_the_file_and_in_the_pixels() {
    let data: Vec<u8> = (0..2048u32).map(|n| (n * 7) as u8).collect();
    let image = overlay(plain(Image::new()), [128, 128], [1, 1], &data);
    let scanned = scan_bytes(image.bytes()).unwrap();
    let frame = Frame::all(&scanned.instances[0]).next().unwrap();
    let found = &frame.overlays(&Limits::default()).unwrap()[0].bits;
    let expected: Vec<u8> = (0..128 * 128).map(|n| data[n / 8] >> (n % 8) & 1).collect();
    assert_eq!(found, &expected);
    let pixels: Vec<u8> = (0..16u16).flat_map(|n| (n | (n % 3 / 2) << 13).to_le_bytes()).collect();
    let embedded = plain(Image::new())
        .us((0x28, 0x101), 12)
        .us((0x28, 0x102), 11)
        .us((0x6002, 0x10), 4)
        .us((0x6002, 0x11), 4)
        .us((0x6002, 0x102), 13)
        .with((0x7FE0, 0x10), b"OW", &pixels);
    let scanned = scan_bytes(embedded.bytes()).unwrap();
    let frame = Frame::all(&scanned.instances[0]).next().unwrap();
    let overlays = frame.overlays(&Limits::default()).unwrap();
    assert_eq!(overlays[0].group, 0x6002);
    assert_eq!(overlays[0].bits, (0..16).map(|n| u8::from(n % 3 == 2)).collect::<Vec<_>>());
    // What is in those bits is none of the values.
    let values = all_values(&frame.stored_samples(&Limits::default()).unwrap());
    assert_eq!(values, (0..16).map(f64::from).collect::<Vec<_>>());
}

#[test]
fn a_real_overlay_is_read() {
    let Some(zip) = data("syntaxes.zip") else { return };
    let series = one_series(&zip, "syntaxes/pydicom/examples_overlay.dcm");
    let overlays = series.frames()[0].overlays(&Limits::default()).unwrap();
    assert!(!overlays.is_empty());
    for overlay in &overlays {
        assert_eq!(overlay.bits.len(), overlay.size[0] * overlay.size[1]);
        assert!(overlay.bits.contains(&1) && overlay.bits.contains(&0));
    }
}
