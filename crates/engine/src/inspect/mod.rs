//! What is in files, as data for people and scripts.

use std::collections::HashSet;

use anatome_core::{Grid, NoteCode, Notes, Volume, orientation_letters};
use anatome_dicom::{Limits, Series, Skipped, Survey, SurveyedValues};
use serde::Serialize;

use self::kinds::Uptake;
pub use self::kinds::{
    DamageReport, DecodedReport, ObjectReport, PixelsReport, RealWorldReport, StackReport, UptakeReport,
};
use crate::image_part::ImagePart;
use crate::study::Study;

mod kinds;

/// The version of [`InspectReport`] as JSON.
pub const INSPECT_SCHEMA_VERSION: u32 = 1;

/// Whether a report may say who a patient is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Privacy {
    /// No names, IDs, dates, descriptions or UIDs.
    #[default]
    WithoutIdentity,
    /// All of them.
    WithIdentity,
}

/// Everything that was found.
#[derive(Debug, Serialize)]
pub struct InspectReport {
    /// [`INSPECT_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// How many files were looked at.
    pub files: usize,
    /// The files that were left out: without identity only those that the caller named, because names of files may name
    /// patients.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<SkippedReport>,
    /// The studies, each with its series.
    pub studies: Vec<StudyReport>,
    /// What was skipped or tolerated in the files.
    pub notes: Notes,
}

/// A file, or an entry of an archive, that was left out.
#[derive(Debug, Serialize)]
pub struct SkippedReport {
    /// Which.
    pub path: String,
    /// Why.
    pub reason: String,
}

impl SkippedReport {
    /// Of `files`, each once, without identity those that the caller named.
    pub(crate) fn all(study: &Study, files: &[Skipped], privacy: Privacy) -> Vec<Self> {
        let mut seen = HashSet::new();
        let new = |file: &&Skipped| seen.insert(file.path.clone());
        match privacy {
            Privacy::WithIdentity => files.iter().filter(new).map(Self::of).collect(),
            Privacy::WithoutIdentity => study.named(files).filter(new).map(Self::of).collect(),
        }
    }

    fn of(skipped: &Skipped) -> Self {
        Self { path: skipped.path.display().to_string(), reason: skipped.reason.clone() }
    }
}

/// A study; of several patients under one Study Instance UID each has an entry.
#[derive(Debug, Serialize)]
pub struct StudyReport {
    /// From 1, in the order of the report.
    pub number: usize,
    /// Who and when; only with identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<StudyIdentity>,
    /// Its series.
    pub series: Vec<SeriesReport>,
}

/// Who and when.
#[derive(Debug, Serialize)]
pub struct StudyIdentity {
    /// Study Instance UID (0020,000D).
    pub study_instance_uid: String,
    /// Patient's Name (0010,0010).
    pub patient_name: Option<String>,
    /// Patient ID (0010,0020).
    pub patient_id: Option<String>,
    /// Patient's Birth Date (0010,0030).
    pub birth_date: Option<String>,
    /// Patient's Sex (0010,0040).
    pub sex: Option<String>,
    /// Accession Number (0008,0050).
    pub accession_number: Option<String>,
    /// Study Date (0008,0020).
    pub study_date: Option<String>,
    /// Study Description (0008,1030).
    pub description: Option<String>,
}

/// A series, or the part of one that makes a volume.
#[derive(Debug, Serialize)]
pub struct SeriesReport {
    /// The number by which `--series` chooses it.
    pub number: usize,
    /// Modality (0008,0060).
    pub modality: String,
    /// What tells it apart from other volumes of the same DICOM series.
    pub part: Option<String>,
    /// How many instances it has.
    pub instances: usize,
    /// How many frames they have together; 0 for objects without images.
    pub frames: usize,
    /// The transfer syntaxes of its instances, each once; for another file than DICOM its format.
    pub transfer_syntaxes: Vec<String>,
    /// Series Instance UID (0020,000E) and description (0008,103E); only with identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<SeriesIdentity>,
    /// Where the samples stand; absent if they make no volume.
    pub geometry: Option<GeometryReport>,
    /// How the pixels of the first instance are stored; absent for other files than DICOM and objects without images.
    pub pixels: Option<PixelsReport>,
    /// How those of other instances are, where that differs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_pixels: Vec<PixelsReport>,
    /// What decoding showed of images that make no volume; absent if they were not decoded.
    pub decoded: Option<DecodedReport>,
    /// What the samples mean; absent if they were not loaded, and for colour.
    pub values: Option<ValuesReport>,
    /// The real-world value maps that the images themselves hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub real_world: Vec<RealWorldReport>,
    /// SUV factors of a PET volume, or why there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub uptake: Vec<UptakeReport>,
    /// What those rest on, step by step, without dates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub uptake_steps: Vec<String>,
    /// Images that make no volume.
    pub stack: Option<StackReport>,
    /// What it is, if it is derived from images or says how to show them.
    pub object: Option<ObjectReport>,
    /// Why it could not be loaded.
    pub error: Option<String>,
    /// What was odd.
    pub notes: Notes,
}

/// What identifies a series.
#[derive(Debug, Serialize)]
pub struct SeriesIdentity {
    /// Series Instance UID (0020,000E).
    pub series_instance_uid: String,
    /// Frame of Reference UID (0020,0052).
    pub frame_of_reference_uid: Option<String>,
    /// Series Number (0020,0011).
    pub series_number: Option<i64>,
    /// Series Description (0008,103E).
    pub description: Option<String>,
}

/// Where samples stand.
#[derive(Debug, Serialize)]
pub struct GeometryReport {
    /// Columns, rows and slices.
    pub size: [usize; 3],
    /// Distances in mm between columns, rows and (along the normal, the median if uneven) slices; see
    /// [`Self::slice_gaps_mm`].
    pub spacing_mm: [f64; 3],
    /// The rotation of the rows, columns and normal: their directions in LPS.
    pub directions: [[f64; 3]; 3],
    /// Where the rows, columns and slices go in the patient, in letters.
    pub orientation: [String; 3],
    /// The first voxel's centre, LPS mm.
    pub origin_mm: [f64; 3],
    /// The angle in degrees between the normal and the line of the slices' origins, to a thousandth.
    pub tilt_deg: f64,
    /// From the first voxel of a slice to that of the next, LPS mm; for uneven slices the same for the slice distance
    /// in [`Self::spacing_mm`], so that it is to be scaled by each gap. With a tilted gantry it is not along the normal.
    pub slice_step_mm: [f64; 3],
    /// The distances along the normal between neighbouring slices in mm, if they are uneven.
    pub slice_gaps_mm: Option<Vec<f64>>,
    /// The intervals in which slices are missing, by the slice before, from 0.
    pub missing_after: Vec<usize>,
}

/// What samples mean.
#[derive(Debug, Serialize)]
pub struct ValuesReport {
    /// `u8`, `i16`, `u16` or `f32`.
    pub sample_type: &'static str,
    /// Modality units per stored unit.
    pub slope: f64,
    /// The modality value of a stored zero.
    pub intercept: f64,
    /// The unit of the modality values; empty if they have none.
    pub unit: String,
    /// The smallest and largest modality value, padding excluded.
    pub range: Option<[f64; 2]>,
    /// The values that are padding.
    pub padding: Option<[f64; 2]>,
    /// What those are: always `stored`, as the samples are before slope and intercept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub padding_unit: Option<&'static str>,
    /// Whether low values are shown white.
    pub inverted: bool,
    /// Whether the pixels were ever compressed with loss.
    pub lossy: bool,
    /// Whether other images that make no volume differ in sample type, slope, intercept, unit or padding from the first
    /// one, whose these are. The range is that of all.
    pub differs: bool,
    /// The windows that the file recommends.
    pub windows: Vec<anatome_core::NamedVoi>,
}

impl InspectReport {
    /// From the reports of the study's series, in their order, of its other files, each with its volumes, and the files of
    /// damaged images.
    pub(crate) fn new(
        study: &Study,
        series: Vec<SeriesReport>,
        images: Vec<Vec<SeriesReport>>,
        damaged: Vec<Skipped>,
        privacy: Privacy,
    ) -> Self {
        let mut studies: Vec<(&Series, StudyReport)> = Vec::new();
        for (report, source) in series.into_iter().zip(study.series()) {
            // Of two patients under one UID neither may be taken for the other.
            let is_same = |known: &Series| same_study(known, source) && known.is_of_patient_of(source);
            match studies.iter_mut().find(|(known, _)| is_same(known)) {
                Some((_, study)) => study.series.push(report),
                None => {
                    let number = studies.len() + 1;
                    let identity = (privacy == Privacy::WithIdentity).then(|| StudyIdentity::of(source));
                    studies.push((source, StudyReport { number, identity, series: vec![report] }));
                }
            }
        }
        let mut studies: Vec<StudyReport> = studies.into_iter().map(|(_, study)| study).collect();
        // Such files do not say what study they belong to.
        let numbers = studies.len() + 1..;
        let images = images.into_iter().zip(numbers);
        studies.extend(images.map(|(series, number)| StudyReport { number, identity: None, series }));
        Self {
            schema_version: INSPECT_SCHEMA_VERSION,
            files: study.files(),
            skipped: SkippedReport::all(study, &[study.skipped(), &damaged].concat(), privacy),
            studies,
            notes: study.notes().clone(),
        }
    }
}

fn same_study(a: &Series, b: &Series) -> bool {
    a.study_instance_uid() == b.study_instance_uid()
}

/// Says of studies that they are of several patients, as a mistake in an archive makes them.
pub(crate) fn note_patients(series: &[Series], notes: &mut Notes) {
    for of_study in series.chunk_by(same_study) {
        let others = of_study.windows(2).filter(|pair| !pair[0].is_of_patient_of(&pair[1])).count();
        if others > 0 && of_study.iter().all(|one| !one.study_instance_uid().is_empty()) {
            let text =
                format!("one Study Instance UID holds images of {} patients, by ID and name", others + 1);
            notes.add(NoteCode::Tolerated, text);
        }
    }
}

impl StudyIdentity {
    fn of(series: &Series) -> Self {
        let identity = series.instances().first().map(|header| header.identity()).unwrap_or_default();
        Self {
            study_instance_uid: series.study_instance_uid().to_owned(),
            patient_name: identity.patient_name,
            patient_id: identity.patient_id,
            birth_date: identity.birth_date,
            sex: identity.sex,
            accession_number: identity.accession_number,
            study_date: identity.study_date,
            description: identity.study_description,
        }
    }
}

impl SeriesReport {
    pub(crate) fn new(
        number: usize,
        series: &Series,
        volume: Option<&Volume>,
        privacy: Privacy,
        limits: &Limits,
    ) -> Self {
        let mut transfer_syntaxes: Vec<String> =
            series.instances().iter().map(|header| header.transfer_syntax.to_string()).collect();
        let form = series.form();
        transfer_syntaxes.sort();
        transfer_syntaxes.dedup();
        let uptake = Uptake::of(series, &form, limits);
        let mut report = Self {
            number,
            modality: series.modality().code().to_owned(),
            part: series.part().map(str::to_owned),
            instances: series.instances().len(),
            frames: series.frames().len(),
            transfer_syntaxes,
            identity: (privacy == Privacy::WithIdentity).then(|| SeriesIdentity {
                series_instance_uid: series.series_instance_uid().to_owned(),
                frame_of_reference_uid: series.frame_of_reference_uid().map(str::to_owned),
                series_number: series.number(),
                description: series.description().map(str::to_owned),
            }),
            geometry: None,
            pixels: PixelsReport::of(series),
            other_pixels: PixelsReport::others(series),
            decoded: None,
            values: volume.map(ValuesReport::of),
            real_world: RealWorldReport::all(series),
            uptake: uptake.reports,
            uptake_steps: uptake.steps,
            stack: StackReport::of(series, form, limits),
            object: ObjectReport::of(series, limits),
            error: None,
            notes: series.notes().clone(),
        };
        report.add_notes(&uptake.notes);
        match (volume, series.geometry()) {
            (Some(volume), _) => report.geometry = Some(GeometryReport::of(volume.grid())),
            (None, Ok((grid, notes))) => {
                report.geometry = Some(GeometryReport::of(&grid));
                report.add_notes(&notes);
            }
            // A stack says why, and an object is none.
            (None, Err(_)) => {}
        }
        report
    }

    pub(crate) fn of_image(number: usize, image: &ImagePart, volume: Option<&Volume>) -> Self {
        let file = image.file();
        Self {
            number,
            modality: file.facts().modality.code().to_owned(),
            part: file.part_name(image.part()),
            instances: 1,
            frames: file.grid().shape()[0],
            transfer_syntaxes: vec![file.format().name().to_owned()],
            identity: None,
            geometry: Some(GeometryReport::of(file.grid())),
            pixels: None,
            other_pixels: Vec::new(),
            decoded: None,
            values: volume.map(ValuesReport::of),
            real_world: Vec::new(),
            uptake: Vec::new(),
            uptake_steps: Vec::new(),
            stack: None,
            object: None,
            error: None,
            notes: file.notes().clone(),
        }
    }

    /// Adds what decoding the images showed.
    pub(crate) fn add_survey(&mut self, survey: &Survey) {
        let decoded = DecodedReport::of(survey);
        self.error = decoded.error();
        self.decoded = Some(decoded);
        // The samples of a segmentation are no values.
        if self.stack.is_some() {
            self.values = survey.values.as_ref().map(|values| ValuesReport::of_frames(values, survey.lossy));
        }
        self.add_notes(&survey.notes);
    }

    /// Adds notes that are not there yet: loading repeats what geometry says.
    pub(crate) fn add_notes(&mut self, notes: &Notes) {
        for note in notes {
            if !self.notes.iter().any(|known| known == note) {
                self.notes.add_many(note.code, note.text.clone(), note.count);
            }
        }
    }
}

impl GeometryReport {
    fn of(grid: &Grid) -> Self {
        let [k, j, i] = grid.shape();
        let directions = [grid.row_direction(), grid.column_direction(), grid.slice_normal()];
        let slices = grid.slices();
        let gaps = |table: &anatome_core::SliceTable| (0..k - 1).map(|n| table.gap_mm(n)).collect();
        let missing = |table: &anatome_core::SliceTable| {
            table.missing_after().iter().enumerate().filter(|(_, m)| **m).map(|(n, _)| n).collect()
        };
        Self {
            size: [i, j, k],
            spacing_mm: grid.spacing_mm().to_array(),
            directions: directions.map(|d| d.to_array()),
            orientation: directions.map(orientation_letters),
            origin_mm: grid.patient_from_index(glam::DVec3::ZERO).to_array(),
            // Beyond that it is the rounding of positions.
            tilt_deg: (grid.tilt_rad().to_degrees() * 1e3).round() / 1e3,
            slice_step_mm: slice_step_mm(grid).to_array(),
            slice_gaps_mm: slices.map(gaps),
            missing_after: slices.map(missing).unwrap_or_default(),
        }
    }
}

/// The lattice of an uneven grid has one slice a millimetre along the normal.
fn slice_step_mm(grid: &Grid) -> glam::DVec3 {
    let step = grid.patient_from_lattice().matrix3.z_axis;
    if grid.slices().is_some() { step * grid.spacing_mm().z } else { step }
}

impl ValuesReport {
    fn of_frames(values: &SurveyedValues, lossy: bool) -> Self {
        let SurveyedValues { sample_type, mapping, padding, facts, range, differs, .. } = values;
        Self {
            sample_type,
            slope: mapping.slope,
            intercept: mapping.intercept,
            unit: mapping.unit.to_string(),
            range: range.map(|(low, high)| [low, high]),
            padding: padding.map(|padding| [padding.lowest, padding.highest]),
            padding_unit: padding.map(|_| "stored"),
            inverted: facts.inverted,
            lossy,
            differs: *differs,
            windows: facts.vois.clone(),
        }
    }

    fn of(volume: &Volume) -> Self {
        let mapping = volume.mapping();
        Self {
            sample_type: volume.samples().type_name(),
            slope: mapping.slope,
            intercept: mapping.intercept,
            unit: mapping.unit.to_string(),
            range: volume.value_range().map(|(low, high)| [low, high]),
            padding: volume.padding().map(|padding| [padding.lowest, padding.highest]),
            padding_unit: volume.padding().map(|_| "stored"),
            inverted: volume.facts().inverted,
            lossy: volume.facts().lossy,
            differs: false,
            windows: volume.facts().vois.clone(),
        }
    }
}
