//! `anatome demo`.

use std::path::{Path, PathBuf};

use anatome::files::OutFolder;
use anatome::{
    Error, Job, JobReport, Picture, Progress, Result, SeriesSpec, Shots, Style, Volume, Workers, write_series,
};
use anatome_phantom::{ThoraxSpec, thorax_ct, thorax_pet};
use serde::Serialize;

use crate::args::{CommonArgs, DemoArgs};
use crate::progress_bar::Stages;
use crate::render::{self, standard_job};

#[derive(Debug, Serialize)]
pub(crate) struct DemoReport {
    schema_version: u32,
    /// The folder with the study's files.
    study: PathBuf,
    /// The standard pictures of the CT.
    pub(crate) ct: JobReport,
    /// The three planes of the PET.
    pub(crate) pet: JobReport,
}

impl DemoReport {
    pub(crate) fn jobs(&self) -> [&JobReport; 2] {
        [&self.ct, &self.pet]
    }
}

/// What is rendered of the PET.
const PLANES: [Picture; 3] = [Picture::Axial, Picture::Coronal, Picture::Sagittal];

/// Makes the study, writes it, and renders what it reads back.
pub(crate) fn run(args: &DemoArgs, stages: &Stages) -> Result<DemoReport> {
    let common = &args.common;
    let study = args.out.join("study");
    let ct = standard_job(vec![study.join("ct").into()], args.out.clone(), common);
    let pet = Job {
        shots: Shots::Standard { pictures: PLANES.to_vec(), style: Style::default() },
        ..standard_job(vec![study.join("pet").into()], args.out.join("pet"), common)
    };
    // Before minutes of work rather than after. What stays empty goes again.
    for folder in ["ct", "pet"].map(|name| study.join(name)) {
        let is_used = std::fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_some());
        if is_used && !common.overwrite {
            return Err(Error::Exists { path: folder });
        }
    }
    // Variables of their own, because they go in reverse: a folder after the one that was made in it.
    let _out = ct.prepare_out()?;
    let _pet_out = pet.prepare_out()?;
    let _ct = OutFolder::make(&study.join("ct"))?;
    let _pet = OutFolder::make(&study.join("pet"))?;
    ["ct", "pet"].into_iter().for_each(|name| stages.writes_into(&study.join(name)));
    make(args, &study, common, stages)?;
    let ct = render::run_job(&ct, common, stages)?;
    let pet = render::run_job(&pet, common, stages)?;
    Ok(DemoReport { schema_version: 1, study, ct, pet })
}

/// Writes the study's files: a CT, and a PET of the same body in the same frame of reference.
fn make(args: &DemoArgs, study: &Path, common: &CommonArgs, stages: &Stages) -> Result<()> {
    let workers = common.run.workers()?;
    let spec = ThoraxSpec { seed: args.seed, ..ThoraxSpec::default() };
    let make = |what: &str| stages.named(format!("making the {what}"));
    let ct = thorax_ct(&spec, workers.pool(), &make("CT"))?;
    write(&ct, &study.join("ct"), &spec_of(args, 1, "CT"), &workers, &stages.named("writing the CT".into()))?;
    drop(ct);
    let pet = thorax_pet(&spec, workers.pool(), &make("PET"))?;
    write(
        &pet,
        &study.join("pet"),
        &spec_of(args, 2, "PET"),
        &workers,
        &stages.named("writing the PET".into()),
    )
}

fn spec_of(args: &DemoArgs, number: u16, kind: &str) -> SeriesSpec {
    let description = format!("Generated thorax, {kind}");
    SeriesSpec { seed: args.seed, number, description, file_prefix: String::new() }
}

fn write(
    volume: &Volume,
    folder: &Path,
    spec: &SeriesSpec,
    workers: &Workers,
    progress: &Progress,
) -> Result<()> {
    write_series(volume, spec, folder, workers.pool(), progress)?;
    Ok(())
}

/// The report for a person.
pub(crate) fn text(report: &DemoReport) -> String {
    let study = report.study.display();
    format!("study: {study}\n\nCT\n{}\nPET\n{}", render::text(&report.ct), render::text(&report.pet))
}
