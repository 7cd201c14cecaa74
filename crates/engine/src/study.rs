//! What was found in the sources, and choosing from it.

use std::io::{
    self,
    ErrorKind::{NotADirectory, NotFound},
};
use std::path::PathBuf;
use std::sync::Arc;

use anatome_core::{ErrorKind, Modality, Notes, Progress, Volume};
use anatome_dicom::{
    Form, Limits, Scanned, Series, Skipped, SliceSink, Source, Stack, SuvReport, SuvType, group, load_with,
    scan_beside,
};
use anatome_formats::recognise;

use crate::image_part::{self, ImagePart};
use crate::inspect::{InspectReport, Privacy, SeriesReport, SkippedReport, note_patients};
use crate::{Error, Result, Workers};

/// Which series.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SeriesChoice {
    /// The one that makes the volume of most voxels; if none makes a volume, the images of most pixels.
    #[default]
    Largest,
    /// By its number, from 1: [`Study::series`] first, then [`Study::image_parts`].
    Number(usize),
    /// By its Series Instance UID (0020,000E); the first part of a split series.
    Uid(String),
}

impl std::str::FromStr for SeriesChoice {
    type Err = std::convert::Infallible;

    /// A whole number below 1000 is a number, everything else a UID.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.parse() {
            Ok(number) if number < 1000 => Self::Number(number),
            _ => Self::Uid(text.to_owned()),
        })
    }
}

/// A volume, and what was odd about it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Loaded {
    /// The volume.
    pub volume: Arc<Volume>,
    /// What was found in headers, geometry and values.
    pub notes: Notes,
    /// The files of the series that can't be decoded, as [`anatome_dicom::Loaded::damaged`]. Their names may name
    /// patients.
    pub damaged: Vec<Skipped>,
    /// Of each slice, the number by which people call its image, as [`anatome_dicom::Series::image_numbers`]; empty for
    /// volumes of other formats, which have none.
    pub image_numbers: Vec<Option<i64>>,
}

/// The series and the volumes of other files in the sources, headers only.
#[derive(Debug)]
pub struct Study {
    series: Vec<Series>,
    image_parts: Vec<ImagePart>,
    files: usize,
    notes: Notes,
    skipped: Vec<Skipped>,
    limits: Limits,
    /// The paths that the caller gave.
    named: Vec<PathBuf>,
}

impl Study {
    /// Reads the headers of everything in `sources`: DICOM, and NIfTI, NRRD and MetaImage files.
    ///
    /// # Errors
    /// As [`anatome_dicom::scan`]; as [`anatome_formats::ImageFile::open`], if there is nothing else.
    pub fn scan(sources: &[Source], limits: &Limits, workers: &Workers, progress: &Progress) -> Result<Self> {
        let other = |path: &std::path::Path, start: &[u8]| recognise(start, path).is_some();
        let scanned = scan_beside(sources, &other, limits, workers.pool(), progress)
            .map_err(|error| name_input(error, sources))?;
        let Scanned { files, mut notes, instances, foreign, mut skipped, .. } = scanned;
        let (image_parts, error) = image_part::open(foreign, limits, &mut notes, &mut skipped);
        match error {
            Some(error) if instances.is_empty() && image_parts.is_empty() => Err(error.into()),
            _ => {
                let path = |source: &Source| match source {
                    Source::Path(path) => Some(path.clone()),
                    _ => None,
                };
                let named = sources.iter().filter_map(path).collect();
                let (series, limits) = (group(instances), *limits);
                note_patients(&series, &mut notes);
                Ok(Self { files, notes, skipped, series, image_parts, limits, named })
            }
        }
    }

    /// The series, in an order that depends only on their headers.
    #[must_use]
    pub fn series(&self) -> &[Series] {
        &self.series
    }

    /// The volumes of files that are not DICOM. Their positions go on behind those of [`Self::series`].
    #[must_use]
    pub fn image_parts(&self) -> &[ImagePart] {
        &self.image_parts
    }

    fn len(&self) -> usize {
        self.series.len() + self.image_parts.len()
    }

    /// How many files were looked at.
    #[must_use]
    pub fn files(&self) -> usize {
        self.files
    }

    /// The files that were left out. Their names may name patients.
    #[must_use]
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// Those of `files` that the caller named: to be told of them is nothing new.
    pub fn named<'a>(&'a self, files: &'a [Skipped]) -> impl Iterator<Item = &'a Skipped> {
        files.iter().filter(|file| self.named.contains(&file.path))
    }

    /// What was skipped or tolerated in the files.
    #[must_use]
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    /// The position of a choice in [`Self::series`] or, behind those, in [`Self::image_parts`].
    ///
    /// # Errors
    /// Unknown, for a series that is not there; no volume, if there are no images, with the reason;
    /// input, with its name, if the only one is an image that the caller named.
    pub fn choose(&self, choice: &SeriesChoice) -> Result<usize> {
        let found = match choice {
            SeriesChoice::Largest => return self.largest(),
            SeriesChoice::Number(number) => number.checked_sub(1).filter(|&n| n < self.len()),
            SeriesChoice::Uid(uid) => self.series.iter().position(|s| s.series_instance_uid() == uid),
        };
        found.ok_or_else(|| Error::Unknown {
            kind: "series",
            name: match choice {
                SeriesChoice::Largest => "largest".to_owned(),
                SeriesChoice::Number(number) => number.to_string(),
                SeriesChoice::Uid(uid) => uid.clone(),
            },
            known: format!("1 to {}", self.len()),
        })
    }

    /// The largest volume of a modality, if there is one.
    #[must_use]
    pub fn largest_of(&self, modality: &Modality) -> Option<usize> {
        self.largest_where(|n| self.modality(n).is_ok_and(|own| own == *modality))
    }

    fn largest_where(&self, is_candidate: impl Fn(usize) -> bool) -> Option<usize> {
        let limits = &self.limits;
        let made = |(n, series): (usize, &Series)| series.check(limits).ok().map(|_| (voxels(series), n));
        // Of equal ones the first.
        let series = self.series.iter().enumerate().filter_map(made);
        let parts = self.image_parts.iter().map(|part| part.file().grid().shape().iter().product());
        let all = series.chain(parts.zip(self.series.len()..)).filter(|&(_, n)| is_candidate(n));
        all.max_by_key(|&(v, n)| (v, usize::MAX - n)).map(|(_, n)| n)
    }

    fn largest(&self) -> Result<usize> {
        self.largest_where(|_| true).or_else(|| self.largest_stack()).ok_or_else(|| {
            let Some(fullest) = self.series.iter().max_by_key(|series| voxels(series)) else {
                return Error::NoVolume { reason: None };
            };
            match fullest.check(&self.limits).err().map(|error| self.name_only_file(fullest, error)) {
                Some(error @ Error::Input { .. }) => error,
                refusal => Error::NoVolume { reason: refusal.map(|error| error.to_string()) },
            }
        })
    }

    /// The stack of most pixels.
    fn largest_stack(&self) -> Option<usize> {
        let stacks = self.series.iter().enumerate();
        let stacks = stacks.filter(|(_, series)| matches!(series.form(), Form::Stack { .. }));
        stacks.max_by_key(|&(n, series)| (voxels(series), usize::MAX - n)).map(|(n, _)| n)
    }

    /// Reads and decodes the series, or the volume of another file, at a position; see [`Self::choose`].
    ///
    /// # Errors
    /// As [`anatome_dicom::load`] and [`anatome_formats::ImageFile::load`]; unknown, for a position that is not there.
    pub fn load(&self, n: usize, limits: &Limits, workers: &Workers, progress: &Progress) -> Result<Loaded> {
        self.load_with(n, limits, workers, progress, &())
    }

    /// As [`Self::load`], and hands each slice of a DICOM series to `sink` as soon as it is decoded.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_with(
        &self,
        n: usize,
        limits: &Limits,
        workers: &Workers,
        progress: &Progress,
        sink: &dyn SliceSink,
    ) -> Result<Loaded> {
        if let Some(part) = n.checked_sub(self.series.len()).and_then(|n| self.image_parts.get(n)) {
            let anatome_formats::Loaded { volume, notes, .. } = part.file().load(part.part(), progress)?;
            return Ok(Loaded { volume, notes, damaged: Vec::new(), image_numbers: Vec::new() });
        }
        let series = self.series_at(n)?;
        match load_with(series, limits, workers.pool(), progress, sink) {
            Ok(anatome_dicom::Loaded { volume, notes, damaged, image_numbers, .. }) => {
                Ok(Loaded { volume, notes, damaged, image_numbers })
            }
            Err(error) => Err(self.name_only_file(series, error)),
        }
    }

    /// The modality of the series, or of the volume of another file, at a position.
    ///
    /// # Errors
    /// Unknown, for a position that is not there.
    pub fn modality(&self, n: usize) -> Result<Modality> {
        match n.checked_sub(self.series.len()).and_then(|n| self.image_parts.get(n)) {
            Some(part) => Ok(part.file().facts().modality.clone()),
            None => Ok(self.series_at(n)?.modality()),
        }
    }

    /// SUV by body weight for each unit of the values of a PET series at a position, where its headers tell.
    #[must_use]
    pub fn suv_factor(&self, n: usize) -> Option<f64> {
        let series = self.series.get(n).filter(|series| series.modality() == Modality::Pt)?;
        SuvReport::new(series.instances(), &self.limits).ok()?.factor(SuvType::BodyWeight).ok()
    }

    /// Adds the file to an error about the only image of a series, where the caller named it.
    fn name_only_file(&self, series: &Series, error: anatome_dicom::Error) -> Error {
        match series.instances() {
            [only] if self.named.contains(&only.file()) => name_file(error, only.file()),
            _ => error.into(),
        }
    }

    fn series_at(&self, n: usize) -> Result<&Series> {
        self.series.get(n).ok_or_else(|| Error::Unknown {
            kind: "series",
            name: (n + 1).to_string(),
            known: format!("1 to {}", self.len()),
        })
    }

    /// What is known of the series at a position, and of its volume where that was loaded.
    #[must_use]
    pub fn report(&self, n: usize, volume: Option<&Volume>) -> SeriesReport {
        match n.checked_sub(self.series.len()).and_then(|n| self.image_parts.get(n)) {
            Some(part) => SeriesReport::of_image(n + 1, part, volume),
            None => SeriesReport::new(n + 1, &self.series[n], volume, Privacy::WithoutIdentity, &self.limits),
        }
    }

    /// The files that were left out, with those of `damaged` images, that may be told of without identity.
    #[must_use]
    pub fn left_out(&self, damaged: &[Skipped]) -> Vec<SkippedReport> {
        SkippedReport::all(self, &[&self.skipped, damaged].concat(), Privacy::WithoutIdentity)
    }

    /// What is known of everything. With `load_values`, each series is loaded in turn for its values and notes, and
    /// images that make no volume are decoded one by one.
    ///
    /// # Errors
    /// Cancelled; what keeps a single series from loading is part of the report.
    pub fn inspect(
        &self,
        privacy: Privacy,
        load_values: bool,
        limits: &Limits,
        workers: &Workers,
        watch: &dyn Fn(usize) -> Progress,
    ) -> Result<InspectReport> {
        let (mut series, mut damaged) = (Vec::new(), Vec::new());
        for (n, one) in self.series.iter().enumerate() {
            let loaded = if load_values && one.form() == Form::Volume {
                match self.load(n, limits, workers, &watch(n + 1)) {
                    Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error),
                    result => Some(result),
                }
            } else {
                None
            };
            let volume = loaded.as_ref().and_then(|result| result.as_ref().ok()).map(|l| l.volume.as_ref());
            let mut report = SeriesReport::new(n + 1, one, volume, privacy, limits);
            damaged.extend_from_slice(one.damaged());
            match loaded {
                Some(Ok(loaded)) => {
                    report.add_notes(&loaded.notes);
                    damaged.extend(loaded.damaged);
                }
                Some(Err(error)) => report.error = Some(error.to_string()),
                None => {}
            }
            if load_values && one.form() != Form::Volume && !one.frames().is_empty() {
                let survey = Stack::new(one, limits)?.survey(workers.pool(), &watch(n + 1))?;
                report.add_survey(&survey);
                damaged.extend(survey.damaged_files);
            }
            series.push(report);
        }
        let images = self.inspect_images(load_values, watch)?;
        Ok(InspectReport::new(self, series, images, damaged, privacy))
    }

    /// One list a file: a compressed file of many volumes is unpacked once.
    fn inspect_images(
        &self,
        load_values: bool,
        watch: &dyn Fn(usize) -> Progress,
    ) -> Result<Vec<Vec<SeriesReport>>> {
        let mut files = Vec::new();
        let mut number = self.series.len() + 1;
        for parts in self.image_parts.chunk_by(|a, b| std::ptr::eq(a.file(), b.file())) {
            let mut reports: Vec<_> =
                parts.iter().zip(number..).map(|(part, n)| SeriesReport::of_image(n, part, None)).collect();
            number += parts.len();
            if let (true, Some(first)) = (load_values, parts.first()) {
                let mut done = 0;
                let all = first.file().for_each(&watch(number - parts.len()), &mut |loaded| {
                    if let (Some(report), Some(part)) = (reports.get_mut(done), parts.get(done)) {
                        *report = SeriesReport::of_image(report.number, part, Some(&loaded.volume));
                        report.add_notes(&loaded.notes);
                    }
                    done += 1;
                    Ok(())
                });
                match all {
                    Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error.into()),
                    Err(error) => {
                        let unread = reports.get_mut(done..).unwrap_or_default();
                        unread.iter_mut().for_each(|report| report.error = Some(error.to_string()));
                    }
                    Ok(()) => {}
                }
            }
            files.push(reports);
        }
        Ok(files)
    }
}

/// Adds the file to an error about the only input, where the loader left it out.
fn name_input(error: anatome_dicom::Error, sources: &[Source]) -> Error {
    use anatome_dicom::Error as Dicom;
    let absent = |cause: &io::Error| matches!(cause.kind(), NotFound | NotADirectory);
    let is_source =
        |path: &PathBuf| sources.iter().any(|source| matches!(source, Source::Path(p) if p == path));
    match (error, sources) {
        (Dicom::NotDicom { path }, _) => Error::NoImage { path },
        (Dicom::NothingFound { files, path, reasons }, _) => Error::NothingFound { files, path, reasons },
        (Dicom::Io { cause, path, .. }, _) if absent(&cause) && is_source(&path) => Error::NoInput { path },
        (error, [Source::Path(path)]) => name_file(error, path.clone()),
        (error, _) => error.into(),
    }
}

fn name_file(error: anatome_dicom::Error, path: PathBuf) -> Error {
    match error.kind() {
        ErrorKind::Malformed | ErrorKind::Limits | ErrorKind::Unsupported => {
            Error::Input { source: error, path }
        }
        _ => error.into(),
    }
}

fn voxels(series: &Series) -> usize {
    series.shape().map_or(0, |shape| shape.iter().product())
}
