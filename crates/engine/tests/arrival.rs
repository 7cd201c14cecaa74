//! Series whose slices go to the GPU while others are still decoded.

#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]

use std::path::Path;
use std::sync::Arc;

use anatome::*;
use anatome_phantom::{ThoraxSpec, thorax_ct};
use anatome_testkit::Need;

const SHAPE: [usize; 3] = [40, 64, 64];

/// A generated series in files.
fn write(folder: &Path, workers: &Workers) -> Study {
    let spec = ThoraxSpec { shape: SHAPE, ..ThoraxSpec::default() };
    let volume = thorax_ct(&spec, workers.pool(), &Progress::new()).unwrap();
    let spec = SeriesSpec { seed: 1, number: 1, description: "arrival".into(), file_prefix: String::new() };
    write_series(&volume, &spec, folder, workers.pool(), &Progress::new()).unwrap();
    Study::scan(&[folder.into()], &Limits::default(), workers, &Progress::new()).unwrap()
}

/// A picture of a series that arrives on a backend, and one of the same volume when it is uploaded whole.
fn pictures(study: &Study, backend: &Backend, workers: &Workers) -> (usize, [Image; 2]) {
    let arrival = backend.receive();
    let progress = Progress::new();
    let loaded = study.load_with(0, &Limits::default(), workers, &progress, &arrival).unwrap();
    let volume: &Arc<Volume> = &loaded.volume;
    let arrived = backend.upload_arrived(volume, arrival, &progress).unwrap();
    let uploaded = backend.upload(volume, &progress).unwrap();
    let scene = scene(Picture::Coronal, volume, &Style::default(), 1.0).unwrap();
    let request = Request::new(scene, [120, 120], Output::Grey8);
    let slices = volume.grid().shape()[0];
    (slices, [&arrived, &uploaded].map(|volume| backend.render(&request, volume, &progress).unwrap()))
}

#[test]
fn a_series_that_arrives_slice_by_slice_is_the_one_that_is_uploaded_whole() {
    let workers = Workers::new(Some(2)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let study = write(folder.path(), &workers);
    let cpu = Backend::open(BackendChoice::Cpu, None, &workers).unwrap();
    let (_, [on_cpu, uploaded]) = pictures(&study, &cpu, &workers);
    assert_eq!(on_cpu.pixels(), uploaded.pixels());
    let gpu = match Backend::open(BackendChoice::Gpu, Some("1"), &workers) {
        Ok(gpu) => gpu,
        Err(error) => return Need::Gpu.is_missing(&error.to_string()),
    };
    let (slices, [arrived, uploaded]) = pictures(&study, &gpu, &workers);
    assert_eq!((slices, arrived.pixels()), (SHAPE[0], uploaded.pixels()));
    // A file that ends early costs its slice, and those behind it stand one slice lower.
    let file = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).nth(7).unwrap();
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() - 4000]).unwrap();
    let study = Study::scan(&[folder.path().into()], &Limits::default(), &workers, &Progress::new()).unwrap();
    let (slices, [arrived, uploaded]) = pictures(&study, &gpu, &workers);
    assert_eq!((slices, arrived.pixels()), (SHAPE[0] - 1, uploaded.pixels()));
}
