//! Frames that belong together, and what they make.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use anatome_core::{Grid, Modality, NoteCode, Notes};
use dicom_dictionary_std::uids;
use glam::DVec3;

use crate::damage::{self, Copies, Damage};
use crate::slices::{Directions, Slices};
use crate::{Error, Frame, InstanceHeader, PixelModule, Skipped, StackFault, mosaic};

/// Frames of one DICOM series that can make one volume or one stack, or objects without pixels. A DICOM series whose
/// images differ in orientation, size, spacing, frame of reference or phase gives several of these, and so does one
/// with images that can't be decoded, which stand apart.
#[derive(Clone, Debug)]
pub struct Series {
    /// Each once, in the order of their frames.
    instances: Vec<Arc<InstanceHeader>>,
    frames: Vec<Frame>,
    directions: Option<Directions>,
    part: Option<String>,
    /// Why the frames make no volume, where their positions alone do not tell.
    fault: Option<StackFault>,
    copies: Arc<Copies>,
    damaged: Vec<Skipped>,
    notes: Notes,
}

/// Directions that differ by less than this differ by rounding.
const QUIET_DIRECTION: f64 = 1e-4;

impl Series {
    pub(crate) fn new(
        frames: Vec<Frame>,
        directions: Option<Directions>,
        part: Option<String>,
        notes: Notes,
    ) -> Self {
        let mut instances: Vec<Arc<InstanceHeader>> = Vec::new();
        let mut seen = HashSet::new();
        for frame in &frames {
            let instance = frame.instance();
            if seen.insert(Arc::as_ptr(instance)) {
                instances.push(Arc::clone(instance));
            }
        }
        Self { frames, directions, ..Self::of_objects(instances, part, notes) }
    }

    /// Objects without pixels.
    pub(crate) fn of_objects(
        instances: Vec<Arc<InstanceHeader>>,
        part: Option<String>,
        notes: Notes,
    ) -> Self {
        let copies = Arc::default();
        let (frames, damaged) = (Vec::new(), Vec::new());
        Self { instances, frames, directions: None, part, fault: None, copies, damaged, notes }
    }

    pub(crate) fn with_fault(self, fault: Option<StackFault>) -> Self {
        Self { fault, ..self }
    }

    pub(crate) fn with_copies(self, copies: Arc<Copies>) -> Self {
        Self { copies, ..self }
    }

    /// Says which images of the same DICOM series, but not of this one, can't be decoded.
    pub(crate) fn add_damages(&mut self, damages: &[Damage]) {
        let Some(first) = self.instances.first() else { return };
        let of_series = |damage: &&Damage| {
            let header = &damage.header;
            header.series_instance_uid == first.series_instance_uid && header.patient == first.patient
        };
        let own = |damage: &&Damage| Arc::ptr_eq(&damage.header, first);
        let damages: Vec<&Damage> = damages.iter().filter(of_series).collect();
        if !damages.iter().any(own) {
            damage::note(damages.iter().copied(), &mut self.notes);
        }
        self.damaged = damage::files(damages);
    }

    /// Says which objects have fewer frames than they state.
    pub(crate) fn note_missing_frames(&mut self) {
        for header in self.instances.iter().filter(|header| header.stated_frames() > 1) {
            let (stated, fit, read) = (header.stated_frames(), header.frames_that_fit, header.frame_count());
            if stated > fit {
                let error = too_few_frames(stated, fit);
                self.notes.add(NoteCode::Damaged, error.to_string());
                self.damaged.push(Skipped::of(header.file(), &error));
            } else if stated > read as u64 {
                let text = format!("{stated} frames are stated, of which the limits allow {read}");
                self.notes.add(NoteCode::Ignored, text);
            }
        }
    }

    /// Says how many overlays lie over its images: they are read, but by who asks for them only.
    pub(crate) fn note_overlays(&mut self) {
        let of_images = self.instances.iter().filter(|header| header.pixel_data.is_some());
        let text = match of_images.map(|header| header.overlays).sum() {
            0 => return,
            1 => "an overlay (60xx) is not shown".to_owned(),
            count => format!("{count} overlays (60xx) are not shown"),
        };
        self.notes.add(NoteCode::Ignored, text);
    }

    /// Whether both are of one patient, by Patient ID and name, and where files state neither by study: a study should be,
    /// and some are not.
    #[must_use]
    pub fn is_of_patient_of(&self, other: &Self) -> bool {
        let patients = [self, other].map(|own| own.first().and_then(|first| first.patient));
        patients[0] == patients[1] && (patients[0].is_some() || self.is_of_study_of(other))
    }

    /// Whether both are of one study that is named.
    fn is_of_study_of(&self, other: &Self) -> bool {
        let study = self.study_instance_uid();
        !study.is_empty() && study == other.study_instance_uid()
    }

    /// Other files with the UIDs of the objects.
    pub(crate) fn copies(&self) -> &Arc<Copies> {
        &self.copies
    }

    /// The files of the DICOM series that can't be decoded, as far as their headers tell: they are no part of any
    /// volume. Their names may name patients.
    #[must_use]
    pub fn damaged(&self) -> &[Skipped] {
        &self.damaged
    }

    /// The frames, in order along the normal where there are positions, by their numbers otherwise. Empty only for
    /// objects without pixels.
    #[must_use]
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// The number by which people call each of the frames: the Instance Number (0020,0013) of images of their own; of one
    /// object's frames the number in it, from 1. `None` where that is absent, or would name several of the frames.
    #[must_use]
    pub fn image_numbers(&self) -> Vec<Option<i64>> {
        let number = |frame: &Frame| match self.instances.as_slice() {
            [_] if frame.instance().frame_count() > 1 => i64::try_from(frame.number()).ok(),
            _ => frame.instance().instance_number.filter(|_| frame.instance().frame_count() == 1),
        };
        let numbers: Vec<Option<i64>> = self.frames.iter().map(number).collect();
        let mut count: HashMap<i64, usize> = HashMap::new();
        numbers.iter().flatten().for_each(|&number| *count.entry(number).or_default() += 1);
        numbers.into_iter().map(|number| number.filter(|number| count[number] == 1)).collect()
    }

    /// The objects that hold the frames, each once, in the order of the frames. Never empty.
    #[must_use]
    pub fn instances(&self) -> &[Arc<InstanceHeader>] {
        &self.instances
    }

    /// What was found while grouping.
    #[must_use]
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    /// What tells this volume apart from others of the same DICOM series, such as `temporal position 2`.
    #[must_use]
    pub fn part(&self) -> Option<&str> {
        self.part.as_deref()
    }

    /// By study, patient and number.
    pub(crate) fn order(&self) -> impl Ord + use<'_> {
        (self.study_instance_uid(), self.first().map(|first| first.patient), self.number())
    }

    fn first(&self) -> Option<&InstanceHeader> {
        self.instances.first().map(Arc::as_ref)
    }

    /// Series Instance UID (0020,000E), empty if absent.
    #[must_use]
    pub fn series_instance_uid(&self) -> &str {
        self.first().map_or("", |first| &first.series_instance_uid)
    }

    /// Study Instance UID (0020,000D), empty if absent.
    #[must_use]
    pub fn study_instance_uid(&self) -> &str {
        self.first().map_or("", |first| &first.study_instance_uid)
    }

    /// Frame of Reference UID (0020,0052).
    #[must_use]
    pub fn frame_of_reference_uid(&self) -> Option<&str> {
        self.first()?.frame_of_reference_uid.as_deref()
    }

    /// Series Number (0020,0011).
    #[must_use]
    pub fn number(&self) -> Option<i64> {
        self.first()?.series_number
    }

    /// Series Description (0008,103E): free text, which may name anyone. Show it only where identity is shown.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.first()?.series_description.as_deref()
    }

    /// Modality (0008,0060).
    #[must_use]
    pub fn modality(&self) -> Modality {
        self.first().map_or(Modality::Other(String::new()), |first| first.modality.clone())
    }

    /// Frames, rows and columns; `None` for objects without pixels.
    #[must_use]
    pub fn shape(&self) -> Option<[usize; 3]> {
        let [rows, columns] = self.frames.first()?.size();
        Some([self.frames.len(), rows as usize, columns as usize])
    }

    /// Whether the frames make a volume, as far as the headers tell.
    #[must_use]
    pub fn form(&self) -> Form {
        let Some(first) = self.frames.first() else { return Form::Object };
        if OBJECTS.contains(&first.instance().sop_class_uid.as_str()) {
            return Form::Object;
        }
        match self.geometry() {
            Ok(_) => Form::Volume,
            Err(Error::Geometry(fault)) => Form::Stack { reason: fault.to_string() },
            Err(error) => Form::Stack { reason: error.to_string() },
        }
    }

    /// Where the samples stand, from the headers alone.
    ///
    /// The slice axis comes from the positions, never from a thickness: evenly spaced where all distances agree
    /// within 1 % (or 0.01 mm), a table of positions otherwise, sheared where the gantry was tilted. A gap of about n
    /// times (n >= 2) the spacing on both of its sides is a place where slices are missing, and so is one that is far
    /// wider than all others.
    ///
    /// # Errors
    /// Geometry, if positions, orientation or spacing are absent or make no grid; unsupported, for colour, and for
    /// objects that are no images by themselves.
    pub fn geometry(&self) -> Result<(Grid, Notes), Error> {
        let mut notes = Notes::new();
        let Some(first) = self.frames.first() else {
            return Err(Error::unsupported("a volume from objects without pixels"));
        };
        let header = first.instance();
        if OBJECTS.contains(&header.sop_class_uid.as_str()) {
            return Err(Error::unsupported("a volume from a segmentation, which belongs to other images,"));
        }
        let color =
            |pixels: &PixelModule| pixels.samples_per_pixel > 1 || pixels.photometric == "PALETTE COLOR";
        if header.pixels.as_ref().is_some_and(color) {
            return Err(Error::unsupported("a volume from colour images"));
        }
        if first.tile().is_none() && mosaic::is_mosaic(header) {
            return Err(Error::unsupported("a volume from a mosaic whose private description is missing"));
        }
        if let Some(fault) = &self.fault {
            return Err(fault.clone().into());
        }
        let positions: Vec<DVec3> =
            self.frames.iter().filter_map(|frame| frame.plane().image_position_mm).collect();
        if positions.len() < self.frames.len() {
            let images = self.frames.len() - positions.len();
            let no_position = StackFault::NoPosition { images };
            let unplaced = |reason| StackFault::Unplaced { images, reason };
            return Err(header.frames.unplaced.map_or(no_position, unplaced).into());
        }
        let (Some(row), Some(column)) = (first.plane().row_cosines, first.plane().column_cosines) else {
            return Err(StackFault::NoOrientation.into());
        };
        let directions = Directions::new(row, column, &mut notes)?;
        self.note_varying_orientation(row, column, &mut notes);
        let [rows, columns] = first.size();
        let slices = Slices {
            rows: rows as usize,
            columns: columns as usize,
            directions: self.directions.unwrap_or(directions),
            pixel_spacing_mm: self.pixel_spacing_mm()?,
            origins_mm: positions,
            slice_thickness_mm: first.plane().slice_thickness_mm,
        };
        Ok((slices.grid(&mut notes)?, notes))
    }

    fn note_varying_orientation(&self, row: DVec3, column: DVec3, notes: &mut Notes) {
        let off = |frame: &Frame| {
            let plane = frame.plane();
            let rows = plane.row_cosines.map_or(0.0, |other| (other - row).abs().max_element());
            rows.max(plane.column_cosines.map_or(0.0, |other| (other - column).abs().max_element()))
        };
        let most = self.frames.iter().map(off).fold(0.0, f64::max);
        if most > QUIET_DIRECTION {
            let text = format!("the orientation varies by up to {most:.1e}; that of one image is used");
            notes.add(NoteCode::OrientationCorrected, text);
        }
    }

    /// The pixel spacing of all frames; they may differ by rounding only.
    fn pixel_spacing_mm(&self) -> Result<[f64; 2], Error> {
        let mut spacings = self.frames.iter().map(|frame| frame.plane().pixel_spacing_mm);
        let usable = |spacing: &[f64; 2]| spacing.iter().all(|&mm| mm > 0.0 && mm.is_finite());
        let first = spacings.next().flatten().filter(usable).ok_or(StackFault::NoSpacing)?;
        if !spacings.all(|other| close_spacing(Some(first), other)) {
            return Err(Error::unsupported("a series whose images differ in pixel spacing"));
        }
        Ok(first)
    }
}

/// Which of the frames are missing is not always certain: they are counted from the front.
pub(crate) fn too_few_frames(stated: u64, there: u64) -> Error {
    Error::malformed("pixel data", format!("{stated} frames are stated, {there} are there"))
}

/// What the frames of a series make.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// A volume: see [`crate::load`].
    Volume,
    /// Images beside each other: see [`crate::Stack`].
    Stack {
        /// Why they make no volume.
        reason: String,
    },
    /// No images by themselves: a segmentation, or an object without pixels.
    Object,
}

/// Objects whose frames are parts of what they say about other images.
pub(crate) const OBJECTS: [&str; 2] = [uids::SEGMENTATION_STORAGE, "1.2.840.10008.5.1.4.1.1.66.7"];

/// Whether spacings differ by rounding only.
pub(crate) fn close_spacing(a: Option<[f64; 2]>, b: Option<[f64; 2]>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-4 * a.abs()),
        (a, b) => a.is_none() && b.is_none(),
    }
}
