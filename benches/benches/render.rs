//! The hot path on the CPU: a slice, a slab, a projection and a rendering of the generated thorax.

#![expect(clippy::print_stderr, reason = "a bench has no other way to say that it could not run")]

use std::sync::Arc;

use anatome::{
    Backend, BackendChoice, Picture, Progress, Projection, Request, Scene, Style, View, Volume, Workers,
    natural_output, scene,
};
use anatome_phantom::{ThoraxSpec, thorax_ct};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

/// 128 MiB: larger than the caches of a processor.
const SHAPE: [usize; 3] = [256, 512, 512];
const SIZES_PX: [[u32; 2]; 2] = [[1920, 1080], [3840, 2160]];

fn slab(volume: &Volume, aspect: f64) -> anatome::Result<Scene> {
    let mut scene = scene(Picture::Axial, volume, &Style::default(), aspect)?;
    if let View::Slice { plane } = scene.view {
        scene.view = View::Slab { plane, thickness_mm: 10.0, projection: Projection::Mip };
    }
    Ok(scene)
}

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
        let aspect = f64::from(width) / f64::from(height);
        let standard = |picture| scene(picture, &volume, &Style::default(), aspect);
        let scenes = [
            ("slice", standard(Picture::Axial)?),
            ("slab", slab(&volume, aspect)?),
            ("mip", standard(Picture::Mip)?),
            ("rendering", standard(Picture::Rendering)?),
        ];
        for (name, scene) in scenes {
            let output = natural_output(&scene);
            let request = Request::new(scene, [width, height], output);
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
