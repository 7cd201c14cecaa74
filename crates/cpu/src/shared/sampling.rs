//! Values at lattice positions, by the rules of [`SamplingPlan`].

use anatome_core::Sample;
use anatome_core::plan::{SNAP, SamplingPlan, SliceRow, SliceRows};
use glam::{BVec4A, Vec4};

/// How many positions are sampled together, so that the compiler can use vector instructions.
pub(crate) const LANES: usize = 8;

/// A number for each of the positions that are sampled together.
pub(crate) type Lanes<T> = [T; LANES];

/// False (0) or true (any other number), of the width of the numbers that it is about.
type Mask = u32;

/// Integer voxels and fractions of 0 to 1: `voxel[axis][lane]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Positions {
    pub(crate) voxel: [Lanes<i32>; 3],
    pub(crate) fraction: [Lanes<f32>; 3],
}

/// Positions of which all voxels whose weight is not zero are voxels of the volume.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Held {
    voxel: [Lanes<i32>; 3],
    fraction: [Lanes<f32>; 3],
    /// Whether the position is really inside; otherwise a voxel at the edge stands for it.
    pub(crate) is_inside: Lanes<Mask>,
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

/// Stored values, and whether padding had a weight in them.
type Stored = (Lanes<f32>, Lanes<Mask>);

/// How values between voxels are found, as a type, so that kernels are compiled for each.
pub(crate) trait Interpolate: Send + Sync + 'static {
    /// The stored values at positions.
    fn stored<T: Sample, const PADDED: bool>(field: &Field<'_, T, PADDED>, at: &Held) -> Stored;
}

/// The nearest voxel.
pub(crate) enum Nearest {}
/// Trilinear.
pub(crate) enum Linear {}
/// Tricubic.
pub(crate) enum Cubic {}

impl Interpolate for Nearest {
    #[inline(always)]
    fn stored<T: Sample, const PADDED: bool>(field: &Field<'_, T, PADDED>, at: &Held) -> Stored {
        field.sample_nearest(at)
    }
}

impl Interpolate for Linear {
    #[inline(always)]
    fn stored<T: Sample, const PADDED: bool>(field: &Field<'_, T, PADDED>, at: &Held) -> Stored {
        field.sample_linear(at)
    }
}

impl Interpolate for Cubic {
    #[inline(always)]
    fn stored<T: Sample, const PADDED: bool>(field: &Field<'_, T, PADDED>, at: &Held) -> Stored {
        let (mut stored, mut padded) = field.sample_linear(at);
        for lane in 0..LANES {
            if let Some(cubic) = field.sample_cubic(at, lane) {
                (stored[lane], padded[lane]) = (cubic, 0);
            }
        }
        (stored, padded)
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
    /// The lattice positions of the centres of the outermost voxels.
    ends: [(f32, f32); 3],
    slices: Option<SliceRows>,
}

impl<'a, T: Sample, const PADDED: bool> Field<'a, T, PADDED> {
    pub(crate) fn new(samples: &'a [T], plan: &SamplingPlan) -> Self {
        let [row, columns, _] = plan.size.map(|n| n as usize);
        let mut ends = plan.size.map(|n| (0.0, (n - 1) as f32));
        if let Some([first, .., last]) = plan.slices.as_ref().map(|slices| slices.rows.as_slice()) {
            ends[2] = (first.z_mm, last.z_mm);
        }
        Self {
            samples,
            size: plan.size,
            row,
            slice: row * columns,
            slope: plan.slope,
            intercept: plan.intercept,
            padding: plan.padding.unwrap_or((f32::INFINITY, f32::NEG_INFINITY)),
            ends,
            slices: plan.slices.clone(),
        }
    }

    /// The positions of `rest`, in lattice units, beyond a voxel; along the third axis of an uneven grid in mm.
    #[inline(always)]
    pub(crate) fn position_from_rest(&self, voxel: [i32; 3], rest: &[Lanes<f32>; 3]) -> Positions {
        let [x, y, z] = rest;
        let (i, fi) = whole_and_fraction(&[voxel[0]; LANES], x);
        let (j, fj) = whole_and_fraction(&[voxel[1]; LANES], y);
        let (k, fk) = match &self.slices {
            None => whole_and_fraction(&[voxel[2]; LANES], z),
            Some(slices) => intervals(z, |rest| walk(&slices.rows, voxel[2], rest)),
        };
        Positions { voxel: [i, j, k], fraction: [fi, fj, fk] }
    }

    /// The positions of lattice positions.
    #[inline(always)]
    pub(crate) fn position_from_lattice(&self, lattice: &[Lanes<f32>; 3]) -> Positions {
        let [x, y, z] = lattice;
        let (i, fi) = whole_and_fraction(&[0; LANES], x);
        let (j, fj) = whole_and_fraction(&[0; LANES], y);
        let (k, fk) = match &self.slices {
            None => whole_and_fraction(&[0; LANES], z),
            Some(slices) => intervals(z, |z| find_interval(slices, z)),
        };
        Positions { voxel: [i, j, k], fraction: [fi, fj, fk] }
    }

    /// Puts positions of the outer half voxels onto the outermost voxels, and tells which are inside.
    #[inline(always)]
    pub(crate) fn hold_at_edge(&self, positions: &Positions) -> Held {
        let Positions { mut voxel, mut fraction } = *positions;
        let mut is_inside = [1; LANES];
        for axis in 0..3 {
            let last = self.size[axis] - 1;
            for lane in 0..LANES {
                let (v, f) = (voxel[axis][lane], fraction[axis][lane]);
                let between = (v >= 0) & (v < last);
                let before = (v == -1) & (f >= 0.5);
                let after = (v == last) & (f < 0.5);
                is_inside[lane] &= Mask::from(between | before | after);
                fraction[axis][lane] = if between { f } else { 0.0 };
                voxel[axis][lane] = v.max(0).min(last);
            }
        }
        Held { voxel, fraction, is_inside }
    }

    /// As [`Self::hold_at_edge`], of lattice positions that count as inside whatever their rounding.
    #[inline(always)]
    pub(crate) fn hold_inside(&self, mut lattice: [Lanes<f32>; 3]) -> Held {
        for (lanes, (low, high)) in lattice.iter_mut().zip(self.ends) {
            for p in lanes {
                *p = if *p > low { *p } else { low };
                *p = if *p < high { *p } else { high };
            }
        }
        let Positions { voxel, fraction } = self.position_from_lattice(&lattice);
        Held { voxel, fraction, is_inside: [1; LANES] }
    }

    /// The voxel at or before a lattice position that counts as inside.
    #[inline(always)]
    pub(crate) fn voxel_at(&self, lattice: [f32; 3]) -> [usize; 3] {
        let k = match &self.slices {
            None => floor(lattice[2]),
            Some(slices) => {
                let (k, part) = find_interval(slices, lattice[2]);
                k.saturating_add(floor(part))
            }
        };
        let voxel = [floor(lattice[0]), floor(lattice[1]), k];
        std::array::from_fn(|n| voxel[n].clamp(0, self.size[n] - 1) as usize)
    }

    /// What is at positions. Not inlined: called for eight positions at a time, and compiled once for each type.
    #[inline(never)]
    pub(crate) fn sample<I: Interpolate>(&self, held: &Held) -> Lanes<Found> {
        let (stored, padded) = I::stored(self, held);
        let mut found = [Found::Nothing; LANES];
        for (lane, found) in found.iter_mut().enumerate() {
            if (held.is_inside[lane] != 0) & (padded[lane] == 0) {
                *found = Found::Value(stored[lane] * self.slope + self.intercept);
            }
        }
        if let Some(slices) = &self.slices {
            for (lane, found) in found.iter_mut().enumerate() {
                let missing = slices.rows[held.voxel[2][lane] as usize].gap_mm < 0.0;
                if missing && held.is_inside[lane] != 0 && held.fraction[2][lane] > 0.0 {
                    *found = Found::Missing;
                }
            }
        }
        found
    }

    #[inline(always)]
    fn is_padding(&self, stored: f32) -> Mask {
        Mask::from(PADDED && (self.padding.0 <= stored) & (stored <= self.padding.1))
    }

    #[inline(always)]
    fn index(&self, [i, j, k]: [i32; 3]) -> usize {
        k as usize * self.slice + j as usize * self.row + i as usize
    }

    #[inline(always)]
    fn sample_nearest(&self, at: &Held) -> Stored {
        let (mut stored, mut padded) = ([0.0; LANES], [0; LANES]);
        for lane in 0..LANES {
            let nearest = |n: usize| at.voxel[n][lane] + i32::from(at.fraction[n][lane] >= 0.5);
            stored[lane] = self.samples[self.index([nearest(0), nearest(1), nearest(2)])].to_f32();
            padded[lane] = self.is_padding(stored[lane]);
        }
        (stored, padded)
    }

    /// A neighbour of weight zero is replaced by the voxel itself, so that only voxels that count are looked at.
    #[inline(always)]
    fn sample_linear(&self, at: &Held) -> Stored {
        let Held { voxel: [vi, vj, vk], fraction: [fi, fj, fk], .. } = at;
        let (mut stored, mut padded) = ([0.0; LANES], [0; LANES]);
        for first in (0..LANES).step_by(4) {
            let counts = |f: &Lanes<f32>, n: usize| usize::from(f[first + n] > 0.0);
            let a: [usize; 4] =
                std::array::from_fn(|n| self.index([vi[first + n], vj[first + n], vk[first + n]]));
            let b: [usize; 4] = std::array::from_fn(|n| a[n] + counts(fi, n));
            let j: [usize; 4] = std::array::from_fn(|n| counts(fj, n) * self.row);
            let k: [usize; 4] = std::array::from_fn(|n| counts(fk, n) * self.slice);
            let corners = [
                self.load(a),
                self.load(b),
                self.load(sum(a, j)),
                self.load(sum(b, j)),
                self.load(sum(a, k)),
                self.load(sum(b, k)),
                self.load(sum(sum(a, j), k)),
                self.load(sum(sum(b, j), k)),
            ];
            let [v000, v100, v010, v110, v001, v101, v011, v111] = corners;
            let [fi, fj, fk] = [fi, fj, fk].map(|f| Vec4::from_slice(&f[first..first + 4]));
            let v0 = between(between(v000, v100, fi), between(v010, v110, fi), fj);
            let v1 = between(between(v001, v101, fi), between(v011, v111, fi), fj);
            stored[first..first + 4].copy_from_slice(&between(v0, v1, fk).to_array());
            if PADDED {
                let (low, high) = (Vec4::splat(self.padding.0), Vec4::splat(self.padding.1));
                let hits = corners.map(|v| v.cmpge(low) & v.cmple(high));
                let hits = hits.into_iter().fold(BVec4A::FALSE, |any, hit| any | hit);
                padded[first..first + 4].copy_from_slice(&<[bool; 4]>::from(hits).map(Mask::from));
            }
        }
        (stored, padded)
    }

    #[inline(always)]
    fn load(&self, at: [usize; 4]) -> Vec4 {
        let [a, b, c, d] = at.map(|n| self.samples[n].to_f32());
        Vec4::new(a, b, c, d)
    }

    /// `None` where not all 4 x 4 x 4 voxels are samples without missing slices between them.
    fn sample_cubic(&self, at: &Held, lane: usize) -> Option<f32> {
        let [i, j, k] = [at.voxel[0][lane], at.voxel[1][lane], at.voxel[2][lane]];
        if (0..3).any(|axis| at.voxel[axis][lane] < 1 || at.voxel[axis][lane] + 2 >= self.size[axis]) {
            return None;
        }
        let (r, q) = match &self.slices {
            None => (0.5, 0.5),
            Some(slices) => uneven_tangents(&slices.rows[k as usize - 1..=k as usize + 1])?,
        };
        let along_i = cubic_weights(at.fraction[0][lane], 0.5, 0.5);
        let along_j = cubic_weights(at.fraction[1][lane], 0.5, 0.5);
        let along_k = cubic_weights(at.fraction[2][lane], r, q);
        let mut planes = [0.0; 4];
        for (plane, dk) in planes.iter_mut().zip(-1..) {
            let mut rows = [0.0; 4];
            for (row, dj) in rows.iter_mut().zip(-1..) {
                let first = self.index([i - 1, j + dj, k + dk]);
                let mut stored = [0.0; 4];
                for (stored, sample) in stored.iter_mut().zip(&self.samples[first..first + 4]) {
                    *stored = sample.to_f32();
                }
                if stored.iter().any(|&stored| self.is_padding(stored) != 0) {
                    return None;
                }
                *row = weighted(along_i, stored);
            }
            *plane = weighted(along_j, rows);
        }
        Some(weighted(along_k, planes))
    }

    /// The slices of an uneven grid.
    pub(crate) fn slices(&self) -> Option<&SliceRows> {
        self.slices.as_ref()
    }

    /// The modality value of a stored value.
    pub(crate) fn modality_value(&self, stored: f32) -> f32 {
        stored * self.slope + self.intercept
    }

    /// The lattice units between the sides one slice before and one after the place `f` of the interval after slice
    /// `k`.
    #[inline(always)]
    pub(crate) fn side_distance(&self, k: i32, f: f32) -> f32 {
        let Some(slices) = &self.slices else { return 2.0 };
        let gap = |k: i32| slices.rows[k.clamp(0, self.size[2] - 2) as usize].gap_mm.abs();
        ((1.0 - f) * gap(k - 1) + f * gap(k)) + ((1.0 - f) * gap(k) + f * gap(k + 1))
    }
}

#[inline(always)]
fn sum(a: [usize; 4], b: [usize; 4]) -> [usize; 4] {
    std::array::from_fn(|n| a[n] + b[n])
}

/// `a + f * (b - a)`.
#[inline(always)]
fn between(a: Vec4, b: Vec4, f: Vec4) -> Vec4 {
    a + f * (b - a)
}

/// The largest whole number not above `x`, without a library call.
#[inline(always)]
pub(crate) fn floor(x: f32) -> i32 {
    let whole = x as i32;
    whole.saturating_sub(i32::from((whole as f32) > x))
}

/// Adding it rounds numbers of less than half its size to whole numbers, which then stand in its lowest bits.
const TO_WHOLE: f32 = 12_582_912.0;
/// Positions farther than this beyond a voxel count as this far.
const FAR: f32 = MAX_SIZE as f32;
/// The most voxels along an axis.
pub(crate) const MAX_SIZE: i32 = 1 << 21;

/// Splits `rest` beyond a voxel, and snaps. Written without conversions, for which there are no vector instructions
/// with Rust's behaviour out of range.
#[inline(always)]
fn whole_and_fraction(voxel: &Lanes<i32>, rest: &Lanes<f32>) -> (Lanes<i32>, Lanes<f32>) {
    let (mut whole, mut fraction) = (*voxel, *rest);
    for lane in 0..LANES {
        let x = if rest[lane] > -FAR { rest[lane] } else { -FAR };
        let x = if x < FAR { x } else { FAR };
        let nearest = (x + TO_WHOLE) - TO_WHOLE;
        let down = if nearest > x { nearest - 1.0 } else { nearest };
        let f = x - down;
        let is_next = f > 1.0 - SNAP;
        let start = if is_next { down + 1.0 } else { down };
        whole[lane] += (start + TO_WHOLE).to_bits().cast_signed() - TO_WHOLE.to_bits().cast_signed();
        fraction[lane] = if is_next | (f < SNAP) { 0.0 } else { f };
    }
    (whole, fraction)
}

/// Splits positions along k of an uneven grid, by what gives the interval and the part of it.
fn intervals(z: &Lanes<f32>, interval: impl Fn(f32) -> (i32, f32)) -> (Lanes<i32>, Lanes<f32>) {
    let (mut slice, mut part) = ([0; LANES], *z);
    for lane in 0..LANES {
        (slice[lane], part[lane]) = interval(z[lane]);
    }
    whole_and_fraction(&slice, &part)
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
