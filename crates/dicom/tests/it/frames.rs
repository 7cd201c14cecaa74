//! Objects of several frames: real ones against other readers' answers, and made ones.

use std::sync::Arc;

use anatome_core::{NoteCode, Samples, Unit};
use anatome_dicom::{Form, Frame, FrameReader, Limits, Series, Source, group};
use glam::DVec3;

use crate::made::{Image, element, item};
use crate::shared::{all_values, data, load_one, one_series, scan_all, scan_bytes, series_of, sha256};
use crate::studies::{agrees, reference, statistics};

fn series(bytes: Vec<u8>) -> Vec<Series> {
    group(scan_bytes(bytes).unwrap().instances)
}

#[test]
fn enhanced_mr_of_a_scanner_stands_where_dcm2niix_says() {
    let Some(zip) = data("mr-xa30-enhanced.zip") else { return };
    let load_file = |file: &str| {
        let series = one_series(&zip, &format!("mr-xa30-enhanced/{file}"));
        assert_eq!((series.form(), series.instances().len()), (Form::Volume, 1));
        load_one(&series).unwrap().volume
    };
    agrees(&load_file("19_DWI"), &reference("mr-xa30-enhanced", 0).unwrap(), 1e-3);
    // Of a 3D acquisition it turns the axes: the corners and the values are the same.
    let (volume, theirs) = (load_file("5_anat"), reference("mr-xa30-enhanced", 2).unwrap());
    assert_eq!(volume.grid().shape(), [96, 128, 128]);
    let corners = |size: DVec3, place: &dyn Fn(DVec3) -> DVec3| {
        let corner =
            |n: u8| DVec3::new((n & 1).into(), (n >> 1 & 1).into(), (n >> 2).into()) * (size - DVec3::ONE);
        (0..8).map(|n| place(corner(n))).collect::<Vec<_>>()
    };
    let ours = corners(volume.grid().size_ijk(), &|index| volume.grid().patient_from_index(index));
    let [k, j, i] = theirs.shape.map(|n| n as f64);
    let theirs_mm = corners(DVec3::new(i, j, k), &|index| {
        let ras = theirs.ras_from_index.transform_point3(index);
        DVec3::new(-ras.x, -ras.y, ras.z)
    });
    for corner in &ours {
        let nearest = theirs_mm.iter().map(|other| other.distance(*corner)).fold(f64::MAX, f64::min);
        assert!(nearest < 1e-3, "{corner} is {nearest} mm from theirs");
    }
    let (low, high, mean) = statistics(&volume);
    assert_eq!((low, high), (theirs.low, theirs.high));
    assert!((mean - theirs.mean).abs() < 2e-6);
}

/// Colour makes no volume, but each frame stands in the patient.
#[test]
fn enhanced_colour_stands_where_dcm2niix_says() {
    let Some(zip) = data("mr-xa30-enhanced.zip") else { return };
    let series = one_series(&zip, "mr-xa30-enhanced/22_DWI");
    assert!(matches!(series.form(), Form::Stack { .. }));
    let theirs = reference("mr-xa30-enhanced", 1).unwrap();
    assert_eq!(series.shape(), Some(theirs.shape));
    let reader = FrameReader::new(&series.instances()[0], &Limits::default()).unwrap();
    let mut stored = Vec::new();
    for (k, frame) in series.frames().iter().enumerate() {
        let plane = frame.plane();
        let [down, along] = plane.pixel_spacing_mm.unwrap();
        for (i, j) in [(0.0, 0.0), (71.0, 0.0), (0.0, 71.0)] {
            let ours = plane.image_position_mm.unwrap()
                + plane.row_cosines.unwrap() * along * i
                + plane.column_cosines.unwrap() * down * j;
            let ras = theirs.ras_from_index.transform_point3(DVec3::new(i, 71.0 - j, k as f64));
            assert!(ours.distance(DVec3::new(-ras.x, -ras.y, ras.z)) < 1e-4, "frame {k}: {ours}");
        }
        let frame = reader.stored_bytes(frame.number() - 1).unwrap();
        frame.chunks(3 * 72).rev().for_each(|row| stored.extend_from_slice(row));
    }
    assert_eq!(sha256(stored), theirs.sha256);
}

#[test]
fn every_mosaic_is_the_same_volume() {
    let Some(zip) = data("syntaxes.zip") else { return };
    for n in 1..=9 {
        let series = one_series(&zip, &format!("syntaxes/mr-mosaic-all-syntaxes/{n}.dcm"));
        assert_eq!(series.shape(), Some([35, 64, 64]));
        let found = load_one(&series).unwrap();
        agrees(&found.volume, &reference("syntaxes/mr-mosaic-all-syntaxes", n - 1).unwrap(), 1e-3);
    }
}

#[test]
fn legacy_converted_ct_is_a_volume() {
    let Some(zip) = data("rt-seg-sr.zip") else { return };
    let series = one_series(&zip, "rt-seg-sr/dcmqi-23x38x3/multiframe/");
    let volume = load_one(&series).unwrap().volume;
    assert_eq!(volume.grid().shape(), [3, 38, 23]);
    let first = volume.grid().patient_from_index(DVec3::ZERO);
    let stated = series.frames()[0].plane().image_position_mm.unwrap();
    assert!(first.distance(stated) < 1e-9);
    assert!((volume.grid().spacing_mm() - DVec3::new(0.7, 0.7, 2.5)).length() < 1e-6);
    // The first frame of the file is not the lowest.
    let lowest =
        series.frames().iter().map(|f| f.plane().image_position_mm.unwrap().z).fold(f64::MAX, f64::min);
    assert!((first.z - lowest).abs() < 1e-9);
}

#[test]
fn dose_grids_are_volumes_in_their_units() {
    let Some(zip) = data("rt-seg-sr.zip") else { return };
    for file in ["rtdose.dcm", "rtdose_expb.dcm", "rtdose_rle.dcm"] {
        let series = one_series(&zip, &format!("rt-seg-sr/pydicom-rt/{file}"));
        let volume = load_one(&series).unwrap().volume;
        assert_eq!(volume.grid().shape(), [15, 10, 10]);
        assert_eq!(volume.grid().spacing_mm(), DVec3::new(10.0, 10.0, 5.0), "{file}");
        assert!((volume.mapping().slope - 1e-6).abs() < 1e-15);
        assert_eq!(volume.mapping().unit, Unit::Other("relative dose".into()));
    }
}

/// An enhanced object, whose frames are written in no order.
struct Enhanced {
    /// z, temporal position, b-value and slope of each frame.
    frames: Vec<(f64, u32, f64, f64)>,
}

fn text(tag: (u16, u16), vr: &[u8; 2], value: &str) -> Vec<u8> {
    let mut value = value.as_bytes().to_vec();
    value.resize(value.len() + value.len() % 2, b' ');
    element(tag, vr, &value)
}

fn sequence(tag: (u16, u16), elements: &[Vec<u8>]) -> Vec<u8> {
    element(tag, b"SQ", &item(elements))
}

impl Enhanced {
    fn image(&self) -> Image {
        let shared = item(&[
            sequence((0x20, 0x9116), &[text((0x20, 0x37), b"DS", "1\\0\\0\\0\\1\\0")]),
            sequence(
                (0x28, 0x9110),
                &[text((0x18, 0x50), b"DS", "2"), text((0x28, 0x30), b"DS", "0.5\\0.25")],
            ),
        ]);
        let each: Vec<u8> = self.frames.iter().flat_map(|frame| Self::groups(*frame)).collect();
        let pixels: Vec<u8> = (0..self.frames.len())
            .flat_map(|n| (0..16).flat_map(move |_| (n as u16).to_le_bytes()))
            .collect();
        Image::new()
            .with((0x08, 0x16), b"UI", b"1.2.840.10008.5.1.4.1.1.4.1")
            .with((0x28, 0x08), b"IS", format!("{:<4}", self.frames.len()).as_bytes())
            .with((0x5200, 0x9229), b"SQ", &shared)
            .with((0x5200, 0x9230), b"SQ", &each)
            .with((0x7FE0, 0x10), b"OW", &pixels)
            .without((0x20, 0x32))
            .without((0x28, 0x30))
    }

    fn groups((z, time, b, slope): (f64, u32, f64, f64)) -> Vec<u8> {
        item(&[
            sequence((0x18, 0x9117), &[element((0x18, 0x9087), b"FD", &b.to_le_bytes())]),
            sequence(
                (0x20, 0x9111),
                &[text((0x20, 0x9056), b"SH", "1"), element((0x20, 0x9128), b"UL", &time.to_le_bytes())],
            ),
            sequence((0x20, 0x9113), &[text((0x20, 0x32), b"DS", &format!("1\\2\\{z}"))]),
            sequence(
                (0x28, 0x9145),
                &[text((0x28, 0x1052), b"DS", "-5"), text((0x28, 0x1053), b"DS", &slope.to_string())],
            ),
        ])
    }
}

#[test]
fn functional_groups_place_scale_and_split_frames() {
    let z = [6.0, 0.0, 4.0, 2.0];
    let frames = [(1, 0.0), (2, 0.0), (2, 1000.0), (1, 1000.0)]
        .into_iter()
        .flat_map(|(time, b)| z.map(|z| (z, time, b, 1.0)))
        .collect();
    let found = series(Enhanced { frames }.image().bytes());
    assert_eq!(found.len(), 4);
    let part = |n: usize| found[n].part().unwrap();
    assert_eq!(part(0), "temporal position 1, b-value 0 s/mm2");
    assert_eq!(part(3), "temporal position 2, b-value 1000 s/mm2");
    assert!(found[0].notes().iter().any(|note| note.code == NoteCode::Split
        && note.text == "the series was split by temporal position and b-value into 4 volumes"));
    let volume = load_one(&found[3]).unwrap().volume;
    assert_eq!(volume.grid().shape(), [4, 4, 4]);
    assert_eq!(volume.grid().spacing_mm(), DVec3::new(0.25, 0.5, 2.0));
    assert_eq!(volume.grid().patient_from_index(DVec3::ZERO), DVec3::new(1.0, 2.0, 0.0));
    // Frames 10, 12, 11 and 9 of the file, from 1, hold their number less one.
    let values: Vec<Option<f64>> = (0..4).map(|k| volume.modality_value([k, 3, 3])).collect();
    assert_eq!(values, [9.0, 11.0, 10.0, 8.0].map(|v| Some(v - 5.0)));
}

#[test]
fn frames_of_different_slope_become_floats() {
    let frames = (0..3u32).map(|n| (f64::from(n), 1, 0.0, f64::from(n) + 0.5)).collect();
    let found = series(Enhanced { frames }.image().bytes());
    let loaded = load_one(&found[0]).unwrap();
    assert!(loaded.notes.has(NoteCode::Converted));
    let values: Vec<Option<f64>> = (0..3).map(|k| loaded.volume.modality_value([k, 0, 0])).collect();
    assert_eq!(values, [Some(-5.0), Some(1.5 - 5.0), Some(5.0 - 5.0)]);
}

/// PS3.3 C.8.4.15: a negative spacing stacks slices in front of the first one (OHIF #4352).
#[test]
fn nm_slices_may_be_stacked_against_the_normal() {
    for (spacing, z) in [("-4", [-8.0, -4.0, 0.0]), ("4 ", [0.0, 4.0, 8.0])] {
        let detector =
            item(&[text((0x20, 0x32), b"DS", "0\\0\\0"), text((0x20, 0x37), b"DS", "1\\0\\0\\0\\1\\0")]);
        let slices: Vec<u8> = [1u16, 2, 3].iter().flat_map(|n| n.to_le_bytes()).collect();
        let pixels: Vec<u8> = (0..48u16).flat_map(|n| (n / 16).to_le_bytes()).collect();
        let image = Image::new()
            .with((0x08, 0x16), b"UI", b"1.2.840.10008.5.1.4.1.1.20\0\0")
            .with((0x18, 0x88), b"DS", spacing.as_bytes())
            .with((0x28, 0x08), b"IS", b"3 ")
            .with((0x54, 0x22), b"SQ", &detector)
            .with((0x54, 0x80), b"US", &slices)
            .with((0x7FE0, 0x10), b"OW", &pixels)
            .without((0x20, 0x32))
            .without((0x20, 0x37));
        let found = series(image.bytes());
        let volume = load_one(&found[0]).unwrap().volume;
        let place = |k: f64| volume.grid().patient_from_index(DVec3::new(0.0, 0.0, k)).z;
        assert_eq!([place(0.0), place(1.0), place(2.0)], z);
        let first = if spacing == "-4" { 2.0 } else { 0.0 };
        assert_eq!(volume.modality_value([0, 0, 0]), Some(first));
    }
}

fn rle(value: u8) -> Vec<u8> {
    let mut frame = vec![0; 64];
    (frame[0], frame[4]) = (2, 64);
    // Two planes of 16 bytes: the high ones are 0.
    frame.extend([0xF1, 0]);
    let second = frame.len() as u8;
    frame[8] = second;
    frame.extend([0xF1, value]);
    frame
}

fn encapsulated(table: &[u32], fragments: &[&[u8]], extended: Option<&[u64]>, ended: bool) -> Vec<u8> {
    let mut image = Image::new().with((0x28, 0x08), b"IS", b"3 ").without((0x7FE0, 0x10));
    if let Some(extended) = extended {
        let bytes: Vec<u8> = extended.iter().flat_map(|n| n.to_le_bytes()).collect();
        image = image.with((0x7FE0, 0x01), b"OV", &bytes);
    }
    image.syntax = "1.2.840.10008.1.2.5";
    let mut bytes = image.bytes();
    bytes.extend_from_slice(b"\xE0\x7F\x10\x00OB\0\0\xFF\xFF\xFF\xFF");
    let mut push = |content: &[u8]| {
        bytes.extend_from_slice(b"\xFE\xFF\x00\xE0");
        bytes.extend_from_slice(&(content.len() as u32).to_le_bytes());
        bytes.extend_from_slice(content);
    };
    push(&table.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<_>>());
    fragments.iter().for_each(|fragment| push(fragment));
    if ended {
        bytes.extend_from_slice(b"\xFE\xFF\xDD\xE0\0\0\0\0");
    }
    bytes
}

/// The first stored byte of each frame, or why one can't be read.
fn frames_of(bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    let scanned = scan_bytes(bytes).map_err(|error| error.to_string())?;
    let reader = FrameReader::new(&scanned.instances[0], &Limits::default()).map_err(|e| e.to_string())?;
    let frame = |n| reader.stored_bytes(n).map(|samples| samples[0]).map_err(|error| error.to_string());
    (0..3).map(frame).collect()
}

#[test]
fn offset_tables_right_empty_wrong_and_extended() {
    let frames = [rle(7), rle(8), rle(9)];
    let whole: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
    let step = frames[0].len() as u32 + 8;
    let right = [0, step, 2 * step];
    let extended = right.map(u64::from);
    for (name, bytes) in [
        ("right", encapsulated(&right, &whole, None, true)),
        ("empty", encapsulated(&[], &whole, None, true)),
        ("wrong", encapsulated(&[0, 3, 5], &whole, None, true)),
        ("beyond the end", encapsulated(&[0, 1 << 20, 1 << 21], &whole, None, true)),
        ("not rising", encapsulated(&[0, 2 * step, step], &whole, None, true)),
        ("short", encapsulated(&[0], &whole, None, true)),
        ("long", encapsulated(&[0, step, 2 * step, 3 * step], &whole, None, true)),
        ("extended", encapsulated(&[], &whole, Some(&extended), true)),
        ("extended wrong", encapsulated(&[], &whole, Some(&[0, 1, 2]), true)),
        ("no delimiter", encapsulated(&right, &whole, None, false)),
    ] {
        assert_eq!(frames_of(bytes), Ok(vec![7, 8, 9]), "{name}");
    }
}

#[test]
fn frames_of_several_fragments_are_put_together() {
    let frames = [rle(7), rle(8), rle(9)];
    let [a, b, c] = frames.each_ref().map(|frame| frame.split_at(66));
    let parts = [a.0, a.1, b.0, b.1, c.0, c.1];
    let step = frames[0].len() as u32 + 16;
    for (name, table) in [("by the table", vec![0, step, 2 * step]), ("by their beginnings", Vec::new())] {
        assert_eq!(frames_of(encapsulated(&table, &parts, None, true)), Ok(vec![7, 8, 9]), "{name}");
    }
    // Fewer frames than stated: those that are there can be read.
    let error = frames_of(encapsulated(&[], &parts[..4], None, true)).unwrap_err();
    assert!(error.contains("3 frames are stated, 2 are there"), "{error}");
    // What belongs to no frame.
    let error = frames_of(encapsulated(&[], &[a.1, a.1, a.1, a.1], None, true)).unwrap_err();
    assert!(error.contains("can't be divided"), "{error}");
}

/// Weasis #820: bits run on across rows and frames.
#[test]
fn one_bit_frames_are_packed_without_gaps() {
    let pixels: Vec<u8> = vec![0b0000_0001, 0b1000_0010, 0b0000_0011, 0b0001_0100];
    let image = Image::new()
        .us((0x28, 0x10), 3)
        .us((0x28, 0x11), 3)
        .us((0x28, 0x100), 1)
        .us((0x28, 0x101), 1)
        .us((0x28, 0x102), 0)
        .with((0x28, 0x08), b"IS", b"3 ")
        .with((0x7FE0, 0x10), b"OB", &pixels);
    let scanned = scan_bytes(image.bytes()).unwrap();
    let reader = FrameReader::new(&scanned.instances[0], &Limits::default()).unwrap();
    let bits: Vec<u8> = (0..3).flat_map(|n| reader.stored_bytes(n).unwrap()).collect();
    let expected: Vec<u8> = (0..27).map(|n| pixels[n / 8] >> (n % 8) & 1).collect();
    assert_eq!(bits, expected);
    let samples =
        Frame::all(&scanned.instances[0]).nth(1).unwrap().stored_samples(&Limits::default()).unwrap();
    assert!(matches!(samples, Samples::U8(_)));
    assert_eq!(all_values(&samples), expected[9..18].iter().map(|&v| f64::from(v)).collect::<Vec<_>>());
}

/// A zip can only be read from the start: each frame of a large object must not unpack all those in front of it.
#[test]
fn frames_in_a_zip_are_unpacked_once() {
    use std::io::Write as _;
    let count = 4000usize;
    let pixels: Vec<u8> = (0..count * 1024).map(|n| (n / 1024) as u8).collect();
    let image = Image::new()
        .us((0x28, 0x10), 32)
        .us((0x28, 0x11), 32)
        .us((0x28, 0x100), 8)
        .us((0x28, 0x101), 8)
        .us((0x28, 0x102), 7)
        .with((0x28, 0x08), b"IS", b"4000")
        .with((0x7FE0, 0x10), b"OW", &pixels);
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    writer.start_file("one", options).unwrap();
    writer.write_all(&image.bytes()).unwrap();
    let archive: Arc<[u8]> = writer.finish().unwrap().into_inner().into();
    let scanned = scan_all(&[Source::Bytes(archive)]).unwrap();
    let start = std::time::Instant::now();
    let reader = FrameReader::new(&scanned.instances[0], &Limits::default()).unwrap();
    for n in 0..count {
        assert_eq!(reader.stored_bytes(n).unwrap(), vec![n as u8; 1024]);
    }
    // Unpacking 4 MB once takes milliseconds, 4000 times half a minute.
    assert!(start.elapsed() < std::time::Duration::from_secs(5));
}

#[test]
fn of_two_files_with_one_uid_the_better_is_used() {
    let image = |bits: u16, value: u8| {
        Image::new().us((0x28, 0x101), bits).us((0x28, 0x102), bits - 1).with(
            (0x7FE0, 0x10),
            b"OW",
            &[value; 32],
        )
    };
    for order in [[12, 16], [16, 12]] {
        let sources = order.map(|bits| Source::Bytes(image(bits, bits as u8).bytes().into()));
        let series = group(scan_all(&sources).unwrap().instances);
        assert_eq!((series.len(), series[0].frames().len()), (1, 1));
        assert!(series[0].notes().has(NoteCode::InstanceSkipped));
        assert_eq!(series[0].instances()[0].pixels.as_ref().unwrap().bits_stored, 16);
    }
}

/// Ten thousand headers fit in 200 MB, also where a vendor writes 80 KB of its own in each.
#[test]
fn headers_are_kept_without_long_private_values() {
    let Some(zip) = data("syntaxes.zip") else { return };
    let series = series_of(&zip, "syntaxes/mr-mosaic-all-syntaxes/1.dcm");
    let debug = format!("{:?}", series[0].instances()[0]);
    let kept = debug.split("dataset: ").nth(1).unwrap().split(' ').next().unwrap();
    assert!(kept.parse::<usize>().unwrap() < 12_000, "{kept} bytes");
}

#[test]
fn segments_at_one_place_are_one_object() {
    let Some(zip) = data("rt-seg-sr.zip") else { return };
    let series = one_series(&zip, "rt-seg-sr/highdicom/seg_image_ct_binary_overlap.dcm");
    assert_eq!((series.form(), series.frames().len()), (Form::Object, 8));
    assert!(matches!(load_one(&series), Err(anatome_dicom::Error::Unsupported { .. })));
}

/// PS3.3 C.7.6.17.3.
#[test]
fn tiles_that_are_not_listed_are_nothing_odd() {
    let image = |organisation: &[u8]| {
        Image::new()
            .with((0x20, 0x9311), b"CS", organisation)
            .with((0x28, 0x08), b"IS", b"2 ")
            .with((0x5200, 0x9229), b"SQ", &item(&[]))
            .with((0x7FE0, 0x10), b"OW", &[0; 64])
            .without((0x20, 0x32))
    };
    assert!(scan_bytes(image(b"TILED_FULL").bytes()).unwrap().notes.is_empty());
    assert!(scan_bytes(image(b"TILED_SPARSE").bytes()).unwrap().notes.has(NoteCode::Tolerated));
}
