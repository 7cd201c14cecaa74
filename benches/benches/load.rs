//! From files in the page cache to headers and to a volume.

#![expect(clippy::unwrap_used, reason = "a bench that can't run has to stop")]

use std::hint::black_box;
use std::path::Path;

use anatome::{Limits, Modality, Progress, SeriesChoice, SeriesSpec, Study, Workers, write_series};
use anatome_benches::shared_file;
use anatome_phantom::{ThoraxSpec, thorax_ct};
use criterion::{Criterion, criterion_group, criterion_main};

const SHAPE: [usize; 3] = [100, 512, 512];

/// The real PET/CT, where the shared data are: an archive of files of two series.
const PETCT: &str = "petct-acrin042.zip";

fn scan(folder: &Path, workers: &Workers) -> Study {
    Study::scan(&[folder.into()], &Limits::default(), workers, &Progress::new()).unwrap()
}

fn load(criterion: &mut Criterion) {
    let workers = Workers::new(None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let spec = ThoraxSpec { shape: SHAPE, ..ThoraxSpec::default() };
    let volume = thorax_ct(&spec, workers.pool(), &Progress::new()).unwrap();
    let spec = SeriesSpec { seed: 1, number: 1, description: "bench".into(), file_prefix: String::new() };
    write_series(&volume, &spec, folder.path(), workers.pool(), &Progress::new()).unwrap();

    criterion.bench_function("load-headers/cpu/512x512x100/i16", |bencher| {
        bencher.iter(|| black_box(scan(folder.path(), &workers)));
    });
    criterion.bench_function("load/cpu/512x512x100/i16", |bencher| {
        bencher.iter(|| {
            let study = scan(folder.path(), &workers);
            let n = study.choose(&SeriesChoice::Largest).unwrap();
            black_box(study.load(n, &Limits::default(), &workers, &Progress::new()).unwrap())
        });
    });
}

fn load_real(criterion: &mut Criterion) {
    let Some(file) = shared_file(PETCT) else { return };
    let workers = Workers::new(None).unwrap();
    for (modality, kind) in [(Modality::Ct, "real-ct"), (Modality::Pt, "real-pt")] {
        criterion.bench_function(&format!("load/cpu/{PETCT}/{kind}"), |bencher| {
            bencher.iter(|| {
                let study = scan(&file, &workers);
                let n = study.largest_of(&modality).unwrap();
                black_box(study.load(n, &Limits::default(), &workers, &Progress::new()).unwrap())
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = load, load_real
}
criterion_main!(benches);
