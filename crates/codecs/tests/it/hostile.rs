//! Damaged input ends in an error, soon and without a panic.

use std::time::{Duration, Instant};

use crate::jpeg_ls_encoder::{Image, Interleave, Numbers, Settings, encode};
use anatome_codecs::{Defect, Error, FrameShape, jpeg_ls, rle};

/// Far more than the small frames here need even on a busy machine, far less than a decoder that hangs.
const PATIENCE: Duration = Duration::from_secs(5);

pub fn shape(samples_per_pixel: u16, bits_allocated: u16) -> FrameShape {
    FrameShape { columns: 37, rows: 23, samples_per_pixel, bits_allocated }
}

/// Codestreams of each kind, with their shapes.
pub fn codestreams(numbers: &mut Numbers) -> Vec<(Vec<u8>, FrameShape)> {
    let mut streams = Vec::new();
    for interleave in [Interleave::None, Interleave::Line, Interleave::Sample] {
        for (precision, near, restart_interval) in [(8, 0, 0), (12, 0, 5), (16, 0, 0), (12, 3, 0), (2, 0, 7)]
        {
            let components = if interleave == Interleave::None { 1 } else { 3 };
            let presets = (near == 3).then_some([3000, 10, 20, 30, 900]);
            let max = (1 << precision) - 1;
            let mut row = |y: u64| {
                (0..37).map(|x| if x + y < 20 { 1 } else { numbers.below(max.min(60)) as i32 }).collect()
            };
            let image: Image = (0..components).map(|_| (0..23).map(&mut row).collect()).collect();
            let settings = Settings { precision, near, interleave, presets, restart_interval };
            let bits_allocated = if precision > 8 { 16 } else { 8 };
            streams.push((encode(&image, &settings), shape(components, bits_allocated)));
        }
    }
    streams
}

pub fn damaged(original: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for _ in 0..1 + numbers.below(4) {
        let place = numbers.below(bytes.len() as u64) as usize;
        match numbers.below(6) {
            0 => bytes[place] ^= 1 << numbers.below(8),
            1 => bytes[place] = numbers.next() as u8,
            2 => bytes[place] = [0x00, 0xFF, 0x7F, 0x80][numbers.below(4) as usize],
            3 => drop(bytes.remove(place)),
            4 => bytes.insert(place, numbers.next() as u8),
            _ => {
                let end = bytes.len().min(place + numbers.below(40) as usize);
                bytes[place..end].fill_with(|| numbers.next() as u8);
            }
        }
        if bytes.is_empty() {
            break;
        }
    }
    bytes
}

#[test]
fn damaged_jpeg_ls_never_panics_or_hangs() {
    let mut numbers = Numbers(11);
    let mut refused = 0;
    for (stream, shape) in codestreams(&mut numbers) {
        let mut output = vec![0; shape.byte_len().unwrap()];
        for _ in 0..1500 {
            let bytes = damaged(&stream, &mut numbers);
            let start = Instant::now();
            refused += u32::from(jpeg_ls::decode(&bytes, &shape, &mut output).is_err());
            let _ = jpeg_ls::read_header(&bytes);
            assert!(start.elapsed() < PATIENCE, "{bytes:?}");
        }
    }
    // Most damage leads to too much or too little data.
    assert!(refused > 15_000, "only {refused} of 22500 refused");
}

#[test]
fn every_truncation_of_jpeg_ls_is_noticed() {
    let mut numbers = Numbers(12);
    for (stream, shape) in codestreams(&mut numbers) {
        let mut output = vec![0; shape.byte_len().unwrap()];
        // Without its last two bytes, the end-of-image marker, a codestream still has all its samples.
        for length in 0..stream.len() - 2 {
            let error = jpeg_ls::decode(&stream[..length], &shape, &mut output).unwrap_err();
            let expected = if length < 2 { Defect::NoStartOfImage } else { Defect::Truncated };
            assert!(
                matches!(error, Error::Malformed { defect, .. } if defect == expected),
                "{length}: {error}"
            );
        }
        assert!(jpeg_ls::decode(&stream[..stream.len() - 2], &shape, &mut output).is_ok());
    }
}

/// Headers of good scans in front of random bytes bring the decoder far.
#[test]
fn random_scans_never_panic_or_hang() {
    let mut numbers = Numbers(13);
    for (stream, shape) in codestreams(&mut numbers) {
        let scan = stream.windows(2).position(|marker| marker == [0xFF, 0xDA]).unwrap();
        let start = scan + 2 + usize::from(stream[scan + 3]);
        let mut output = vec![0; shape.byte_len().unwrap()];
        for _ in 0..300 {
            // Few or many bits set: long prefixes, or long runs.
            let density = numbers.below(4);
            let mut byte = || match (numbers.next() as u8, numbers.next() as u8, density) {
                (a, b, 0) => a & b & (a << 3),
                (a, b, 1) => a | b,
                (a, _, _) => a,
            };
            let bytes: Vec<u8> =
                stream[..start].iter().copied().chain((0..6000).map(|_| byte() & 0xFE)).collect();
            let start = Instant::now();
            let _ = jpeg_ls::decode(&bytes, &shape, &mut output);
            assert!(start.elapsed() < PATIENCE);
        }
    }
}

/// A header that announces 65535 x 65535 samples costs nothing when the dataset announced something else.
#[test]
fn announced_giants_are_refused_by_their_header() {
    let mut numbers = Numbers(14);
    let (mut stream, shape) = codestreams(&mut numbers).swap_remove(0);
    let frame = stream.windows(2).position(|marker| marker == [0xFF, 0xF7]).unwrap();
    stream[frame + 5..frame + 9].fill(0xFF);
    let mut output = vec![0; shape.byte_len().unwrap()];
    let error = jpeg_ls::decode(&stream, &shape, &mut output).unwrap_err();
    assert!(matches!(error, Error::Mismatch { expected: 37, found: 65535, .. }), "{error}");
}

/// A fragment of `count` segments for the shape that is used here.
pub fn rle_fragment(count: usize, numbers: &mut Numbers) -> Vec<u8> {
    let mut header = vec![count as u32];
    let mut segments = Vec::new();
    for _ in 0..count {
        header.push(64 + segments.len() as u32);
        let mut left = 37 * 23;
        while left > 0 {
            let length = (1 + numbers.below(128) as usize).min(left);
            left -= length;
            if length > 1 && numbers.below(2) == 0 {
                segments.extend([(257 - length) as u8, numbers.next() as u8]);
            } else {
                segments.push(length as u8 - 1);
                segments.extend((0..length).map(|_| numbers.next() as u8));
            }
        }
    }
    header.resize(16, 0);
    header.iter().flat_map(|word| word.to_le_bytes()).chain(segments).collect()
}

#[test]
fn damaged_rle_never_panics() {
    let mut numbers = Numbers(15);
    for (samples, bits) in [(1, 8), (1, 16), (3, 8), (1, 32), (3, 16)] {
        let shape = shape(samples, bits);
        let count = usize::from(samples * bits / 8);
        let fragment = rle_fragment(count, &mut numbers);
        let mut output = vec![0; shape.byte_len().unwrap()];
        assert_eq!(rle::decode(&fragment, &shape, &mut output), Ok(()));
        for length in 0..fragment.len() {
            assert!(rle::decode(&fragment[..length], &shape, &mut output).is_err(), "{length}");
        }
        for _ in 0..3000 {
            let _ = rle::decode(&damaged(&fragment, &mut numbers), &shape, &mut output);
        }
    }
}
