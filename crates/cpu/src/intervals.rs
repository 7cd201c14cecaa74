//! The intervals between the slices of an uneven grid.

use anatome_core::plan::{SliceRow, SliceRows};
use fearless_simd::Simd;
use fearless_simd::prelude::*;

use crate::lanes::{F32s, I32s, LANES, each_lane, f32s, within};
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

/// [`walk`] from slices to eight places.
#[inline(always)]
pub(crate) fn walk_each<S: Simd>(
    simd: S,
    rows: &[SliceRow],
    slices: [i32; LANES],
    mut rest_mm: F32s<S>,
) -> (I32s<S>, F32s<S>) {
    let last = rows.len() as i32 - 2;
    let mut k: I32s<S> = slices.simd_into(simd);
    k = k.max(0).min(last);
    loop {
        let goes = rest_mm.simd_lt(0.0) & k.simd_gt(0);
        if !goes.any_true() {
            break;
        }
        k = goes.select(k - 1, k);
        rest_mm = goes.select(rest_mm + gaps_after(simd, rows, k), rest_mm);
    }
    let mut gap = gaps_after(simd, rows, k);
    loop {
        let goes = rest_mm.simd_ge(gap) & k.simd_lt(last);
        if !goes.any_true() {
            break;
        }
        rest_mm = goes.select(rest_mm - gap, rest_mm);
        k = goes.select(k + 1, k);
        gap = gaps_after(simd, rows, k);
    }
    (k, rest_mm / gap)
}

/// The widths in mm of the intervals after slices, which are slices of the grid.
#[inline(always)]
fn gaps_after<S: Simd>(simd: S, rows: &[SliceRow], k: I32s<S>) -> F32s<S> {
    let k = k.to_array();
    let gaps = each_lane(
        #[inline(always)]
        |lane| rows[k[lane] as usize].gap_mm.abs(),
    );
    gaps.simd_into(simd)
}

/// [`find_interval`] of eight places.
#[inline(always)]
pub(crate) fn find_each<S: Simd>(simd: S, slices: &SliceRows, z_mm: F32s<S>) -> (I32s<S>, F32s<S>) {
    let SliceRows { rows, bins, bins_per_mm } = slices;
    let last = f32s(simd, (bins.len() - 1) as f32);
    let bin = within((z_mm - rows[0].z_mm) * *bins_per_mm, f32s(simd, 0.0), last);
    let bin = bin.to_int::<I32s<S>>().to_array();
    let first = each_lane(
        #[inline(always)]
        |lane| bins[(bin[lane] as usize).min(bins.len() - 1)] as i32,
    );
    let starts = each_lane(
        #[inline(always)]
        |lane| rows[first[lane] as usize].z_mm,
    );
    let starts: F32s<S> = starts.simd_into(simd);
    walk_each(simd, rows, first, z_mm - starts)
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

#[cfg(test)]
pub(crate) mod tests {
    use fearless_simd::{Level, dispatch};

    use super::*;
    use crate::interior::tests::Random;

    /// So many slices, about 1 mm apart, some missing after a few of them.
    pub(crate) fn slices(count: usize, missing_after: &[usize]) -> SliceRows {
        let mut random = Random(3);
        let mut rows = Vec::new();
        let mut z_mm = 0.0;
        for k in 0..count {
            let gap_mm = 0.5 + random.next();
            rows.push(SliceRow { z_mm, gap_mm: if missing_after.contains(&k) { -gap_mm } else { gap_mm } });
            z_mm += gap_mm;
        }
        let bins = 4 * count;
        let last = rows[count - 1].z_mm;
        let of_bin = |bin: usize| {
            let z_mm = bin as f32 * last / bins as f32;
            rows[1..count - 1].iter().filter(|row| row.z_mm <= z_mm).count() as u32
        };
        let bins_per_mm = bins as f32 / last;
        SliceRows { bins: (0..bins).map(of_bin).collect(), bins_per_mm, rows }
    }

    fn compared<S: Simd>(simd: S) {
        let slices = slices(12, &[4]);
        let last = slices.rows[11].z_mm;
        let mut random = Random(4);
        for round in 0..2000 {
            let mut z_mm = [0.0; LANES];
            z_mm.fill_with(|| match round % 5 {
                // At slices, in the volume, around it and far away.
                0 => slices.rows[(random.next() * 12.0) as usize].z_mm,
                1 => (random.next() - 0.5) * 1e9,
                2 => (random.next() * 2.0 - 0.5) * last,
                _ => random.next() * last,
            });
            let (k, part) = find_each(simd, &slices, z_mm.simd_into(simd));
            let from = (random.next() * 16.0) as i32 - 2;
            let (walked, walked_part) = walk_each(simd, &slices.rows, [from; LANES], z_mm.simd_into(simd));
            for (lane, &z_mm) in z_mm.iter().enumerate() {
                let bits = |(k, part): (i32, f32)| (k, part.to_bits());
                assert_eq!(bits((k[lane], part[lane])), bits(find_interval(&slices, z_mm)), "{z_mm}");
                let alone = walk(&slices.rows, from, z_mm);
                assert_eq!(bits((walked[lane], walked_part[lane])), bits(alone), "{from} {z_mm}");
            }
        }
    }

    /// The intervals of eight places are those of each, to the bit.
    #[test]
    fn eight_intervals_are_those_of_each() {
        for level in [Level::new(), Level::baseline()] {
            dispatch!(level, simd => compared(simd));
        }
    }
}
