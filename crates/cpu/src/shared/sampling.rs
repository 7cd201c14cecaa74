//! Values at lattice positions, by the rules of [`SamplingPlan`].

use anatome_core::Sample;
use anatome_core::plan::{SNAP, SamplingPlan, SliceRow, SliceRows};

/// An integer voxel and a fraction of 0 to 1 on each axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Position {
    pub(crate) voxel: [i32; 3],
    pub(crate) fraction: [f32; 3],
}

/// A position that is inside: all voxels whose weight is not zero are voxels of the volume.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Held {
    pub(crate) voxel: [usize; 3],
    pub(crate) fraction: [f32; 3],
}

/// What is at a position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Found {
    /// A modality value.
    Value(f32),
    /// No sample: outside, or padding.
    Nothing,
    /// No sample: inside, but slices are missing there.
    Missing,
}

impl Found {
    #[inline(always)]
    pub(crate) fn value(self) -> Option<f32> {
        match self {
            Self::Value(value) => Some(value),
            Self::Nothing | Self::Missing => None,
        }
    }
}

/// How values between voxels are found, as a type, so that kernels are compiled for each.
pub(crate) trait Interpolate: Send + Sync + 'static {
    /// The stored value at a position; `None` if padding has a weight.
    fn stored<T: Sample, const PADDED: bool>(field: &Field<'_, T, PADDED>, at: &Held) -> Option<f32>;
}

/// The nearest voxel.
pub(crate) enum Nearest {}
/// Trilinear.
pub(crate) enum Linear {}
/// Tricubic.
pub(crate) enum Cubic {}

impl Interpolate for Nearest {
    #[inline(always)]
    fn stored<T: Sample, const PADDED: bool>(field: &Field<'_, T, PADDED>, at: &Held) -> Option<f32> {
        field.sample_nearest(at)
    }
}

impl Interpolate for Linear {
    #[inline(always)]
    fn stored<T: Sample, const PADDED: bool>(field: &Field<'_, T, PADDED>, at: &Held) -> Option<f32> {
        field.sample_linear(at)
    }
}

impl Interpolate for Cubic {
    #[inline(always)]
    fn stored<T: Sample, const PADDED: bool>(field: &Field<'_, T, PADDED>, at: &Held) -> Option<f32> {
        field.sample_cubic(at).or_else(|| field.sample_linear(at))
    }
}

/// Stored samples of one type and how to get a modality value from them.
#[derive(Clone, Debug)]
pub(crate) struct Field<'a, T, const PADDED: bool> {
    samples: &'a [T],
    size: [i32; 3],
    row: usize,
    slice: usize,
    slope: f32,
    intercept: f32,
    padding: (f32, f32),
    slices: Option<SliceRows>,
}

impl<'a, T: Sample, const PADDED: bool> Field<'a, T, PADDED> {
    pub(crate) fn new(samples: &'a [T], plan: &SamplingPlan) -> Self {
        let [row, columns, _] = plan.size.map(|n| n as usize);
        Self {
            samples,
            size: plan.size,
            row,
            slice: row * columns,
            slope: plan.slope,
            intercept: plan.intercept,
            padding: plan.padding.unwrap_or((f32::INFINITY, f32::NEG_INFINITY)),
            slices: plan.slices.clone(),
        }
    }

    /// The position of `rest`, in lattice units, beyond a voxel; along the third axis of an uneven grid in mm.
    #[inline(always)]
    pub(crate) fn position_from_rest(&self, voxel: [i32; 3], rest: [f32; 3]) -> Position {
        match &self.slices {
            None => whole_and_fraction(voxel, rest),
            Some(slices) => {
                let (k, part) = walk(&slices.rows, voxel[2], rest[2]);
                whole_and_fraction([voxel[0], voxel[1], k], [rest[0], rest[1], part])
            }
        }
    }

    /// The position of a lattice position.
    #[inline(always)]
    pub(crate) fn position_from_lattice(&self, lattice: [f32; 3]) -> Position {
        match &self.slices {
            None => whole_and_fraction([0; 3], lattice),
            Some(slices) => {
                let (k, part) = find_interval(slices, lattice[2]);
                whole_and_fraction([0, 0, k], [lattice[0], lattice[1], part])
            }
        }
    }

    /// Puts positions of the outer half voxels onto the outermost voxels; `None` outside.
    #[inline(always)]
    pub(crate) fn hold_at_edge(&self, position: &Position) -> Option<Held> {
        let mut held = Held { voxel: [0; 3], fraction: [0.0; 3] };
        for axis in 0..3 {
            let (voxel, fraction, last) =
                (position.voxel[axis], position.fraction[axis], self.size[axis] - 1);
            if (0..last).contains(&voxel) {
                held.voxel[axis] = voxel as usize;
                held.fraction[axis] = fraction;
            } else if voxel == last && fraction < 0.5 {
                held.voxel[axis] = last as usize;
            } else if voxel != -1 || fraction < 0.5 {
                return None;
            }
        }
        Some(held)
    }

    /// As [`Self::hold_at_edge`], of a position that counts as inside whatever its rounding.
    #[inline(always)]
    pub(crate) fn hold_inside(&self, position: &Position) -> Held {
        let mut held = Held { voxel: [0; 3], fraction: position.fraction };
        for axis in 0..3 {
            let (voxel, last) = (position.voxel[axis], self.size[axis] - 1);
            if !(0..last).contains(&voxel) {
                held.fraction[axis] = 0.0;
            }
            held.voxel[axis] = voxel.clamp(0, last) as usize;
        }
        held
    }

    /// Whether slices are missing at a position.
    #[inline(always)]
    fn is_missing(&self, at: &Held) -> bool {
        match &self.slices {
            None => false,
            Some(slices) => at.fraction[2] > 0.0 && slices.rows[at.voxel[2]].gap_mm < 0.0,
        }
    }

    /// What is at a position.
    #[inline(always)]
    pub(crate) fn sample<I: Interpolate>(&self, position: &Position) -> Found {
        match self.hold_at_edge(position) {
            None => Found::Nothing,
            Some(held) => self.sample_held::<I>(&held),
        }
    }

    /// What is at a position inside.
    #[inline(always)]
    pub(crate) fn sample_held<I: Interpolate>(&self, held: &Held) -> Found {
        if self.is_missing(held) {
            return Found::Missing;
        }
        match I::stored(self, held) {
            None => Found::Nothing,
            Some(stored) => Found::Value(stored * self.slope + self.intercept),
        }
    }

    #[inline(always)]
    fn is_padding(&self, stored: f32) -> bool {
        PADDED && self.padding.0 <= stored && stored <= self.padding.1
    }

    #[inline(always)]
    fn index(&self, [i, j, k]: [usize; 3]) -> usize {
        k * self.slice + j * self.row + i
    }

    #[inline(always)]
    fn sample_nearest(&self, at: &Held) -> Option<f32> {
        let mut voxel = at.voxel;
        for (v, f) in voxel.iter_mut().zip(at.fraction) {
            *v += usize::from(f >= 0.5);
        }
        let stored = self.samples[self.index(voxel)].to_f32();
        (!self.is_padding(stored)).then_some(stored)
    }

    /// A neighbour of weight zero is replaced by the voxel itself, so that only voxels that count are looked at.
    #[inline(always)]
    fn sample_linear(&self, at: &Held) -> Option<f32> {
        let [fi, fj, fk] = at.fraction;
        let a = self.index(at.voxel);
        let i = usize::from(fi > 0.0);
        let j = if fj > 0.0 { self.row } else { 0 };
        let k = if fk > 0.0 { self.slice } else { 0 };
        let load = |offset: usize| self.samples[a + offset].to_f32();
        let corners =
            [load(0), load(i), load(j), load(j + i), load(k), load(k + i), load(k + j), load(k + j + i)];
        if PADDED && corners.iter().any(|&stored| self.is_padding(stored)) {
            return None;
        }
        let [v000, v100, v010, v110, v001, v101, v011, v111] = corners;
        let v00 = v000 + fi * (v100 - v000);
        let v10 = v010 + fi * (v110 - v010);
        let v01 = v001 + fi * (v101 - v001);
        let v11 = v011 + fi * (v111 - v011);
        let v0 = v00 + fj * (v10 - v00);
        let v1 = v01 + fj * (v11 - v01);
        Some(v0 + fk * (v1 - v0))
    }

    /// `None` where not all 4 x 4 x 4 voxels are samples without missing slices between them.
    fn sample_cubic(&self, at: &Held) -> Option<f32> {
        for axis in 0..3 {
            if at.voxel[axis] < 1 || at.voxel[axis] + 2 >= self.size[axis] as usize {
                return None;
            }
        }
        let [i, j, k] = at.voxel;
        let (r, q) = match &self.slices {
            None => (0.5, 0.5),
            Some(slices) => uneven_tangents(&slices.rows[k - 1..=k + 1])?,
        };
        let along_i = cubic_weights(at.fraction[0], 0.5, 0.5);
        let along_j = cubic_weights(at.fraction[1], 0.5, 0.5);
        let along_k = cubic_weights(at.fraction[2], r, q);
        let mut planes = [0.0; 4];
        for (dk, plane) in planes.iter_mut().enumerate() {
            let mut rows = [0.0; 4];
            for (dj, row) in rows.iter_mut().enumerate() {
                let first = self.index([i - 1, j + dj - 1, k + dk - 1]);
                let mut stored = [0.0; 4];
                for (stored, sample) in stored.iter_mut().zip(&self.samples[first..first + 4]) {
                    *stored = sample.to_f32();
                    if self.is_padding(*stored) {
                        return None;
                    }
                }
                *row = weighted(along_i, stored);
            }
            *plane = weighted(along_j, rows);
        }
        Some(weighted(along_k, planes))
    }

    /// The number of voxels along i, j and k.
    pub(crate) fn size(&self) -> [i32; 3] {
        self.size
    }

    /// The slices of an uneven grid.
    pub(crate) fn slices(&self) -> Option<&SliceRows> {
        self.slices.as_ref()
    }

    /// The modality value of a stored value.
    pub(crate) fn modality_value(&self, stored: f32) -> f32 {
        stored * self.slope + self.intercept
    }

    /// The lattice units between the sides one slice before and one after a position.
    #[inline(always)]
    pub(crate) fn side_distance(&self, position: &Position) -> f32 {
        let Some(slices) = &self.slices else { return 2.0 };
        let gap = |k: i32| slices.rows[k.clamp(0, self.size[2] - 2) as usize].gap_mm.abs();
        let (k, f) = (position.voxel[2], position.fraction[2]);
        ((1.0 - f) * gap(k - 1) + f * gap(k)) + ((1.0 - f) * gap(k) + f * gap(k + 1))
    }
}

/// The largest whole number not above `x`, without a library call.
#[inline(always)]
pub(crate) fn floor(x: f32) -> i32 {
    let whole = x as i32;
    whole.saturating_sub(i32::from((whole as f32) > x))
}

/// Splits `rest` beyond a voxel. Sums that leave i32 come out far outside.
#[inline(always)]
fn whole_and_fraction(voxel: [i32; 3], rest: [f32; 3]) -> Position {
    let mut position = Position { voxel, fraction: [0.0; 3] };
    for axis in 0..3 {
        let whole = floor(rest[axis]);
        let (step, fraction) = snap(rest[axis] - whole as f32);
        position.voxel[axis] = voxel[axis].wrapping_add(whole).wrapping_add(step);
        position.fraction[axis] = fraction;
    }
    position
}

#[inline(always)]
fn snap(fraction: f32) -> (i32, f32) {
    if fraction > 1.0 - SNAP {
        (1, 0.0)
    } else if fraction < SNAP {
        (0, 0.0)
    } else {
        (0, fraction)
    }
}

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

/// The interval that holds a position in mm along the normal.
fn find_interval(slices: &SliceRows, z_mm: f32) -> (i32, f32) {
    let bin = floor((z_mm - slices.rows[0].z_mm) * slices.bins_per_mm);
    let bin = (bin.max(0) as usize).min(slices.bins.len() - 1);
    let k = slices.bins[bin];
    walk(&slices.rows, k as i32, z_mm - slices.rows[k as usize].z_mm)
}

/// The tangents' factors from the intervals before, around and after a place; `None` if slices are missing.
fn uneven_tangents(rows: &[SliceRow]) -> Option<(f32, f32)> {
    match rows {
        [before, middle, after] if [before, middle, after].iter().all(|row| row.gap_mm > 0.0) => {
            let gap = middle.gap_mm;
            Some((gap / (before.gap_mm + gap), gap / (gap + after.gap_mm)))
        }
        _ => None,
    }
}

/// The weights of four neighbours, of which the place lies between the second and the third.
fn cubic_weights(f: f32, r: f32, q: f32) -> [f32; 4] {
    let g = (f - 1.0) * (f - 1.0) * f;
    let h = f * f * (f - 1.0);
    let s = f * f * (3.0 - 2.0 * f);
    [-g * r, 1.0 - s - h * q, s + g * r, h * q]
}

#[inline(always)]
fn weighted(weights: [f32; 4], values: [f32; 4]) -> f32 {
    let [a, b, c, d] = weights;
    ((a * values[0] + b * values[1]) + c * values[2]) + d * values[3]
}
