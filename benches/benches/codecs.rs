//! Decoding one 512 x 512 frame on one core, for each transfer syntax. Samples are like a slice of CT: smooth, with
//! noise inside the body and less in the air. JPEG 2000 needs another encoder's files: those of `ANATOME_DATA`.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a bench says what it skips, and stops at a failure"
)]

use std::hint::black_box;
use std::io::Read as _;

use anatome::Progress;
use anatome_codecs::{FrameShape, jpeg, jpeg_ls, rle};
use anatome_dicom::{FrameReader, Limits, Source, scan};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

#[path = "../../crates/codecs/tests/it/jpeg_encoder.rs"]
mod jpeg_encoder;
#[path = "../../crates/codecs/tests/it/jpeg_ls_encoder.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod jpeg_ls_encoder;

use jpeg_encoder::{Component, Lossless, Lossy, lossless, lossy};
use jpeg_ls_encoder::{Interleave, Numbers, Settings, encode};

const SIZE: usize = 512;
const SHAPE: FrameShape =
    FrameShape { columns: SIZE as u32, rows: SIZE as u32, samples_per_pixel: 1, bits_allocated: 16 };

/// 12-bit samples.
fn slice() -> Vec<i32> {
    let mut numbers = Numbers(5);
    // The sum of four uniform numbers is close enough to normal.
    let mut noise = |deviation: f64| {
        let sum: f64 = (0..4).map(|_| numbers.below(1 << 20) as f64 / f64::from(1 << 20) - 0.5).sum();
        sum * deviation * 3.0f64.sqrt()
    };
    let mut sample = |i: usize| {
        let (x, y) = ((i % SIZE) as f64, (i / SIZE) as f64);
        let inside = (x - 256.0).powi(2) / 1.3 + (y - 256.0).powi(2) < 40_000.0;
        let smooth = 1000.0 + 300.0 * (x / 40.0).sin() * (y / 30.0).cos();
        let value = if inside { smooth + noise(20.0) } else { 24.0 + noise(6.0) };
        value.clamp(0.0, 4095.0) as i32
    };
    (0..SIZE * SIZE).map(&mut sample).collect()
}

/// Two PackBits segments: runs of three and more, and literals between them.
fn rle_fragment(samples: &[i32]) -> Vec<u8> {
    let mut header = vec![2u32];
    let mut segments = Vec::new();
    for shift in [8, 0] {
        header.push(64 + segments.len() as u32);
        let plane: Vec<u8> = samples.iter().map(|&sample| (sample >> shift) as u8).collect();
        let mut at = 0;
        while at < plane.len() {
            let run = |at: usize| plane[at..].iter().take(128).take_while(|&&byte| byte == plane[at]).count();
            if run(at) > 2 {
                segments.extend([(257 - run(at)) as u8, plane[at]]);
                at += run(at);
                continue;
            }
            let end = (at + 1..plane.len().min(at + 128)).find(|&end| run(end) > 2);
            let end = end.unwrap_or(plane.len().min(at + 128));
            segments.push((end - at - 1) as u8);
            segments.extend(&plane[at..end]);
            at = end;
        }
    }
    header.resize(16, 0);
    header.iter().flat_map(|word| word.to_le_bytes()).chain(segments).collect()
}

fn own(criterion: &mut Criterion) {
    let samples = slice();
    let component = [Component { columns: SIZE, rows: SIZE, sampling: (1, 1), samples: samples.clone() }];
    let image = vec![samples.chunks(SIZE).map(<[i32]>::to_vec).collect::<Vec<_>>()];
    let near = |near| {
        let (presets, restart_interval) = (None, 0);
        encode(
            &image,
            &Settings { precision: 12, near, interleave: Interleave::None, presets, restart_interval },
        )
    };
    let predicted = |predictor| {
        let settings = Lossless { precision: 16, predictor, point: 0, restart_rows: 0, interleaved: true };
        lossless(&component, settings)
    };
    let transformed = |progressive| {
        lossy(&component, (SIZE, SIZE), Lossy { precision: 12, step: 8, progressive, restart_interval: 0 })
    };
    type Decode = fn(&[u8], &mut [u8]) -> Result<(), anatome_codecs::Error>;
    let jpeg_ls: Decode = |bytes, to| jpeg_ls::decode(bytes, &SHAPE, to).map(|_| ());
    let jpeg: Decode = |bytes, to| jpeg::decode(bytes, &SHAPE, to).map(|_| ());
    let cases: [(&str, Vec<u8>, Decode); 7] = [
        ("rle", rle_fragment(&samples), |bytes, to| rle::decode(bytes, &SHAPE, to)),
        ("jpeg-ls", near(0), jpeg_ls),
        ("jpeg-ls-near", near(2), jpeg_ls),
        ("jpeg-lossless-sv1", predicted(1), jpeg),
        ("jpeg-lossless-sv6", predicted(6), jpeg),
        ("jpeg-12bit", transformed(false), jpeg),
        ("jpeg-12bit-progressive", transformed(true), jpeg),
    ];
    let mut output = vec![0; 2 * SIZE * SIZE];
    for (name, bytes, decode) in cases {
        let mut group = criterion.benchmark_group(format!("decode/{name}"));
        group.throughput(Throughput::Bytes(output.len() as u64)).sample_size(20);
        group.bench_function("512x512-16bit", |bencher| {
            bencher.iter(|| decode(black_box(&bytes), &mut output).expect("a valid codestream"));
        });
        group.finish();
    }
}

/// The files of one slice of CT in many transfer syntaxes, through the reader.
fn others(criterion: &mut Criterion) {
    let Some(file) = anatome_benches::shared_file("syntaxes.zip") else { return };
    let zip = std::fs::File::open(file).expect("a file that can be read");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    let mut archive = zip::ZipArchive::new(zip).expect("a zip");
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).expect("an entry");
        let name = entry.name().expect("a name").into_owned();
        let known =
            [("4.90.dcm", "jpeg-2000"), ("4.91.dcm", "jpeg-2000-lossy"), ("4.70.dcm", "file-jpeg-lossless")];
        let Some((_, kind)) = known.iter().find(|(end, _)| name.contains("CTImage") && name.ends_with(end))
        else {
            continue;
        };
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("a whole file");
        let limits = Limits::default();
        let scanned = scan(&[Source::Bytes(bytes.into())], &limits, &pool, &Progress::new()).expect("DICOM");
        let reader = FrameReader::new(&scanned.instances[0], &limits).expect("an image");
        let mut group = criterion.benchmark_group(format!("decode/{kind}"));
        group.throughput(Throughput::Bytes(2 * (SIZE * SIZE) as u64)).sample_size(20);
        group.bench_function("512x512-16bit", |bencher| {
            bencher.iter(|| reader.stored_bytes(0).expect("a valid codestream"));
        });
        group.finish();
    }
}

criterion_group!(benches, own, others);
criterion_main!(benches);
