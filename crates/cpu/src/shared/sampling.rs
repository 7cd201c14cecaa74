//! Values at lattice positions, by the rules of [`SamplingPlan`].

use anatome_core::plan::{SamplingPlan, SliceRows};
use anatome_core::{Interpolation, Sample};
use fearless_simd::prelude::*;
use fearless_simd::{Simd, u32x8};

use crate::lanes::{F32s, I32s, LANES, Mask, each_axis, each_lane, f32s};
use crate::shared::position::{Held, Positions};
use crate::stored::{Paired, Stored, Whole};

/// What is at positions.
#[derive(Clone, Copy)]
pub(crate) struct Found<S: Simd> {
    /// Modality values, of no meaning where there is no sample.
    pub(crate) value: F32s<S>,
    /// Where there is a sample.
    pub(crate) is_sample: Mask<S>,
    /// Where there is none because slices are missing.
    pub(crate) is_missing: Mask<S>,
}

impl<S: Simd> Found<S> {
    /// Nothing anywhere.
    #[inline(always)]
    pub(crate) fn nothing(simd: S) -> Self {
        let never = Mask::splat(simd, false);
        Self { value: f32s(simd, 0.0), is_sample: never, is_missing: never }
    }
}

/// Interpolated stored values, and whether padding had a weight in them.
pub(super) type Interpolated<S> = (F32s<S>, Mask<S>);

/// Stored samples and how to get a modality value from them.
#[derive(Clone, Debug)]
pub(crate) struct Field<'a> {
    pub(crate) samples: Stored<'a>,
    pub(crate) interpolation: Interpolation,
    pub(crate) size: [i32; 3],
    /// The number of voxels of a row along i.
    pub(crate) row: usize,
    /// The number of voxels of a slice.
    pub(crate) slice: usize,
    pub(crate) slope: f32,
    pub(crate) intercept: f32,
    pub(crate) padding: Option<(f32, f32)>,
    /// The least and the largest whole number that is padding; see [`Stored::halves`].
    pub(crate) padding_halves: (i32, i32),
    /// Whether there are two voxels along each axis, and as many samples as voxels, no more than 32 bits can count.
    pub(crate) has_pairs: bool,
    /// The lattice positions of the centres of the outermost voxels.
    pub(super) ends: [(f32, f32); 3],
    pub(crate) slices: Option<SliceRows>,
    /// Whether slices are missing.
    pub(crate) has_gaps: bool,
}

impl<'a> Field<'a> {
    pub(crate) fn new(samples: Stored<'a>, plan: &SamplingPlan) -> Self {
        let [row, columns, slices] = plan.size.map(|n| n as usize);
        let voxels = row * columns * slices;
        let mut ends = plan.size.map(|n| (0.0, (n - 1) as f32));
        if let Some([first, .., last]) = plan.slices.as_ref().map(|slices| slices.rows.as_slice()) {
            ends[2] = (first.z_mm, last.z_mm);
        }
        Self {
            samples,
            interpolation: plan.interpolation,
            size: plan.size,
            row,
            slice: row * columns,
            slope: plan.slope,
            intercept: plan.intercept,
            padding: plan.padding,
            padding_halves: plan.padding.map_or((0, 0), |range| samples.halves(range)),
            has_pairs: plan.size.iter().all(|&n| n >= 2)
                && samples.len() == voxels
                && voxels <= u32::MAX as usize,
            ends,
            slices: plan.slices.clone(),
            has_gaps: plan.slices.iter().any(|slices| slices.rows.iter().any(|row| row.gap_mm < 0.0)),
        }
    }

    /// With linear interpolation where it was cubic: rays have no cubic one.
    pub(crate) fn along_rays(mut self) -> Self {
        if self.interpolation == Interpolation::Cubic {
            self.interpolation = Interpolation::Linear;
        }
        self
    }

    /// What is at the positions of `rest` beyond a voxel, as [`Self::position_from_rest`] has them.
    #[inline(always)]
    pub(crate) fn sample_beyond<S: Simd>(&self, simd: S, voxel: [i32; 3], rest: &[F32s<S>; 3]) -> Found<S> {
        self.sample_held(
            simd,
            #[inline(always)]
            || self.hold_at_edge(simd, &self.position_from_rest(simd, voxel, rest)),
        )
    }

    /// What is at lattice positions that count as inside.
    #[inline(always)]
    pub(crate) fn sample_inside<S: Simd>(&self, simd: S, lattice: [F32s<S>; 3]) -> Found<S> {
        self.sample_held(
            simd,
            #[inline(always)]
            || self.hold_inside(simd, lattice),
        )
    }

    /// What is at positions.
    #[inline(always)]
    pub(crate) fn sample_at<S: Simd>(&self, simd: S, positions: &Positions<S>) -> Found<S> {
        self.sample_held(
            simd,
            #[inline(always)]
            || self.hold_at_edge(simd, positions),
        )
    }

    /// What is at positions. For each type of samples a function of its own: inlined at each place that samples they
    /// would keep each other from the registers.
    #[inline(always)]
    fn sample_held<S: Simd>(&self, simd: S, hold: impl Fn() -> Held<S>) -> Found<S> {
        match self.samples {
            Stored::U8(a) => simd.vectorize(
                #[inline(always)]
                || self.found_whole(simd, a, &hold()),
            ),
            Stored::I16(a) => simd.vectorize(
                #[inline(always)]
                || self.found_whole(simd, a, &hold()),
            ),
            Stored::U16(a) => simd.vectorize(
                #[inline(always)]
                || self.found_whole(simd, a, &hold()),
            ),
            Stored::F32(a) => simd.vectorize(
                #[inline(always)]
                || {
                    let held = hold();
                    self.found(simd, &held, self.sample_otherwise(simd, a, &held))
                },
            ),
        }
    }

    #[inline(always)]
    fn found_whole<S: Simd, T: Whole>(&self, simd: S, samples: &[T], held: &Held<S>) -> Found<S> {
        if !held.is_inside.any_true() {
            return Found::nothing(simd);
        }
        let interpolated = match self.interpolation {
            Interpolation::Linear if self.has_pairs => self.sample_linear_whole(simd, samples, held),
            _ => self.sample_otherwise(simd, samples, held),
        };
        self.found(simd, held, interpolated)
    }

    #[inline(always)]
    fn found<S: Simd>(&self, simd: S, held: &Held<S>, (stored, padded): Interpolated<S>) -> Found<S> {
        let is_missing = held.is_inside & self.is_missing(simd, held.voxel[2], held.fraction[2]);
        let is_sample = (held.is_inside & !padded) & !is_missing;
        Found { value: stored * self.slope + self.intercept, is_sample, is_missing }
    }

    /// Whether slices are missing at the places `f` of the intervals after slices of the volume.
    #[inline(always)]
    pub(crate) fn is_missing<S: Simd>(&self, simd: S, k: I32s<S>, f: F32s<S>) -> Mask<S> {
        let Some(slices) = self.slices.as_ref().filter(|_| self.has_gaps) else {
            return Mask::splat(simd, false);
        };
        let k = k.to_array();
        let gaps = each_lane(
            #[inline(always)]
            |lane| slices.rows[k[lane] as usize].gap_mm,
        );
        let gaps: F32s<S> = gaps.simd_into(simd);
        gaps.simd_lt(0.0) & f.simd_gt(0.0)
    }

    #[inline(always)]
    pub(crate) fn is_padding(&self, stored: f32) -> bool {
        self.padding.is_some_and(|(low, high)| (low <= stored) & (stored <= high))
    }

    /// The first voxels' places among the samples.
    #[inline(always)]
    fn indices<S: Simd>(&self, voxel: &[I32s<S>; 3]) -> [usize; LANES] {
        let [i, j, k] = [voxel[0].to_array(), voxel[1].to_array(), voxel[2].to_array()];
        each_lane(
            #[inline(always)]
            |lane| self.index([i[lane], j[lane], k[lane]]),
        )
    }

    #[inline(always)]
    pub(super) fn index(&self, [i, j, k]: [i32; 3]) -> usize {
        k as usize * self.slice + j as usize * self.row + i as usize
    }

    /// Trilinear, of whole numbers.
    #[inline(always)]
    fn sample_linear_whole<S: Simd, T: Whole>(
        &self,
        simd: S,
        samples: &[T],
        held: &Held<S>,
    ) -> Interpolated<S> {
        // The last voxel is the end of the interval before it: so there always are two voxels along each axis. Whole
        // numbers of up to 16 bits are interpolated exactly there.
        let (mut voxel, mut fraction) = (held.voxel, held.fraction);
        if !held.has_next {
            for axis in 0..3 {
                let last = self.size[axis] - 2;
                let is_end = voxel[axis].simd_gt(last);
                voxel[axis] = voxel[axis].min(last);
                fraction[axis] = is_end.select(f32s(simd, 1.0), fraction[axis]);
            }
        }
        // SAFETY: whatever holds positions puts voxels between 0 and one less than the size along each axis, and where
        // not all have a next voxel they were moved above.
        #[expect(unsafe_code, reason = "see Self::between_next")]
        unsafe {
            self.between_next(simd, samples, &voxel, fraction)
        }
    }

    /// Trilinear, between voxels and the next ones along each axis.
    ///
    /// # Safety
    /// There are [`Self::has_pairs`], the voxels are such of the volume, and so are the next ones along all three axes.
    #[expect(unsafe_code, reason = "see stored::pairs")]
    #[inline(always)]
    pub(crate) unsafe fn between_next<S: Simd, T: Paired>(
        &self,
        simd: S,
        samples: &[T],
        voxel: &[I32s<S>; 3],
        fraction: [F32s<S>; 3],
    ) -> Interpolated<S> {
        let at = self.places(voxel);
        let (row, slice) = (self.row, self.slice);
        // SAFETY: `new` has seen that there are as many samples as voxels, no more than 32 bits can count. So the place of
        // the voxel that is the next along all three axes is that of a sample, and no later one is read.
        let lines = unsafe {
            [
                T::eight(simd, samples, at, 0),
                T::eight(simd, samples, at, row),
                T::eight(simd, samples, at, slice),
                T::eight(simd, samples, at, slice + row),
            ]
        };
        let [(v000, v100), (v010, v110), (v001, v101), (v011, v111)] =
            [T::apart(lines[0]), T::apart(lines[1]), T::apart(lines[2]), T::apart(lines[3])];
        let corners = T::that_count([v000, v100, v010, v110, v001, v101, v011, v111], fraction);
        let padded = match self.padding {
            // Seldom.
            Some(padding) if T::may_reach(simd, T::bounds(lines), self.padding_halves) => {
                padded(simd, padding, &corners, fraction)
            }
            _ => Mask::splat(simd, false),
        };
        (trilinear(corners, fraction), padded)
    }

    /// Has a voxel and those after it brought near, if they are voxels of the volume.
    pub(crate) fn announce(&self, voxel: [i32; 3]) {
        if (0..3).all(|axis| (0..self.size[axis] - 1).contains(&voxel[axis])) {
            let [i, j, k] = voxel.map(|n| n as usize);
            let at = k * self.slice + j * self.row + i;
            for more in [0, self.row, self.slice, self.slice + self.row] {
                self.samples.announce(at + more);
            }
        }
    }

    /// The places of voxels, which are voxels of the volume, among its samples.
    #[inline(always)]
    pub(crate) fn places<S: Simd>(&self, voxel: &[I32s<S>; 3]) -> [u32; LANES] {
        let (row, slice) = (self.row as i32, self.slice as i32);
        let at: u32x8<S> = ((voxel[2] * slice + voxel[1] * row) + voxel[0]).bitcast();
        at.to_array()
    }

    /// Trilinear. A neighbour of weight zero is replaced by the voxel itself, so that only voxels that count are looked
    /// at.
    #[inline(always)]
    pub(super) fn sample_linear<S: Simd, T: Sample>(
        &self,
        simd: S,
        samples: &[T],
        held: &Held<S>,
    ) -> Interpolated<S> {
        let Held { voxel, fraction, .. } = *held;
        let a = self.indices(&voxel);
        let [fi, fj, fk] = [fraction[0].to_array(), fraction[1].to_array(), fraction[2].to_array()];
        let [row, slice] = [self.row, self.slice];
        let b = each_lane(
            #[inline(always)]
            |n| a[n] + usize::from(fi[n] > 0.0),
        );
        let j = each_lane(
            #[inline(always)]
            |n| usize::from(fj[n] > 0.0) * row,
        );
        let k = each_lane(
            #[inline(always)]
            |n| usize::from(fk[n] > 0.0) * slice,
        );
        let jk = each_lane(
            #[inline(always)]
            |n| j[n] + k[n],
        );
        let none = [0; LANES];
        let corners = [
            load(simd, samples, &a, &none),
            load(simd, samples, &b, &none),
            load(simd, samples, &a, &j),
            load(simd, samples, &b, &j),
            load(simd, samples, &a, &k),
            load(simd, samples, &b, &k),
            load(simd, samples, &a, &jk),
            load(simd, samples, &b, &jk),
        ];
        let mut padded = Mask::splat(simd, false);
        if let Some((low, high)) = self.padding {
            for stored in corners {
                padded |= stored.simd_ge(low) & stored.simd_le(high);
            }
        }
        (trilinear(corners, fraction), padded)
    }

    /// The nearest voxel, or tricubic.
    #[inline(always)]
    fn sample_otherwise<S: Simd, T: Paired>(
        &self,
        simd: S,
        samples: &[T],
        held: &Held<S>,
    ) -> Interpolated<S> {
        // A function of its own: not worth a copy at each place that samples.
        simd.vectorize(
            #[inline(always)]
            || match self.interpolation {
                Interpolation::Nearest => self.sample_nearest(simd, samples, held),
                Interpolation::Linear => self.sample_linear(simd, samples, held),
                Interpolation::Cubic => self.sample_cubic_or_linear(simd, samples, held),
            },
        )
    }

    #[inline(always)]
    fn sample_nearest<S: Simd, T: Sample>(&self, simd: S, samples: &[T], held: &Held<S>) -> Interpolated<S> {
        let nearest = each_axis(
            #[inline(always)]
            |n| held.fraction[n].simd_ge(0.5).select(held.voxel[n] + 1, held.voxel[n]),
        );
        let stored = load(simd, samples, &self.indices(&nearest), &[0; LANES]);
        let padded = match self.padding {
            None => Mask::splat(simd, false),
            Some((low, high)) => stored.simd_ge(low) & stored.simd_le(high),
        };
        (stored, padded)
    }

    /// The smallest distance in lattice units between voxels along each axis.
    pub(crate) fn smallest_gaps(&self) -> [f32; 3] {
        let gaps = self.slices.as_ref().map(|slices| slices.rows.iter().map(|row| row.gap_mm.abs()));
        [1.0, 1.0, gaps.map_or(1.0, |gaps| gaps.fold(f32::INFINITY, f32::min))]
    }

    /// The modality value of a stored value.
    pub(crate) fn modality_value(&self, stored: f32) -> f32 {
        stored * self.slope + self.intercept
    }

    /// The lattice units between the sides one slice before and one after the place `f` of the interval after slice
    /// `k`.
    #[inline(always)]
    pub(crate) fn side_distance<S: Simd>(&self, simd: S, k: I32s<S>, f: F32s<S>) -> F32s<S> {
        let Some(slices) = &self.slices else { return f32s(simd, 2.0) };
        let gap = |k: i32| slices.rows[k.clamp(0, self.size[2] - 2) as usize].gap_mm.abs();
        let mut distance = f;
        for lane in 0..LANES {
            let (k, f) = (k[lane], f[lane]);
            distance[lane] = ((1.0 - f) * gap(k - 1) + f * gap(k)) + ((1.0 - f) * gap(k) + f * gap(k + 1));
        }
        distance
    }
}

/// The samples at the sums of places.
#[inline(always)]
fn load<S: Simd, T: Sample>(simd: S, samples: &[T], at: &[usize; LANES], more: &[usize; LANES]) -> F32s<S> {
    let stored = each_lane(
        #[inline(always)]
        |n| match samples.get(at[n] + more[n]) {
            Some(sample) => sample.to_f32(),
            None => 0.0,
        },
    );
    stored.simd_into(simd)
}

/// Where a corner with a weight is padding.
#[inline(always)]
fn padded<S: Simd>(
    simd: S,
    (low, high): (f32, f32),
    corners: &[F32s<S>; 8],
    fraction: [F32s<S>; 3],
) -> Mask<S> {
    let mut padded = Mask::splat(simd, false);
    for (n, corner) in corners.iter().enumerate() {
        let mut counts = corner.simd_ge(low) & corner.simd_le(high);
        for (axis, f) in fraction.into_iter().enumerate() {
            counts &= if n >> axis & 1 == 1 { f.simd_gt(0.0) } else { f.simd_lt(1.0) };
        }
        padded |= counts;
    }
    padded
}

/// From the values at the corners of a cell, i fastest.
#[inline(always)]
fn trilinear<S: Simd>(corners: [F32s<S>; 8], [fi, fj, fk]: [F32s<S>; 3]) -> F32s<S> {
    let [v000, v100, v010, v110, v001, v101, v011, v111] = corners;
    let v0 = between(between(v000, v100, fi), between(v010, v110, fi), fj);
    let v1 = between(between(v001, v101, fi), between(v011, v111, fi), fj);
    between(v0, v1, fk)
}

/// `a + f * (b - a)`.
#[inline(always)]
pub(crate) fn between<S: Simd>(a: F32s<S>, b: F32s<S>, f: F32s<S>) -> F32s<S> {
    a + f * (b - a)
}
