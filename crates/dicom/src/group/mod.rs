//! From instance headers to series that are one volume each.

mod aspects;
mod contents;
mod copies;
mod lines;
mod marks;
mod overlap;
mod phases;
mod runs;

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use anatome_core::{NoteCode, Notes};
use glam::DVec3;

use self::aspects::{Apart, Aspect, Told, kinds, numbered, tell_apart};
use self::contents::Contents;
use self::marks::MARKS;
use crate::damage::Copies;
use crate::series::{OBJECTS, close_spacing};
use crate::slices::Directions;
use crate::{Frame, InstanceHeader, Series, damage, phase};

/// Directions that differ by less than this in any component are one orientation.
const SAME_DIRECTION: f64 = 1e-3;

/// Sorts headers into series: by study, series, frame of reference, matrix, kind of pixels, orientation and phase,
/// localizers apart, multi-frame objects each for themselves (those of one concatenation together). Within a series
/// frames are in order along the normal, row direction x column direction, by the positions of all of them
/// (PS3.3 C.7.6.2); instance and frame numbers play no part. Frames that have no place are in the order of their
/// numbers. The order of the result depends only on the headers. Of files with one SOP Instance UID the pixels are
/// compared, too, up to 256 MiB in all.
#[must_use]
pub fn group(mut headers: Vec<Arc<InstanceHeader>>) -> Vec<Series> {
    let damages = damage::told_by_headers(&mut headers);
    let broken: HashSet<_> = damages.iter().map(|damage| Arc::as_ptr(&damage.header)).collect();
    let mut groups: BTreeMap<Key, Vec<Arc<InstanceHeader>>> = BTreeMap::new();
    for header in headers {
        let key = Key::new(&header, broken.contains(&Arc::as_ptr(&header)));
        groups.entry(key).or_default().push(header);
    }
    // Keys of one DICOM series stand beside each other.
    let groups: Vec<(Key, Vec<Arc<InstanceHeader>>)> = groups.into_iter().collect();
    let (mut series, mut contents) = (Vec::new(), Contents::new());
    for of_series in groups.chunk_by(|(a, _), (b, _)| a.is_of_series(b)) {
        let apart = (of_series.len() > 1).then(|| tell_apart(&key_aspects(of_series)));
        for (n, (_, headers)) in of_series.iter().enumerate() {
            let name = apart.as_ref().and_then(|apart| apart.names.get(n).cloned());
            let reason = apart.as_ref().map(|apart| apart.reason.clone());
            series.extend(split(headers.clone(), name, reason, &mut contents));
        }
    }
    for series in &mut series {
        series.add_damages(&damages);
        series.note_missing_frames();
        series.note_overlays();
    }
    series.sort_by(|a, b| a.order().cmp(&b.order()));
    series
}

/// What images of one volume share.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    series: String,
    /// Images of two patients never meet in one volume, whatever the UIDs say.
    patient: Option<u64>,
    /// Series UIDs are unique by themselves; files exist that give each image of a series a study of its own.
    study: Option<String>,
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
    fn new(header: &InstanceHeader, broken: bool) -> Self {
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
            broken,
            matrix: pixels.map(|p| (p.rows, p.columns, p.samples_per_pixel, p.photometric.clone())),
            object: multi_frame.then(object),
        }
    }

    fn is_of_series(&self, other: &Self) -> bool {
        self.series == other.series && self.patient == other.patient
    }
}

/// In what keys of one DICOM series differ.
fn key_aspects(groups: &[(Key, Vec<Arc<InstanceHeader>>)]) -> Vec<Vec<Aspect>> {
    let classes = numbered(groups.iter().map(|(key, _)| &key.class));
    let objects = numbered(groups.iter().map(|(key, _)| &key.object));
    let sizes = numbered(groups.iter().map(|(key, _)| key.size()));
    let pixels = numbered(groups.iter().map(|(key, _)| key.pixels()));
    let frames_of_reference = numbered(groups.iter().map(|(key, _)| &key.frame_of_reference));
    let mut labels = object_labels(groups).into_iter();
    let at = |kinds: &[usize], n: usize| kinds.get(n).copied().unwrap_or(0);
    let aspect = |told, kind, label| Aspect { told, kind, label };
    let class = |headers: &[Arc<InstanceHeader>]| {
        Some(headers.first()?.sop_class_name()?.trim_end_matches(" Storage").to_owned())
    };
    let mut aspects = |(n, (key, headers)): (usize, &(Key, Vec<Arc<InstanceHeader>>))| {
        vec![
            aspect(
                Told::As("images that can't be decoded stand apart"),
                key.broken.into(),
                key.broken.then(|| "damaged images".to_owned()),
            ),
            aspect(
                Told::As("localizers stand apart"),
                key.localizer.into(),
                key.localizer.then(|| "localizer".to_owned()),
            ),
            aspect(Told::In("kind of object"), at(&classes, n), class(headers)),
            aspect(
                Told::As("each object of several frames stands for itself"),
                at(&objects, n),
                labels.next().flatten(),
            ),
            aspect(
                Told::In("size"),
                at(&sizes, n),
                key.size().map(|(rows, columns)| format!("{columns} x {rows} pixels")),
            ),
            aspect(Told::In("kind of pixels"), at(&pixels, n), key.pixels().map(|(_, name)| name.clone())),
            aspect(
                Told::In("frame of reference"),
                at(&frames_of_reference, n),
                Some(format!("frame of reference {}", at(&frames_of_reference, n) + 1)),
            ),
        ]
    };
    groups.iter().enumerate().map(&mut aspects).collect()
}

impl Key {
    fn size(&self) -> Option<(u32, u32)> {
        self.matrix.as_ref().map(|&(rows, columns, ..)| (rows, columns))
    }

    fn pixels(&self) -> Option<(u32, &String)> {
        self.matrix.as_ref().map(|(.., samples, photometric)| (*samples, photometric))
    }
}

/// What multi-frame objects are called: volumes by what tells them apart, such as their times, others by number.
fn object_labels(groups: &[(Key, Vec<Arc<InstanceHeader>>)]) -> Vec<Option<String>> {
    let objects: Vec<Vec<Frame>> = groups
        .iter()
        .map(|(key, headers)| {
            let headers = headers.iter().filter(|_| key.object.is_some());
            headers.flat_map(Frame::all).collect()
        })
        .collect();
    let filled = || objects.iter().filter(|frames| !frames.is_empty());
    let placed = filled().flatten().all(|frame| frame.plane().image_position_mm.is_some());
    let count = filled().count();
    let by_mark = MARKS.iter().filter(|mark| placed && mark.name != "instance").find_map(|mark| {
        let firsts: Vec<&Frame> = filled().filter_map(|frames| frames.first()).collect();
        let values = mark.values(firsts);
        let one_each = values.len() == count && values.iter().all(Option::is_some);
        // What holds for one frame need not hold for all.
        let uniform = || filled().all(|frames| mark.values(frames).len() == 1);
        (one_each && (!mark.is_of_the_image() || uniform())).then(|| (mark, mark.labels(&values), values))
    });
    let mut n = 0;
    let mut label = |frames: &Vec<Frame>| {
        let first = frames.first()?;
        n += 1;
        let by_mark = by_mark.as_ref().and_then(|(mark, labels, values)| {
            let own = (mark.of)(first);
            labels.get(values.iter().position(|value| *value == own)?).cloned()
        });
        Some(by_mark.unwrap_or_else(|| format!("object {n}")))
    };
    objects.iter().map(&mut label).collect()
}

/// Splits images that share a key by size, stack, orientation, line and phase.
fn split(
    mut headers: Vec<Arc<InstanceHeader>>,
    group_name: Option<String>,
    reason: Option<String>,
    contents: &mut Contents,
) -> Vec<Series> {
    headers.sort_by(|a, b| a.order().cmp(&b.order()));
    let mut notes = Notes::new();
    if let Some(reason) = reason {
        notes.add(NoteCode::Split, reason);
    }
    let copies = Arc::new(drop_repeated(&mut headers, contents, &mut notes));
    let frames: Vec<Frame> = headers.iter().flat_map(Frame::all).collect();
    if frames.is_empty() {
        return vec![Series::of_objects(headers, group_name, notes)];
    }
    if headers.first().is_some_and(|header| OBJECTS.contains(&header.sop_class_uid.as_str())) {
        // Segments may share a place: no phases.
        return vec![Series::new(frames, None, group_name, notes).with_copies(copies)];
    }
    let alike = alike(frames);
    let apart = (alike.len() > 1).then(|| tell_apart(&frame_aspects(&alike)));
    let Apart { reason, names } = apart.unwrap_or(Apart { reason: String::new(), names: Vec::new() });
    let mut names = names.into_iter();
    let mut series = Vec::new();
    for group in alike {
        let mut notes = notes.clone();
        let own = names.next();
        if own.is_some() {
            notes.add(NoteCode::Split, reason.as_str());
        }
        let name: Vec<String> = [group_name.clone(), own].into_iter().flatten().collect();
        let parts = split_places(group, &name, notes).into_iter();
        series.extend(parts.map(|part| part.with_copies(Arc::clone(&copies))));
    }
    series
}

/// Frames that may be part of one volume, together.
fn alike(frames: Vec<Frame>) -> Vec<Vec<Frame>> {
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
    alike
}

/// In what frames differ that may not be part of one volume.
fn frame_aspects(groups: &[Vec<Frame>]) -> Vec<Vec<Aspect>> {
    let firsts: Vec<&Frame> = groups.iter().filter_map(|group| group.first()).collect();
    let stacks = kinds(&firsts, |a, b| a.phase().stack_id == b.phase().stack_id);
    let orientations = kinds(&firsts, |a, b| same_orientation(a, b));
    let spacings =
        kinds(&firsts, |a, b| close_spacing(a.plane().pixel_spacing_mm, b.plane().pixel_spacing_mm));
    let sizes = kinds(&firsts, |a, b| a.size() == b.size());
    let at = |kinds: &[usize], n: usize| kinds.get(n).copied().unwrap_or(0);
    let aspects = |(n, frame): (usize, &&Frame)| {
        let plane = frame.plane();
        let (stack, orientation) = (at(&stacks, n), at(&orientations, n));
        let id = frame.phase().stack_id.as_deref().map(|id| match phase::shown(id) {
            Some(id) => format!("stack ID {id}"),
            None => format!("stack {}", stack + 1),
        });
        let unplaced = plane.image_position_mm.is_none();
        let [rows, columns] = frame.size();
        vec![
            Aspect { told: Told::In("stack ID"), kind: stack, label: id },
            Aspect {
                told: Told::As("images without a position stand apart"),
                kind: unplaced.into(),
                label: unplaced.then(|| "without position".to_owned()),
            },
            Aspect {
                told: Told::In("orientation"),
                kind: orientation,
                label: Some(format!("orientation {}", orientation + 1)),
            },
            Aspect {
                told: Told::In("pixel spacing"),
                kind: at(&spacings, n),
                label: plane.pixel_spacing_mm.map(|[row, column]| format!("pixels of {column} x {row} mm")),
            },
            Aspect {
                told: Told::In("size"),
                kind: at(&sizes, n),
                label: Some(format!("{columns} x {rows} pixels")),
            },
        ]
    };
    firsts.iter().enumerate().map(aspects).collect()
}

/// Of several files with one UID the best stays; the others come back. Files with another number or place are not the
/// same instance, whatever their UID says.
fn drop_repeated(
    headers: &mut Vec<Arc<InstanceHeader>>,
    contents: &mut Contents,
    notes: &mut Notes,
) -> Copies {
    let quality = |header: &InstanceHeader| {
        let stated = header.pixels.as_ref().map_or(0, |pixels| pixels.frames);
        let whole = i64::from(header.frames.count) >= stated;
        (whole, phases::quality(header))
    };
    let mut copies = Copies::default();
    let mut kept: Vec<Arc<InstanceHeader>> = Vec::with_capacity(headers.len());
    let mut seen: HashMap<String, Vec<usize>> = HashMap::new();
    for header in headers.drain(..) {
        let same = seen.entry(header.sop_instance_uid.clone()).or_default();
        let is_same = |other: &InstanceHeader| {
            other.instance_number == header.instance_number
                && other.plane.image_position_mm == header.plane.image_position_mm
        };
        let is_repeated = |n: &&usize| kept.get(**n).is_some_and(|other| is_same(other));
        let named = !header.sop_instance_uid.is_empty();
        match same.iter().find(is_repeated).copied().filter(|_| named).and_then(|n| kept.get_mut(n)) {
            Some(other) => {
                let order = quality(&header).cmp(&quality(other));
                let text = match order {
                    Ordering::Equal if contents.differ(&header, other) => {
                        "an instance that is there twice, with other contents; the first is used"
                    }
                    Ordering::Equal => "an instance that is there twice; the first is used",
                    _ => {
                        "an instance that is there twice; the one with more frames or bits, or without loss, is used"
                    }
                };
                notes.add(NoteCode::InstanceSkipped, text);
                copies.add(match order {
                    Ordering::Greater => std::mem::replace(other, header),
                    _ => header,
                });
            }
            None => {
                if named && !same.is_empty() {
                    notes.add(NoteCode::Tolerated, "different images with one UID: all are used");
                }
                same.push(kept.len());
                kept.push(header);
            }
        }
    }
    *headers = kept;
    copies
}

/// Whether two frames may be part of one volume.
fn may_share(a: &Frame, b: &Frame) -> bool {
    let (p, q) = (a.plane(), b.plane());
    p.image_position_mm.is_some() == q.image_position_mm.is_some()
        && same_orientation(a, b)
        && (p.image_position_mm.is_none() || close_spacing(p.pixel_spacing_mm, q.pixel_spacing_mm))
        && a.phase().stack_id == b.phase().stack_id
        && a.size() == b.size()
}

fn same_orientation(a: &Frame, b: &Frame) -> bool {
    let close = |a: Option<DVec3>, b: Option<DVec3>| match (a, b) {
        (Some(a), Some(b)) => (a - b).abs().max_element() <= SAME_DIRECTION,
        (a, b) => a.is_none() && b.is_none(),
    };
    let (p, q) = (a.plane(), b.plane());
    close(p.row_cosines, q.row_cosines) && close(p.column_cosines, q.column_cosines)
}

/// Splits frames of one orientation by line and phase.
fn split_places(frames: Vec<Frame>, name: &[String], mut notes: Notes) -> Vec<Series> {
    let joined = |parts: &[String]| (!parts.is_empty()).then(|| parts.join(", "));
    let directions = frames.first().and_then(|first| {
        let (row, column) = (first.plane().row_cosines?, first.plane().column_cosines?);
        Directions::new(row, column, &mut Notes::new()).ok()
    });
    let placed = frames.iter().all(|frame| frame.plane().image_position_mm.is_some());
    let Some(directions) = directions.filter(|_| placed) else {
        return vec![Series::new(frames, directions, joined(name), notes)];
    };
    let normal = directions.normal();
    let mut series = Vec::new();
    for line in lines::split(frames, directions, &mut notes) {
        let mut notes = notes.clone();
        let z = |frame: Frame| Some((frame.plane().image_position_mm?.dot(normal), frame));
        let mut placed: Vec<(f64, Frame)> = line.frames.into_iter().filter_map(z).collect();
        // Stable: at one position instance numbers decide.
        placed.sort_by(|a, b| a.0.total_cmp(&b.0));
        for phase in phases::split(placed, &mut notes) {
            let parts: Vec<String> =
                name.iter().cloned().chain(line.name.clone()).chain(phase.name).collect();
            let mut notes = notes.clone();
            notes.append(phase.notes);
            let one = Series::new(phase.frames, Some(directions), joined(&parts), notes);
            series.push(one.with_fault(phase.fault));
        }
    }
    series
}
