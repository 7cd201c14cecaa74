//! Parallel slices that do not stand on one line: several stacks beside each other, and single slices that are astray.

use anatome_core::{NoteCode, Notes};
use glam::{DVec2, DVec3};

use crate::Frame;
use crate::slices::{Directions, FARTHEST_MM, ON_LINE_PX};

/// Parallel slices on one line.
pub(crate) struct Line {
    pub name: Option<String>,
    pub frames: Vec<Frame>,
}

/// Stacks beside each other that are told apart at most. More are tiles, or a table that moves as it likes.
const MOST_STACKS: usize = 16;

/// Lines are apart by more than this; less is the jitter of one.
const APART_PX: f64 = 1.0;

/// At most every n-th slice may be astray, or nothing is known.
const ASTRAY: usize = 4;

/// A slice in coordinates of its stack.
struct Slice {
    z_mm: f64,
    /// Along a row and along a column.
    in_plane_mm: DVec2,
}

/// Splits frames into lines of at least two slices, and sets single ones apart. They stay together where that
/// explains nothing: then they make no volume.
pub(crate) fn split(frames: Vec<Frame>, directions: Directions, notes: &mut Notes) -> Vec<Line> {
    let (frames, absurd): (Vec<Frame>, Vec<Frame>) = frames.into_iter().partition(is_somewhere);
    if frames.is_empty() {
        return vec![Line { name: None, frames: absurd }];
    }
    let pixel_mm = frames.first().and_then(Frame::pixel_mm);
    let lines = pixel_mm.and_then(|pixel_mm| Lines::find(&slices(&frames, directions), pixel_mm));
    let lone = lines.as_ref().map_or(0, |lines| lines.lone.len());
    let stacks = lines.as_ref().map_or(1, |lines| lines.stacks);
    let all = frames.len() + absurd.len();
    for (count, how) in [(absurd.len(), "no place that can be"), (lone, "off the line of the others")] {
        if count > 0 {
            let text = format!("{count} of {all} images set apart: the stated position is {how}");
            notes.add(NoteCode::Split, text);
        }
    }
    if stacks > 1 {
        let text = format!("the series was split into {stacks} stacks of parallel slices, shifted sideways");
        notes.add(NoteCode::Split, text);
    }
    let mut stacked: Vec<Line> = (1..=stacks)
        .map(|n| Line { name: (stacks > 1).then(|| format!("parallel stack {n}")), frames: Vec::new() })
        .collect();
    let mut apart = absurd;
    for (n, frame) in frames.into_iter().enumerate() {
        let line = lines.as_ref().map_or(Some(0), |lines| lines.stack_of.get(n).copied().flatten());
        match line.and_then(|line| stacked.get_mut(line)) {
            Some(line) => line.frames.push(frame),
            None => apart.push(frame),
        }
    }
    let alone = |(n, frame)| Line { name: Some(format!("set apart {}", n + 1)), frames: vec![frame] };
    stacked.into_iter().chain(apart.into_iter().enumerate().map(alone)).collect()
}

fn is_somewhere(frame: &Frame) -> bool {
    frame.plane().image_position_mm.is_none_or(|position| position.abs().max_element() <= FARTHEST_MM)
}

fn slices(frames: &[Frame], directions: Directions) -> Vec<Slice> {
    let slice = |frame: &Frame| {
        let position: DVec3 = frame.plane().image_position_mm.unwrap_or_default();
        Slice {
            z_mm: position.dot(directions.normal()),
            in_plane_mm: DVec2::new(position.dot(directions.row), position.dot(directions.column)),
        }
    };
    frames.iter().map(slice).collect()
}

/// Which slice stands on which line.
struct Lines {
    stacks: usize,
    /// For each slice the number of its stack; `None` for one that stands alone.
    stack_of: Vec<Option<usize>>,
    /// Those.
    lone: Vec<usize>,
}

impl Lines {
    /// `None` if all slices stand on one line, or on so many that they tell nothing.
    fn find(slices: &[Slice], pixel_mm: f64) -> Option<Self> {
        let mut order: Vec<usize> = (0..slices.len()).collect();
        let z = |n: usize| slices.get(n).map_or(0.0, |slice| slice.z_mm);
        order.sort_by(|&a, &b| z(a).total_cmp(&z(b)));
        let sorted: Vec<&Slice> = order.iter().filter_map(|&n| slices.get(n)).collect();
        if on_one_line(&sorted, pixel_mm) {
            return None;
        }
        let leans = [DVec2::ZERO, lean(&sorted, 1), lean(&sorted, sorted.len() / 2)];
        let clustered = leans.into_iter().filter_map(|lean| clusters(&sorted, lean, pixel_mm));
        let clusters = clustered.min_by_key(Vec::len)?;
        let apart = |(n, a): (usize, &Cluster)| {
            clusters.iter().skip(n + 1).all(|b| a.at_mm.distance(b.at_mm) > APART_PX * pixel_mm)
        };
        if !clusters.iter().enumerate().all(apart) {
            return None;
        }
        let mut lines = Self { stacks: 0, stack_of: vec![None; slices.len()], lone: Vec::new() };
        for cluster in &clusters {
            let members = cluster.members.iter().filter_map(|&n| order.get(n));
            if cluster.members.len() == 1 {
                lines.lone.extend(members);
                continue;
            }
            for &n in members {
                if let Some(stack) = lines.stack_of.get_mut(n) {
                    *stack = Some(lines.stacks);
                }
            }
            lines.stacks += 1;
        }
        (lines.stacks > 0 && lines.lone.len() * ASTRAY <= slices.len()).then_some(lines)
    }
}

/// As the grid will ask for it: on the line from the first to the last.
fn on_one_line(sorted: &[&Slice], pixel_mm: f64) -> bool {
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else { return true };
    let depth_mm = last.z_mm - first.z_mm;
    let lean = if depth_mm > 0.0 { (last.in_plane_mm - first.in_plane_mm) / depth_mm } else { DVec2::ZERO };
    sorted.iter().all(|slice| {
        let expected = first.in_plane_mm + lean * (slice.z_mm - first.z_mm);
        slice.in_plane_mm.distance(expected) <= ON_LINE_PX * pixel_mm
    })
}

/// The median of how far slices shift sideways for each millimetre along the normal, over pairs `apart` from each
/// other.
fn lean(sorted: &[&Slice], apart: usize) -> DVec2 {
    let pairs = sorted.iter().zip(sorted.iter().skip(apart));
    let slopes: Vec<DVec2> = pairs
        .filter(|(a, b)| b.z_mm - a.z_mm > 1e-4)
        .map(|(a, b)| (b.in_plane_mm - a.in_plane_mm) / (b.z_mm - a.z_mm))
        .collect();
    let median = |of: fn(&DVec2) -> f64| {
        let mut values: Vec<f64> = slopes.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(0.0)
    };
    DVec2::new(median(|slope| slope.x), median(|slope| slope.y))
}

/// Slices whose line meets the plane at z = 0 in one place.
struct Cluster {
    at_mm: DVec2,
    members: Vec<usize>,
}

/// `None` if there are too many.
fn clusters(sorted: &[&Slice], lean: DVec2, pixel_mm: f64) -> Option<Vec<Cluster>> {
    let mut clusters: Vec<Cluster> = Vec::new();
    let from_mm = sorted.first()?.z_mm;
    for (n, slice) in sorted.iter().enumerate() {
        let at_mm = slice.in_plane_mm - lean * (slice.z_mm - from_mm);
        let near = |cluster: &&mut Cluster| cluster.at_mm.distance(at_mm) <= ON_LINE_PX * pixel_mm;
        if let Some(cluster) = clusters.iter_mut().find(near) {
            cluster.members.push(n);
            continue;
        }
        clusters.push(Cluster { at_mm, members: vec![n] });
        if clusters.len() > MOST_STACKS {
            return None;
        }
    }
    Some(clusters)
}
