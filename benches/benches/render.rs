//! The hot path, `op/backend/size/sample type`: uploads, cells, changes of the transfer function, every work of
//! `anatome-frames`, and reading back, of the generated thorax; and slices, MIP and rendering of the real PET/CT where it
//! is. On the CPU, and on a hardware GPU where there is one. All of it takes hours: name what is wanted, as in
//! `cargo bench -p anatome-benches --bench render -- 'MIP/cpu/3840x2160'`.

#![expect(
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a bench has no other way to say what could not run, and failures would look fast"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anatome::{
    Backend, BackendChoice, Facts, Limits, Modality, Output, Padding, Progress, Request, Samples, Source,
    Study, Unit, UploadedVolume, ValueMapping, Volume, Workers, natural_output,
};
use anatome_benches::{Work, shared_file, shifted, works};
use anatome_phantom::{ThoraxSpec, thorax_ct};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

/// 128 MiB of 16 bits: larger than the caches of a processor.
const SHAPE: [usize; 3] = [256, 512, 512];
const SIZES_PX: [[u32; 2]; 3] = [[1920, 1080], [3840, 2160], [7680, 4320]];
/// A picture that is hardly one: what is left is what is done before the first pixel.
const DOT_PX: [u32; 2] = [32, 18];

struct Bench<'a> {
    name: &'static str,
    backend: Backend,
    volumes: &'a [(String, Arc<Volume>)],
}

fn id(op: &str, backend: &str, size: impl std::fmt::Display, kind: &str) -> String {
    format!("{}/{backend}/{size}/{kind}", op.replace(", ", "-").replace(' ', "-"))
}

fn size_of(volume: &Volume) -> String {
    let [k, j, i] = volume.grid().shape();
    format!("{i}x{j}x{k}")
}

fn of_work(work: &Work, [width, height]: [u32; 2]) -> Request {
    Request::new(work.scene.clone(), [width, height], natural_output(&work.scene))
}

impl Bench<'_> {
    fn all(&self, criterion: &mut Criterion) -> anatome::Result<()> {
        for (kind, volume) in self.volumes {
            self.before_pictures(criterion, kind, volume)?;
            for size_px in SIZES_PX {
                self.pictures(criterion, kind, volume, size_px)?;
            }
        }
        Ok(())
    }

    /// Uploads, cells and changes of the transfer function.
    fn before_pictures(
        &self,
        criterion: &mut Criterion,
        kind: &str,
        volume: &Arc<Volume>,
    ) -> anatome::Result<()> {
        let (progress, backend) = (Progress::new(), &self.backend);
        let size = size_of(volume);
        let upload = || backend.upload(volume, &progress).unwrap();
        criterion.bench_function(&id("upload", self.name, &size, kind), |b| b.iter(|| black_box(upload())));
        let works = works(volume, 16.0 / 9.0)?;
        let Some(bone) = works.iter().find(|work| work.name == "rendering, bone") else {
            return Ok(());
        };
        // The first rendering of a volume finds the ranges of its cells.
        let first =
            |uploaded: UploadedVolume| backend.render(&of_work(bone, DOT_PX), &uploaded, &progress).unwrap();
        criterion.bench_function(&id("cells", self.name, &size, kind), |b| {
            b.iter_batched(upload, first, BatchSize::PerIteration);
        });
        let uploaded = upload();
        let mut step = 0;
        criterion.bench_function(&id("transfer-function-change", self.name, &size, kind), |b| {
            b.iter(|| {
                step += 1;
                let scene = shifted(&bone.scene, f64::from(step % 8)).unwrap();
                backend.render(&Request::new(scene, DOT_PX, Output::Rgba8), &uploaded, &progress).unwrap()
            });
        });
        Ok(())
    }

    fn pictures(
        &self,
        criterion: &mut Criterion,
        kind: &str,
        volume: &Arc<Volume>,
        size_px: [u32; 2],
    ) -> anatome::Result<()> {
        let (progress, backend) = (Progress::new(), &self.backend);
        let uploaded = backend.upload(volume, &progress)?;
        let [width, height] = size_px;
        let works = works(volume, f64::from(width) / f64::from(height))?;
        for work in &works {
            let request = of_work(work, size_px);
            let id = id(work.name, self.name, format!("{width}x{height}"), kind);
            criterion.bench_function(&id, |b| {
                b.iter(|| backend.render(&request, &uploaded, &progress).unwrap());
            });
        }
        if self.backend.adapter().is_none() {
            return Ok(());
        }
        // One byte a pixel, and four.
        for (op, work) in [("read-back-grey", "slice, axial"), ("read-back-rgba", "rendering, bone")] {
            let Some(work) = works.iter().find(|found| found.name == work) else { continue };
            let request = of_work(work, size_px);
            // All but the GPU's own time: sending, waiting and reading back.
            let rest = |count: u64| (0..count).map(|_| self.rest(&request, &uploaded)).sum::<Duration>();
            let id = id(op, self.name, format!("{width}x{height}"), kind);
            criterion.bench_function(&id, |b| b.iter_custom(rest));
        }
        Ok(())
    }

    fn rest(&self, request: &Request, uploaded: &UploadedVolume) -> Duration {
        let started = Instant::now();
        let (_, gpu) = self.backend.render_timed(request, uploaded, &Progress::new()).unwrap();
        started.elapsed().saturating_sub(gpu.unwrap_or_default())
    }
}

/// The thorax in every type of samples.
fn thorax(workers: &Workers) -> anatome::Result<Vec<(String, Arc<Volume>)>> {
    let spec = ThoraxSpec { shape: SHAPE, ..ThoraxSpec::default() };
    let signed = thorax_ct(&spec, workers.pool(), &Progress::new())?;
    let Samples::I16(hu) = signed.samples() else { return Ok(vec![("other".to_owned(), Arc::new(signed))]) };
    let made = |samples, slope, intercept, padding| {
        let mapping = ValueMapping { slope, intercept, unit: Unit::Hounsfield };
        let facts: Facts = signed.facts().clone();
        Volume::new(signed.grid().clone(), samples, mapping, padding, facts).map(Arc::new)
    };
    let bytes = Samples::U8(hu.mapv(|v| ((i32::from(v) + 1024) / 8).clamp(0, 255) as u8));
    let unsigned = Samples::U16(hu.mapv(|v| v.saturating_add(2048).max(0).cast_unsigned()));
    let floats = Samples::F32(hu.mapv(f32::from));
    let none = None::<Padding>;
    Ok(vec![
        ("u8".to_owned(), made(bytes, 8.0, -1024.0, none)?),
        ("u16".to_owned(), made(unsigned, 1.0, -2048.0, none)?),
        ("f32".to_owned(), made(floats, 1.0, 0.0, none)?),
        ("i16".to_owned(), Arc::new(signed)),
    ])
}

/// The real CT and PET, where the shared data are.
fn petct(workers: &Workers) -> anatome::Result<Vec<(String, Arc<Volume>)>> {
    let Some(file) = shared_file("petct-acrin042.zip") else { return Ok(Vec::new()) };
    let (limits, progress) = (Limits::default(), Progress::new());
    let study = Study::scan(&[Source::Path(file)], &limits, workers, &progress)?;
    let mut volumes = Vec::new();
    for number in [Modality::Ct, Modality::Pt].iter().filter_map(|modality| study.largest_of(modality)) {
        let volume = study.load(number, &limits, workers, &progress)?.volume;
        let kind = format!(
            "{}-real-{}",
            volume.samples().type_name(),
            volume.facts().modality.code().to_lowercase()
        );
        volumes.push((kind, volume));
    }
    Ok(volumes)
}

fn run(criterion: &mut Criterion) -> anatome::Result<()> {
    let workers = Workers::new(None)?;
    let mut volumes = thorax(&workers)?;
    volumes.extend(petct(&workers)?);
    let cpu = Backend::open(BackendChoice::Cpu, None, &workers)?;
    Bench { name: "cpu", backend: cpu, volumes: &volumes }.all(criterion)?;
    match Backend::open(BackendChoice::Gpu, None, &workers) {
        Ok(backend) => Bench { name: "gpu", backend, volumes: &volumes }.all(criterion)?,
        Err(error) => eprintln!("SKIP: {error}"),
    }
    Ok(())
}

fn all(criterion: &mut Criterion) {
    run(criterion).unwrap();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = all
}
criterion_main!(benches);
