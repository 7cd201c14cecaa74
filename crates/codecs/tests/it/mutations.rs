//! Damaged codestreams of every kind.

use std::time::{Duration, Instant};

use anatome_codecs::{FrameShape, jpeg, jpeg_ls, rle};
use anatome_testkit::fuzz;

use crate::hostile::{codestreams, damaged, rle_fragment, shape};
use crate::jpeg_encoder::{Component, Lossless, Lossy, lossless, lossy};
use crate::jpeg_ls_encoder::Numbers;

/// Far more than these small frames need even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(1);

type Decode = fn(&[u8], &FrameShape, &mut [u8]) -> bool;

/// Valid codestreams with their decoders.
fn all(numbers: &mut Numbers) -> Vec<(Vec<u8>, FrameShape, Decode)> {
    let mut all = Vec::new();
    for (stream, shape) in jpegs(numbers) {
        let decode: Decode = |bytes, shape, output| jpeg::decode(bytes, shape, output).is_ok();
        all.push((stream, shape, decode));
    }
    for (stream, shape) in codestreams(numbers) {
        let decode: Decode = |bytes, shape, output| jpeg_ls::decode(bytes, shape, output).is_ok();
        all.push((stream, shape, decode));
    }
    for (samples, bits) in [(1, 8), (1, 16), (3, 8), (3, 16)] {
        let fragment = rle_fragment(usize::from(samples * bits / 8), numbers);
        all.push((fragment, shape(samples, bits), |bytes, shape, output| {
            rle::decode(bytes, shape, output).is_ok()
        }));
    }
    all
}

fn jpegs(numbers: &mut Numbers) -> Vec<(Vec<u8>, FrameShape)> {
    let mut component = |bits: u8, sampling: (usize, usize), size: (usize, usize)| {
        let mut sample = |i: usize| (i as i32 % 29 + numbers.below(9) as i32).min((1 << bits) - 1);
        let samples = (0..size.0 * size.1).map(&mut sample).collect();
        Component { columns: size.0, rows: size.1, sampling, samples }
    };
    let mut streams = Vec::new();
    for (precision, count) in [(8, 1), (12, 1), (8, 3), (16, 1), (2, 4)] {
        let bits = if precision > 8 { 16 } else { 8 };
        for (predictor, restart_rows, interleaved) in [(1, 0, true), (6, 4, true), (4, 0, false)] {
            let components: Vec<Component> =
                (0..count).map(|_| component(precision, (1, 1), (37, 23))).collect();
            let settings = Lossless { precision, predictor, point: 0, restart_rows, interleaved };
            streams.push((lossless(&components, settings), shape(count as u16, bits)));
        }
    }
    for (precision, count) in [(8, 1), (12, 1), (8, 3)] {
        for (progressive, restart_interval) in [(false, 0), (true, 0), (true, 3), (false, 2)] {
            let bits = if precision > 8 { 16 } else { 8 };
            let mut components = vec![component(precision, (if count == 3 { 2 } else { 1 }, 1), (37, 23))];
            components.extend((1..count).map(|_| component(precision, (1, 1), (19, 23))));
            let settings = Lossy { precision, step: 3, progressive, restart_interval };
            streams.push((lossy(&components, (37, 23), settings), shape(count as u16, bits)));
        }
    }
    streams
}

/// Decodes one damaged codestream; whether it was accepted.
fn attempt(numbers: &mut Numbers, (stream, shape, decode): &(Vec<u8>, FrameShape, Decode)) -> bool {
    let mut bytes = damaged(stream, numbers);
    if numbers.below(8) == 0 {
        bytes.truncate(numbers.below(bytes.len() as u64 + 1) as usize);
    }
    let mut output = vec![0; shape.byte_len().unwrap()];
    let start = Instant::now();
    let accepted = decode(&bytes, shape, &mut output);
    assert!(start.elapsed() < PATIENCE, "{bytes:?}");
    accepted
}

#[test]
fn undamaged_codestreams_decode() {
    for (stream, shape, decode) in all(&mut Numbers(31)) {
        assert!(decode(&stream, &shape, &mut vec![0; shape.byte_len().unwrap()]), "{shape:?}");
    }
}

#[test]
fn damage_of_jpeg_never_panics_or_hangs() {
    let mut numbers = Numbers(32);
    let mut refused = 0;
    let all = all(&mut numbers);
    for case in &all {
        refused += (0..400).filter(|_| !attempt(&mut numbers, case)).count();
    }
    // Most damage is noticed: desynchronised codes run out of data, or leave some.
    assert!(refused > 200 * all.len(), "only {refused} of {} refused", 400 * all.len());
}

#[test]
fn every_truncation_of_jpeg_is_noticed() {
    for (stream, shape) in jpegs(&mut Numbers(33)) {
        let mut output = vec![0; shape.byte_len().unwrap()];
        // The last two bytes are the end-of-image marker; the one in front may be nothing but padding bits.
        for length in 0..stream.len() - 3 {
            assert!(
                jpeg::decode(&stream[..length], &shape, &mut output).is_err(),
                "{length} of {}",
                stream.len()
            );
        }
    }
}

/// A header that announces 65535 x 65535 samples costs nothing when the dataset announced something else.
#[test]
fn announced_giants_are_refused_by_their_header() {
    for (mut stream, shape) in jpegs(&mut Numbers(34)) {
        let frame = stream.windows(2).position(|m| m[0] == 0xFF && matches!(m[1], 0xC1..=0xC3)).unwrap();
        stream[frame + 5..frame + 9].fill(0xFF);
        let start = Instant::now();
        assert!(jpeg::decode(&stream, &shape, &mut vec![0; shape.byte_len().unwrap()]).is_err());
        assert!(start.elapsed() < Duration::from_millis(100));
    }
}

/// Markers of all kinds, and runs of bits.
#[rustfmt::skip]
const ODD: &[&[u8]] = &[
    b"\xFF\xD8", b"\xFF\xD9", b"\xFF\xC0\0\x0B\x08", b"\xFF\xC1\0\x0B\x0C", b"\xFF\xC2\0\x0B\x08", b"\xFF\xC3\0\x0B\x10",
    b"\xFF\xC4\0\x13\0\x01", b"\xFF\xC9", b"\xFF\xDA\0\x08\x01\x01\0\0\x3F\0", b"\xFF\xDA\0\x08\x01\x01\0\x01\x05\x01", b"\xFF\xDB\0\x43\x10",
    b"\xFF\xDD\0\x04\0\x01", b"\xFF\xD0", b"\xFF\xD7", b"\xFF\xDC\0\x04\0\x20", b"\xFF\xEE\0\x0EAdobe", b"\xFF\xF7\0\x0B\x10",
    b"\xFF\xF8\0\x0D\x01\xFF\xFF\0\x01\0\x02\0\x03\0\x40", b"\xFF\x7F", b"\xFF\xFF", b"\xFF\0\xFF\0", b"\0\0\0\0", b"\x80", b"\x81",
];

/// Damaged by parts of each other, and decoded in the shape that they claim where that is small: decoders refuse any
/// other one at once. `ANATOME_FUZZ_SECONDS` says for how long, see CONTRIBUTING.md.
#[test]
fn damaged_codestreams_are_survived() {
    let cases = all(&mut Numbers(35));
    let streams: Vec<Vec<u8>> = cases.iter().map(|(stream, ..)| stream.clone()).collect();
    let shape_of = |width: u32, height: u32, samples_per_pixel: u16, precision: u16| {
        let bits_allocated = if precision > 8 { 16 } else { 8 };
        let shape = FrameShape { columns: width, rows: height, samples_per_pixel, bits_allocated };
        (u64::from(width) * u64::from(height) <= 1 << 16).then_some(shape)
    };
    let tally = fuzz("codecs", 4_000, |random| {
        let bytes = anatome_testkit::damaged(&streams, ODD, random);
        let jpeg = jpeg::read_header(&bytes).ok();
        let jpeg =
            jpeg.and_then(|found| shape_of(found.width, found.height, found.components, found.precision));
        let jpeg_ls = jpeg_ls::read_header(&bytes).ok();
        let jpeg_ls =
            jpeg_ls.and_then(|found| shape_of(found.width, found.height, found.components, found.precision));
        let output = |shape: &FrameShape| vec![0; shape.byte_len().unwrap()];
        let mut good = jpeg.is_some_and(|shape| jpeg::decode(&bytes, &shape, &mut output(&shape)).is_ok());
        good |= jpeg_ls.is_some_and(|shape| jpeg_ls::decode(&bytes, &shape, &mut output(&shape)).is_ok());
        for (samples, bits) in [(1, 8), (3, 16)] {
            let shape = shape(samples, bits);
            good |= rle::decode(&bytes, &shape, &mut output(&shape)).is_ok();
        }
        good
    });
    println!("codecs: {tally:?}");
    assert!(tally.good > tally.runs / 50, "{tally:?}");
}
