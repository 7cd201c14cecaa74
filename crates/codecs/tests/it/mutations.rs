//! Damaged codestreams of every kind: some in each test run, any number with
//! `ANATOME_FUZZ_SECONDS=600 cargo test -p anatome-codecs --release -- --ignored --nocapture mutations`.

use std::time::{Duration, Instant};

use anatome_codecs::{FrameShape, jpeg, jpeg_ls, rle};

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

#[test]
#[ignore = "runs as long as ANATOME_FUZZ_SECONDS says"]
fn mutations_for_long() {
    let seconds = std::env::var("ANATOME_FUZZ_SECONDS").map_or(60, |s| s.parse().unwrap());
    let seed = std::env::var("ANATOME_FUZZ_SEED").map_or(1, |s| s.parse().unwrap());
    let (mut numbers, start, mut count) = (Numbers(seed), Instant::now(), 0u64);
    while start.elapsed() < Duration::from_secs(seconds) {
        for case in all(&mut numbers) {
            for _ in 0..200 {
                attempt(&mut numbers, &case);
                count += 1;
            }
        }
    }
    println!("{count} damaged codestreams in {seconds} s from seed {seed}");
}
