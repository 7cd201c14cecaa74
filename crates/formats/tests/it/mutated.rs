//! Good files, damaged at random: any outcome but a panic, a long wait or a volume that breaks its own rules.

use anatome_core::Progress;
use anatome_formats::{Limits, Source, load};
use anatome_testkit::{damaged, fuzz};

use crate::made::{Nifti1, gzip, metaimage, nrrd};

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

const ODD: &[&[u8]] = &[
    b"0",
    b"-1",
    b"nan",
    b"1e308",
    b"1e-320",
    b"99999999999",
    b"(",
    b",",
    b"none",
    b"\n",
    b"\xFF\xFF\xFF\x7F",
    b"\x1F\x8B\x08",
];

#[test]
fn damaged_files_are_survived() {
    let originals = originals();
    let limits = Limits::new(1 << 20, 1 << 24, 1 << 26);
    let tally = fuzz("formats", 10_000, |random| {
        let bytes = damaged(&originals, ODD, random);
        load(&Source::Bytes(bytes.into()), &limits, &Progress::new()).is_ok()
    });
    println!("formats: {tally:?}");
    // If nearly none load, the damage is too great to reach anything.
    assert!(tally.good > tally.runs / 50, "{tally:?}");
}
