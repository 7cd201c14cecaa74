//! Tricubic interpolation (Catmull and Rom 1974), by the rules of [`SamplingPlan`](anatome_core::plan::SamplingPlan).

use std::ops::{Add, Mul, Neg, Sub};

use anatome_core::Sample;
use fearless_simd::Simd;
use fearless_simd::prelude::*;

use crate::intervals::uneven_tangents;
use crate::lanes::{F32s, LANES, Mask, each_axis, f32s};
use crate::shared::position::Held;
use crate::shared::sampling::{Field, Interpolated};
use crate::stored::Paired;

impl Field<'_> {
    /// Tricubic, and linear where it can't be.
    #[inline(always)]
    pub(super) fn sample_cubic_or_linear<S: Simd, T: Paired>(
        &self,
        simd: S,
        samples: &[T],
        held: &Held<S>,
    ) -> Interpolated<S> {
        if let Some(stored) = self.sample_eight_cubic(simd, samples, held) {
            return (stored, Mask::splat(simd, false));
        }
        let (mut stored, mut padded) = self.sample_linear(simd, samples, held);
        for lane in 0..LANES {
            if let Some(cubic) = self.sample_cubic(samples, held, lane) {
                stored[lane] = cubic;
                padded.set(lane, false);
            }
        }
        (stored, padded)
    }

    /// Tricubic in all lanes. `None` unless all their 4 x 4 x 4 voxels are samples as far as it can be told in little time,
    /// without missing slices between them.
    #[inline(always)]
    fn sample_eight_cubic<S: Simd, T: Paired>(
        &self,
        simd: S,
        samples: &[T],
        held: &Held<S>,
    ) -> Option<F32s<S>> {
        if !(self.has_pairs && self.have_beside(&held.voxel, 1, 2)) {
            return None;
        }
        let (r, q) = self.tangents(simd, held)?;
        let at = self.places(&each_axis(
            #[inline(always)]
            |axis| held.voxel[axis] - 1,
        ));
        let half = f32s(simd, 0.5);
        let [fi, fj, fk] = held.fraction;
        let (along_i, along_j) = (cubic_weights(fi, half, half), cubic_weights(fj, half, half));
        let along_k = cubic_weights(fk, r, q);
        let mut planes = [f32s(simd, 0.0); 4];
        let mut bounds = T::no_bounds(simd);
        for (deep, plane) in planes.iter_mut().enumerate() {
            let mut rows = [f32s(simd, 0.0); 4];
            for (down, row) in rows.iter_mut().enumerate() {
                let more = deep * self.slice + down * self.row;
                // SAFETY: all voxels have one before them and two behind them along each axis, so from `at` on there are
                // four along each; there are as many samples as voxels, no more than 32 bits can count.
                #[expect(unsafe_code, reason = "see stored::pairs")]
                let pairs =
                    unsafe { [T::eight(simd, samples, at, more), T::eight(simd, samples, at, more + 2)] };
                bounds = T::widened(T::widened(bounds, pairs[0]), pairs[1]);
                let ((a, b), (c, d)) = (T::apart(pairs[0]), T::apart(pairs[1]));
                *row = weighted(along_i, [a, b, c, d]);
            }
            *plane = weighted(along_j, rows);
        }
        let is_padded = self.padding.is_some() && T::may_reach(simd, bounds, self.padding_halves);
        (!is_padded).then(|| weighted(along_k, planes))
    }

    /// The tangents' factors along k; `None` if slices are missing at one of the lanes, which have a slice before them and
    /// two behind them.
    #[inline(always)]
    fn tangents<S: Simd>(&self, simd: S, held: &Held<S>) -> Option<(F32s<S>, F32s<S>)> {
        let (mut r, mut q) = (f32s(simd, 0.5), f32s(simd, 0.5));
        if let Some(slices) = &self.slices {
            for lane in 0..LANES {
                let k = held.voxel[2][lane] as usize;
                (r[lane], q[lane]) = uneven_tangents(&slices.rows[k - 1..=k + 1])?;
            }
        }
        Some((r, q))
    }

    /// `None` where not all 4 x 4 x 4 voxels are samples without missing slices between them.
    fn sample_cubic<S: Simd, T: Sample>(&self, samples: &[T], held: &Held<S>, lane: usize) -> Option<f32> {
        let [i, j, k] = [0, 1, 2].map(|axis| held.voxel[axis][lane]);
        if [i, j, k].into_iter().zip(self.size).any(|(voxel, size)| voxel < 1 || voxel + 2 >= size) {
            return None;
        }
        let (r, q) = match &self.slices {
            None => (0.5, 0.5),
            Some(slices) => uneven_tangents(&slices.rows[k as usize - 1..=k as usize + 1])?,
        };
        let along_i = cubic_weights(held.fraction[0][lane], 0.5, 0.5);
        let along_j = cubic_weights(held.fraction[1][lane], 0.5, 0.5);
        let along_k = cubic_weights(held.fraction[2][lane], r, q);
        let mut planes = [0.0; 4];
        for (plane, dk) in planes.iter_mut().zip(-1..) {
            let mut rows = [0.0; 4];
            for (row, dj) in rows.iter_mut().zip(-1..) {
                let first = self.index([i - 1, j + dj, k + dk]);
                let mut stored = [0.0; 4];
                for (stored, sample) in stored.iter_mut().zip(&samples[first..first + 4]) {
                    *stored = sample.to_f32();
                }
                if stored.iter().any(|&stored| self.is_padding(stored)) {
                    return None;
                }
                *row = weighted(along_i, stored);
            }
            *plane = weighted(along_j, rows);
        }
        Some(weighted(along_k, planes))
    }
}

/// Numbers of one lane or of eight.
trait Number:
    Copy
    + Neg<Output = Self>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Add<f32, Output = Self>
    + Mul<f32, Output = Self>
{
}

impl Number for f32 {}

impl<S: Simd> Number for F32s<S> {}

/// The weights of four neighbours, of which the place lies between the second and the third.
#[inline(always)]
fn cubic_weights<F: Number>(f: F, r: F, q: F) -> [F; 4] {
    let before = f + -1.0;
    let g = before * before * f;
    let h = f * f * before;
    let s = f * f * (f * -2.0 + 3.0);
    [-g * r, -s + 1.0 - h * q, s + g * r, h * q]
}

#[inline(always)]
fn weighted<F: Number>(weights: [F; 4], values: [F; 4]) -> F {
    let [a, b, c, d] = weights;
    ((a * values[0] + b * values[1]) + c * values[2]) + d * values[3]
}

#[cfg(test)]
mod tests {
    use anatome_core::Interpolation;
    use anatome_core::plan::SamplingPlan;
    use fearless_simd::{Level, dispatch};

    use super::*;
    use crate::interior::tests::Random;
    use crate::intervals::tests::slices;
    use crate::lanes::I32s;
    use crate::stored::Stored;

    const SIZE: [i32; 3] = [9, 7, 8];

    /// How many eights were taken together, and how many were not.
    fn compared<S: Simd, T: Paired>(simd: S, samples: &[T], stored: Stored<'_>, seed: u32) -> [u32; 2] {
        let padding = Some((100.0, 101.0));
        let interpolation = Interpolation::Cubic;
        let plan =
            SamplingPlan { size: SIZE, slope: 1.0, intercept: 0.0, padding, interpolation, slices: None };
        let unpadded = SamplingPlan { padding: None, ..plan.clone() };
        let uneven = SamplingPlan { slices: Some(slices(SIZE[2] as usize, &[1])), ..unpadded.clone() };
        let fields = [&plan, &unpadded, &uneven].map(|plan| Field::new(stored, plan));
        let mut random = Random(seed);
        let mut counts = [0; 2];
        for round in 0..600 {
            let field = &fields[round % 3];
            // Often together, and sometimes at voxels themselves.
            let spread = if random.next() < 0.8 { 0.4 } else { 1.0 };
            let mut of_axis = |size: i32| {
                let mut voxels = [0; LANES];
                let mut fractions = [0.0; LANES];
                for (voxel, fraction) in voxels.iter_mut().zip(&mut fractions) {
                    let part = 0.5 + (random.next() - 0.5) * spread;
                    *voxel = (part * (size - 1) as f32) as i32;
                    *fraction = if random.next() < 0.2 { 0.0 } else { random.next() };
                }
                (voxels, fractions)
            };
            let [i, j, k] = SIZE.map(&mut of_axis);
            let voxel: [I32s<S>; 3] = [i.0, j.0, k.0].map(|of| of.simd_into(simd));
            let fraction = [i.1, j.1, k.1].map(|of| of.simd_into(simd));
            let held = Held { voxel, fraction, is_inside: Mask::splat(simd, true), has_next: false };
            let alone = |lane| field.sample_cubic(samples, &held, lane);
            let Some(together) = field.sample_eight_cubic(simd, samples, &held) else {
                counts[1] += 1;
                let all = (0..LANES).all(|lane| alone(lane).is_some());
                assert!(!all || field.padding.is_some(), "{round}: nothing is in the way");
                continue;
            };
            counts[0] += 1;
            for lane in 0..LANES {
                assert_eq!(alone(lane).map(f32::to_bits), Some(together[lane].to_bits()));
            }
        }
        counts
    }

    /// Eight taken together are the eight taken alone, to the bit, or are left to that.
    #[test]
    fn eight_are_those_taken_alone() {
        let mut random = Random(5);
        let mut numbers = || -> Vec<f32> { (0..9 * 7 * 8).map(|_| random.next()).collect() };
        let bytes: Vec<u8> = numbers().iter().map(|x| (x * 255.0) as u8).collect();
        let signed: Vec<i16> = numbers().iter().map(|x| (x * 65_000.0 - 32_500.0) as i16).collect();
        let unsigned: Vec<u16> = numbers().iter().map(|x| (x * 65_535.0) as u16).collect();
        let floats = numbers();
        for level in [Level::new(), Level::baseline()] {
            let counts = [
                dispatch!(level, simd => compared(simd, &bytes, Stored::U8(&bytes), 1)),
                dispatch!(level, simd => compared(simd, &signed, Stored::I16(&signed), 2)),
                dispatch!(level, simd => compared(simd, &unsigned, Stored::U16(&unsigned), 3)),
                dispatch!(level, simd => compared(simd, &floats, Stored::F32(&floats), 4)),
            ];
            for [together, alone] in counts {
                assert!(together > 60 && alone > 60, "{together} {alone}");
            }
        }
    }
}
