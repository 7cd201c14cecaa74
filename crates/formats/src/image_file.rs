//! From a file to volumes.

use std::sync::Arc;

use anatome_core::{Facts, Grid, Notes, Progress, Volume};

use crate::layout::{Layout, Packing};
use crate::recognise::{Format, is_gzip, recognise};
use crate::source::{Place, Source};
use crate::voxels::Voxels;
use crate::{Error, Limits, metaimage, nifti, nrrd};

/// A file whose header was read. It holds one or more volumes on one grid.
#[derive(Clone, Debug)]
pub struct ImageFile {
    layout: Layout,
}

/// A volume, and what was odd about it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Loaded {
    /// The volume.
    pub volume: Arc<Volume>,
    /// What was found in the header and in the voxels.
    pub notes: Notes,
    /// What tells it apart from the other volumes of its file.
    pub part: Option<String>,
}

/// Reads all volumes of a file; together they must be within [`Limits::volume_bytes`].
///
/// # Errors
/// As [`ImageFile::open`] and [`ImageFile::load`].
pub fn load(source: &Source, limits: &Limits, progress: &Progress) -> Result<Vec<Loaded>, Error> {
    let file = ImageFile::open(source, limits)?;
    let needed = file.layout.volume_bytes().saturating_mul(file.parts() as u64);
    if needed > limits.volume_bytes {
        return Err(Error::Limits { what: "bytes of all volumes", needed, allowed: limits.volume_bytes });
    }
    let mut all = Vec::new();
    file.for_each(progress, &mut |loaded| {
        all.push(loaded);
        Ok(())
    })?;
    Ok(all)
}

/// Bytes that tell a format, and hold the whole header of a NIfTI file.
const START_BYTES: usize = 4096;

impl ImageFile {
    /// Reads a file's header: not a voxel.
    ///
    /// # Errors
    /// I/O, also for anything but a plain file; unrecognised; malformed; unsupported; geometry; limits.
    pub fn open(source: &Source, limits: &Limits) -> Result<Self, Error> {
        let place = Place::new(source.clone())?;
        let start = place.start(START_BYTES)?;
        let layout = match recognise(&start, place.path()) {
            Some(Format::Nifti1 | Format::Nifti2) if is_gzip(&start) => nifti::open_gzip(place, limits)?,
            Some(Format::Nifti1 | Format::Nifti2) => nifti::open(place, &start, Packing::None, limits)?,
            Some(Format::Nrrd) => nrrd::open(place, limits)?,
            Some(Format::MetaImage) => metaimage::open(place, limits)?,
            None => return Err(Error::Unrecognised { path: place.path().to_owned() }),
        };
        Ok(Self { layout })
    }

    /// The file's format.
    #[must_use]
    pub fn format(&self) -> Format {
        self.layout.format
    }

    /// Where the samples of each volume stand.
    #[must_use]
    pub fn grid(&self) -> &Grid {
        &self.layout.grid
    }

    /// What is known beside samples and geometry.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.layout.facts
    }

    /// What was odd about the header.
    #[must_use]
    pub fn notes(&self) -> &Notes {
        &self.layout.notes
    }

    /// The number of volumes, at least 1: time points, or components of a vector.
    #[must_use]
    pub fn parts(&self) -> usize {
        self.layout.parts()
    }

    /// What tells a volume (counted from 0) apart from the others; `None` where there is only one.
    #[must_use]
    pub fn part_name(&self, part: usize) -> Option<String> {
        let parts = self.parts();
        (parts > 1).then(|| format!("{} {} of {parts}", self.layout.part_kind, part + 1))
    }

    /// Reads one volume, counted from 0. Counts slices in `progress`.
    ///
    /// Samples stay in the stored type (u8, i16, u16, f32) with the header's slope and intercept as the volume's
    /// mapping. Others become i16 or f32 and a note states the largest error. Numbers that are not finite become
    /// padding. Compressed data are unpacked from the start of the file, up to the end of the volume.
    ///
    /// # Errors
    /// I/O, also where the file has changed since it was opened; malformed, where voxels are missing or compression
    /// is damaged; limits; cancelled.
    pub fn load(&self, part: usize, progress: &Progress) -> Result<Loaded, Error> {
        let parts = self.parts();
        if part >= parts {
            let (needed, allowed) = (part as u64 + 1, parts as u64);
            return Err(Error::Limits { what: "volumes of the file", needed, allowed });
        }
        let interleaved = self.layout.interleaved;
        progress.start(self.layout.grid.shape()[0] as u64);
        let mut voxels = Voxels::open(&self.layout, part / interleaved, progress)?;
        self.read(&mut voxels, part, progress)
    }

    /// Gives `take` each volume in order, reading the file once where volumes stand one after another. Counts slices
    /// of all of them in `progress`. What `take` answers with ends it.
    ///
    /// # Errors
    /// As [`Self::load`], and whatever `take` answers.
    pub fn for_each(
        &self,
        progress: &Progress,
        take: &mut dyn FnMut(Loaded) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (parts, interleaved) = (self.parts(), self.layout.interleaved);
        progress.start((self.layout.grid.shape()[0] as u64).saturating_mul(parts as u64));
        let mut voxels = Voxels::open(&self.layout, 0, progress)?;
        for part in 0..parts {
            if interleaved > 1 && part > 0 {
                voxels = Voxels::open(&self.layout, part / interleaved, progress)?;
            }
            take(self.read(&mut voxels, part, progress)?)?;
        }
        Ok(())
    }

    fn read(&self, voxels: &mut Voxels<'_>, part: usize, progress: &Progress) -> Result<Loaded, Error> {
        let layout = &self.layout;
        let mut notes = layout.notes.clone();
        let read = voxels.volume(part % layout.interleaved, progress)?;
        notes.append(read.notes);
        if part / layout.interleaved + 1 == layout.stacked {
            voxels.finish(&mut notes)?;
        }
        let (mapping, facts) = (layout.mapping.clone(), layout.facts.clone());
        let volume = Volume::new(layout.grid.clone(), read.samples, mapping, read.padding, facts)?;
        Ok(Loaded { volume: Arc::new(volume), notes, part: self.part_name(part) })
    }
}
