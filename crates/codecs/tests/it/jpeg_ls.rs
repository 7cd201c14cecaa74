//! The JPEG-LS decoder against the standard's example and an encoder of its own.

use crate::jpeg_ls_encoder::{Image, Interleave, Numbers, Settings, default_presets, encode};
use anatome_codecs::{Codec, Defect, Error, Feature, FrameShape, Quantity, jpeg_ls};

/// The 4 x 4 image of T.87 H.3 and its codestream.
const EXAMPLE_SAMPLES: [u8; 16] = [0, 0, 90, 74, 68, 50, 43, 205, 64, 145, 145, 145, 100, 145, 145, 145];
const EXAMPLE_STREAM: [u8; 60] = [
    0xFF, 0xD8, 0xFF, 0xF7, 0x00, 0x0B, 0x08, 0x00, 0x04, 0x00, 0x04, 0x01, 0x01, 0x11, 0x00, 0xFF, 0xDA,
    0x00, 0x08, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0xC0, 0x00, 0x00, 0x6C, 0x80, 0x20, 0x8E, 0x01, 0xC0,
    0x00, 0x00, 0x57, 0x40, 0x00, 0x00, 0x6E, 0xE6, 0x00, 0x00, 0x01, 0xBC, 0x18, 0x00, 0x00, 0x05, 0xD8,
    0x00, 0x00, 0x91, 0x60, 0xFF, 0xD9, 0x00, 0x00, 0x00,
];
const EXAMPLE_SHAPE: FrameShape = FrameShape { columns: 4, rows: 4, samples_per_pixel: 1, bits_allocated: 8 };

fn settings(precision: u32, near: i32, interleave: Interleave) -> Settings {
    Settings { precision, near, interleave, presets: None, restart_interval: 0 }
}

fn shape_of(image: &Image, bits_allocated: u16) -> FrameShape {
    FrameShape {
        columns: image[0][0].len() as u32,
        rows: image[0].len() as u32,
        samples_per_pixel: image.len() as u16,
        bits_allocated,
    }
}

fn decoded(stream: &[u8], shape: &FrameShape) -> Result<Vec<u8>, Error> {
    let mut output = vec![0xEE; shape.byte_len()?];
    jpeg_ls::decode(stream, shape, &mut output).map(|_| output)
}

/// The samples of a decoded frame by component, row and column.
fn image_of(bytes: &[u8], shape: &FrameShape) -> Image {
    let size = usize::from(shape.bits_allocated / 8);
    let components = usize::from(shape.samples_per_pixel);
    let sample = |x: &[u8]| x.iter().rev().fold(0, |value, &byte| value << 8 | i32::from(byte));
    let plane = |component: usize| {
        bytes
            .chunks(size * components * shape.columns as usize)
            .map(|row| row.chunks(size).skip(component).step_by(components).map(sample).collect())
            .collect()
    };
    (0..components).map(plane).collect()
}

/// An image of one of several characters that bring out different parts of the coding.
fn image(numbers: &mut Numbers, kind: u64, max: i32, [components, rows, columns]: [usize; 3]) -> Image {
    let constant = numbers.below(max as u64 + 1) as i32;
    let noise = (max / 50 + 2) as u64;
    let mut sample = |component: usize, y: usize, x: usize| match kind {
        0 => numbers.below(max as u64 + 1) as i32,
        1 => constant,
        2 => {
            if (x / 3 + y / 5).is_multiple_of(2) {
                0
            } else {
                max
            }
        }
        3 => (x * (component + 1) + 3 * y) as i32 % (max + 1),
        4 => {
            ((max as usize * (x + y) / (columns + rows)) as u64 + numbers.below(noise)).min(max as u64) as i32
        }
        5 if numbers.below(100) > 0 => constant / (component as i32 + 1),
        5 => numbers.below(max as u64 + 1) as i32,
        _ if x.abs_diff(columns / 2) + y.abs_diff(rows / 2) > columns / 3 => 0,
        _ => (constant + numbers.below(noise) as i32).min(max),
    };
    let mut row = |component, y| (0..columns).map(|x| sample(component, y, x)).collect();
    (0..components).map(|component| (0..rows).map(|y| row(component, y)).collect()).collect()
}
const KINDS: u64 = 7;

#[track_caller]
fn assert_round_trip(image: &Image, settings: &Settings) {
    let stream = encode(image, settings);
    for bits_allocated in [8, 16] {
        if settings.precision > u32::from(bits_allocated) {
            continue;
        }
        let shape = shape_of(image, bits_allocated);
        let header = jpeg_ls::read_header(&stream).unwrap();
        assert_eq!((header.width, header.height), (shape.columns, shape.rows));
        assert_eq!(u32::from(header.precision), settings.precision);
        assert_eq!(i32::from(header.near), settings.near);
        let bytes =
            decoded(&stream, &shape).unwrap_or_else(|error| panic!("{error}: {settings:?} {shape:?}"));
        let found = image_of(&bytes, &shape);
        let pairs = image.iter().flatten().flatten().zip(found.iter().flatten().flatten());
        let worst = pairs.map(|(a, b)| (a - b).abs()).max().unwrap();
        assert!(worst <= settings.near, "off by {worst}: {settings:?} {shape:?}");
    }
}

/// T.87 H.3.
#[test]
fn example_of_the_standard() {
    assert_eq!(decoded(&EXAMPLE_STREAM, &EXAMPLE_SHAPE).unwrap(), EXAMPLE_SAMPLES);
    // The test encoder writes the standard's bytes as well.
    let image = image_of(&EXAMPLE_SAMPLES, &EXAMPLE_SHAPE);
    assert_eq!(encode(&image, &settings(8, 0, Interleave::None)), EXAMPLE_STREAM[..57]);
}

#[test]
fn every_precision_and_kind_of_image() {
    let mut numbers = Numbers(1);
    for precision in 2..=16 {
        for kind in 0..KINDS {
            let max = (1 << precision) - 1;
            let size = [1, 1 + numbers.below(60) as usize, 1 + numbers.below(90) as usize];
            let image = image(&mut numbers, kind, max, size);
            for near in [0, 1, 3, 30, 255] {
                if near <= max / 2 {
                    assert_round_trip(&image, &settings(precision, near, Interleave::None));
                }
            }
        }
    }
}

#[test]
fn every_interleave_mode_and_number_of_components() {
    let mut numbers = Numbers(2);
    for interleave in [Interleave::None, Interleave::Line, Interleave::Sample] {
        for components in 2..=4 {
            for kind in 0..KINDS {
                let precision = 2 + numbers.below(15) as u32;
                let max = (1 << precision) - 1;
                let size = [components, 1 + numbers.below(40) as usize, 1 + numbers.below(60) as usize];
                let image = image(&mut numbers, kind, max, size);
                assert_round_trip(&image, &settings(precision, 0, interleave));
                assert_round_trip(&image, &settings(precision, (max / 2).min(4), interleave));
            }
        }
    }
}

/// Runs beyond 2^15 samples, where the run code no longer grows, and lines of one sample.
#[test]
fn long_and_narrow_images() {
    let mut numbers = Numbers(3);
    for size in [[1, 3, 65535], [3, 2, 40000], [1, 500, 1], [3, 500, 1], [1, 1, 1]] {
        for kind in 0..KINDS {
            let image = image(&mut numbers, kind, 4095, size);
            assert_round_trip(&image, &settings(12, 0, Interleave::Sample));
            assert_round_trip(&image, &settings(12, 2, Interleave::Line));
        }
    }
}

#[test]
fn preset_parameters() {
    let mut numbers = Numbers(4);
    for _ in 0..150 {
        let precision = 2 + numbers.below(15) as u32;
        let max = 1 + numbers.below((1 << precision) - 1) as i32;
        let near =
            if numbers.below(2) == 0 { 0 } else { numbers.below(1 + (max as u64 / 2).min(255)) as i32 };
        let mut bounds = [0; 3].map(|_| near + 1 + numbers.below((max - near) as u64) as i32);
        bounds.sort_unstable();
        let reset = 3 + numbers.below(max.max(255) as u64 - 2) as i32;
        let presets = Some([max, bounds[0], bounds[1], bounds[2], reset]);
        let (kind, interleave) = (numbers.below(KINDS), Interleave::Line);
        let size = [1 + numbers.below(2) as usize, 20, 1 + numbers.below(50) as usize];
        let image = image(&mut numbers, kind, max, size);
        assert_round_trip(&image, &Settings { precision, near, interleave, presets, restart_interval: 0 });
    }
}

/// Zeros in a preset segment ask for the defaults (T.87 C.2.4.1.1).
#[test]
fn zero_presets_are_defaults() {
    let image = image(&mut Numbers(5), 4, 1023, [1, 30, 30]);
    let explicit = Settings { presets: Some(default_presets(1023, 2)), ..settings(10, 2, Interleave::None) };
    let mut stream = encode(&image, &explicit);
    let shape = shape_of(&image, 16);
    let expected = decoded(&stream, &shape).unwrap();
    let segment = stream.windows(2).position(|marker| marker == [0xFF, 0xF8]).unwrap();
    stream[segment + 5..segment + 15].fill(0);
    assert_eq!(decoded(&stream, &shape).unwrap(), expected);
}

#[test]
fn restart_intervals() {
    let mut numbers = Numbers(6);
    for restart_interval in [1, 2, 3, 7, 29, 30, 31] {
        for (components, interleave) in
            [(1, Interleave::None), (3, Interleave::Line), (3, Interleave::Sample)]
        {
            let kind = numbers.below(KINDS);
            let image = image(&mut numbers, kind, 4095, [components, 30, 41]);
            assert_round_trip(&image, &Settings { restart_interval, ..settings(12, 0, interleave) });
        }
    }
}

#[test]
fn a_restart_marker_out_of_turn_is_refused() {
    let image = image(&mut Numbers(7), 4, 255, [1, 8, 20]);
    let stream = encode(&image, &Settings { restart_interval: 4, ..settings(8, 0, Interleave::None) });
    let marker = stream.windows(2).position(|marker| marker == [0xFF, 0xD0]).unwrap();
    let mut wrong = stream.clone();
    wrong[marker + 1] = 0xD1;
    let error = decoded(&wrong, &shape_of(&image, 8)).unwrap_err();
    let defect = Defect::UnexpectedMarker { code: 0xD1 };
    assert_eq!(error, Error::Malformed { codec: Codec::JpegLs, defect, offset: marker });
}

#[test]
fn fill_bytes_comments_and_padding_are_read_over() {
    let comment = [&[0xFF, 0xFF, 0xFF, 0xFE, 0, 5][..], b"abc", &[0xFF, 0xE8, 0, 4, 1, 2]].concat();
    let stream =
        [&EXAMPLE_STREAM[..2], &comment, &EXAMPLE_STREAM[2..55], &[0xFF, 0xFF, 0xFF, 0xD9, 0]].concat();
    assert_eq!(decoded(&stream, &EXAMPLE_SHAPE).unwrap(), EXAMPLE_SAMPLES);
    assert_eq!(decoded(&EXAMPLE_STREAM[..55], &EXAMPLE_SHAPE).unwrap(), EXAMPLE_SAMPLES);
}

#[test]
fn the_announced_shape_must_be_met() {
    let mismatch = |shape: FrameShape| match decoded(&EXAMPLE_STREAM, &shape).unwrap_err() {
        Error::Mismatch { codec: Codec::JpegLs, quantity, expected, found } => (quantity, expected, found),
        other => panic!("{other}"),
    };
    assert_eq!(mismatch(FrameShape { columns: 5, ..EXAMPLE_SHAPE }), (Quantity::Columns, 5, 4));
    assert_eq!(mismatch(FrameShape { rows: 3, ..EXAMPLE_SHAPE }), (Quantity::Rows, 3, 4));
    let colour = FrameShape { samples_per_pixel: 3, ..EXAMPLE_SHAPE };
    assert_eq!(mismatch(colour), (Quantity::SamplesPerPixel, 3, 1));
    let output = jpeg_ls::decode(&EXAMPLE_STREAM, &EXAMPLE_SHAPE, &mut [0; 15]).unwrap_err();
    assert!(matches!(
        output,
        Error::Mismatch { quantity: Quantity::OutputBytes, expected: 16, found: 15, .. }
    ));
    let deep = encode(&image(&mut Numbers(8), 0, 511, [1, 4, 4]), &settings(9, 0, Interleave::None));
    let precision = decoded(&deep, &EXAMPLE_SHAPE).unwrap_err();
    assert!(matches!(
        precision,
        Error::Mismatch { quantity: Quantity::Precision, expected: 8, found: 9, .. }
    ));
    let wide = FrameShape { bits_allocated: 32, ..EXAMPLE_SHAPE };
    let feature = Feature::BitsAllocated(32);
    assert_eq!(decoded(&EXAMPLE_STREAM, &wide), Err(Error::Unsupported { codec: Codec::JpegLs, feature }));
}

#[test]
fn what_is_not_decoded_is_named() {
    let with = |segment: &[u8]| [&EXAMPLE_STREAM[..15], segment, &EXAMPLE_STREAM[15..]].concat();
    let changed = |place: usize, byte: u8| {
        let mut stream = EXAMPLE_STREAM;
        stream[place] = byte;
        stream.to_vec()
    };
    let cases = [
        (with(&[0xFF, 0xF8, 0, 6, 2, 1, 1, 0]), Feature::MappingTable),
        (with(&[0xFF, 0xF8, 0, 4, 4, 0]), Feature::PresetType(4)),
        (with(&[0xFF, 0xE8, 0, 7, b'm', b'r', b'f', b'x', 2]), Feature::ColourTransform(2)),
        (changed(3, 0xC3), Feature::CodingProcess(0xC3)),
        (changed(21, 1), Feature::MappingTable),
        (changed(24, 1), Feature::PointTransform(1)),
    ];
    for (stream, feature) in cases {
        let error = decoded(&stream, &EXAMPLE_SHAPE);
        assert_eq!(error, Err(Error::Unsupported { codec: Codec::JpegLs, feature }));
    }
}

#[test]
fn broken_headers_are_refused() {
    let defect = |stream: &[u8]| match decoded(stream, &EXAMPLE_SHAPE) {
        Err(Error::Malformed { codec: Codec::JpegLs, defect, .. }) => defect,
        other => panic!("{other:?}"),
    };
    let changed = |place: usize, byte: u8| {
        let mut stream = EXAMPLE_STREAM;
        stream[place] = byte;
        defect(&stream)
    };
    assert_eq!(defect(b""), Defect::NoStartOfImage);
    assert_eq!(defect(b"\xFF\xD8\xFF\xE0\x00\x10JFIF"), Defect::Truncated);
    assert_eq!(defect(b"\xFF\xD8\xFF\xD9"), Defect::MissingScan);
    assert_eq!(changed(2, 0x00), Defect::NoMarker { found: 0 });
    assert_eq!(changed(5, 0x0C), Defect::SegmentLength { code: 0xF7 });
    assert_eq!(changed(6, 17), Defect::FrameHeader);
    assert_eq!(changed(8, 0), Defect::FrameHeader);
    assert_eq!(changed(20, 2), Defect::ScanHeader);
    assert_eq!(changed(23, 3), Defect::ScanHeader);
    assert_eq!(changed(22, 128), Defect::PresetParameters);
    let second_frame = [&EXAMPLE_STREAM[..15], &EXAMPLE_STREAM[2..]].concat();
    assert_eq!(defect(&second_frame), Defect::UnexpectedMarker { code: 0xF7 });
    let too_much = [&EXAMPLE_STREAM[..55], &[0x12, 0x34], &EXAMPLE_STREAM[55..]].concat();
    assert_eq!(defect(&too_much), Defect::TooLong);
}
