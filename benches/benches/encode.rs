//! Pictures of 3840 x 2160 to the bytes of files: the engine's encoders on all cores and on one thread, and those of
//! other crates.

#![expect(clippy::unwrap_used, reason = "a bench that can't run has to stop")]

use std::hint::black_box;
use std::sync::Arc;

use anatome::{
    Backend, BackendChoice, Image, Output, PictureFormat, Pixels, Progress, Request, Workers, encode,
};
use anatome_benches::works;
use anatome_phantom::{ThoraxSpec, thorax_ct};
use criterion::{Criterion, criterion_group, criterion_main};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder as _};

const SHAPE: [usize; 3] = [256, 512, 512];
const SIZE_PX: [u32; 2] = [3840, 2160];

/// An oblique slice in grey, of 8 and 16 bits, and a rendering.
fn pictures(workers: &Workers) -> Vec<(&'static str, Image)> {
    let progress = Progress::new();
    let spec = ThoraxSpec { shape: SHAPE, ..ThoraxSpec::default() };
    let volume = Arc::new(thorax_ct(&spec, workers.pool(), &progress).unwrap());
    let backend = Backend::open(BackendChoice::Cpu, None, workers).unwrap();
    let uploaded = backend.upload(&volume, &progress).unwrap();
    let works = works(&volume, f64::from(SIZE_PX[0]) / f64::from(SIZE_PX[1])).unwrap();
    let render = |name: &str, output| {
        let work = works.iter().find(|work| work.name == name).unwrap();
        backend.render(&Request::new(work.scene.clone(), SIZE_PX, output), &uploaded, &progress).unwrap()
    };
    vec![
        ("grey8", render("slice, oblique", Output::Grey8)),
        ("grey16", render("slice, oblique", Output::Grey16)),
        ("rgb8", render("rendering, bone", Output::Rgba8)),
    ]
}

/// What encoders of other crates are given, of 8 bits.
fn plain(image: &Image) -> Option<(Vec<u8>, ExtendedColorType)> {
    match image.pixels() {
        Pixels::Grey8(grey) => Some((grey.clone(), ExtendedColorType::L8)),
        Pixels::Rgba8(rgba) => {
            let rgb = rgba.as_chunks::<4>().0.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]);
            Some((rgb.collect(), ExtendedColorType::Rgb8))
        }
        _ => None,
    }
}

fn id(encoder: &str, threads: &str, kind: &str) -> String {
    let [width, height] = SIZE_PX;
    format!("encode-{encoder}/cpu-{threads}/{width}x{height}/{kind}")
}

fn encoders(criterion: &mut Criterion) {
    let all = Workers::new(None).unwrap();
    let one = Workers::new(Some(1)).unwrap();
    for (kind, picture) in pictures(&all) {
        for (format, name) in
            [(PictureFormat::Png, "png"), (PictureFormat::JPEG, "jpeg-95"), (PictureFormat::Tiff, "tiff")]
        {
            // JPEG has 8 bits.
            if kind == "grey16" && name == "jpeg-95" {
                continue;
            }
            for (workers, threads) in [(&all, "all"), (&one, "one")] {
                criterion.bench_function(&id(name, threads, kind), |bencher| {
                    bencher.iter(|| black_box(encode(&picture, format, workers).unwrap()));
                });
            }
        }
        let Some((bytes, color)) = plain(&picture) else { continue };
        let [width, height] = SIZE_PX;
        for (compression, name) in [(CompressionType::Fast, "fast"), (CompressionType::Default, "default")] {
            criterion.bench_function(&id(&format!("png-of-image-{name}"), "one", kind), |bencher| {
                bencher.iter(|| {
                    let mut out = Vec::new();
                    let encoder = PngEncoder::new_with_quality(&mut out, compression, FilterType::Adaptive);
                    encoder.write_image(&bytes, width, height, color).unwrap();
                    black_box(out)
                });
            });
        }
        criterion.bench_function(&id("jpeg-95-of-image", "one", kind), |bencher| {
            bencher.iter(|| {
                let mut out = Vec::new();
                JpegEncoder::new_with_quality(&mut out, 95)
                    .write_image(&bytes, width, height, color)
                    .unwrap();
                black_box(out)
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = encoders
}
criterion_main!(benches);
