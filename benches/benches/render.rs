//! The hot path on the CPU: every work of `anatome-frames`, of the generated thorax.

#![expect(clippy::print_stderr, reason = "a bench has no other way to say that it could not run")]

use std::sync::Arc;

use anatome::{Backend, BackendChoice, Progress, Request, Workers, natural_output};
use anatome_benches::works;
use anatome_phantom::{ThoraxSpec, thorax_ct};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

/// 128 MiB: larger than the caches of a processor.
const SHAPE: [usize; 3] = [256, 512, 512];
const SIZES_PX: [[u32; 2]; 2] = [[1920, 1080], [3840, 2160]];

fn render(criterion: &mut Criterion) -> anatome::Result<()> {
    let workers = Workers::new(None)?;
    let progress = Progress::new();
    let spec = ThoraxSpec { shape: SHAPE, ..ThoraxSpec::default() };
    let volume = Arc::new(thorax_ct(&spec, workers.pool(), &progress)?);
    let backend = Backend::open(BackendChoice::Cpu, None, &workers)?;
    let uploaded = backend.upload(&volume, &progress)?;
    let mut group = criterion.benchmark_group("render");
    group.sample_size(10);
    for [width, height] in SIZES_PX {
        for work in works(&volume, f64::from(width) / f64::from(height))? {
            let output = natural_output(&work.scene);
            let request = Request::new(work.scene, [width, height], output);
            let name = work.name.replace(", ", "-").replace(' ', "-");
            let id = BenchmarkId::new(format!("{name}/cpu"), format!("{width}x{height}/i16"));
            group.bench_function(id, |b| b.iter(|| backend.render(&request, &uploaded, &progress)));
        }
    }
    group.finish();
    Ok(())
}

fn all(criterion: &mut Criterion) {
    if let Err(error) = render(criterion) {
        eprintln!("the bench could not run: {error}");
    }
}

criterion_group!(benches, all);
criterion_main!(benches);
