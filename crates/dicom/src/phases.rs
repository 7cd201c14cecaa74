//! Images at one position: phases of a dynamic series, or duplicates.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use anatome_core::{NoteCode, Notes};
use glam::DVec3;

use crate::slices::slots;
use crate::{Frame, InstanceHeader};

/// The frames of one phase, in order along the normal, one for each position.
pub(crate) struct Phase {
    pub name: Option<String>,
    pub frames: Vec<Frame>,
}

/// What may tell phases apart.
struct Mark {
    name: &'static str,
    /// The unit of its values; `None` for values that are not shown.
    unit: Option<&'static str>,
    of: fn(&Frame) -> Option<String>,
}

const fn mark(name: &'static str, unit: Option<&'static str>, of: fn(&Frame) -> Option<String>) -> Mark {
    Mark { name, unit, of }
}

/// The most deliberate first.
const MARKS: [Mark; 14] = [
    mark("temporal position", Some(""), |f| f.phase().temporal_position.map(|n| n.to_string())),
    mark("echo time", Some(" ms"), |f| f.phase().echo_time_ms.map(|n| n.to_string())),
    mark("b-value", Some(" s/mm2"), |f| f.phase().b_value.map(|n| n.to_string())),
    mark("diffusion direction", None, |f| f.phase().diffusion_direction.map(direction)),
    mark("trigger time", Some(" ms"), |f| f.phase().trigger_time_ms.map(|n| n.to_string())),
    mark("inversion time", Some(" ms"), |f| f.phase().inversion_time_ms.map(|n| n.to_string())),
    mark("flip angle", Some(" degrees"), |f| f.phase().flip_angle_deg.map(|n| n.to_string())),
    mark("tube voltage", Some(" kV"), |f| f.phase().tube_voltage_kv.map(|n| n.to_string())),
    mark("energy window", Some(""), |f| f.phase().energy_window.map(|n| n.to_string())),
    mark("acquisition", Some(""), |f| f.phase().acquisition_number.map(|n| n.to_string())),
    mark("image type", None, |f| (!f.image_type().is_empty()).then(|| f.image_type().join(" "))),
    mark("frame reference time", Some(" ms"), |f| f.phase().frame_reference_time_ms.map(|n| n.to_string())),
    // The time names a day: it sorts, and is not shown.
    mark("acquisition time", None, |f| f.phase().acquisition_time.as_deref().map(str::to_owned)),
    mark("instance", None, instance),
];

fn instance(frame: &Frame) -> Option<String> {
    let header = frame.instance();
    Some(format!("{} {}", header.instance_number.unwrap_or(i64::MAX), header.sop_instance_uid))
}

/// Rounding must not make two directions of one.
fn direction(direction: DVec3) -> String {
    let [x, y, z] = direction.to_array().map(|n| (n * 1000.0).round() as i64);
    format!("{x} {y} {z}")
}

/// Splits frames that stand in order along the normal into phases, if positions repeat systematically and something
/// tells the phases apart. Otherwise the best frame of each position stays.
pub(crate) fn split(placed: Vec<(f64, Frame)>, notes: &mut Notes) -> Vec<Phase> {
    let z_mm: Vec<f64> = placed.iter().map(|(z, _)| *z).collect();
    let slots = slots(&z_mm);
    let mut images: Images = slots.into_iter().zip(placed.into_iter().map(|(_, frame)| frame)).collect();
    // At one position instance numbers decide, not what rounding leaves of the distance.
    images.sort_by(|(a, x), (b, y)| a.cmp(b).then_with(|| Frame::by_number(x, y)));
    let copies = Copies::of(&images);
    if copies.most <= 1 || side_by_side(&images) {
        return vec![Phase { name: None, frames: without_slots(images) }];
    }
    if !copies.systematic() {
        return keep_best(images, notes);
    }
    let mut used = Vec::new();
    let mut parts = Vec::new();
    cut(images, &MARKS, &mut Vec::new(), &mut used, &mut parts);
    if parts.len() > 1 {
        let by = used.join(" and ");
        notes.add(NoteCode::Split, format!("the series was split by {by} into {} volumes", parts.len()));
    }
    let finish = |(name, images): (Vec<String>, Images)| {
        let name = (!name.is_empty()).then(|| name.join(", "));
        let kept = keep_best(images, notes);
        kept.into_iter().map(move |phase| Phase { name: name.clone(), ..phase }).collect::<Vec<_>>()
    };
    parts.into_iter().flat_map(finish).collect()
}

/// Frames with the number of the place where each stands, in order.
type Images = Vec<(usize, Frame)>;

fn without_slots(images: Images) -> Vec<Frame> {
    images.into_iter().map(|(_, frame)| frame).collect()
}

/// How many frames stand at each place.
struct Copies {
    most: usize,
    /// Places with a frame, and those with several.
    places: usize,
    repeated: usize,
    /// All places have as many.
    equal: bool,
}

impl Copies {
    fn of(images: &Images) -> Self {
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        for (slot, _) in images {
            *counts.entry(*slot).or_default() += 1;
        }
        let most = counts.values().copied().max().unwrap_or(0);
        Self {
            most,
            places: counts.len(),
            repeated: counts.values().filter(|&&n| n > 1).count(),
            equal: counts.values().all(|&n| n == most),
        }
    }

    fn systematic(&self) -> bool {
        self.most > 1 && self.places > 1 && 2 * self.repeated >= self.places
    }
}

/// Whether images at one position along the normal stand at different places in their plane: tiles, not phases.
fn side_by_side(images: &Images) -> bool {
    images.windows(2).any(|pair| {
        let [(a, x), (b, y)] = pair else { return false };
        let positions = x.plane().image_position_mm.zip(y.plane().image_position_mm);
        let apart = positions.map(|(p, q)| p.distance(q));
        let pixel_mm = x.plane().pixel_spacing_mm.map_or(1.0, |[row, column]| row.min(column));
        a == b && apart.is_some_and(|mm| mm > pixel_mm)
    })
}

/// Cuts by the first mark that tells phases apart, then each part by the marks that follow. `name` is that of the part.
fn cut(
    images: Images,
    marks: &[Mark],
    name: &mut Vec<String>,
    used: &mut Vec<&'static str>,
    parts: &mut Vec<(Vec<String>, Images)>,
) {
    let copies = Copies::of(&images);
    let found =
        marks.iter().enumerate().find_map(|(n, mark)| Some((n, mark, parts_by(&images, &copies, mark)?)));
    let (mark, rest, cuts) = match found {
        Some((n, mark, cuts)) => (mark, marks.get(n + 1..).unwrap_or_default(), cuts),
        None if copies.systematic() && copies.equal => (&RANK, &[][..], by_rank(&images, copies.most)),
        None => return parts.push((name.clone(), images)),
    };
    if !used.contains(&mark.name) {
        used.push(mark.name);
    }
    let mut groups: Vec<Images> = cuts.values.iter().map(|_| Vec::new()).collect();
    for (image, &part) in images.into_iter().zip(&cuts.part_of) {
        if let Some(group) = groups.get_mut(part) {
            group.push(image);
        }
    }
    for (n, (group, value)) in groups.into_iter().zip(cuts.values).enumerate() {
        name.push(match (mark.unit, value) {
            (Some(unit), Some(value)) => format!("{} {value}{unit}", mark.name),
            (Some(_), None) => format!("without {}", mark.name),
            (None, _) => format!("{} {}", mark.name, n + 1),
        });
        cut(group, rest, name, used, parts);
        name.pop();
    }
}

/// A way to cut images into parts.
struct Cuts {
    /// The mark's value of each part.
    values: Vec<Option<String>>,
    /// For each image the number of its part.
    part_of: Vec<usize>,
}

/// Cuts by a mark, if that takes apart what stands at one place: the parts' copies add up to those of the whole. A mark
/// that changes from place to place, such as the time of each slice, does not.
fn parts_by(images: &Images, copies: &Copies, mark: &Mark) -> Option<Cuts> {
    let marks: Vec<Option<String>> = images.iter().map(|(_, frame)| (mark.of)(frame)).collect();
    let mut values: Vec<Option<String>> = marks.clone();
    values.sort_by(|a, b| natural(a).total_cmp(&natural(b)).then_with(|| a.cmp(b)));
    values.dedup();
    if values.len() < 2 || values.len() > copies.most {
        return None;
    }
    let number: BTreeMap<&Option<String>, usize> = values.iter().enumerate().map(|(n, v)| (v, n)).collect();
    let part_of: Vec<usize> = marks.iter().filter_map(|mark| number.get(mark).copied()).collect();
    let mut at: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for ((slot, _), &part) in images.iter().zip(&part_of) {
        *at.entry((part, *slot)).or_default() += 1;
    }
    let mut most = vec![0; values.len()];
    for ((part, _), count) in at {
        if let Some(most) = most.get_mut(part) {
            *most = count.max(*most);
        }
    }
    (most.iter().sum::<usize>() == copies.most).then_some(Cuts { values, part_of })
}

/// The number that a mark begins with.
fn natural(mark: &Option<String>) -> f64 {
    let number = mark.as_ref().and_then(|mark| mark.split(' ').next()?.parse().ok());
    number.unwrap_or(f64::INFINITY)
}

/// Every place has as many images and nothing names them: their times, else their numbers decide.
const RANK: Mark = mark("order of images", Some(""), |_| None);

fn by_rank(images: &Images, most: usize) -> Cuts {
    let time = |frame: &Frame| {
        let phase = frame.phase();
        phase.trigger_time_ms.or(phase.frame_reference_time_ms).unwrap_or(0.0)
    };
    let mut order: Vec<usize> = (0..images.len()).collect();
    order.sort_by(|&a, &b| match (images.get(a), images.get(b)) {
        (Some((slot, x)), Some((other, y))) => slot
            .cmp(other)
            .then(time(x).total_cmp(&time(y)))
            .then_with(|| x.phase().acquisition_time.cmp(&y.phase().acquisition_time))
            .then(a.cmp(&b)),
        _ => Ordering::Equal,
    });
    let mut part_of = vec![0; images.len()];
    for (rank, n) in order.into_iter().enumerate() {
        if let Some(part) = part_of.get_mut(n) {
            *part = rank % most;
        }
    }
    Cuts { values: (1..=most).map(|n| Some(n.to_string())).collect(), part_of }
}

/// One image for each place: without loss before lossy, more bits before fewer, then the first.
fn keep_best(images: Images, notes: &mut Notes) -> Vec<Phase> {
    let mut frames: Vec<Frame> = Vec::new();
    let mut last = None;
    for (slot, frame) in images {
        match frames.last_mut() {
            Some(kept) if last == Some(slot) => {
                let order = quality(frame.instance()).cmp(&quality(kept.instance()));
                let text = match order {
                    Ordering::Equal => "an image at the position of another one is not used: it comes second",
                    _ => {
                        "an image at the position of another one is not used: the other has more bits or no loss"
                    }
                };
                notes.add(NoteCode::DuplicateSlice, text);
                if order == Ordering::Greater {
                    *kept = frame;
                }
            }
            _ => frames.push(frame),
        }
        last = Some(slot);
    }
    vec![Phase { name: None, frames }]
}

/// What makes one of two equal images the better one.
pub(crate) fn quality(header: &InstanceHeader) -> (bool, u32) {
    let bits = header.pixels.as_ref().map_or(0, |pixels| pixels.bits_stored);
    (!header.values.lossy && !header.transfer_syntax.may_be_lossy(), bits)
}
