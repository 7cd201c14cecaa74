//! `anatome convert`.

use std::path::{Path, PathBuf};

use anatome::{Notes, Overwrite, Result, SeriesReport, SkippedReport, Stage, Study, files};
use serde::Serialize;

use crate::args::ConvertArgs;
use crate::inspect::{damage_hint, named, notes_text, skipped_text};
use crate::progress_bar::Stages;

#[derive(Debug, Serialize)]
pub(crate) struct ConvertReport {
    schema_version: u32,
    /// The series that was written.
    series: SeriesReport,
    /// The file.
    file: PathBuf,
    /// What was odd in the files, and what the new one does not hold exactly.
    pub(crate) notes: Notes,
    /// The files that were left out or hold damaged images, of those that the user named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skipped: Vec<SkippedReport>,
}

pub(crate) fn run(args: &ConvertArgs, stages: &Stages) -> Result<ConvertReport> {
    // Before minutes of work rather than after.
    files::nifti_is_gzip(&args.out)?;
    let overwrite = if args.overwrite { Overwrite::Allowed } else { Overwrite::Never };
    files::check_target(&args.out, overwrite)?;
    let workers = args.run.workers()?;
    let (sources, limits) = (args.input.read.sources(), args.input.read.limits);
    let study = Study::scan(&sources, &limits, &workers, &stages.stage(&Stage::Scan))?;
    let chosen = study.choose(&args.input.series.clone().unwrap_or_default())?;
    let folder = args.out.parent().filter(|parent| !parent.as_os_str().is_empty());
    stages.writes_into(folder.unwrap_or(Path::new(".")));
    let loaded = study.load(chosen, &limits, &workers, &stages.stage(&Stage::Load))?;
    let mut notes = study.notes().clone();
    notes.append(loaded.notes);
    let skipped = study.left_out(&loaded.damaged);
    let progress = stages.named("writing".to_owned());
    notes.append(files::write_nifti(&loaded.volume, &args.out, overwrite, &progress)?);
    stages.finish();
    let series = study.report(chosen, Some(&loaded.volume));
    Ok(ConvertReport { schema_version: 1, series, file: args.out.clone(), notes, skipped })
}

/// The report for a person.
pub(crate) fn text(report: &ConvertReport) -> String {
    let series = &report.series;
    let size = series.geometry.as_ref().map(|g| g.size).unwrap_or_default();
    let [i, j, k] = size;
    let written = format!("series {}: {}, {i} x {j} x {k}", series.number, named(&series.modality));
    let (notes, skipped) = (notes_text(&report.notes, ""), skipped_text(&report.skipped));
    let hint = damage_hint(&report.notes);
    format!("{written}, written to {}\n{notes}{skipped}{hint}", report.file.display())
}
