//! Images at one position: phases of a dynamic series, or duplicates.

use std::collections::BTreeMap;

use anatome_core::{NoteCode, Notes};

use crate::InstanceHeader;
use crate::group::by_number;
use crate::stack::slots;

/// The images of one phase, in order along the normal, one for each position.
pub(crate) struct Phase {
    pub name: Option<String>,
    pub instances: Vec<InstanceHeader>,
}

type Mark = fn(&InstanceHeader) -> Option<String>;

/// What may tell phases apart, the most deliberate first.
const MARKS: [(&str, Mark); 7] = [
    ("temporal position", |h| h.phase.temporal_position.map(|n| n.to_string())),
    ("echo time", |h| h.phase.echo_time_ms.map(|n| format!("{n} ms"))),
    ("b-value", |h| h.phase.b_value.map(|n| format!("{n} s/mm2"))),
    ("trigger time", |h| h.phase.trigger_time_ms.map(|n| format!("{n} ms"))),
    ("acquisition", |h| h.phase.acquisition_number.map(|n| n.to_string())),
    ("image type", |h| (!h.image_type.is_empty()).then(|| h.image_type.join(" "))),
    // The time names a day: it sorts, and is not shown.
    ("acquisition time", |h| h.phase.acquisition_time.clone()),
];

/// Splits images that stand in order along the normal into phases, if positions repeat systematically and something
/// tells the phases apart. Otherwise the first image of each position stays.
pub(crate) fn split(placed: Vec<(f64, InstanceHeader)>, notes: &mut Notes) -> Vec<Phase> {
    let z_mm: Vec<f64> = placed.iter().map(|(z, _)| *z).collect();
    let slots = slots(&z_mm);
    let mut copies = vec![0usize; slots.last().map_or(0, |last| last + 1)];
    for &slot in &slots {
        copies[slot] += 1;
    }
    let most = copies.iter().copied().max().unwrap_or(0);
    let mut images: Vec<(usize, InstanceHeader)> =
        slots.into_iter().zip(placed.into_iter().map(|(_, header)| header)).collect();
    // At one position instance numbers decide, not what rounding leaves of the distance.
    images.sort_by(|(a, x), (b, y)| a.cmp(b).then_with(|| by_number(x, y)));
    if most <= 1 || side_by_side(&images) {
        return vec![Phase { name: None, instances: images.into_iter().map(|(_, header)| header).collect() }];
    }
    let repeated = copies.iter().filter(|&&n| n > 1).count();
    let systematic = 2 * repeated >= copies.len() && copies.len() > 1;
    if systematic {
        for (name, mark) in MARKS {
            if let Some(parts) = parts_by(&images, most, mark) {
                return named(images, &parts, name, notes);
            }
        }
        if copies.iter().all(|&n| n == most) {
            return by_rank(images, most, notes);
        }
    }
    keep_first(images, notes)
}

/// Whether images at one position along the normal stand at different places in their plane: tiles, not phases.
fn side_by_side(images: &[(usize, InstanceHeader)]) -> bool {
    images.windows(2).any(|pair| {
        let [(a, x), (b, y)] = pair else { return false };
        let apart = x.plane.image_position_mm.zip(y.plane.image_position_mm).map(|(p, q)| p.distance(q));
        let pixel_mm = x.plane.pixel_spacing_mm.map_or(1.0, |[row, column]| row.min(column));
        a == b && apart.is_some_and(|mm| mm > pixel_mm)
    })
}

/// For each image the number of its part, if the mark cuts the images into as many parts as positions have copies
/// and no part has a position twice.
fn parts_by(images: &[(usize, InstanceHeader)], most: usize, mark: Mark) -> Option<Vec<usize>> {
    let marks: Vec<String> = images.iter().map(|(_, header)| mark(header)).collect::<Option<_>>()?;
    let mut order: Vec<&String> = marks.iter().collect();
    order.sort_by(|a, b| natural(a).total_cmp(&natural(b)).then_with(|| a.cmp(b)));
    order.dedup();
    if order.len() != most {
        return None;
    }
    let number: BTreeMap<&String, usize> = order.into_iter().enumerate().map(|(n, mark)| (mark, n)).collect();
    let parts: Vec<usize> = marks.iter().filter_map(|mark| number.get(mark).copied()).collect();
    let mut taken: Vec<(usize, usize)> = images.iter().map(|(slot, _)| *slot).zip(parts.clone()).collect();
    taken.sort_unstable();
    taken.windows(2).all(|pair| pair[0] != pair[1]).then_some(parts)
}

/// The number that a mark begins with.
fn natural(mark: &str) -> f64 {
    mark.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(f64::INFINITY)
}

fn named(images: Vec<(usize, InstanceHeader)>, parts: &[usize], name: &str, notes: &mut Notes) -> Vec<Phase> {
    let count = parts.iter().max().map_or(0, |last| last + 1);
    let mut phases: Vec<Phase> =
        (1..=count).map(|n| Phase { name: Some(format!("{name} {n}")), instances: Vec::new() }).collect();
    for ((_, header), &part) in images.into_iter().zip(parts) {
        phases[part].instances.push(header);
    }
    notes.add(NoteCode::Split, format!("the series was split by {name} into {count} volumes"));
    phases
}

/// Every position has the same number of images and nothing names them: their instance numbers decide.
fn by_rank(images: Vec<(usize, InstanceHeader)>, most: usize, notes: &mut Notes) -> Vec<Phase> {
    let parts: Vec<usize> = (0..images.len()).map(|n| n % most).collect();
    named(images, &parts, "order of images", notes)
}

fn keep_first(images: Vec<(usize, InstanceHeader)>, notes: &mut Notes) -> Vec<Phase> {
    let before = images.len();
    let mut last = None;
    let mut instances = Vec::new();
    for (slot, header) in images {
        if last != Some(slot) {
            instances.push(header);
        }
        last = Some(slot);
    }
    let text = "an image at the position of another one is not used";
    notes.add_many(NoteCode::DuplicateSlice, text, before - instances.len());
    vec![Phase { name: None, instances }]
}
