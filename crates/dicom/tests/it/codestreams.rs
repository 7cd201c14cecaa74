//! Codestreams of other encoders, whole and damaged.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anatome_core::ErrorKind;
use anatome_dicom::{Error, FrameReader, Limits};
use anatome_testkit::Need;

use crate::codestreams_made as made;
use crate::made::Image;
use crate::shared::{all_values, load_one, scan_bytes};

const J2K: &str = "1.2.840.10008.1.2.4.90";
const HTJ2K: &str = "1.2.840.10008.1.2.4.201";
const HTJ2K_RPCL: &str = "1.2.840.10008.1.2.4.202";
const JPEG_XL: &str = "1.2.840.10008.1.2.4.110";
const JPEG_XL_OF_JPEG: &str = "1.2.840.10008.1.2.4.111";
const JPEG_XL_LOSSY: &str = "1.2.840.10008.1.2.4.112";

pub fn unhex(text: &str) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap() as u8;
    text.as_bytes().chunks(2).map(|pair| digit(&pair[0]) << 4 | digit(&pair[1])).collect()
}

/// The image that the made codestreams hold.
fn value(x: i32, y: i32, component: i32) -> i32 {
    (x * 37 + y * 101 + x * y * 7 + component * 50) / 3
}

fn image(columns: u16, rows: u16, (allocated, stored): (u16, u16), signed: bool, color: bool) -> Image {
    let photometric: &[u8] = if color { b"RGB " } else { b"MONOCHROME2 " };
    let image = Image::new()
        .us((0x28, 0x02), if color { 3 } else { 1 })
        .with((0x28, 0x04), b"CS", photometric)
        .us((0x28, 0x10), rows)
        .us((0x28, 0x11), columns)
        .us((0x28, 0x100), allocated)
        .us((0x28, 0x101), stored)
        .us((0x28, 0x102), stored - 1)
        .us((0x28, 0x103), signed.into());
    if color { image.us((0x28, 0x06), 0) } else { image }
}

/// The first frame's samples, as the file's bits allocated hold them.
fn decoded(file: Vec<u8>) -> Result<Vec<u8>, Error> {
    let scanned = scan_bytes(file)?;
    FrameReader::new(&scanned.instances[0], &Limits::default())?.stored_bytes(0)
}

/// Name, transfer syntax, codestream, bits, sign and components, and the image's values from `value`.
type Case = (&'static str, &'static str, &'static str, (u16, u16), bool, bool, fn(i32) -> i32);

const CASES: [Case; 11] = [
    ("JPEG 2000, 12 bits", J2K, made::J2K_12, (16, 12), false, false, |v| v % 4096),
    ("JPEG 2000, signed", J2K, made::J2K_SIGNED, (16, 16), true, false, |v| v % 4000 - 2000),
    ("JPEG 2000, colour", J2K, made::J2K_RGB, (8, 8), false, true, |v| v % 256),
    ("HTJ2K, 12 of 16 bits", HTJ2K, made::HT_12, (16, 12), false, false, |v| v % 4096),
    ("HTJ2K, signed", HTJ2K, made::HT_SIGNED, (16, 16), true, false, |v| v % 4000 - 2000),
    ("HTJ2K, RPCL", HTJ2K_RPCL, made::HT_RPCL, (16, 12), false, false, |v| v % 4096),
    ("JPEG XL, perhaps lossy", JPEG_XL_LOSSY, made::JXL_12, (16, 12), false, false, |v| v % 4096),
    ("JPEG XL, 16 bits", JPEG_XL, made::JXL_16, (16, 16), false, false, |v| v % 4096 * 16),
    ("JPEG XL, 12 bits", JPEG_XL, made::JXL_12, (16, 12), false, false, |v| v % 4096),
    ("JPEG XL, 8 bits", JPEG_XL, made::JXL_8, (8, 8), false, false, |v| v % 256),
    ("JPEG XL, colour", JPEG_XL, made::JXL_RGB, (8, 8), false, true, |v| v % 256),
];

#[test]
fn tiny_codestreams_decode_exactly() {
    for (name, syntax, codestream, bits, signed, color, from) in CASES {
        let file = image(16, 12, bits, signed, color).encapsulated(syntax, &unhex(codestream));
        let found = decoded(file).unwrap_or_else(|error| panic!("{name}: {error}"));
        let components = if color { 3 } else { 1 };
        let expected: Vec<u8> = (0..16 * 12 * components)
            .map(|i| from(value(i / components % 16, i / components / 16, i % components)))
            .flat_map(|v| v.to_le_bytes().into_iter().take(usize::from(bits.0 / 8)))
            .collect();
        assert!(found == expected, "{name}");
    }
}

/// A recompressed JPEG image is that image, and a lossy one what its own library decodes, but for the rounding of
/// inverse transforms.
#[test]
fn lossy_jpeg_xl_decodes_as_others_do() {
    let read = |syntax, codestream| {
        decoded(image(16, 12, (8, 8), false, false).encapsulated(syntax, &unhex(codestream))).unwrap()
    };
    let jpeg = read("1.2.840.10008.1.2.4.50", made::JPEG_8);
    let recompressed = read(JPEG_XL_OF_JPEG, made::JXL_OF_JPEG);
    assert!(differences(&jpeg, &recompressed, 1).all(|off| off <= 1));
    let lossy = read(JPEG_XL_LOSSY, made::JXL_LOSSY);
    assert!(differences(&unhex(made::JXL_LOSSY_DECODED), &lossy, 1).all(|off| off <= 1));
    assert_eq!((jpeg.len(), recompressed.len(), lossy.len()), (192, 192, 192));
}

/// The codestream's size, components and precision are compared with the header before it is decoded.
#[test]
fn codestreams_of_another_size_are_refused() {
    for (name, syntax, codestream, bits, signed, color, _) in CASES {
        let shapes = [image(15, 12, bits, signed, color), image(16, 13, bits, signed, color)];
        for wrong in shapes.into_iter().chain([image(16, 12, bits, signed, !color)]) {
            let error = decoded(wrong.encapsulated(syntax, &unhex(codestream))).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed, "{name}: {error}");
        }
    }
    let shallow = image(16, 12, (8, 8), false, false);
    assert!(decoded(shallow.encapsulated(J2K, &unhex(made::J2K_12))).is_err());
    let shallow = image(16, 12, (8, 8), false, false);
    assert!(decoded(shallow.encapsulated(JPEG_XL, &unhex(made::JXL_16))).is_err());
}

/// What makes the JPEG 2000 decoder allocate is bounded in front of it.
#[test]
fn greedy_jpeg_2000_headers_are_refused_at_once() {
    let good = unhex(made::J2K_12);
    let attempt = |place: usize, bytes: &[u8]| {
        let mut bad = good.clone();
        bad[place..place + bytes.len()].copy_from_slice(bytes);
        let start = Instant::now();
        let error = decoded(image(16, 12, (16, 12), false, false).encapsulated(J2K, &bad)).unwrap_err();
        assert!(start.elapsed() < Duration::from_millis(100), "{error}");
        error.to_string()
    };
    let style = good.windows(2).position(|marker| marker == [0xFF, 0x52]).unwrap();
    assert!(attempt(8, &[0xFF; 8]).contains("pixels"));
    // Tiles of nothing, and tiles that do not reach the image.
    assert!(attempt(24, &[0; 8]).contains("tiles"));
    assert!(attempt(32, &[0, 0, 1, 0]).contains("tiles"));
    assert!(
        attempt(40, &[0x40, 0]).contains("components") || attempt(40, &[0x40, 0]).contains("size segment")
    );
    assert!(attempt(6, &[0x80]).contains("Part 2"));
    assert!(attempt(style + 6, &[0xFF, 0xFF]).contains("layers"));
    assert!(attempt(style + 9, &[0xFF]).contains("decomposition"));
}

/// SplitMix64.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }
}

/// Decodes each codestream with one to four bytes changed, some cut off; panics and hangs fail.
fn mutate(numbers: &mut Numbers, times: usize) -> usize {
    let mut refused = 0;
    for (name, syntax, codestream, bits, signed, color, _) in CASES {
        for _ in 0..times {
            let mut bytes = unhex(codestream);
            for _ in 0..=numbers.below(4) {
                let place = numbers.below(bytes.len());
                bytes[place] =
                    [bytes[place] ^ 1 << numbers.below(8), numbers.below(256) as u8][numbers.below(2)];
            }
            if numbers.below(6) == 0 {
                bytes.truncate(numbers.below(bytes.len()));
            }
            let file = image(16, 12, bits, signed, color).encapsulated(syntax, &bytes);
            let start = Instant::now();
            match decoded(file) {
                Ok(samples) => assert_eq!(samples.len() % (16 * 12), 0),
                Err(error) => {
                    let kinds = [ErrorKind::Malformed, ErrorKind::Unsupported];
                    assert!(kinds.contains(&error.kind()), "{name}: {error}");
                    refused += 1;
                }
            }
            assert!(start.elapsed() < Duration::from_secs(1), "{name}: {bytes:?}");
        }
    }
    refused
}

#[test]
fn damaged_codestreams_never_panic_or_hang() {
    let refused = mutate(&mut Numbers(1), 150);
    assert!(refused > 300, "only {refused}");
}

/// Small files of every codec.
pub fn originals() -> Vec<Vec<u8>> {
    let made = CASES.into_iter().map(|(_, syntax, codestream, bits, signed, color, _)| {
        image(16, 12, bits, signed, color).encapsulated(syntax, &unhex(codestream))
    });
    made.collect()
}

/// Runs a tool; `false`, said aloud, where it is not installed and not required.
pub fn run(tool: &str, arguments: &[&str], from: &Path, to: &Path) -> bool {
    match Command::new(tool).args(arguments).arg(from).arg(to).output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success() && to.exists(), "{tool} {arguments:?}: {text}");
            true
        }
        Err(error) => {
            Need::Tools.is_missing(&format!("{tool} does not run: {error}"));
            false
        }
    }
}

/// A native file of something like a slice: smooth, with noise and steps.
fn native(
    (columns, rows): (usize, usize),
    bits: (u16, u16),
    signed: bool,
    color: bool,
) -> (Vec<u8>, Vec<u8>) {
    let mut numbers = Numbers(7);
    let span = 1 << bits.1;
    let components = if color { 3 } else { 1 };
    let mut sample = |i: usize| {
        let (x, y) = ((i / components % columns) as f64, (i / components / columns) as f64);
        let inside = (x - 30.0).powi(2) + (y - 23.0).powi(2) < 400.0;
        let smooth = if inside { 0.6 + 0.2 * (x / 9.0).sin() * (y / 7.0).cos() } else { 0.05 };
        let stored = (smooth * f64::from(span)) as i32 + numbers.below(span as usize / 40 + 1) as i32;
        if signed { stored - span / 2 } else { stored }
    };
    let size = usize::from(bits.0 / 8);
    let samples: Vec<u8> = (0..columns * rows * components)
        .flat_map(|i| sample(i).to_le_bytes().into_iter().take(size))
        .collect();
    let mut pixels = samples.clone();
    pixels.resize(samples.len().next_multiple_of(2), 0);
    let vr = if bits.0 == 8 { b"OB" } else { b"OW" };
    let file = image(columns as u16, rows as u16, bits, signed, color)
        .with((0x08, 0x16), b"UI", b"1.2.840.10008.5.1.4.1.1.7\0")
        .with((0x20, 0x0D), b"UI", b"2.25.3\0\0")
        .with((0x7FE0, 0x10), vr, &pixels);
    (file.bytes(), samples)
}

const FORMATS: [((u16, u16), bool, bool); 5] = [
    ((16, 12), false, false),
    ((16, 16), true, false),
    ((16, 16), false, false),
    ((8, 8), false, false),
    ((8, 8), false, true),
];

#[test]
fn lossless_files_of_other_encoders_decode_to_the_same_samples() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("native.dcm"), folder.path().join("encoded.dcm"));
    let selections = ["1", "2", "3", "4", "5", "6", "7"];
    let mut jobs: Vec<(&str, Vec<&str>)> = vec![
        ("dcmcjpeg", vec!["+e1"]),
        ("dcmcjpls", vec!["+el", "+il"]),
        ("dcmcjpls", vec!["+el", "+is"]),
        ("dcmcjpls", vec!["+el", "+in"]),
        ("dcmcrle", vec![]),
        ("gdcmconv", vec!["--jpeg"]),
        ("gdcmconv", vec!["--j2k"]),
        ("gdcmconv", vec!["--jpegls"]),
        ("gdcmconv", vec!["--rle"]),
    ];
    jobs.extend(selections.map(|number| ("dcmcjpeg", vec!["+el", "+sv", number])));
    for (bits, signed, color) in FORMATS {
        for (tool, arguments) in &jobs {
            // GDCM 3.0.21 aborts on some odd sizes.
            let size = if arguments.first() == Some(&"--rle") { (64, 64) } else { (61, 47) };
            let (file, samples) = native(size, bits, signed, color);
            std::fs::write(&from, file).unwrap();
            let _ = std::fs::remove_file(&to);
            if !run(tool, arguments, &from, &to) {
                return;
            }
            let what = format!("{tool} {arguments:?}, {bits:?} bits, signed {signed}, colour {color}");
            let found =
                decoded(std::fs::read(&to).unwrap()).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert!(found == samples, "{what}");
        }
    }
}

/// Encoder with its arguments, decoder with its arguments, bits, colour, and the largest difference of any sample.
type Lossy<'a> = (&'a str, &'a [&'a str], &'a str, &'a [&'a str], (u16, u16), bool, i32);

/// Inverse cosine and wavelet transforms round in their own ways (T.83 allows a grey level); near-lossless JPEG-LS is
/// exact, whoever decodes it. From colours to RGB the transforms' grey level is multiplied by up to 1.772.
const LOSSY: [Lossy<'_>; 14] = [
    ("dcmcjpeg", &["+eb", "+q", "85"], "dcmdjpeg", &[], (8, 8), false, 1),
    ("dcmcjpeg", &["+ee", "+q", "85"], "dcmdjpeg", &[], (16, 12), false, 1),
    ("dcmcjpeg", &["+es", "+q", "85"], "dcmdjpeg", &[], (16, 12), false, 1),
    ("dcmcjpeg", &["+ep", "+q", "85"], "dcmdjpeg", &[], (16, 12), false, 1),
    ("dcmcjpeg", &["+ep", "+q", "85"], "dcmdjpeg", &[], (8, 8), false, 1),
    ("dcmcjpeg", &["+eb", "+q", "85", "+cr"], "dcmdjpeg", &["+cn"], (8, 8), true, 1),
    ("dcmcjpeg", &["+eb", "+q", "85", "+cy", "+s4"], "dcmdjpeg", &["+cn"], (8, 8), true, 1),
    ("dcmcjpls", &["+en", "+md", "3", "+il"], "dcmdjpls", &[], (8, 8), true, 0),
    ("dcmcjpls", &["+en", "+md", "2", "+is"], "dcmdjpls", &[], (8, 8), true, 0),
    ("dcmcjpls", &["+en", "+md", "5"], "dcmdjpls", &[], (16, 12), false, 0),
    ("gdcmconv", &["--jpegls", "--lossy", "-e", "2"], "gdcmconv", &["--raw"], (16, 12), false, 0),
    ("gdcmconv", &["--j2k", "--lossy", "-r", "8"], "gdcmconv", &["--raw"], (16, 12), false, 1),
    ("gdcmconv", &["--j2k", "--lossy", "-r", "8"], "gdcmconv", &["--raw"], (8, 8), false, 1),
    ("gdcmconv", &["--j2k", "--lossy", "-r", "8"], "gdcmconv", &["--raw"], (8, 8), true, 2),
];

/// Lossy files of other encoders, against those programs' own decoders.
#[test]
fn lossy_files_decode_as_another_decoder_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (from, to, back) = (path("native.dcm"), path("encoded.dcm"), path("decoded.dcm"));
    let mut wrong = Vec::new();
    for (encoder, encode, decoder, decode, bits, color, most) in LOSSY {
        let (file, original) = native((64, 48), bits, false, color);
        std::fs::write(&from, file).unwrap();
        for file in [&to, &back] {
            let _ = std::fs::remove_file(file);
        }
        if !run(encoder, encode, &from, &to) || !run(decoder, decode, &to, &back) {
            return;
        }
        let what = format!("{encoder} {encode:?}, colour {color}");
        let read = |path: &Path| {
            decoded(std::fs::read(path).unwrap()).unwrap_or_else(|error| panic!("{what}: {error}"))
        };
        let (found, expected) = (read(&to), read(&back));
        let size = usize::from(bits.0 / 8);
        if found == original {
            wrong.push(format!("{what}: nothing was lost"));
        }
        let worst = differences(&found, &expected, size).max();
        if found.len() != expected.len() || worst > Some(most) {
            wrong.push(format!("{what}: {worst:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Encoders that state more bits than are stored, whose errors carry white beyond its range: it must not turn black.
#[test]
fn what_a_lossy_codestream_overshoots_is_clamped() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("native.dcm"), folder.path().join("encoded.dcm"));
    let (columns, rows) = (64, 48);
    for (stored, signed) in [(12u16, false), (10, false), (12, true)] {
        let span = 1i32 << stored;
        // Black and white with a wave between them.
        let sample = |i: usize| {
            let wave = 0.5 + 0.7 * (i as f64 / 9.0).sin() * (i as f64 / 64.0 / 7.0).cos();
            ((wave * f64::from(span)) as i32).clamp(0, span - 1) - if signed { span / 2 } else { 0 }
        };
        let pixels: Vec<u8> = (0..columns * rows).flat_map(|i| (sample(i) as i16).to_le_bytes()).collect();
        let file = image(columns as u16, rows as u16, (16, stored), signed, false)
            .with((0x08, 0x16), b"UI", b"1.2.840.10008.5.1.4.1.1.7\0")
            .with((0x20, 0x0D), b"UI", b"2.25.3\0\0")
            .with((0x7FE0, 0x10), b"OW", &pixels);
        std::fs::write(&from, file.bytes()).unwrap();
        // Near-lossless keeps its bound; the other has none, but what wraps is off by nearly the whole range.
        for (arguments, most) in
            [(&["--jpegls", "--lossy", "-e", "2"][..], 2), (&["--j2k", "--lossy", "-r", "8"], span / 4)]
        {
            let _ = std::fs::remove_file(&to);
            if !run("gdcmconv", arguments, &from, &to) {
                return;
            }
            let bytes = std::fs::read(&to).unwrap();
            let series = anatome_dicom::group(scan_bytes(bytes).unwrap().instances);
            let loaded = load_one(&series[0]).unwrap();
            let found = all_values(loaded.volume.samples());
            let what = format!("{arguments:?} of {stored} bits, signed {signed}");
            let worst = (0..columns * rows).map(|i| (found[i] as i32 - sample(i)).abs()).max();
            assert!(worst.is_some_and(|worst| worst > 0 && worst <= most), "{what}: {worst:?}");
            assert!(loaded.notes.iter().any(|note| note.text.contains("of more bits than")), "{what}");
        }
    }
}

/// Of unsigned samples of `size` bytes.
pub fn differences(a: &[u8], b: &[u8], size: usize) -> impl Iterator<Item = i32> {
    let sample = |bytes: &[u8]| bytes.iter().rev().fold(0, |v, &byte| v << 8 | i32::from(byte));
    let pairs = a.chunks(size).zip(b.chunks(size));
    pairs.map(move |(a, b)| (sample(a) - sample(b)).abs()).collect::<Vec<_>>().into_iter()
}
