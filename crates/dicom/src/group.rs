//! From instance headers to series that are one volume each.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};

use anatome_core::{Grid, Modality, NoteCode, Notes};
use glam::DVec3;

use crate::phases;
use crate::stack::{Directions, Stack};
use crate::{Error, InstanceHeader, StackFault};

/// Images of one DICOM series that can make one volume, or objects without pixels. A DICOM series whose images
/// differ in orientation, size, frame of reference or phase gives several of these.
#[derive(Clone, Debug)]
pub struct Series {
    instances: Vec<InstanceHeader>,
    directions: Option<Directions>,
    part: Option<String>,
    notes: Notes,
}

/// Directions that differ by less than this in any component are one orientation.
const SAME_DIRECTION: f64 = 1e-3;

/// Directions that differ by less than this differ by rounding.
const QUIET_DIRECTION: f64 = 1e-4;

/// Sorts headers into series: by study, series, frame of reference, matrix, kind of pixels, orientation and phase,
/// localizers apart, multi-frame objects each for themselves. Within a series slices are in order along the normal,
/// row direction x column direction, by the positions in all headers (PS3.3 C.7.6.2); instance numbers play no part.
/// The order of the result depends only on the headers.
#[must_use]
pub fn group(headers: Vec<InstanceHeader>) -> Vec<Series> {
    let mut groups: BTreeMap<Key, Vec<InstanceHeader>> = BTreeMap::new();
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
        let uid = (key.series, key.patient);
        let several = counts.get(&uid).is_some_and(|&count| count > 1);
        let number = numbers.entry(uid).or_insert(0usize);
        *number += 1;
        let name = if key.localizer { "localizer".to_owned() } else { format!("group {number}") };
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
    matrix: Option<(u32, u32, u32, String)>,
    /// For multi-frame objects: which it is.
    object: Option<String>,
}

impl Key {
    fn new(header: &InstanceHeader) -> Self {
        let pixels = header.pixels.as_ref();
        let multi_frame = pixels.is_some_and(|pixels| pixels.frames != 1);
        Self {
            series: header.series_instance_uid.clone(),
            study: header.series_instance_uid.is_empty().then(|| header.study_instance_uid.clone()),
            patient: header.patient,
            class: header.sop_class_uid.clone(),
            frame_of_reference: header.frame_of_reference_uid.clone(),
            localizer: header.image_type.iter().skip(2).any(|value| value == "LOCALIZER"),
            matrix: pixels.map(|p| (p.rows, p.columns, p.samples_per_pixel, p.photometric.clone())),
            object: multi_frame.then(|| header.sop_instance_uid.clone()),
        }
    }
}

pub(crate) fn by_number(a: &InstanceHeader, b: &InstanceHeader) -> Ordering {
    (a.instance_number, &a.sop_instance_uid).cmp(&(b.instance_number, &b.sop_instance_uid))
}

/// Splits images that share a key by orientation and phase.
fn split(mut headers: Vec<InstanceHeader>, group_name: Option<String>) -> Vec<Series> {
    headers.sort_by(by_number);
    let mut notes = Notes::new();
    if group_name.is_some() {
        let text = "the series was split: its images differ in size, kind of pixels or frame of reference, or are \
                    localizers";
        notes.add(NoteCode::Split, text);
    }
    drop_repeated(&mut headers, &mut notes);
    let mut oriented: Vec<Vec<InstanceHeader>> = Vec::new();
    for header in headers {
        let place = oriented
            .iter_mut()
            .find(|group| group.first().is_some_and(|first| same_orientation(first, &header)));
        match place {
            Some(group) => group.push(header),
            None => oriented.push(vec![header]),
        }
    }
    let several = oriented.len() > 1;
    let mut series = Vec::new();
    for (n, group) in oriented.into_iter().enumerate() {
        let mut notes = notes.clone();
        let orientation = several.then(|| format!("orientation {}", n + 1));
        let name: Vec<String> = [group_name.clone(), orientation].into_iter().flatten().collect();
        if several {
            notes.add(NoteCode::Split, "the series was split by orientation");
        }
        series.extend(split_phases(group, name, notes));
    }
    series
}

fn drop_repeated(headers: &mut Vec<InstanceHeader>, notes: &mut Notes) {
    let mut seen = HashSet::new();
    let before = headers.len();
    headers
        .retain(|header| header.sop_instance_uid.is_empty() || seen.insert(header.sop_instance_uid.clone()));
    if headers.len() < before {
        let text = "an instance that is there twice; the first is used";
        notes.add_many(NoteCode::InstanceSkipped, text, before - headers.len());
    }
}

fn same_orientation(a: &InstanceHeader, b: &InstanceHeader) -> bool {
    let close = |a: Option<DVec3>, b: Option<DVec3>| match (a, b) {
        (Some(a), Some(b)) => (a - b).abs().max_element() <= SAME_DIRECTION,
        (a, b) => a.is_none() && b.is_none(),
    };
    let positions = a.plane.image_position_mm.is_some() == b.plane.image_position_mm.is_some();
    let directions = close(a.plane.row_cosines, b.plane.row_cosines)
        && close(a.plane.column_cosines, b.plane.column_cosines);
    positions && directions
}

fn split_phases(headers: Vec<InstanceHeader>, name: Vec<String>, mut notes: Notes) -> Vec<Series> {
    let joined = |parts: &[String]| (!parts.is_empty()).then(|| parts.join(", "));
    let directions = headers.first().and_then(|first| {
        let (row, column) = (first.plane.row_cosines?, first.plane.column_cosines?);
        Directions::new(row, column, &mut Notes::new()).ok()
    });
    let z = |header: &InstanceHeader| {
        let normal = directions?.normal();
        Some(header.plane.image_position_mm?.dot(normal))
    };
    let z_mm: Option<Vec<f64>> = headers.iter().map(z).collect();
    let Some(z_mm) = z_mm else {
        return vec![Series { instances: headers, directions, part: joined(&name), notes }];
    };
    let mut placed: Vec<(f64, InstanceHeader)> = z_mm.into_iter().zip(headers).collect();
    // Stable: at one position instance numbers decide.
    placed.sort_by(|a, b| a.0.total_cmp(&b.0));
    let phases = phases::split(placed, &mut notes);
    let finish = |phase: phases::Phase| {
        let parts: Vec<String> = name.iter().cloned().chain(phase.name).collect();
        let part = joined(&parts);
        Series { instances: phase.instances, directions, part, notes: notes.clone() }
    };
    phases.into_iter().map(finish).collect()
}

impl Series {
    /// The headers, in order along the normal where there are positions, by instance number otherwise. Never empty.
    #[must_use]
    pub fn instances(&self) -> &[InstanceHeader] {
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
        self.instances.first()
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

    /// Slices, rows and columns; `None` for objects without pixels.
    #[must_use]
    pub fn shape(&self) -> Option<[usize; 3]> {
        let pixels = self.first()?.pixels.as_ref()?;
        let frames = if self.instances.len() == 1 { usize::try_from(pixels.frames).unwrap_or(0) } else { 1 };
        Some([self.instances.len() * frames, pixels.rows as usize, pixels.columns as usize])
    }

    /// Where the samples stand, from the headers alone.
    ///
    /// The slice axis comes from the positions, never from a thickness: evenly spaced where all distances agree
    /// within 1 % (or 0.01 mm), a table of positions otherwise, sheared where the gantry was tilted. A gap of about n
    /// times (n >= 2) the spacing on both of its sides is a place where slices are missing.
    ///
    /// # Errors
    /// Geometry, if positions, orientation or spacing are absent or make no grid; unsupported, for objects without
    /// pixels and multi-frame objects.
    pub fn geometry(&self) -> Result<(Grid, Notes), Error> {
        let mut notes = Notes::new();
        let first = self.first().ok_or_else(|| Error::unsupported("an empty series"))?;
        let Some(pixels) = &first.pixels else {
            return Err(Error::unsupported("a volume from objects without pixels"));
        };
        if pixels.frames != 1 || first.is_enhanced {
            return Err(Error::unsupported("a multi-frame object"));
        }
        if first.image_type.iter().any(|value| value == "MOSAIC") {
            return Err(Error::unsupported("a mosaic (many slices in one image)"));
        }
        let positions: Vec<DVec3> =
            self.instances.iter().filter_map(|header| header.plane.image_position_mm).collect();
        if positions.len() < self.instances.len() {
            return Err(StackFault::NoPosition { images: self.instances.len() - positions.len() }.into());
        }
        let (Some(row), Some(column)) = (first.plane.row_cosines, first.plane.column_cosines) else {
            return Err(StackFault::NoOrientation.into());
        };
        let directions = Directions::new(row, column, &mut notes)?;
        self.note_varying_orientation(row, column, &mut notes);
        let stack = Stack {
            rows: pixels.rows as usize,
            columns: pixels.columns as usize,
            directions: self.directions.unwrap_or(directions),
            pixel_spacing_mm: self.pixel_spacing_mm()?,
            origins_mm: positions,
            slice_thickness_mm: first.plane.slice_thickness_mm,
        };
        Ok((stack.grid(&mut notes)?, notes))
    }

    fn note_varying_orientation(&self, row: DVec3, column: DVec3, notes: &mut Notes) {
        let off = |header: &InstanceHeader| {
            let rows = header.plane.row_cosines.map_or(0.0, |other| (other - row).abs().max_element());
            rows.max(header.plane.column_cosines.map_or(0.0, |other| (other - column).abs().max_element()))
        };
        let most = self.instances.iter().map(off).fold(0.0, f64::max);
        if most > QUIET_DIRECTION {
            let text = format!("the orientation varies by up to {most:.1e}; that of one image is used");
            notes.add(NoteCode::OrientationCorrected, text);
        }
    }

    /// The pixel spacing of all images; they may differ by rounding only.
    fn pixel_spacing_mm(&self) -> Result<[f64; 2], Error> {
        let mut spacings = self.instances.iter().map(|header| header.plane.pixel_spacing_mm);
        let usable = |spacing: &[f64; 2]| spacing.iter().all(|&mm| mm > 0.0 && mm.is_finite());
        let first = spacings.next().flatten().filter(usable).ok_or(StackFault::NoSpacing)?;
        let close = |other: [f64; 2]| first.iter().zip(other).all(|(a, b)| (a - b).abs() <= 1e-4 * a);
        if !spacings.all(|other| other.is_some_and(close)) {
            return Err(Error::unsupported("a series whose images differ in pixel spacing"));
        }
        Ok(first)
    }
}
