//! Good files, damaged at random: any outcome but a panic, a long wait or a volume that breaks its own rules.

use std::time::{Duration, Instant};

use anatome_core::Progress;
use anatome_formats::{Limits, Source, load};

use crate::made::{Nifti1, gzip, metaimage, nrrd};

/// A sequence that depends on the seed alone (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

fn originals() -> Vec<Vec<u8>> {
    let zlib = |header: Vec<u8>, voxels: &[u8]| {
        let mut out = flate2::write::ZlibEncoder::new(header, flate2::Compression::fast());
        std::io::Write::write_all(&mut out, voxels).unwrap();
        out.finish().unwrap()
    };
    let mut compressed = metaimage(&[("CompressedData", "True"), ("AnatomicalOrientation", "RAI")]);
    let voxels = compressed.split_off(compressed.len() - 12);
    let mut zipped = nrrd(&[("encoding", "gzip"), ("kinds", "space space space"), ("byte skip", "0")]);
    let packed = zipped.split_off(zipped.len() - 12);
    vec![
        Nifti1::new(false).i16(252, &[1]).bytes(),
        Nifti1::new(true).dim(&[2, 3, 2, 2]).f32(112, &[2.0, 1.0]).bytes(),
        gzip(&Nifti1::new(false).datatype(16, 32).dim(&[3, 2]).bytes()),
        nrrd(&[("space units", "\"mm\" \"mm\" \"mm\""), ("line skip", "0")]),
        nrrd(&[
            ("dimension", "4"),
            ("sizes", "2 2 3 1"),
            ("space directions", "none (2,0,0) (0,3,0) (0,0,4)"),
        ]),
        [zipped, gzip(&packed)].concat(),
        metaimage(&[]),
        zlib(compressed, &voxels),
    ]
}

fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    const ODD: [&[u8]; 8] = [b"0", b"-1", b"nan", b"1e308", b"99999999999", b"(", b"\n", b"\xFF\xFF\xFF\x7F"];
    for _ in 0..1 + random.below(6) {
        let at = random.below(bytes.len());
        match random.below(5) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..(at + random.below(16)).min(bytes.len()))),
            2 => drop(bytes.splice(at..at, ODD[random.below(ODD.len())].iter().copied())),
            3 if at < bytes.len() => bytes[at] = random.next() as u8,
            _ if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            _ => {}
        }
    }
}

/// ANATOME_FUZZ_SECONDS sets how long; each run of a second or more goes on from another seed.
#[test]
fn damaged_files_are_survived() {
    let seconds = std::env::var("ANATOME_FUZZ_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(0);
    let start = Instant::now();
    let originals = originals();
    let limits = Limits::new(1 << 20, 1 << 24, 1 << 26);
    let (mut seed, mut loaded) = (0, 0);
    while seed < 20_000 || start.elapsed() < Duration::from_secs(seconds) {
        let mut random = Random(seed);
        let mut bytes = originals[random.below(originals.len())].clone();
        damage(&mut bytes, &mut random);
        let began = Instant::now();
        loaded += usize::from(load(&Source::Bytes(bytes.into()), &limits, &Progress::new()).is_ok());
        assert!(began.elapsed() < Duration::from_secs(1), "seed {seed} took {:?}", began.elapsed());
        seed += 1;
    }
    println!("{seed} files, {loaded} of them loaded");
    // If nearly none load, the damage is too great to reach anything.
    assert!(loaded > seed as usize / 50, "{loaded} of {seed}");
}
