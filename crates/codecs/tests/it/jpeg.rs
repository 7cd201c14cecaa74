//! The JPEG decoder against an encoder of its own.

use crate::jpeg_encoder::{Component, Lossless, Lossy, lossless, lossy};
use crate::jpeg_ls_encoder::Numbers;
use anatome_codecs::jpeg::{self, Process};
use anatome_codecs::{Codec, ColorSpace, Defect, Error, Feature, FrameShape, Quantity};

fn component(numbers: &mut Numbers, columns: usize, rows: usize, bits: u8, noise: u64) -> Component {
    let max = (1i64 << bits) - 1;
    let start = numbers.below(max as u64 + 1) as i64;
    let mut sample = |x: usize, y: usize| {
        let smooth = start + (max / 97 + 1) * (x as i64 - y as i64) / 3;
        // Reflected, so that it stays within its range without steps.
        let folded = smooth.rem_euclid(2 * max + 2);
        let folded = if folded > max { 2 * max + 1 - folded } else { folded };
        (folded + numbers.below(noise) as i64).min(max) as i32
    };
    let samples = (0..rows * columns).map(|i| sample(i % columns, i / columns)).collect();
    Component { columns, rows, sampling: (1, 1), samples }
}

fn shape(columns: usize, rows: usize, components: usize, bits_allocated: u16) -> FrameShape {
    let (columns, rows) = (columns as u32, rows as u32);
    FrameShape { columns, rows, samples_per_pixel: components as u16, bits_allocated }
}

fn decoded(stream: &[u8], shape: &FrameShape) -> Result<Vec<i32>, Error> {
    let mut output = vec![0xEE; shape.byte_len()?];
    jpeg::decode(stream, shape, &mut output)?;
    let size = usize::from(shape.bits_allocated / 8);
    let sample = |bytes: &[u8]| bytes.iter().rev().fold(0, |value, &byte| value << 8 | i32::from(byte));
    Ok(output.chunks(size).map(sample).collect())
}

#[test]
fn lossless_of_every_precision_and_predictor() {
    let mut numbers = Numbers(21);
    for precision in 2..=16 {
        for predictor in 1..=7 {
            for (count, interleaved, restart_rows, point) in
                [(1, true, 0, 0), (3, true, 2, 0), (3, false, 0, 1), (2, true, 0, 0), (4, true, 3, 0)]
            {
                let noise = [1, 4, 1 << precision][numbers.below(3) as usize];
                let (columns, rows) = (1 + numbers.below(40) as usize, 1 + numbers.below(12) as usize);
                let components: Vec<Component> =
                    (0..count).map(|_| component(&mut numbers, columns, rows, precision, noise)).collect();
                let settings = Lossless { precision, predictor, point, restart_rows, interleaved };
                let stream = lossless(&components, settings);
                for bits in [8, 16] {
                    if u16::from(precision) > bits {
                        continue;
                    }
                    let found = decoded(&stream, &shape(columns, rows, count, bits))
                        .unwrap_or_else(|error| panic!("{error}: {settings:?}"));
                    for (place, &value) in found.iter().enumerate() {
                        let expected = components[place % count].samples[place / count] >> point << point;
                        assert_eq!(value, expected, "{settings:?} {bits} at {place}");
                    }
                }
            }
        }
    }
}

/// Quantised by 1, samples come back but for the rounding of coefficients.
#[test]
fn sequential_and_progressive_of_8_and_12_bits() {
    let mut numbers = Numbers(22);
    for precision in [8, 12] {
        for progressive in [false, true] {
            for (count, restart_interval) in [(1, 0), (3, 0), (3, 5), (1, 3), (4, 0)] {
                let (columns, rows) = (9 + numbers.below(40) as usize, 7 + numbers.below(40) as usize);
                let components: Vec<Component> =
                    (0..count).map(|_| component(&mut numbers, columns, rows, precision, 20)).collect();
                let settings = Lossy { precision, step: 1, progressive, restart_interval };
                let stream = lossy(&components, (columns, rows), settings);
                let bits = if precision == 8 { 8 } else { 16 };
                let found = decoded(&stream, &shape(columns, rows, count, bits))
                    .unwrap_or_else(|error| panic!("{error}: {settings:?}"));
                for (place, &value) in found.iter().enumerate() {
                    let expected = components[place % count].samples[place / count];
                    assert!((value - expected).abs() <= 1, "{settings:?} {place}: {value}, not {expected}");
                }
            }
        }
    }
}

#[test]
fn subsampled_components_come_at_full_resolution() {
    let (columns, rows) = (37, 21);
    for sampling in [(2, 1), (2, 2), (1, 2), (4, 1)] {
        for progressive in [false, true] {
            let ramp = |columns: usize, rows: usize, step: f64, sampling| Component {
                columns,
                rows,
                sampling,
                samples: (0..rows * columns).map(|i| (40.0 + step * (i % columns) as f64) as i32).collect(),
            };
            let luminance = ramp(columns, rows, 2.0, sampling);
            let (h, v) = sampling;
            let chrominance = ramp(columns.div_ceil(h), rows.div_ceil(v), 2.0 * h as f64, (1, 1));
            let components = [luminance, chrominance.clone(), chrominance];
            let settings = Lossy { precision: 8, step: 1, progressive, restart_interval: 0 };
            let stream = lossy(&components, (columns, rows), settings);
            let shape = shape(columns, rows, 3, 8);
            let found = decoded(&stream, &shape).unwrap();
            let header = jpeg::read_header(&stream).unwrap();
            assert_eq!(header.color, ColorSpace::Ybr);
            for (place, pixel) in found.chunks(3).enumerate() {
                let x = place % columns;
                assert!((pixel[0] - (40 + 2 * x as i32)).abs() <= 1, "{sampling:?} {x}: {pixel:?}");
                // A coarse sample stands in the middle of those that it covers, and none beyond the last.
                let centre = 40.0 + 2.0 * (x as f64 - (h as f64 - 1.0) / 2.0);
                let slack = if h == 4 { 4.5 } else { 2.1 };
                assert!((f64::from(pixel[1]) - centre).abs() <= slack, "{sampling:?} {x}: {pixel:?}");
                assert_eq!(pixel[1], pixel[2]);
            }
        }
    }
}

#[test]
fn markers_tell_the_colours() {
    let mut numbers = Numbers(23);
    let components: Vec<Component> = (0..3).map(|_| component(&mut numbers, 9, 9, 8, 3)).collect();
    let plain =
        lossy(&components, (9, 9), Lossy { precision: 8, step: 4, progressive: false, restart_interval: 0 });
    let with = |segment: &[u8]| [&plain[..2], segment, &plain[2..]].concat();
    let adobe = |transform: u8| {
        let mut segment = vec![0xFF, 0xEE, 0, 14];
        segment.extend(b"Adobe\0\x64\0\0\0\0");
        segment.push(transform);
        segment
    };
    let jfif = [&[0xFF, 0xE0, 0, 16][..], b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"].concat();
    let color = |stream: &[u8]| jpeg::read_header(stream).unwrap().color;
    assert_eq!(color(&plain), ColorSpace::Unstated);
    assert_eq!(color(&with(&adobe(0))), ColorSpace::Rgb);
    assert_eq!(color(&with(&adobe(1))), ColorSpace::Ybr);
    assert_eq!(color(&with(&jfif)), ColorSpace::Ybr);
    let gray = lossless(&components[..1], settings());
    assert_eq!(color(&gray), ColorSpace::Gray);
    assert_eq!(jpeg::read_header(&gray).unwrap().process, Process::Lossless);
}

fn settings() -> Lossless {
    Lossless { precision: 8, predictor: 1, point: 0, restart_rows: 0, interleaved: true }
}

#[test]
fn what_does_not_fit_is_refused_by_the_header() {
    let mut numbers = Numbers(24);
    let one = component(&mut numbers, 9, 9, 8, 3);
    let stream = lossless(std::slice::from_ref(&one), settings());
    let mismatch =
        |quantity, expected, found| Err(Error::Mismatch { codec: Codec::Jpeg, quantity, expected, found });
    assert_eq!(decoded(&stream, &shape(8, 9, 1, 8)), mismatch(Quantity::Columns, 8, 9));
    assert_eq!(decoded(&stream, &shape(9, 8, 1, 8)), mismatch(Quantity::Rows, 8, 9));
    assert_eq!(decoded(&stream, &shape(9, 9, 3, 8)), mismatch(Quantity::SamplesPerPixel, 3, 1));
    let deep = lossless(&[one], Lossless { precision: 12, ..settings() });
    assert_eq!(decoded(&deep, &shape(9, 9, 1, 8)), mismatch(Quantity::Precision, 8, 12));
    let place = deep.windows(2).position(|marker| marker == [0xFF, 0xC3]).unwrap();
    let with = |at: usize, byte: u8| {
        let mut stream = deep.clone();
        stream[place + at] = byte;
        decoded(&stream, &shape(9, 9, 1, 16))
    };
    let unsupported = |feature| Err(Error::Unsupported { codec: Codec::Jpeg, feature });
    assert_eq!(with(1, 0xC9), unsupported(Feature::ArithmeticCoding));
    assert_eq!(with(1, 0xC7), unsupported(Feature::HierarchicalCoding));
    assert_eq!(with(1, 0xC0), unsupported(Feature::SampleBits(12)));
    assert_eq!(with(6, 0), unsupported(Feature::LateHeight));
    let words = with(1, 0xC0).unwrap_err().to_string();
    assert!(words.contains("12-bit samples"), "{words}");
    assert!(matches!(with(8, 0), Err(Error::Malformed { defect: Defect::FrameHeader, .. })));
}
