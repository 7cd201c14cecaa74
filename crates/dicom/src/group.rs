//! From instance headers to series that are one volume each.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use anatome_core::{Grid, Modality, NoteCode, Notes};
use dicom_dictionary_std::uids;
use glam::DVec3;

use crate::slices::{Directions, Slices};
use crate::{Error, Frame, InstanceHeader, PixelModule, StackFault, decode, mosaic, phases};

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
    notes: Notes,
}

/// Directions that differ by less than this in any component are one orientation.
const SAME_DIRECTION: f64 = 1e-3;

/// Directions that differ by less than this differ by rounding.
const QUIET_DIRECTION: f64 = 1e-4;

/// Sorts headers into series: by study, series, frame of reference, matrix, kind of pixels, orientation and phase,
/// localizers apart, multi-frame objects each for themselves (those of one concatenation together). Within a series
/// frames are in order along the normal, row direction x column direction, by the positions of all of them
/// (PS3.3 C.7.6.2); instance and frame numbers play no part. Frames that have no place are in the order of their
/// numbers. The order of the result depends only on the headers.
#[must_use]
pub fn group(headers: Vec<Arc<InstanceHeader>>) -> Vec<Series> {
    let mut groups: BTreeMap<Key, Vec<Arc<InstanceHeader>>> = BTreeMap::new();
    for header in headers {
        groups.entry(Key::new(&header)).or_default().push(header);
    }
    let mut counts: BTreeMap<(String, u64), usize> = BTreeMap::new();
    for key in groups.keys() {
        *counts.entry((key.series.clone(), key.patient)).or_default() += 1;
    }
    let mut numbers = BTreeMap::new();
    let mut series = Vec::new();
    for (key, headers) in groups {
        let uid = (key.series.clone(), key.patient);
        let several = counts.get(&uid).is_some_and(|&count| count > 1);
        let number = numbers.entry(uid).or_insert(0usize);
        *number += 1;
        let name = match &key {
            Key { broken: true, .. } => format!("damaged images, group {number}"),
            Key { localizer: true, .. } => "localizer".to_owned(),
            _ => format!("group {number}"),
        };
        series.extend(split(headers, several.then_some(name)));
    }
    series.sort_by(|a, b| {
        let key = |series: &Series| (series.study_instance_uid().to_owned(), series.number());
        key(a).cmp(&key(b))
    });
    series
}

/// What images of one volume share.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    series: String,
    /// Series UIDs are unique by themselves; files exist that give each image of a series a study of its own.
    study: Option<String>,
    /// Images of two patients never meet in one volume, whatever the UIDs say.
    patient: u64,
    class: String,
    frame_of_reference: Option<String>,
    localizer: bool,
    /// Images that can't be decoded must not keep others from being loaded.
    broken: bool,
    matrix: Option<(u32, u32, u32, String)>,
    /// For multi-frame objects: which it is.
    object: Option<(Option<i64>, String)>,
}

impl Key {
    fn new(header: &InstanceHeader) -> Self {
        let pixels = header.pixels.as_ref();
        let multi_frame = pixels.is_some_and(|pixels| pixels.frames != 1);
        let object = || match &header.concatenation_uid {
            Some(uid) => (None, uid.clone()),
            None => (header.instance_number, header.sop_instance_uid.clone()),
        };
        Self {
            series: header.series_instance_uid.clone(),
            study: header.series_instance_uid.is_empty().then(|| header.study_instance_uid.clone()),
            patient: header.patient,
            class: header.sop_class_uid.clone(),
            frame_of_reference: header.frame_of_reference_uid.clone(),
            localizer: header.image_type.iter().skip(2).any(|value| value == "LOCALIZER"),
            broken: !multi_frame && decode::is_broken(header),
            matrix: pixels.map(|p| (p.rows, p.columns, p.samples_per_pixel, p.photometric.clone())),
            object: multi_frame.then(object),
        }
    }
}

/// Splits images that share a key by size, stack, orientation and phase.
fn split(mut headers: Vec<Arc<InstanceHeader>>, group_name: Option<String>) -> Vec<Series> {
    headers.sort_by(|a, b| {
        (a.instance_number, &a.sop_instance_uid).cmp(&(b.instance_number, &b.sop_instance_uid))
    });
    let mut notes = Notes::new();
    if group_name.is_some() {
        let text = "the series was split: its images differ in size, kind of pixels or frame of reference, are \
                    localizers, objects of several frames, or images that can't be decoded";
        notes.add(NoteCode::Split, text);
    }
    drop_repeated(&mut headers, &mut notes);
    let frames: Vec<Frame> = headers.iter().flat_map(Frame::all).collect();
    if frames.is_empty() {
        return vec![Series { instances: headers, frames, directions: None, part: group_name, notes }];
    }
    if headers.first().is_some_and(|header| OBJECTS.contains(&header.sop_class_uid.as_str())) {
        // Segments may share a place: no phases.
        return vec![Series::new(frames, None, group_name, notes)];
    }
    let mut alike: Vec<Vec<Frame>> = Vec::new();
    let mut found = HashMap::new();
    for frame in frames {
        // Most frames are like the one in front of them, and there may be many thousands.
        let known = found.get(frame.phase().stack_id.as_deref().unwrap_or_default()).copied();
        let fits = |group: &Vec<Frame>| group.first().is_some_and(|first| may_share(first, &frame));
        let place =
            known.filter(|&n: &usize| alike.get(n).is_some_and(fits)).or_else(|| alike.iter().position(fits));
        let place = place.unwrap_or_else(|| {
            alike.push(Vec::new());
            alike.len() - 1
        });
        found.insert(frame.phase().stack_id.as_deref().unwrap_or_default().to_owned(), place);
        if let Some(group) = alike.get_mut(place) {
            group.push(frame);
        }
    }
    let several = alike.len() > 1;
    let mut series = Vec::new();
    for (n, group) in alike.into_iter().enumerate() {
        let mut notes = notes.clone();
        let orientation = several.then(|| format!("orientation {}", n + 1));
        let name: Vec<String> = [group_name.clone(), orientation].into_iter().flatten().collect();
        if several {
            notes.add(NoteCode::Split, "the series was split by orientation, size, pixel spacing or stack");
        }
        series.extend(split_phases(group, name, notes));
    }
    series
}

/// Of several files with one UID the best stays.
fn drop_repeated(headers: &mut Vec<Arc<InstanceHeader>>, notes: &mut Notes) {
    let mut kept: Vec<Arc<InstanceHeader>> = Vec::with_capacity(headers.len());
    let mut seen: HashMap<String, usize> = HashMap::new();
    for header in headers.drain(..) {
        let uid = header.sop_instance_uid.clone();
        match seen.get(&uid).and_then(|&n| kept.get_mut(n)) {
            Some(other) if !uid.is_empty() => {
                let text = match phases::quality(&header).cmp(&phases::quality(other)) {
                    Ordering::Equal => "an instance that is there twice; the first is used",
                    _ => "an instance that is there twice; the one with more bits or without loss is used",
                };
                notes.add(NoteCode::InstanceSkipped, text);
                if phases::quality(&header) > phases::quality(other) {
                    *other = header;
                }
            }
            _ => {
                seen.insert(uid, kept.len());
                kept.push(header);
            }
        }
    }
    *headers = kept;
}

/// Whether two frames may be part of one volume.
fn may_share(a: &Frame, b: &Frame) -> bool {
    let close = |a: Option<DVec3>, b: Option<DVec3>| match (a, b) {
        (Some(a), Some(b)) => (a - b).abs().max_element() <= SAME_DIRECTION,
        (a, b) => a.is_none() && b.is_none(),
    };
    let (p, q) = (a.plane(), b.plane());
    p.image_position_mm.is_some() == q.image_position_mm.is_some()
        && close(p.row_cosines, q.row_cosines)
        && close(p.column_cosines, q.column_cosines)
        && (p.image_position_mm.is_none() || close_spacing(p.pixel_spacing_mm, q.pixel_spacing_mm))
        && a.phase().stack_id == b.phase().stack_id
        && a.size() == b.size()
}

/// Whether spacings differ by rounding only.
fn close_spacing(a: Option<[f64; 2]>, b: Option<[f64; 2]>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-4 * a.abs()),
        (a, b) => a.is_none() && b.is_none(),
    }
}

fn split_phases(frames: Vec<Frame>, name: Vec<String>, mut notes: Notes) -> Vec<Series> {
    let joined = |parts: &[String]| (!parts.is_empty()).then(|| parts.join(", "));
    let directions = frames.first().and_then(|first| {
        let (row, column) = (first.plane().row_cosines?, first.plane().column_cosines?);
        Directions::new(row, column, &mut Notes::new()).ok()
    });
    let z = |frame: &Frame| {
        let normal = directions?.normal();
        Some(frame.plane().image_position_mm?.dot(normal))
    };
    let z_mm: Option<Vec<f64>> = frames.iter().map(z).collect();
    let Some(z_mm) = z_mm else {
        return vec![Series::new(frames, directions, joined(&name), notes)];
    };
    let mut placed: Vec<(f64, Frame)> = z_mm.into_iter().zip(frames).collect();
    // Stable: at one position instance numbers decide.
    placed.sort_by(|a, b| a.0.total_cmp(&b.0));
    let phases = phases::split(placed, &mut notes);
    let finish = |phase: phases::Phase| {
        let parts: Vec<String> = name.iter().cloned().chain(phase.name).collect();
        Series::new(phase.frames, directions, joined(&parts), notes.clone())
    };
    phases.into_iter().map(finish).collect()
}

impl Series {
    fn new(frames: Vec<Frame>, directions: Option<Directions>, part: Option<String>, notes: Notes) -> Self {
        let mut instances: Vec<Arc<InstanceHeader>> = Vec::new();
        let mut seen = HashSet::new();
        for frame in &frames {
            let instance = frame.instance();
            if seen.insert(Arc::as_ptr(instance)) {
                instances.push(Arc::clone(instance));
            }
        }
        Self { instances, frames, directions, part, notes }
    }

    /// The frames, in order along the normal where there are positions, by their numbers otherwise. Empty only for
    /// objects without pixels.
    #[must_use]
    pub fn frames(&self) -> &[Frame] {
        &self.frames
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
        let positions: Vec<DVec3> =
            self.frames.iter().filter_map(|frame| frame.plane().image_position_mm).collect();
        if positions.len() < self.frames.len() {
            return Err(StackFault::NoPosition { images: self.frames.len() - positions.len() }.into());
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
const OBJECTS: [&str; 2] = [uids::SEGMENTATION_STORAGE, "1.2.840.10008.5.1.4.1.1.66.7"];
