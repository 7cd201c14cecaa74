//! All standard pictures of the largest volume in a folder: what `anatome render` does. Without an argument it makes a
//! small study first.

#![expect(clippy::print_stdout, reason = "an example tells what it did")]

use std::path::PathBuf;

use anatome::{
    BackendChoice, Job, Limits, Overwrite, Picture, PictureFormat, Progress, Quality, SeriesChoice,
    SeriesSpec, Shots, Source, Style, Workers, write_series,
};
use anatome_phantom::{ThoraxSpec, thorax_ct};

fn main() -> anyhow::Result<()> {
    let workers = Workers::new(None)?;
    let folder = match std::env::args_os().nth(1) {
        Some(folder) => PathBuf::from(folder),
        None => make_study(&workers)?,
    };
    let job = Job {
        sources: vec![Source::from(folder)],
        limits: Limits::default(),
        series: SeriesChoice::Largest,
        shots: Shots::Standard { pictures: Picture::ALL.to_vec(), style: Style::default() },
        frame: None,
        size_px: [640, 360],
        quality: Quality::default(),
        backend: BackendChoice::Auto,
        adapter: None,
        memory_budget: None,
        labels: true,
        format: PictureFormat::Png,
        out: "pictures".into(),
        overwrite: Overwrite::Allowed,
    };
    let report = job.run(&workers, &|_stage| Progress::new())?;
    for picture in &report.pictures {
        println!("{}: {:?} {:?}", picture.name, picture.image, picture.error);
    }
    Ok(())
}

fn make_study(workers: &Workers) -> anyhow::Result<PathBuf> {
    let folder = PathBuf::from("study");
    let thorax = ThoraxSpec { shape: [64, 96, 96], ..ThoraxSpec::default() };
    let volume = thorax_ct(&thorax, workers.pool(), &Progress::new())?;
    let spec = SeriesSpec { seed: 1, number: 1, description: "example".into(), file_prefix: String::new() };
    write_series(&volume, &spec, &folder, workers.pool(), &Progress::new())?;
    Ok(folder)
}
