//! The intervals between the slices of an uneven grid. One place at a time: such grids are too rare for more.

use anatome_core::plan::{SliceRow, SliceRows};

use crate::lanes::LANES;
use crate::shared::position::floor;

/// From the distance in mm to a slice to the interval that holds the place, and the part of it, which lies outside 0 to
/// 1 beyond the ends.
fn walk(rows: &[SliceRow], slice: i32, rest_mm: f32) -> (i32, f32) {
    let last = rows.len() - 2;
    let (mut k, mut rest) = ((slice.max(0) as usize).min(last), rest_mm);
    while rest < 0.0 && k > 0 {
        k -= 1;
        rest += rows[k].gap_mm.abs();
    }
    while rest >= rows[k].gap_mm.abs() && k < last {
        rest -= rows[k].gap_mm.abs();
        k += 1;
    }
    (k as i32, rest / rows[k].gap_mm.abs())
}

/// [`walk`] from one slice to each of eight places. Not worth a copy for each kind of instructions.
#[inline(never)]
pub(crate) fn walk_each(
    slices: &SliceRows,
    slice: i32,
    rest_mm: &[f32; LANES],
) -> ([i32; LANES], [f32; LANES]) {
    let (mut intervals, mut parts) = ([0; LANES], *rest_mm);
    for (interval, part) in intervals.iter_mut().zip(&mut parts) {
        (*interval, *part) = walk(&slices.rows, slice, *part);
    }
    (intervals, parts)
}

/// [`find_interval`] of each of eight places.
#[inline(never)]
pub(crate) fn find_each(slices: &SliceRows, z_mm: &[f32; LANES]) -> ([i32; LANES], [f32; LANES]) {
    let (mut intervals, mut parts) = ([0; LANES], *z_mm);
    for (interval, part) in intervals.iter_mut().zip(&mut parts) {
        (*interval, *part) = find_interval(slices, *part);
    }
    (intervals, parts)
}

/// The interval that holds a position in mm along the normal.
pub(crate) fn find_interval(slices: &SliceRows, z_mm: f32) -> (i32, f32) {
    let bin = floor((z_mm - slices.rows[0].z_mm) * slices.bins_per_mm);
    let bin = (bin.max(0) as usize).min(slices.bins.len() - 1);
    let k = slices.bins[bin];
    walk(&slices.rows, k as i32, z_mm - slices.rows[k as usize].z_mm)
}

/// The tangents' factors from the intervals before, around and after a place; `None` if slices are missing.
pub(crate) fn uneven_tangents(rows: &[SliceRow]) -> Option<(f32, f32)> {
    match rows {
        [before, middle, after] if [before, middle, after].iter().all(|row| row.gap_mm > 0.0) => {
            let gap = middle.gap_mm;
            Some((gap / (before.gap_mm + gap), gap / (gap + after.gap_mm)))
        }
        _ => None,
    }
}
