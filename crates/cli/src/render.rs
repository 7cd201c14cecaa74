//! `anatome render`.

use std::path::PathBuf;

use anatome::{
    Job, JobReport, Limits, Overwrite, Picture, PictureFormat, Quality, Result, SeriesChoice, Shots, Source,
    Stage, Style, read_scene,
};

use crate::args::{CommonArgs, FormatArg, RenderArgs};
use crate::inspect::{damage_hint, named, notes_text, skipped_text};
use crate::progress_bar::Stages;
use crate::table::table;

pub(crate) fn run(args: &RenderArgs, stages: &Stages) -> Result<JobReport> {
    let shots = match &args.scene {
        Some(path) => {
            let name = path.file_stem().map_or("scene".into(), |stem| stem.to_string_lossy());
            Shots::Scenes(vec![(name.into_owned(), read_scene(path)?)])
        }
        None => Shots::Standard {
            pictures: Picture::ALL.to_vec(),
            style: Style {
                planes: args.planes.into(),
                window: args.window.clone(),
                preset: args.preset.clone(),
                ..Style::default()
            },
        },
    };
    let job = Job {
        series: args.input.series.clone().unwrap_or_default(),
        shots,
        quality: Quality { precision: args.precision.into(), ..Quality::default() },
        labels: args.labels,
        format: match (args.format, args.jpeg_quality) {
            (FormatArg::Png, _) => PictureFormat::Png,
            (FormatArg::Tiff, _) => PictureFormat::Tiff,
            (FormatArg::Jpeg, None) => PictureFormat::JPEG,
            (FormatArg::Jpeg, Some(quality)) => PictureFormat::Jpeg { quality },
        },
        frame: args.frame,
        limits: args.input.read.limits,
        ..standard_job(args.input.read.sources(), args.out.clone(), &args.common)
    };
    run_job(&job, &args.common, stages)
}

/// A job of all standard pictures of the largest series.
pub(crate) fn standard_job(sources: Vec<Source>, out: PathBuf, common: &CommonArgs) -> Job {
    Job {
        sources,
        limits: Limits::default(),
        series: SeriesChoice::Largest,
        shots: Shots::Standard { pictures: Picture::ALL.to_vec(), style: Style::default() },
        frame: None,
        size_px: common.size,
        quality: Quality::default(),
        backend: common.by.backend.into(),
        adapter: common.by.adapter.clone(),
        memory_budget: common.by.memory_budget,
        labels: false,
        format: PictureFormat::Png,
        out,
        overwrite: if common.overwrite { Overwrite::Allowed } else { Overwrite::Never },
    }
}

pub(crate) fn run_job(job: &Job, common: &CommonArgs, stages: &Stages) -> Result<JobReport> {
    let workers = common.run.workers()?;
    stages.writes_into(&job.out);
    let report = job.run(&workers, &|stage: Stage| stages.stage(&stage));
    stages.finish();
    report
}

/// The report for a person.
pub(crate) fn text(report: &JobReport) -> String {
    let mut out = String::new();
    if let Some(geometry) = &report.series.geometry {
        let [i, j, k] = geometry.size;
        let modality = named(&report.series.modality);
        out += &format!("series {}: {modality}, {i} x {j} x {k}, ", report.series.number);
    }
    if let Some(stack) = &report.series.stack {
        let [columns, rows] = stack.size;
        let (number, modality) = (report.series.number, named(&report.series.modality));
        let frames = report.series.frames;
        let why = match &stack.reason {
            Some(reason) => format!("no volume ({reason})"),
            None => "in colour".to_owned(),
        };
        out += &format!("series {number}: {modality}, {columns} x {rows}, {frames} images, {why}, ");
    }
    out += &format!("loaded in {:.1} s\n", report.load_s);
    let adapter = report.adapter.as_ref().map(|name| format!(" on {name}")).unwrap_or_default();
    out += &format!("backend: {}{adapter} ({})\n\n", report.backend, report.backend_reason);
    let mut rows = vec![["picture", "pixels", "render s", "write s", "file"].map(str::to_owned).to_vec()];
    for picture in &report.pictures {
        let [width, height] = picture.size_px;
        let result = match (&picture.image, &picture.error) {
            (Some(path), _) if picture.is_blank => format!("{} (nothing is seen in it)", path.display()),
            (Some(path), _) => path.display().to_string(),
            (None, error) => format!("FAILED: {}", error.as_deref().unwrap_or("unknown")),
        };
        rows.push(vec![
            picture.name.clone(),
            format!("{width} x {height}"),
            format!("{:.2}", picture.render_s),
            format!("{:.2}", picture.write_s),
            result,
        ]);
    }
    out += &table(&rows);
    let mut notes = report.notes.clone();
    for note in report.series.notes.iter().filter(|note| !report.notes.iter().any(|known| known == *note)) {
        notes.add_many(note.code, note.text.clone(), note.count);
    }
    let notes = notes_text(&notes, "");
    if !notes.is_empty() {
        out += "\n";
        out += &notes;
    }
    out += &skipped_text(&report.skipped);
    out += damage_hint(&report.notes);
    out + &format!("\ntotal {:.1} s. Not for diagnostic use.\n", report.total_s)
}
